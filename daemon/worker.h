// worker: THE PACKET PATH: receive, parse, probe, follow, free.
//
// One worker per logical core, one queue of each port. No allocation, lock, system call, log or database on this path. A packet that
// hits nothing leaves no state. A packet that hits belongs to the contact that worker `hash(sorted pair of its addresses) % n` owns:
// another's is copied as a plain value into a single-producer ring of that owner. Contact reports leave through one ring per worker, which
// the collector drains.
//
// workers_build and workers_free: main thread. worker_run: one logical core each. stop and finish may be set by any thread.

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port.h"
#include "reload.h"
#include "stats.h"

struct rte_ring;

#define WORKERS_MAX PORT_QUEUES_MAX

struct workers_options {
	unsigned n;
	const struct port *ports; // each with n queues
	size_t n_ports;
	struct reload *reload; // workers are its readers 0..n-1
	enum pkt_match match;  // which layers are probed
	int64_t as_of;         // epoch seconds at which indicators are judged; 0: at the time of each packet
	bool replay;           // packet times come with the packets
	int time_field;        // clock_register
	size_t contacts_max;   // per worker
};

struct worker;

struct workers {
	unsigned n;
	struct worker *items[WORKERS_MAX];
	struct rte_ring *reports[WORKERS_MAX]; // struct contact_report; the collector is the consumer
	_Atomic bool stop;                     // end after the burst in hand, then end all contacts
	_Atomic bool no_more;                  // replay: the reader has put in its last packet
	_Atomic unsigned drained;              // replay: workers that have no packet left
	_Atomic unsigned done;                 // workers that have reported their last contact
};

// 0, or -ENOMEM with a problem.
int workers_build(const struct workers_options *, struct problem_list *, struct workers *ret);
void workers_free(struct workers *);

// Starts worker i on logical core i + 1; workers_join waits until all have ended.
int workers_start(struct workers *);
void workers_join(struct workers *);

void workers_stats(const struct workers *, struct stats_sum *ret);

// The worker that owns the contacts between two addresses, in any order.
unsigned worker_owner(const struct ip_addr *, const struct ip_addr *, unsigned n);
