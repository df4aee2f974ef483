// pkt: linear bytes of an Ethernet frame -> the IP packet in it, or a named verdict why there is none.
//
// Two steps, so that a packet that hits nothing pays for its addresses only: pkt_locate finds the IP header and its
// addresses (every packet), pkt_flow reads the transport header (only packets that hit). Nothing beyond `captured` is read; a
// capture cut by its snap length is no error as long as the headers are there.
//
// Ethernet II (IEEE 802.3), 802.1Q/802.1ad tags, IPv4 (RFC 791), IPv6 with extension headers (RFC 8200), TCP (RFC 9293), UDP
// (RFC 768), SCTP ports (RFC 9260), ICMP (RFC 792), ICMPv6 (RFC 4443). No state; any thread.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"
#include "ip.h"

// Each packet has exactly one. The value is the index of the counter that explains it to the operator.
enum pkt_verdict {
	PKT_PROBED,    // its addresses were looked up
	PKT_NOT_IP,    // ARP, LLDP, an encapsulation that is not understood
	PKT_TRUNCATED, // the captured bytes end inside the headers that hold the addresses
	PKT_MALFORMED, // a length or version field contradicts the bytes
	PKT_TOO_DEEP,  // more tags than the bound
	PKT_VERDICTS
};

#define PKT_DEPTH_MAX      8 // tags
#define PKT_EXTENSIONS_MAX 8 // IPv6 extension headers; beyond, the packet is probed by its addresses only

// Where the IP packet is. Offsets from the first byte of the frame.
struct pkt_ip {
	struct ip_addr src, dst;
	uint16_t transport; // offset of the transport header (may lie beyond the captured bytes)
	uint32_t end;       // offset of the first byte after the IP packet, by its length field
	uint8_t proto;      // of the transport header
	bool fragment;      // a fragment that is not the first: no transport header
	bool header_cut;    // the IPv6 extension headers were not read to their end: proto is not known
};

const char *pkt_verdict_name(enum pkt_verdict);

// *ret is written when the verdict is PKT_PROBED.
enum pkt_verdict pkt_locate(const uint8_t *frame, size_t captured, struct pkt_ip *ret);

// The whole tuple of a located packet. `wire` is the frame's length on the wire. ret->time_ns is left to the caller.
void pkt_flow(const uint8_t *frame, size_t captured, size_t wire, const struct pkt_ip *, struct flow *ret);
