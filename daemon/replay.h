// replay: captures -> frames in a ring port, by a reader thread.
//
// libpcap reads pcap and pcapng, both byte orders, micro- and nanoseconds. Every link type that is understood becomes an Ethernet frame, so that
// the packet path has no branch for it: pkt_len is the length on the wire (and of the Ethernet header, where one was added), data_len what
// was captured of it (at most REPLAY_ROOM bytes: headers are all that is read), the time goes into the dynamic field of clock.h.
// Link types: https://www.tcpdump.org/linktypes.html.
//
// replay_check and replay_start: main thread. Several captures are one stream in the order given.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkt.h"
#include "port.h"
#include "problem.h"
#include "worker.h"

#define REPLAY_ROOM 2048

struct replay_options {
	const char *const *files; // "-" is standard input
	size_t n_files;
	const struct port *port; // port_open_ring
	struct workers *workers; // no_more is set when the last packet is in
	enum pkt_match match;    // which layers are probed
	int time_field;
	bool progress; // show it on standard error once the replay has lasted two seconds
};

struct replay_facts {
	uint64_t packets, bytes;   // bytes on the wire
	uint64_t cut;              // packets cut by their snap length
	int64_t first_ns, last_ns; // lowest and highest packet time; 0 when there is no packet
	uint64_t digest;           // of times, lengths and bytes: the same captures have the same
};

struct replay;

// Whether each file can be opened and has a link type that is understood. 0, or a negative errno with an error for each that has not.
int replay_check(const char *const *files, size_t n, struct problem_list *);

int replay_start(const struct replay_options *, struct replay **ret);
// Waits for the end. 0, or a negative errno with an error in the list (a file that ends inside a packet, a reading error).
int replay_join(struct replay *, struct problem_list *, struct replay_facts *ret);
