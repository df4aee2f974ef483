// indicator: one known C2 endpoint as one feed names it.
//
// A plain value; names are interned. The same address in several feeds, or with several ports, is several indicators:
// c2set groups them.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip.h"
#include "names.h"
#include "problem.h"

enum {
	INDICATOR_ALLOWED = 1 << 0,     // on the operator's allowlist: counted in lane allowed, never suspected
	INDICATOR_COMPROMISED = 1 << 1, // a third party's hacked host
	INDICATOR_SHARED = 1 << 2,      // CDN or other shared infrastructure
	INDICATOR_SINKHOLE = 1 << 3,    // taken over by defenders
	INDICATOR_OFFLINE = 1 << 4,     // the feed says that it no longer answers
	INDICATOR_ONLINE = 1 << 5,      // the feed says that it answers; neither: it says nothing
	INDICATOR_REMOVED = 1 << 7, // the operator took the address or prefix out: nothing that is listed there matches
	INDICATOR_CONNECTS_IN = 1 << 6, // of a family whose controllers connect to their victims
};

struct indicator {
	struct ip_prefix prefix;
	uint16_t port;                 // host byte order; 0: any
	uint8_t proto;                 // IANA number; 0: any
	uint8_t flags;                 // INDICATOR_*
	uint8_t confidence;            // 0..100
	name_id family;                // canonical; the empty name when the feed has none
	name_id feed;                  // the feed's name
	uint32_t line;                 // of the feed, 1-based
	int64_t first_seen, last_seen; // epoch seconds; 0 unknown
	int64_t expires;               // epoch seconds: from then on it matches nothing; 0: never
};

// The canonical spelling of a family name, through the alias table ("Heodo" -> "Emotet"); unknown names stay as they are, but for
// control characters, '|' and what is beyond 128 bytes. Any thread,
// but with a lock: asked where lists are read, never for a packet.
name_id indicator_family(const char *text, size_t len);
// The same, and 0 for a name that is not in the table.
name_id indicator_family_known(const char *text, size_t len);
// Whether the controllers of this family connect to their victims (NetBus, ProRAT, ...). As indicator_family; indicators that were read
// carry the answer as INDICATOR_CONNECTS_IN.
bool indicator_connects_in(name_id family);

// The operator's part of the table: a CSV `name,alias,connects` (connects: inbound, or nothing) that adds to the built-in one and, where
// both know an alias, wins. Replaces the part that was read before; path NULL: there is none. 0, or a negative errno with errors in the
// list (file, line, what is wrong) and the part that was read before in force.
int indicator_families_read(const char *path, struct problem_list *);

// Order by prefix (address, then length), then port, protocol, family, feed: equal neighbours are duplicates.
int indicator_compare(const struct indicator *, const struct indicator *);
