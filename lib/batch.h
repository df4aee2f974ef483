// batch: a tally as chained parts, one per entity, in the form in which Redis gets them.
//
// An entity is what changes together in one slot: an organization (`org:<id>`), a controller (`c2:<address>`), the network
// (`all`). A part carries `seq` (the batch's number) and `prev` (the number of this sensor's previous part for the same entity), so
// that Redis can tell a part that it has, a part that it misses, and the next one. Key names and fields: docs/redis.md.
//
// A part is the argument vector of one call of the function ratwatch1_apply. A batch owns its texts. One thread at a time.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"
#include "privacy.h"
#include "tally.h"

struct batch_options {
	const char *prefix;      // "ratwatch:"
	const char *sensor;      // [A-Za-z0-9._-]{1,64}
	const char *incarnation; // [A-Za-z0-9]{1,32}: one life of this sensor's numbering
	enum privacy privacy;    // how victims are named; PRIVACY_UNSET: plain
	struct privacy_key key;  // but for plain
};

#define BATCH_FAMILIES 64

struct batch_args {       // one call: keys first, then arguments
	size_t n_keys, n; // n: of both
	char **argv;
	size_t *len;
};

struct batch_part {
	char *entity;
	uint64_t seq, prev;
	name_id org;               // of an organization's part; 0 otherwise
	bool watched;              // an organization on a watchlist with watch=yes
	bool suspected;            // the entity is suspected by this part
	int64_t suspected_first_s; // epoch seconds
	int64_t last_s; // latest event in the part (of suspected organizations: latest suspected one), epoch seconds
	name_id families[BATCH_FAMILIES]; // that make the organization suspected
	size_t n_families;
	struct batch_args apply;
	bool applied; // set by the sink
};

struct batch {
	uint64_t number;
	struct batch_part *parts;
	size_t n;
	uint64_t contacts; // in the totals, for logs
	int64_t made_s;    // when, epoch seconds
	int64_t held_s;    // packets from then on may not be in it, since their contacts wait; set by the sender
	bool one_way;      // packets of one direction only were counted
};

// The memory of a sensor's chains: entity -> number of its last part.
struct batch_chain;

int batch_chain_build(const struct batch_options *, struct batch_chain **ret);
void batch_chain_free(struct batch_chain *);

// Numbers the batch (1, 2, ...) and takes everything that the tally holds; the tally is not changed. 0 or -ENOMEM (then the chain is as it
// was).
int batch_make(struct batch_chain *, struct tally *, struct batch **ret);
void batch_free(struct batch *);
