// capture: one capture file -> its packets, each with what turns its link type into Ethernet.
//
// pcap through libpcap (both byte orders, micro- and nanoseconds), pcapng through our own reader (several link types in one file); gzip and
// standard input ("-") through input. Link types: Ethernet, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, NULL, LOOP; others are
// refused by name. One thread.

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "problem.h"

struct capture;

struct capture_packet {
	const uint8_t *bytes;    // until the next call
	uint32_t captured, wire; // of the packet as it is in the file
	int64_t time_ns;
	uint32_t skip;      // bytes of the link header that an Ethernet header with `ethertype` replaces
	uint16_t ethertype; // 0: the packet is Ethernet already
};

// 0, or a negative errno with one error in the list.
int capture_open(const char *file, struct problem_list *, struct capture **ret);
void capture_free(struct capture *);

// 1: a packet; 0: the end; or a negative errno with one error in the list.
int capture_next(struct capture *, struct problem_list *, struct capture_packet *ret);

// Bytes of the file that have been read, as it is stored. For progress.
uint64_t capture_at(const struct capture *);
