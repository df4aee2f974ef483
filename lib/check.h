// check: what a list would load, and what that would change, before it is in force; for `ratwatch check` and `ratwatchd -n`.
//
// One thread.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "feed.h"
#include "history.h"
#include "problem.h"

struct check { // one file
	char *path;
	struct feed *feed; // NULL: it cannot be loaded
	struct problem_list problems;
	bool changes_too_much; // it would be refused without --force
	bool compared;         // with what the history has of this path
	size_t added, removed; // addresses and prefixes, against that
};

// The history may be NULL. 0 or -ENOMEM; a file that would be refused is no failure.
int check_file(const struct feed_options *, const struct history *, struct check *ret);
void check_fini(struct check *);

const char *check_refusal(const struct check *); // why it would be refused; NULL: it would not

// Problems to `problems`, the rest to `to`. `now`: epoch seconds, for its age.
void check_print(const struct check *, int64_t now, FILE *to, FILE *problems);

// {"feeds":[{"path","format","entries",…,"skipped":{reason: lines},"refused",…}]}, docs/feeds.md. 0 or -EIO.
int check_json(const struct check *, size_t n, int64_t now, FILE *to);
