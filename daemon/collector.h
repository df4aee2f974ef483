// collector: drains the workers' contact reports: organization, lane, suspected, tally.
//
// One thread, which may wait a millisecond when there is nothing. Contacts that may be a scanner's wait in victim.h's windows first. A contact keeps organization, lane and reason until it ends, whatever is
// reloaded meanwhile. Live, the tally becomes a batch every flush interval and goes to the sender; in a replay it is left whole for the report.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reload.h"
#include "report.h"
#include "tally.h"
#include "victim.h"
#include "worker.h"

struct sender;

struct collector_options {
	struct workers *workers;
	struct reload *reload; // the collector is its reader number workers->n
	bool keep_contacts;    // collect struct report_contact
	unsigned flush_ms;     // 0: never (replay)
	struct sender *sender; // NULL: nobody wants batches
	unsigned victim_prefix6;
	struct victim_options scanner; // window_s, controllers (0: nobody is a scanner by behaviour), waiting
};

struct collector;

int collector_start(const struct collector_options *, struct collector **ret);

// Waits until every worker is done and every report is in the tally; live, the last batch has gone to the sender. 0, or the error that made
// it give up (no memory).
int collector_join(struct collector *);
void collector_free(struct collector *);

// It has given up counting (no memory), and drains only. Any thread.
bool collector_failed(const struct collector *);

// Pairs whose rhythm was forgotten to make room. Any thread.
uint64_t collector_beacon_overflow(const struct collector *);
// Contacts in windows. Any thread.
struct collector_windows {
	uint64_t waiting;  // now
	uint64_t early;    // that were decided before their window was over
	uint64_t scanners; // that were a scanner's by behaviour
};

void collector_windows(const struct collector *, struct collector_windows *ret);

// The scanner window of one victim. Any thread; takes a lock that the collector holds for a round over its rings. False: nobody is a scanner by
// behaviour.
bool collector_window(struct collector *, const struct ip_addr *, int64_t now_ns, struct victim_window *ret);
// window_s and controllers, as configured. Any thread.
const struct victim_options *collector_scanner(const struct collector *);

// After collector_join.
struct tally *collector_tally(struct collector *);
size_t collector_contacts(struct collector *, const struct report_contact **ret);
