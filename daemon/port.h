// port: one capture port: its mempool and its receive queues, one per worker.
//
// A live port is named `af_packet:IFACE` (Linux packet socket) or `pci:ADDRESS` (a NIC bound to a DPDK driver); a replay has a ring port that
// its reader thread fills. Main thread only, but for port_loss (any thread); receiving from a queue is the business of one worker.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"

#define PORT_QUEUES_MAX 64
#define PORT_NAME_MAX   64
#define PORTS_MAX       16

struct rte_mempool;
struct rte_ring;

struct port {
	char name[PORT_NAME_MAX]; // as the user wrote it
	uint16_t id;              // DPDK's
	uint16_t queues;
	struct rte_mempool *pool;
	struct rte_ring *rings[PORT_QUEUES_MAX]; // ring port only: queue i receives what is put into rings[i]
	struct rte_ring *tx;                     // ring port only: DPDK wants one; never used
};

struct port_options {
	uint16_t queues;
	unsigned queue_size; // descriptors
	unsigned buffers;
	bool promiscuous;
};

struct port_loss { // what never reached us, since the start
	uint64_t missed, errors, no_buffer;
};

// 0, or a negative errno with an error in the list that names the port and the remedy.
int port_open(const char *name, unsigned index, const struct port_options *, struct problem_list *, struct port *ret);
int port_open_ring(const struct port_options *, struct problem_list *, struct port *ret);
void port_close(struct port *);

void port_loss(const struct port *, struct port_loss *ret);
