// reload: rules, published to running threads; and the thread that makes new ones.
//
// Rules (rules.h) are built beside those in force and published with one atomic store. Readers (workers, collector) report quiescent states
// (rte_rcu_qsbr.h); the old rules are freed when each has. Anything wrong before the publish leaves everything as it was.
//
// The reload thread serves one request after the other: reading the files again, going back to an earlier set, and the operator's changes. When
// the time of indicators ends it says so where that leaves a list short; they match nothing from that moment in any case.

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules.h"

struct rte_rcu_qsbr;

struct reload {
	_Atomic(struct rules *) current; // publisher: release; readers: acquire
	struct rte_rcu_qsbr *readers;
	// Of the rules in force, for whoever wants no more; publisher writes, relaxed.
	_Atomic uint64_t generation, indicators;
};

// `readers` threads, numbered from 0, will look at the rules. 0 or -ENOMEM. Takes the rules over.
int reload_init(struct reload *, struct rules *, unsigned readers);
void reload_fini(struct reload *);

#define RELOAD_WAITING_MAX 1000 // requests

struct reload_thread;

struct reload_thread_options {
	struct reload *reload;
	const char *config_path; // read again by each reload
	const char *const *sets;
	size_t n_sets;
	struct history *history;  // NULL: none; used by the thread alone from now on
	const char *changes_path; // NULL: changes last until the end of the process
	struct changes changes;   // taken over
};

enum reload_kind {
	RELOAD_AGAIN,  // read all files again
	RELOAD_RETURN, // go back to an earlier set
	RELOAD_CHANGE, // what the operator adds and takes out
};

struct reload_result;

struct reload_request {
	enum reload_kind kind;
	bool force;             // RELOAD_AGAIN: accept lists that shrank or grew too much
	uint64_t generation;    // RELOAD_RETURN: which; 0: the one before
	struct change *changes; // RELOAD_CHANGE: array; taken over with its texts
	size_t n_changes;
	// Unless NULL: called once, by the reload thread, with what it came to.
	void (*done)(void *context, const struct reload_result *);
	void *context;
};

void reload_request_free(struct reload_request *); // its changes, when nobody took them over

// What a request came to.
struct reload_result {
	int err;             // 0: done; -ECANCELED: ratwatchd ended before it; else the rules before it stay in force
	uint64_t generation; // of the rules in force
	size_t indicators, before, feeds; // in force now, and before it
	size_t added, removed;            // entries
	size_t held;                      // feeds that keep what they had
	int64_t milliseconds;
	const struct problem_list *problems; // warnings too; gone when the call returns. NULL with -ECANCELED
};

struct reload_facts { // of all reloads
	uint64_t done, refused;
	int64_t ended; // when the last one did, epoch seconds; 0: none has
	int64_t milliseconds;
	bool last_refused;
	char problem[512]; // the first error of the last one; "": there was none
	struct {
		uint64_t generation;
		int64_t loaded;
		size_t entries;
	} sets[HISTORY_SETS]; // to which one can go back, the newest first
	size_t n_sets;
};

int reload_thread_start(const struct reload_thread_options *, struct reload_thread **ret);

// Any thread. Served in their order; requests to read all files again that wait one behind the other are served together. 0, -ENOMEM, or
// -EBUSY when RELOAD_WAITING_MAX wait; then `done` is not called and the changes are still the caller's.
int reload_thread_request(struct reload_thread *, const struct reload_request *);
void reload_thread_facts(struct reload_thread *, struct reload_facts *ret); // any thread
// Any thread: calls with each of the operator's changes in force, and a lock held.
void reload_thread_changes(struct reload_thread *, void (*show)(void *context, const struct change *), void *context);
void reload_thread_stop(struct reload_thread *); // ends after the request in hand; NULL is fine

// Called by each reader around its use of the rules.
static inline const struct rules *
reload_rules(struct reload *r)
{
	// Pairs with the release in reload_publish: what is in the rules is seen whole.
	return atomic_load_explicit(&r->current, memory_order_acquire);
}

// A thread registers once, and is online while it may hold rules: then it must report quiescent states, or go offline soon.
void reload_reader_register(struct reload *, unsigned reader);
void reload_reader_unregister(struct reload *, unsigned reader);
void reload_reader_online(struct reload *, unsigned reader);
void reload_reader_offline(struct reload *, unsigned reader);
