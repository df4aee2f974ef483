// flow: what is known of one packet of a conversation, and what the indicator set says about its ends. Types and their words.
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

// What was around the IP header, the outermost first: access tags, labels and tunnels.
enum flow_tunnel_kind {
	FLOW_VLAN,   // id: VLAN identifier, 12 bits
	FLOW_ETAG,   // 802.1BR; id: E-CID
	FLOW_VNTAG,  // id: destination and source virtual interface, 16 bits each
	FLOW_PBB,    // 802.1ah; id: I-SID, 24 bits
	FLOW_MACSEC, // no id
	FLOW_MPLS,   // id: label, 20 bits
	FLOW_PW,     // Ethernet pseudowire in the labels before it; no id
	FLOW_PPPOE,  // id: session
	FLOW_IPIP,   // IPv4 in IPv4; no id
	FLOW_6IN4,
	FLOW_4IN6,
	FLOW_6IN6,
	FLOW_ETHERIP,
	FLOW_SRV6,   // Ethernet in IPv6 (RFC 8986); no id
	FLOW_GRE,    // id: key, 0 without
	FLOW_NVGRE,  // id: VSID and FlowID, 32 bits
	FLOW_PPTP,   // id: call
	FLOW_EOIP,   // id: tunnel, 16 bits
	FLOW_ERSPAN, // id: session, 10 bits
	FLOW_VXLAN,  // id: VNI, 24 bits
	FLOW_NSH,    // id: service path, 24 bits
	FLOW_GENEVE, // id: VNI, 24 bits
	FLOW_GTPU,   // id: TEID, 32 bits
	FLOW_L2TP,   // id: tunnel and session, 16 bits each (version 2), or session (version 3)
	FLOW_TEREDO, // no id
	FLOW_TUNNEL_KINDS
};

#define FLOW_TUNNELS_MAX 8

struct flow_tunnel {
	uint8_t n; // headers; those beyond FLOW_TUNNELS_MAX are not kept
	uint8_t kinds[FLOW_TUNNELS_MAX];
	uint32_t ids[FLOW_TUNNELS_MAX];
};

#define FLOW_TUNNEL_TEXT_MAX (FLOW_TUNNELS_MAX * 20)

// "vlan:100/mpls:16/gtp-u:0x0000002a"; "" when there is none. Returns ret.
char *flow_tunnel_format(const struct flow_tunnel *, char ret[static FLOW_TUNNEL_TEXT_MAX]);

struct flow {
	struct ip_addr src, dst;
	uint16_t sport, dport; // host byte order; 0 where the protocol has none
	uint8_t proto;
	uint8_t tcp_flags;
	bool portless;      // a later fragment, or a transport header that was not captured: no conversation of its own
	bool fragment;      // of a datagram that was cut up: the first or a later one
	bool fragment_last; // no more of them follow
	bool icmp_error;    // an ICMP error (RFC 792, RFC 4443): opens nothing and answers nothing
	uint32_t seq, ack;  // TCP, host byte order
	uint32_t payload;   // transport payload bytes, by the IP length
	uint32_t bytes;     // frame length on the wire
	uint32_t fragment_id, fragment_at, fragment_end; // of a fragment: which datagram, and which of its bytes
	struct flow_tunnel tunnel;
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
