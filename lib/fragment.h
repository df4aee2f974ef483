// fragment: the ports of later fragments, from the first one of the same datagram.
//
// A cache of fixed size, one per worker, of datagrams whose first fragment hit: sets of FRAGMENT_WAYS places, one of a datagram that is complete
// makes room, else the oldest. Keyed by addresses, protocol and identification (RFC 791, RFC 8200 section 4.5); an entry lives
// FRAGMENT_LIFE_NS of packet time, or until a complete datagram's identification is used again. A mirror port may show each fragment
// twice. Nothing is reassembled. A fragment that comes before its first one, or whose entry had to make room, stays
// without ports.
//
// Fragments that overlap the first one, and a second first one with other ports, contradict what the cache knows: hosts differ in which they
// believe (RFC 1858, RFC 3128, RFC 5722), so that from then on none of that datagram gets ports.
//
// One thread.

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flow.h"

#define FRAGMENT_WAYS    4
#define FRAGMENT_LIFE_NS (30 * INT64_C(1000000000))

enum fragment_result {
	FRAGMENT_FIRST,      // has ports of its own
	FRAGMENT_RESOLVED,   // got those of the first
	FRAGMENT_UNRESOLVED, // matched by its addresses only
	FRAGMENT_OVERLAP,    // as unresolved: contradicts the first
};

struct fragment_cache;

// `places` is rounded up to a power of two. 0 or -ENOMEM.
int fragment_build(size_t places, struct fragment_cache **ret);
void fragment_free(struct fragment_cache *);

// For a flow with `fragment` set and the matches of its ends. A resolved one gets ports and matches of the first, and is no longer portless.
enum fragment_result fragment_follow(struct fragment_cache *, struct flow *, struct flow_match match[2]);
