// c2set: an immutable set of indicators, built once, read by every worker.
//
// There is no insert and no delete on purpose. A reload builds a new set and publishes it; readers need no lock because
// nothing they can reach changes. An address is matched by its own entry and by the prefixes around it: the longest wins.
//
// Ahead of the exact table stands a register-blocked Bloom filter (Putze, Sanders, Singler: "Cache-, Hash- and
// Space-Efficient Bloom Filters", 2007): one 32-bit word and three bits per key, so that a packet that hits nothing
// costs one cached word per address. Both are salted per set: a precomputed list of colliding addresses is of no use.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"
#include "indicator.h"
#include "ip.h"

struct c2set;

struct c2set_facts {
	uint64_t generation;
	size_t entries;  // distinct addresses and prefixes
	size_t prefixes; // of these, those wider than one address
	size_t indicators;
	size_t bytes;
};

// Copies the indicators, in any order, from any number of feeds. 0, or -ENOMEM and *ret untouched.
// `generation` is what c2set_facts and every match will carry.
int c2set_build(const struct indicator *, size_t n, uint64_t generation, struct c2set **ret);
void c2set_free(struct c2set *);
void c2set_facts(const struct c2set *, struct c2set_facts *ret);

#define C2SET_BURST 64 // addresses in one call

// Bit i of the result is set when addrs[i] is in the set (exactly: what the filter let through is verified). n <= C2SET_BURST.
uint64_t c2set_match(const struct c2set *, const struct ip_addr *addrs, unsigned n);

// What the set says about an end of a flow: its address, its port and the protocol. ret->listed is false when it is not in
// the set. Primary family: exact port > highest confidence > latest last seen > name.
void c2set_describe(const struct c2set *, const struct ip_addr *, uint16_t port, uint8_t proto, struct flow_match *ret);

// The indicators of the entry that matches the address (longest prefix), sorted; 0 when none. They live as long as the set.
size_t c2set_lookup(const struct c2set *, const struct ip_addr *, const struct indicator **ret);
