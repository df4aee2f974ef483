// reload: lists, watchlists and databases -> rules, published to running threads.
//
// Rules are everything that workers and collector look up, immutable, built beside the rules in force and published with one atomic
// store. Readers (workers, collector) report quiescent states (rte_rcu_qsbr.h); the old rules are freed when each has. Anything wrong before the
// publish leaves everything as it was.
//
// rules_build and reload_publish are called by one thread at a time: main at start, the reload thread afterwards.

#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "c2set.h"
#include "config.h"
#include "lane.h"
#include "org.h"
#include "problem.h"
#include "report.h"

struct rte_rcu_qsbr;

struct rules {
	struct c2set *c2;
	struct org_set *orgs;
	struct lane_set *lanes;
	struct report_feed *feeds; // facts of each feed; texts owned
	size_t n_feeds;
	uint64_t generation;
	uint64_t digest; // of the content of every file read
};

// Reads every file that the configuration names. 0, or a negative errno with all errors in the list and *ret untouched.
int rules_build(const struct config *, uint64_t generation, struct problem_list *, struct rules **ret);
void rules_free(struct rules *);

struct reload {
	_Atomic(struct rules *) current; // publisher: release; readers: acquire
	struct rte_rcu_qsbr *readers;
	// Of the rules in force, for whoever is no reader; publisher writes, relaxed.
	_Atomic uint64_t generation, indicators;
};

// `readers` threads, numbered from 0, will look at the rules. 0 or -ENOMEM. Takes the rules over.
int reload_init(struct reload *, struct rules *, unsigned readers);
void reload_fini(struct reload *);

// Replaces the rules, waits until no reader can hold the old ones, frees them.
void reload_publish(struct reload *, struct rules *);

// The reload thread: runs one reload per request, and one more when requests came meanwhile.
struct reload_thread;

struct reload_thread_options {
	struct reload *reload;
	const char *config_path; // read again by each reload
	const char *const *sets;
	size_t n_sets;
};

// What a reload came to.
struct reload_result {
	int err;             // 0: new rules; -ECANCELED: ratwatchd ended before it; else the old ones stay in force
	uint64_t generation; // of the rules in force
	size_t indicators, before, feeds; // in force now, and before it
	int64_t milliseconds;
	const struct problem_list *problems; // warnings too; gone when the call returns. NULL with -ECANCELED
};

struct reload_facts { // of all reloads
	uint64_t done, refused;
	int64_t ended; // when the last one did, epoch seconds; 0: none has
	int64_t milliseconds;
	char problem[512]; // the first error of the last one; "": it was done
};

int reload_thread_start(const struct reload_thread_options *, struct reload_thread **ret);

// Any thread. `done`, unless NULL, is called once, by the reload thread, with the result of a reload that began after the request. 0 or
// -ENOMEM, and `done` is not called.
int reload_thread_request(struct reload_thread *, void (*done)(void *context, const struct reload_result *),
			  void *context);
void reload_thread_facts(struct reload_thread *, struct reload_facts *ret); // any thread
void reload_thread_stop(struct reload_thread *); // ends after the reload in hand; NULL is fine

// Called by each reader around its use of the rules.
static inline const struct rules *
reload_rules(struct reload *r)
{
	// Pairs with the release in reload_publish: what is in the rules is seen whole.
	return atomic_load_explicit(&r->current, memory_order_acquire);
}

void reload_reader_online(struct reload *, unsigned reader);
void reload_reader_offline(struct reload *, unsigned reader);
