// c2set: an immutable set of indicators, built once, read by every worker.
//
// There is no insert and no delete on purpose. A reload builds a new set and publishes it; readers need no lock because
// nothing they can reach changes, but for one flag: the operator may take an entry out (c2set_remove). An indicator also ends by its own date; who
// looks says what time it is.
//
// An address is matched by its own entry and by the prefixes around it: the longest with an indicator in force wins.
//
// Ahead of the exact table stands a register-blocked Bloom filter (Putze, Sanders, Singler: "Cache-, Hash- and
// Space-Efficient Bloom Filters", 2007): one 32-bit word and three bits per key, so that a packet that hits nothing
// costs one cached word per address. Both are salted per set: a precomputed list of colliding addresses is of no use.
// The indicators themselves are an indicator_list: 38 bytes for each IPv4 address, with all that a look-up answers.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"
#include "indicator_list.h"
#include "ip.h"

struct c2set;

struct c2set_facts {
	uint64_t generation;
	size_t entries;  // distinct addresses and prefixes, but for those that are taken out
	size_t prefixes; // of these, those wider than one address
	size_t indicators;
	size_t bytes;
};

// Sorts the list and takes it over (it is left empty), from any number of feeds. 0, or -ENOMEM and *ret untouched; the list is then still the
// caller's. `generation` is what c2set_facts and every match will carry.
int c2set_build(struct indicator_list *, uint64_t generation, struct c2set **ret);
void c2set_free(struct c2set *);
void c2set_facts(const struct c2set *, struct c2set_facts *ret);

#define C2SET_BURST 64 // addresses in one call

// Bit i of the result is set when addrs[i] is in the set (exactly: what the filter let through is verified), whether or not its indicators
// are still in force. n <= C2SET_BURST.
uint64_t c2set_match(const struct c2set *, const struct ip_addr *addrs, unsigned n);

// What the set says about an end of a flow at `now` (epoch seconds): its address, its port and the protocol. ret->listed is false when
// nothing in force holds it. Primary family: exact port > highest confidence > latest last seen > name.
void c2set_describe(const struct c2set *, const struct ip_addr *, uint16_t port, uint8_t proto, int64_t now,
		    struct flow_match *ret);

// The indicators of the entry that decides about the address at `now`: c2set_list from *ret_first on; 0 when none. One that takes it out
// of the set (INDICATOR_REMOVED) is among them.
size_t c2set_lookup(const struct c2set *, const struct ip_addr *, int64_t now, size_t *ret_first);
const struct indicator_list *c2set_list(const struct c2set *);

// Whether any feed but one names the prefix or one around it, in force or not.
bool c2set_is_listed(const struct c2set *, const struct ip_prefix *, name_id but);

// What of the set is in force at `now`, and when that changes next (0: never). Looks at every indicator.
struct c2set_force {
	size_t entries;
	int64_t changes;
};
void c2set_in_force(const struct c2set *, int64_t now, struct c2set_force *ret);
// Adds how many indicators of each source of c2set_list are, to one count for each. The same.
void c2set_sources_in_force(const struct c2set *, int64_t now, size_t *counts);

// Takes exactly this address or prefix out, for every thread and at once: what it lists matches nothing from now on. Returns how many indicators
// that were. One thread at a time.
size_t c2set_remove(struct c2set *, const struct ip_prefix *);
