// pkt: linear bytes of an Ethernet frame -> the IP layers in it, or a named verdict why there is none.
//
// Two steps, so that a packet that hits nothing pays for its addresses only: pkt_locate finds every IP header and its addresses (every
// packet), pkt_flow reads the transport header of one of them (only packets that hit). Nothing beyond `captured` is read; a capture cut
// by its snap length is no error as long as the headers are there. docs/packets.md is the table of what is seen and what is not.
//
// Ethernet II, 802.3/LLC/SNAP (IEEE 802.3, RFC 1042), 802.1Q/802.1ad, MPLS (RFC 3032, 4023, 4385, 7510), PPPoE (RFC 2516), PPP
// (RFC 1661, 1990, 3518), IPv4 (RFC 791), IPv6 (RFC 8200, 2675), AH (RFC 4302), IP in IP (RFC 2003, 2473, 4213), GRE (RFC 2784, 2890, 1701), PPTP
// (RFC 2637), EoIP, NVGRE (RFC 7637), ERSPAN (draft-foschiano-erspan), VXLAN (RFC 7348, GPE: draft-ietf-nvo3-vxlan-gpe), Geneve (RFC 8926),
// GTP-U (3GPP TS 29.281), L2TP (RFC 2661, 3931), Teredo (RFC 4380, 5991), NSH (RFC 8300), EtherIP (RFC 3378), 802.1ah, 802.1BR, VN-Tag,
// MACsec without confidentiality (IEEE 802.1AE), Cisco MetaData; TCP (RFC 9293), UDP (RFC 768), UDP-Lite (RFC 3828), SCTP
// (RFC 9260), DCCP (RFC 4340), ICMP (RFC 792), ICMPv6 (RFC 4443). No state; any thread.

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
	PKT_TOO_DEEP,  // more headers than the bound
	PKT_VERDICTS
};

// What else is worth counting about a packet that was probed. Not exclusive.
enum pkt_note {
	PKT_INNER_NOT_IP,    // a tunnel that carries something else (ARP, LLDP, PPP control)
	PKT_INNER_TRUNCATED, // the captured bytes end inside a header behind the addresses that were probed
	PKT_INNER_MALFORMED, // a header inside a tunnel contradicts the bytes; the layers around it were probed
	PKT_INNER_TOO_DEEP,  // more headers than the bound behind the addresses that were probed
	PKT_JUMBOGRAM,       // an IPv6 jumbo payload option (RFC 2675): its length is not believed, the frame's is
	PKT_FRAGMENT_TINY, // a first fragment without its whole transport header (RFC 1858): its ports are not trusted
	PKT_QUOTED,        // an ICMP error: the packet that it quotes is no contact
	PKT_NOTES
};

// Which IP headers of a packet are probed. Of those that match, the innermost is the contact.
enum pkt_match { PKT_ANY, PKT_INNER, PKT_OUTER };

#define PKT_HEADERS_MAX    24 // tags, labels, tunnel and IP headers of one packet
#define PKT_LAYERS_MAX     4  // IP headers of one packet
#define PKT_EXTENSIONS_MAX 8 // extension headers of one IPv6 header; beyond, the packet is probed by its addresses only

// One IP header. Offsets from the first byte of the frame.
struct pkt_layer {
	struct ip_addr src, dst;
	uint32_t end; // offset of the first byte after the IP packet, by its length field; 0: it ends with the frame
	uint32_t fragment_id;  // of any fragment, host byte order
	uint32_t fragment_end; // of its bytes in the datagram; fragment_at is where they begin
	uint16_t fragment_at;
	uint16_t transport; // offset of the transport header (may lie beyond the captured bytes)
	uint8_t proto;      // of the transport header
	uint8_t tunnels;    // how many of the packet's tunnel headers are around this layer
	bool fragment;      // the first fragment, or a later one
	bool fragment_last; // no more fragments follow
	bool header_cut;    // no ports to trust: extension headers not read to their end, or a tiny first fragment
};

struct pkt {
	unsigned n;                              // layers; 0 unless the verdict is PKT_PROBED
	uint32_t notes;                          // bit 1 << enum pkt_note
	struct pkt_layer layers[PKT_LAYERS_MAX]; // the outermost first
	struct flow_tunnel tunnel;               // of the innermost; valid when layers[n - 1].tunnels > 0
};

const char *pkt_verdict_name(enum pkt_verdict);
const char *pkt_note_name(enum pkt_note);

enum pkt_verdict pkt_locate(const uint8_t *frame, size_t captured, struct pkt *ret);

// The whole tuple of one layer. `wire` is the frame's length on the wire. ret->time_ns is left to the caller.
void pkt_flow(const uint8_t *frame, size_t captured, size_t wire, const struct pkt *, unsigned layer, struct flow *ret);
