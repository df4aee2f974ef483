// stats: what the workers counted, as one packet equation.
//
// Each worker owns one struct stats and is its only writer; any thread may add them up. All counters are packets since the start unless
// their name says bytes. received == the sum of verdicts, always, but for the moment within a worker's burst; a sum looks again then.

#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "pkt.h"

struct stats {
	_Alignas(64) _Atomic uint64_t received;
	_Atomic uint64_t bytes; // on the wire
	_Atomic uint64_t verdicts[PKT_VERDICTS];
	_Atomic uint64_t notes[PKT_NOTES];
	_Atomic uint64_t hits;       // packets with a listed end
	_Atomic uint64_t portless;   // of the hits: no ports to be had: packets and bytes, no contact
	_Atomic uint64_t fragments;  // of the hits: fragments, the first ones too
	_Atomic uint64_t unresolved; // of the fragments: their first one is not known or not trusted
	_Atomic uint64_t overlaps;   // of the unresolved: they contradict the first one
	_Atomic uint64_t overflow;   // of the hits: the contact table was full of answered contacts
	_Atomic uint64_t coarse;     // of the overflow: counted by controller only
	_Atomic uint64_t uncounted;  // of the overflow: not even that
	_Atomic uint64_t evicted;    // contacts, not packets: ended early to make room
	_Atomic uint64_t forwarded;  // of the hits: handed to the worker that owns the contact
};

struct stats_sum { // plain copy of a sum
	uint64_t received, bytes, verdicts[PKT_VERDICTS], notes[PKT_NOTES], hits, portless, fragments, unresolved,
		overlaps, overflow, coarse, uncounted, evicted, forwarded;
	int64_t residual; // received - sum of verdicts: 0; else a worker was held up within a burst, or there is a bug
};

// One writer: a plain load and store, relaxed because readers want the number and nothing else that was written.
static inline void
stats_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

void stats_sum(const struct stats *const *workers, size_t n, struct stats_sum *ret);
