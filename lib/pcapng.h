// pcapng: a capture in blocks -> its packets, each with its link type and its time (draft-ietf-opsawg-pcapng).
//
// libpcap reads this format too, but refuses a file whose interfaces differ in link type or snap length; such files are what "capture on any
// interface" and merged captures give. Sections of either byte order, interfaces with their own time resolution and offset, enhanced,
// simple and the old packet blocks; other blocks are passed over. One thread.

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PCAPNG_MAGIC      "\x0a\x0d\x0d\x0a" // the first four bytes of such a file
#define PCAPNG_PACKET_MAX (256u << 10)       // captured bytes

struct pcapng;

struct pcapng_packet {
	const uint8_t *bytes; // until the next call
	uint32_t captured, wire;
	int64_t time_ns;    // a simple packet block has no time: that of the packet before it
	unsigned link_type; // LINKTYPE_ of the registry at tcpdump.org, as the file says it
	unsigned interface; // number within its section
};

// The stream stays the caller's. 0 or -ENOMEM.
int pcapng_open(FILE *, struct pcapng **ret);
void pcapng_free(struct pcapng *);

// 1: a packet; 0: the end; -EINVAL or -EIO: *ret_why says what is wrong (a static text).
int pcapng_next(struct pcapng *, struct pcapng_packet *ret, const char **ret_why);
