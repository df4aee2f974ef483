#include "pkt/walk.h"

#include <string.h>

enum {
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD1 = 0x9100,
	ETHERTYPE_QINQ_OLD2 = 0x9200,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_MULTICAST = 0x8848,
	ETHERTYPE_PPPOE = 0x8864,
	ETHERTYPE_LLC = 0x8870, // LLC in frames that are longer than a length field may say
	ETHERTYPE_PBB = 0x88e7,
	ETHERTYPE_MACSEC = 0x88e5,
	ETHERTYPE_METADATA = 0x8909, // Cisco MetaData
	ETHERTYPE_VNTAG = 0x8926,
	ETHERTYPE_ETAG = 0x893f,
	ETHERTYPE_NSH = 0x894f,
	ETHERTYPE_MIN = 0x0600, // below, the field is a length (IEEE 802.3)
};

enum {
	PPP_IPV4 = 0x0021,
	PPP_BRIDGED = 0x0031,
	PPP_MULTILINK = 0x003d,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	PPP_MPLS_MULTICAST = 0x0283,
};

enum step
of_ethertype(uint16_t type)
{
	switch (type) {
	case ETHERTYPE_IPV4:
		return STEP_IPV4;
	case ETHERTYPE_IPV6:
		return STEP_IPV6;
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_QINQ_OLD1:
	case ETHERTYPE_QINQ_OLD2:
		return STEP_TAG;
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_MULTICAST:
		return STEP_MPLS;
	case ETHERTYPE_PPPOE:
		return STEP_PPPOE;
	case ETHERTYPE_LLC:
		return STEP_LLC;
	case ETHERTYPE_ETHERNET:
		return STEP_ETHERNET;
	case ETHERTYPE_PPP:
		return STEP_PPP;
	case ETHERTYPE_NSH:
		return STEP_NSH;
	case ETHERTYPE_PBB:
		return STEP_PBB;
	case ETHERTYPE_MACSEC:
		return STEP_MACSEC;
	case ETHERTYPE_METADATA:
		return STEP_METADATA;
	case ETHERTYPE_VNTAG:
		return STEP_VNTAG;
	case ETHERTYPE_ETAG:
		return STEP_ETAG;
	default:
		return STEP_NOT_IP;
	}
}

// Behind Ethernet addresses or a tag the field may be a length instead.
static enum step
of_type_or_length(uint16_t type)
{
	return type < ETHERTYPE_MIN ? STEP_LLC : of_ethertype(type);
}

enum step
step_ethernet(struct walk *w)
{
	const uint8_t *p = take(w, 14);

	return p == NULL ? missing(w) : of_type_or_length(be16(p + 12));
}

// IEEE 802.2: SNAP (AA AA 03, an organization code, an Ethernet type), or IP by its own SAP (06 06 03). The code is 0 (RFC 1042), or
// 00-00-F8 in frames that a bridge translated (IEEE 802.1H).
enum step
step_llc(struct walk *w)
{
	static const uint8_t snap[3] = {0xaa, 0xaa, 0x03}, ip[3] = {0x06, 0x06, 0x03};
	const uint8_t *p = take(w, 3);

	if (p == NULL)
		return missing(w);
	if (memcmp(p, ip, sizeof(ip)) == 0)
		return STEP_IPV4;
	if (memcmp(p, snap, sizeof(snap)) != 0)
		return STEP_NOT_IP;
	if ((p = take(w, 5)) == NULL)
		return missing(w);
	return be24(p) == 0 || be24(p) == 0xf8 ? of_ethertype(be16(p + 3)) : STEP_NOT_IP;
}

enum step
step_tag(struct walk *w)
{
	const uint8_t *p = take(w, 4);

	if (p == NULL)
		return missing(w);
	add_tunnel(w, FLOW_VLAN, be16(p) & 0xfff);
	return of_type_or_length(be16(p + 2));
}

enum step
step_etag(struct walk *w)
{
	const uint8_t *p = take(w, 8);

	if (p == NULL)
		return missing(w);
	add_tunnel(w, FLOW_ETAG, (be16(p + 2) & 0x3fffu) | (uint32_t)p[5] << 14);
	return of_type_or_length(be16(p + 6));
}

enum step
step_vntag(struct walk *w)
{
	const uint8_t *p = take(w, 6);

	if (p == NULL)
		return missing(w);
	add_tunnel(w, FLOW_VNTAG, (be16(p) & 0x3fffu) << 16 | (be16(p + 2) & 0xfffu));
	return of_type_or_length(be16(p + 4));
}

enum step
step_pbb(struct walk *w)
{
	const uint8_t *p = take(w, 4);

	if (p == NULL)
		return missing(w);
	add_tunnel(w, FLOW_PBB, be32(p) & 0xffffff);
	return STEP_ETHERNET;
}

// Only where neither E nor C says that the payload is encrypted or changed.
enum step
step_macsec(struct walk *w)
{
	const uint8_t *p = take(w, 6);

	if (p == NULL)
		return missing(w);
	if (p[0] & 0x0c)
		return STEP_NOT_IP;
	if ((p[0] & 0x20) != 0 && take(w, 8) == NULL) // with the secure channel's identifier
		return missing(w);
	if ((p = take(w, 2)) == NULL)
		return missing(w);
	add_tunnel(w, FLOW_MACSEC, 0);
	return of_type_or_length(be16(p));
}

// Version, length, option, tag; in Ethernet the type of what follows is behind them, in GRE before them.
enum step
step_metadata(struct walk *w)
{
	const uint8_t *p = take(w, 8);

	return p == NULL ? missing(w) : of_ethertype(be16(p[0] == 1 ? p + 6 : p));
}

static enum step
of_nsh_protocol(uint8_t next)
{
	static const enum step steps[] = {STEP_NOT_IP, STEP_IPV4, STEP_IPV6, STEP_ETHERNET, STEP_NSH, STEP_MPLS};

	return next < sizeof(steps) / sizeof(*steps) ? steps[next] : STEP_NOT_IP;
}

enum step
step_nsh(struct walk *w)
{
	size_t len = left(w) < 8 ? 8 : (w->at[1] & 0x3fu) * 4;
	const uint8_t *p = take(w, len);

	if (p == NULL)
		return missing(w);
	if (p[0] >> 6 != 0 || len < 8)
		return STEP_MALFORMED;
	add_tunnel(w, FLOW_NSH, be24(p + 4));
	return of_nsh_protocol(p[3]);
}

// MPLS -------------------------------------------------------------------------------------------------------------------------

static enum step
pseudowire(struct walk *w, size_t control_word)
{
	w->at += control_word;
	add_tunnel(w, FLOW_PW, 0);
	return STEP_ETHERNET;
}

// Nothing in a label says what it carries. The first four bits do, for IP and for control words (RFC 4385, RFC 4928); an
// Ethernet pseudowire may begin with any bits, so that it is one only when the bytes hold as Ethernet with IP in it.
static enum step
below_labels(struct walk *w)
{
	unsigned nibble;

	if (left(w) == 0)
		return missing(w);
	nibble = w->at[0] >> 4;
	if ((nibble == 4 || nibble == 6) && (holds_ip(w->at, left(w)) || !holds_ethernet(w->at, left(w))))
		return nibble == 4 ? STEP_IPV4 : STEP_IPV6;
	if (nibble == 0 && left(w) > 4 && holds_ethernet(w->at + 4, left(w) - 4))
		return pseudowire(w, 4);
	return holds_ethernet(w->at, left(w)) ? pseudowire(w, 0) : STEP_NOT_IP;
}

enum step
step_mpls(struct walk *w)
{
	const uint8_t *p = take(w, 4);

	if (p == NULL)
		return missing(w);
	add_tunnel(w, FLOW_MPLS, be32(p) >> 12);
	return p[2] & 1 ? below_labels(w) : STEP_MPLS;
}

// PPP --------------------------------------------------------------------------------------------------------------------------

enum step
step_pppoe(struct walk *w)
{
	const uint8_t *p = take(w, 6);

	if (p == NULL)
		return missing(w);
	if (p[0] != 0x11)
		return STEP_MALFORMED;
	if (p[1] != 0) // discovery
		return STEP_NOT_IP;
	add_tunnel(w, FLOW_PPPOE, be16(p + 2));
	bound(w, be16(p + 4));
	return STEP_PPP;
}

// Flags and kind of the frame, perhaps the LAN it is of (RFC 3518 section 4.2).
static enum step
bridged(struct walk *w)
{
	enum { LAN = 0x40, ETHERNET = 1 };
	const uint8_t *p = take(w, 2);

	if (p == NULL || ((p[0] & LAN) != 0 && take(w, 4) == NULL))
		return missing(w);
	return p[1] == ETHERNET ? STEP_ETHERNET : STEP_NOT_IP;
}

// A packet, or a part of it, with a number of 24 bits (RFC 1990 section 3); only the first part has headers.
static enum step
multilink(struct walk *w)
{
	enum { BEGIN = 0x80, END = 0x40 };
	const uint8_t *p = take(w, 4);

	if (p == NULL)
		return missing(w);
	w->in_fragment |= (p[0] & END) == 0;
	return p[0] & BEGIN ? STEP_PPP : STEP_NOT_IP;
}

static enum step
of_ppp_protocol(struct walk *w, uint16_t protocol)
{
	switch (protocol) {
	case PPP_IPV4:
		return STEP_IPV4;
	case PPP_IPV6:
		return STEP_IPV6;
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		return STEP_MPLS;
	case PPP_BRIDGED:
		return bridged(w);
	case PPP_MULTILINK:
		return multilink(w);
	default:
		return STEP_NOT_IP;
	}
}

// The address and control fields may be there, and a protocol below 0x100 may be one byte (RFC 1661 section 6.5): its low bit is
// set, which that of a first byte of two never is.
enum step
step_ppp(struct walk *w)
{
	uint16_t protocol;

	if (left(w) >= 2 && w->at[0] == 0xff && w->at[1] == 0x03)
		w->at += 2;
	if (left(w) < 2)
		return missing(w);
	if (w->at[0] & 1) {
		protocol = w->at[0];
		w->at += 1;
	} else {
		protocol = be16(w->at);
		w->at += 2;
	}
	return of_ppp_protocol(w, protocol);
}
