// sink: batches -> Redis, each part applied exactly once.
//
// At connect: server version (Redis >= 7.0, Valkey >= 7.2), maxmemory-policy (noeviction), the function library (loaded when it is
// absent; versions live side by side), the schema key. One thread (sender, or the end of a replay); calls block up to the timeout.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "redis.h"

struct sink_options {
	struct redis_options redis;
	const char *prefix;
	const char *sensor;
	const char *version; // of ratwatch, for the sensor's hash
	const char *library; // text of conf/ratwatch.lua; NULL: the copy built into the program
};

struct sink_status {     // the sensor's hash and its hours; docs/redis.md
	int64_t started; // epoch seconds
	uint64_t generation, indicators;
	uint64_t received, probed, missed; // packets since the start
	uint64_t verdicts[8];
	size_t n_verdicts;
	const char *const *verdict_names;
	uint32_t hour;          // now, epoch seconds / 3600
	int64_t complete_until; // every packet before it is in Redis, epoch seconds
	int64_t lag_seconds;    // from the batch to its delivery
	bool one_way;           // the tap shows one direction only
};

struct sink;

int sink_build(const struct sink_options *, char *error, size_t error_size, struct sink **ret);
void sink_free(struct sink *);

// Connects and checks. 0, or a negative errno; sink_error says what is wrong and what to do.
int sink_check(struct sink *);

// Applies the parts that are not applied yet, then their indexes and sightings. 0 when the whole batch is in Redis; a negative errno
// leaves the rest for the next call: calling again is always right.
int sink_apply(struct sink *, struct batch *);

int sink_status(struct sink *, const struct sink_status *);

const char *sink_error(const struct sink *);
