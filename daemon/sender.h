// sender: batches and the sensor's own figures -> Redis, in a thread of its own that may block: nobody waits for it.
//
// Batches wait in memory, in order, until Redis has them; beyond SENDER_WAITING the newest tally waits in the collector instead, so that
// nothing is lost while memory lasts. sender_flush: the collector's thread; sender_facts: any; start and stop: main.

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "problem.h"
#include "sink.h"
#include "tally.h"

#define SENDER_WAITING 1024 // batches

struct sender;

struct sender_options {
	struct sink_options sink;
	struct batch_options batch;
	unsigned stop_ms; // how long the last batches may take
	// Fills in the sensor's figures before each delivery; called by the sender's thread. May be NULL.
	void (*status)(void *context, struct sink_status *);
	void *context;
};

// Connects first: 0, or a negative errno with an error in the list (Redis away, too old, evicting).
int sender_start(const struct sender_options *, struct problem_list *, struct sender **ret);

// Takes everything in the tally as a batch (the caller clears it). Packets from held_ns on may not be in it: contacts wait for their lane;
// INT64_MAX: none does. 0; -EAGAIN or -ENOMEM when it could not.
int sender_flush(struct sender *, struct tally *, int64_t held_ns);

struct sender_facts {
	size_t waiting;    // batches in memory
	int64_t delivered; // when Redis took the last one, epoch seconds; 0: none yet
	char error[256];   // why the last try failed; "": it did not
};

void sender_facts(struct sender *, struct sender_facts *ret);

// Delivers what waits, within stop_ms. The number of batches that Redis does not have.
size_t sender_stop(struct sender *);
void sender_free(struct sender *);
