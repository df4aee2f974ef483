// history: the last indicator sets, on disk: of each the lists as they were accepted, so that a restart with a broken list still detects, and so
// that one can go back.
//
// FOLDER/sets.json names the sets, the newest first: generation, when it was loaded, and of each list its path, digest and counts. The bytes of
// the lists are FOLDER/lists/DIGEST-LENGTH, decompressed, each kept once. What is in them is read again like any other list: nothing here is
// believed that a list is not. One thread at a time; one process per folder.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input.h"
#include "problem.h"

#define HISTORY_SETS 5

struct history_list {
	char *path;      // where it was read
	uint64_t digest; // of its bytes
	size_t bytes, valid, entries;
	int64_t modified; // epoch seconds
};

struct history_set {
	uint64_t generation;
	int64_t loaded; // epoch seconds
	size_t entries;
	struct history_list *lists;
	size_t n;
};

struct history;

// To write: makes the folder when it is not there. Else nothing is written: history_keep and history_add do nothing. 0, or a negative errno with
// an error in the list: it cannot be made or written, or (-EBUSY) somebody else writes there. A missing sets.json is a history without sets, and so is one that cannot be read or is
// damaged, with an error in the list: history_add writes it anew.
int history_open(const char *folder, bool writes, struct problem_list *, struct history **ret);
void history_close(struct history *);

size_t history_count(const struct history *);
const struct history_set *history_set(const struct history *, size_t i); // 0 is the newest
// NULL: not among them.
const struct history_set *history_find(const struct history *, uint64_t generation);
const struct history_list *history_list_of(const struct history_set *, const char *path);

// Keeps the bytes of a list, unless they are there. 0 or a negative errno; on return they survive a power cut. They stay until history_tidy finds them in no set.
int history_keep(struct history *, uint64_t digest, const struct input *);
// Where the bytes are; to be freed. NULL: no memory.
char *history_path(const struct history *, const struct history_list *);

// The set is the newest from now on (a copy of it; one with the same lists makes room, else the oldest does). On return it survives a power cut. 0 or a
// negative errno (-ENOENT: the bytes of a list were not kept), and then the history is as it was.
int history_add(struct history *, const struct history_set *);

// Removes the bytes that no set needs: history_add does, and who kept some for a set that came to nothing.
void history_tidy(const struct history *);
