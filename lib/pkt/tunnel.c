#include "pkt/walk.h"

#include <string.h>

// Bytes that hold as IP or Ethernet -----------------------------------------------------------------------------------------------

bool
holds_ip(const uint8_t *p, size_t n)
{
	if (n >= 20 && p[0] >> 4 == 4) {
		unsigned header = (p[0] & 15u) * 4, total = be16(p + 2);

		return header >= 20 && total >= header && p[8] > 0;
	}
	return n >= 40 && p[0] >> 4 == 6 && p[7] > 0;
}

bool
holds_ethernet(const uint8_t *p, size_t n)
{
	size_t at = 12;
	enum step step = STEP_TAG;

	while (step == STEP_TAG && n >= at + 2) {
		step = of_ethertype(be16(p + at));
		at += step == STEP_TAG ? 4 : 2;
	}
	if (step == STEP_IPV4 || step == STEP_IPV6)
		return holds_ip(p + at, n - at) && p[at] >> 4 == (step == STEP_IPV4 ? 4 : 6);
	return step == STEP_MPLS || step == STEP_PPPOE;
}

static enum step
of_version(const struct walk *w)
{
	unsigned nibble = left(w) > 0 ? w->at[0] >> 4 : 0;

	return nibble == 4 ? STEP_IPV4 : nibble == 6 ? STEP_IPV6 : STEP_NOT_IP;
}

// GRE --------------------------------------------------------------------------------------------------------------------------

enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000, GRE_ACK = 0x0080 };
enum { GRE_ERSPAN2 = 0x88be, GRE_ERSPAN3 = 0x22eb, GRE_WCCP = 0x883e, GRE_EOIP = 0x6400 };

// Source route entries: family, offset, length; the last has neither family nor length (RFC 1701).
static bool
skip_routing(struct walk *w)
{
	const uint8_t *p;

	do {
		if ((p = take(w, 4)) == NULL || take(w, p[3]) == NULL)
			return false;
	} while (be16(p) != 0 || p[3] != 0);
	return true;
}

// Types II and III say so in their version; type I has no header of its own and no sequence number in GRE.
static enum step
erspan(struct walk *w, uint16_t flags, uint16_t type)
{
	const uint8_t *p;

	if (type == GRE_ERSPAN2 && (flags & GRE_SEQUENCE) == 0) {
		add_tunnel(w, FLOW_ERSPAN, 0);
		return STEP_ETHERNET;
	}
	if ((p = take(w, type == GRE_ERSPAN2 ? 8 : 12)) == NULL)
		return missing(w);
	if (p[0] >> 4 != (type == GRE_ERSPAN2 ? 1 : 2))
		return STEP_MALFORMED;
	add_tunnel(w, FLOW_ERSPAN, be16(p + 2) & 0x3ff);
	if (type == GRE_ERSPAN2)
		return STEP_ETHERNET;
	if ((p[11] & 1) != 0 && take(w, 8) == NULL) // a platform's own header
		return missing(w);
	return (p[10] >> 2 & 0x1f) == 2 ? of_version(w) : STEP_ETHERNET; // the frame type, behind the P bit
}

// Version 2 puts four bytes before the packet, version 1 nothing (draft-wilson-wrec-wccp-v2).
static enum step
wccp(struct walk *w)
{
	if (of_version(w) == STEP_NOT_IP && take(w, 4) == NULL)
		return missing(w);
	return of_version(w);
}

// MikroTik's Ethernet over IP borrows PPTP's version: a length, and the tunnel in little-endian order. Without a frame it keeps alive.
static enum step
eoip(struct walk *w)
{
	const uint8_t *p = take(w, 4);

	if (p == NULL)
		return missing(w);
	add_tunnel(w, FLOW_EOIP, (uint32_t)(p[3] << 8 | p[2]));
	return be16(p) == 0 ? STEP_DONE : STEP_ETHERNET;
}

// Enhanced GRE: key and call, the numbers as the flags say (RFC 2637 section 4.1).
static enum step
pptp(struct walk *w, uint16_t flags, uint16_t type)
{
	const uint8_t *p = take(w, 4);

	if (p == NULL)
		return missing(w);
	if (type != ETHERTYPE_PPP || (flags & GRE_KEY) == 0)
		return STEP_MALFORMED;
	add_tunnel(w, FLOW_PPTP, be16(p + 2));
	if ((flags & GRE_SEQUENCE) == 0)
		return STEP_DONE; // an acknowledgement
	if (take(w, flags & GRE_ACK ? 8 : 4) == NULL)
		return missing(w);
	return STEP_PPP;
}

enum step
step_gre(struct walk *w)
{
	const uint8_t *p = take(w, 4), *key = NULL;
	uint16_t flags, type;

	if (p == NULL)
		return missing(w);
	flags = be16(p);
	type = be16(p + 2);
	if ((flags & 7) == 1)
		return type == GRE_EOIP ? eoip(w) : pptp(w, flags, type);
	if ((flags & 7) != 0)
		return STEP_MALFORMED;
	if ((flags & (GRE_CHECKSUM | GRE_ROUTING)) != 0 && take(w, 4) == NULL)
		return missing(w);
	if ((flags & GRE_KEY) != 0 && (key = take(w, 4)) == NULL)
		return missing(w);
	if ((flags & GRE_SEQUENCE) != 0 && take(w, 4) == NULL)
		return missing(w);
	if ((flags & GRE_ROUTING) != 0 && !skip_routing(w))
		return missing(w);
	if (type == GRE_ERSPAN2 || type == GRE_ERSPAN3)
		return erspan(w, flags, type);
	// RFC 7637: Ethernet with a key, and neither checksum nor sequence number.
	if (type == ETHERTYPE_ETHERNET && (flags & 0xf000) == GRE_KEY)
		add_tunnel(w, FLOW_NVGRE, be32(key));
	else
		add_tunnel(w, FLOW_GRE, key != NULL ? be32(key) : 0);
	return type == GRE_WCCP ? wccp(w) : of_ethertype(type);
}

enum step
step_etherip(struct walk *w)
{
	const uint8_t *p = take(w, 2);

	if (p == NULL)
		return missing(w);
	if (p[0] >> 4 != 3)
		return STEP_MALFORMED;
	add_tunnel(w, FLOW_ETHERIP, 0);
	return STEP_ETHERNET;
}

// L2TP -------------------------------------------------------------------------------------------------------------------------

// Version 3: the cookie (0, 4 or 8 bytes) and the sublayer (0 or 4) are agreed out of band, so what holds as Ethernet or IP is taken.
static enum step
l2tp3_payload(struct walk *w, uint32_t session)
{
	add_tunnel(w, FLOW_L2TP, session);
	for (size_t skip = 0; skip <= 12 && skip <= left(w); skip += 4)
		if (holds_ethernet(w->at + skip, left(w) - skip)) {
			w->at += skip;
			return STEP_ETHERNET;
		}
	for (size_t skip = 0; skip <= 12 && skip <= left(w); skip += 4)
		if (holds_ip(w->at + skip, left(w) - skip)) {
			w->at += skip;
			return of_version(w);
		}
	return STEP_NOT_IP;
}

enum step
step_l2tp3(struct walk *w)
{
	const uint8_t *p = take(w, 4);

	if (p == NULL)
		return missing(w);
	return be32(p) == 0 ? STEP_DONE : l2tp3_payload(w, be32(p)); // session 0: control
}

static enum step
l2tp(struct walk *w)
{
	enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200 };
	const uint8_t *p = take(w, 2);
	uint16_t flags;

	if (p == NULL || ((flags = be16(p)) & CONTROL) != 0)
		return STEP_DONE;
	if ((flags & 15) == 3)
		return (p = take(w, 6)) == NULL ? missing(w) : l2tp3_payload(w, be32(p + 2));
	if ((flags & 15) != 2)
		return STEP_DONE;
	if ((flags & LENGTH) != 0 && take(w, 2) == NULL)
		return missing(w);
	if ((p = take(w, 4)) == NULL || ((flags & SEQUENCE) != 0 && take(w, 4) == NULL))
		return missing(w);
	add_tunnel(w, FLOW_L2TP, be32(p));
	if ((flags & OFFSET) != 0 && ((p = take(w, 2)) == NULL || take(w, be16(p)) == NULL))
		return missing(w);
	return STEP_PPP;
}

// Tunnels in UDP: the port, and a header that holds. One that does not is what it was before: a datagram. -------------------------

// The flag that the VNI is valid, and no other than the group policy's; the last byte is reserved.
static bool
is_vxlan(const uint8_t *p)
{
	return (p[0] & 0x7f) == 0x08 && p[7] == 0;
}

// A receiver ignores what is reserved (RFC 7348 section 5): with it set the payload must hold instead, or it would be a place to hide.
static enum step
vxlan(struct walk *w)
{
	const uint8_t *p = take(w, 8);

	if (p == NULL || (!is_vxlan(p) && !holds_ethernet(w->at, left(w))))
		return STEP_DONE;
	add_tunnel(w, FLOW_VXLAN, be24(p + 4));
	return STEP_ETHERNET;
}

static enum step
vxlan_gpe(struct walk *w)
{
	static const enum step steps[] = {STEP_NOT_IP, STEP_IPV4, STEP_IPV6, STEP_ETHERNET, STEP_NSH, STEP_MPLS};
	const uint8_t *p = take(w, 8);

	if (p == NULL || (p[0] & 0x38) != 0x08 || p[7] != 0)
		return STEP_DONE;
	add_tunnel(w, FLOW_VXLAN, be24(p + 4));
	if ((p[0] & 0x04) == 0)
		return STEP_ETHERNET;
	return p[3] < sizeof(steps) / sizeof(*steps) ? steps[p[3]] : STEP_NOT_IP;
}

static enum step
geneve(struct walk *w)
{
	const uint8_t *p = take(w, 8);
	enum step next;

	if (p == NULL || p[0] >> 6 != 0)
		return STEP_DONE;
	if ((next = of_ethertype(be16(p + 2))) == STEP_NOT_IP)
		return STEP_DONE;
	if (take(w, (p[0] & 0x3fu) * 4) == NULL)
		return is_whole(w) ? STEP_DONE : STEP_TRUNCATED;
	add_tunnel(w, FLOW_GENEVE, be24(p + 4));
	return next;
}

// The chain behind the optional fields: length in words of four bytes, its last byte the type of the next.
static bool
skip_gtp_extensions(struct walk *w, uint8_t type)
{
	while (type != 0) {
		size_t len = left(w) > 0 ? w->at[0] * 4u : 0;

		if (len == 0 || take(w, len) == NULL)
			return false;
		type = w->at[-1];
	}
	return true;
}

static enum step
gtpu(struct walk *w)
{
	enum { VERSION_AND_TYPE = 0xf0, GTP_1 = 0x30, OPTIONS = 0x07, EXTENSION = 0x04, T_PDU = 0xff };
	const uint8_t *p = take(w, 8);
	const uint8_t *options = NULL;

	if (p == NULL || (p[0] & VERSION_AND_TYPE) != GTP_1 || p[1] != T_PDU)
		return STEP_DONE;
	if (is_whole(w) && be16(p + 2) > left(w))
		return STEP_DONE; // longer than the datagram that holds it
	bound(w, be16(p + 2));
	if ((p[0] & OPTIONS) != 0 && (options = take(w, 4)) == NULL)
		return is_whole(w) ? STEP_DONE : STEP_TRUNCATED;
	if ((p[0] & EXTENSION) != 0 && !skip_gtp_extensions(w, options[3]))
		return is_whole(w) ? STEP_DONE : STEP_TRUNCATED;
	add_tunnel(w, FLOW_GTPU, be32(p + 4));
	return of_version(w);
}

// Authentication and origin may stand before the packet (RFC 4380 section 5.1.1).
static enum step
teredo(struct walk *w)
{
	if (left(w) >= 4 && be16(w->at) == 0x0001 && take(w, 13u + w->at[2] + w->at[3]) == NULL)
		return STEP_DONE;
	if (left(w) >= 8 && be16(w->at) == 0x0000)
		w->at += 8;
	if (left(w) < 40 || !holds_ip(w->at, left(w)) || w->at[0] >> 4 != 6)
		return STEP_DONE;
	if (is_whole(w) && be16(w->at + 4) + 40u > left(w))
		return STEP_DONE;
	add_tunnel(w, FLOW_TEREDO, 0);
	return STEP_IPV6;
}

static enum step
of_port(struct walk *w, uint16_t port)
{
	switch (port) {
	case PORT_L2TP:
		return l2tp(w);
	case PORT_GTPU:
		return gtpu(w);
	case PORT_TEREDO:
		return teredo(w);
	case PORT_GRE:
		return STEP_GRE;
	case PORT_VXLAN:
	case PORT_VXLAN_OLD:
		return vxlan(w);
	case PORT_VXLAN_GPE:
		return vxlan_gpe(w);
	case PORT_GENEVE:
		return geneve(w);
	case PORT_MPLS:
		return STEP_MPLS;
	default:
		return STEP_DONE;
	}
}

enum step
step_udp(struct walk *w)
{
	const uint8_t *p = take(w, 8);
	uint16_t sport, dport;

	if (p == NULL)
		return STEP_DONE;
	sport = be16(p);
	dport = be16(p + 2);
	if (be16(p + 4) >= 8) // 0: left to the stack that segments it
		bound(w, be16(p + 4) - 8u);
	return of_port(w, is_tunnel_port(dport) ? dport : sport);
}
