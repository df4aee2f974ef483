// flow: what is known of one packet of a conversation, and what the indicator set says about its ends. Types only.
//
// Plain values, copied freely between threads: addresses in the form of ip.h, ports in host byte order, names as
// interned ids (names.h), time in nanoseconds since the epoch (UTC).

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ip.h"
#include "names.h"

// IANA protocol numbers that are told apart; others are followed by number.
enum { FLOW_ICMP = 1, FLOW_TCP = 6, FLOW_UDP = 17, FLOW_ICMP6 = 58, FLOW_SCTP = 132 };

// TCP flag bits as on the wire (RFC 9293 section 3.1).
enum { FLOW_FIN = 0x01, FLOW_SYN = 0x02, FLOW_RST = 0x04, FLOW_PSH = 0x08, FLOW_ACK = 0x10 };

struct flow {
	struct ip_addr src, dst;
	uint16_t sport, dport; // host byte order; 0 where the protocol has none
	uint8_t proto;
	uint8_t tcp_flags;
	bool portless;     // a later fragment, or a transport header that was not captured: no conversation of its own
	bool icmp_error;   // an ICMP error (RFC 792, RFC 4443): opens nothing and answers nothing
	uint32_t seq, ack; // TCP, host byte order
	uint32_t payload;  // transport payload bytes, by the IP length
	uint32_t bytes;    // frame length on the wire
	int64_t time_ns;
};

// What the set says about one end of a flow. Valid without the set that it came from.
struct flow_match {
	bool listed;
	bool exact;         // port (and protocol) are the indicator's too
	bool has_port;      // some indicator of this address names a port
	bool icmp;          // the indicator is for ICMP
	bool connects_in;   // the family's controllers connect to their victims
	uint8_t flags;      // INDICATOR_* of indicator.h
	uint8_t confidence; // of the primary indicator
	name_id family;     // primary family of this contact
	name_id families;   // all families of the address, joined by '|'
	name_id feeds;      // all feeds that name it, joined by '|'
	name_id ports;      // all its indicators' ports, as text joined by '|'; the empty name when none
	int64_t listed_since, listed_until; // epoch seconds; 0 unknown
	uint64_t generation;
};
