// rules: everything that workers and collector look up, read from files and immutable from then on.
//
// A list that is refused keeps what it had: the indicators of the rules in force, or at a start the bytes that the history kept. Whoever frees
// rules must know that no thread can hold them (reload.h). One thread at a time: main at start, the reload thread afterwards.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "c2set.h"
#include "changes.h"
#include "config.h"
#include "history.h"
#include "lane.h"
#include "org.h"
#include "problem.h"
#include "report.h"

struct rules {
	struct c2set *c2;
	struct org_set *orgs;
	struct lane_set *lanes;
	struct report_feed *feeds; // facts of each feed; texts owned
	size_t n_feeds;
	uint64_t generation;
	uint64_t digest; // of the content of every file read
};

struct rules_options {
	const struct config *config;
	uint64_t generation;
	int64_t now;                         // epoch seconds: what has ended is left out; 0: nothing is (a replay)
	const struct rules *previous;        // in force; NULL at the start
	struct history *history;             // NULL: nothing is kept
	const struct history_set *return_to; // read its lists instead of the files; NULL: the files
	const struct changes *changes;       // NULL: none
	bool without_feeds;                  // the set of indicators stays empty
	bool force;                          // accept lists that shrank or grew too much
};

// Reads every file that the configuration names. 0, or a negative errno with all errors in the list and *ret untouched. Errors about single
// lists may be in the list on success too: then those lists kept what they had.
int rules_build(const struct rules_options *, struct problem_list *, struct rules **ret);

// The same rules with other changes. Lists and databases are shared: `previous` must be freed by rules_replace. 0 or -ENOMEM.
int rules_change(const struct rules *previous, const struct changes *, uint64_t generation, struct rules **ret);

void rules_free(struct rules *);
// Frees what the newer ones did not take over.
void rules_replace(struct rules *old, const struct rules *newer);

// Whether the set is of the same lists.
bool rules_are(const struct rules *, const struct history_set *);
// Puts the set into the history. 0 or a negative errno, which rules_remember_error words.
int rules_remember(const struct rules *, struct history *, int64_t now);
const char *rules_remember_error(int err);
