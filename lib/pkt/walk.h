// pkt/walk: the state of pkt_locate on its way inwards. Private to pkt.
//
// Each step reads one header at `at` and names the next step. What is missing because the capture was cut is `truncated`; what is
// missing because a length field ended the datagram before it is `malformed`. What a first fragment lacks comes with later ones: to one that
// looks at single packets it was cut.

#pragma once

#include "pkt.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_ETHERNET = 0x6558, // transparent Ethernet bridging
	ETHERTYPE_PPP = 0x880b,
};

enum {
	PROTO_HOPOPT = 0,
	PROTO_IPV4 = 4,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_NONE = 59,
	PROTO_DSTOPTS = 60,
	PROTO_ETHERIP = 97,
	PROTO_L2TP = 115,
	PROTO_UDPLITE = 136,
	PROTO_MPLS = 137,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
	PROTO_ETHERNET = 143,
	PROTO_DCCP = 33,
};

enum step {
	STEP_ETHERNET,
	STEP_LLC,
	STEP_TAG,
	STEP_ETAG,
	STEP_VNTAG,
	STEP_PBB,
	STEP_MACSEC,
	STEP_METADATA,
	STEP_NSH,
	STEP_MPLS,
	STEP_PPPOE,
	STEP_PPP,
	STEP_IPV4,
	STEP_IPV6,
	STEP_GRE,
	STEP_ETHERIP,
	STEP_L2TP3,
	STEP_UDP,
	STEP_HEADERS, // those before read a header; those after end the walk
	STEP_DONE = STEP_HEADERS,
	STEP_NOT_IP,
	STEP_TRUNCATED,
	STEP_MALFORMED,
	STEP_TOO_DEEP
};

struct walk {
	const uint8_t *frame;
	const uint8_t *at, *end; // what is left to read
	bool bounded;            // a length field set `end`, not the capture
	bool in_fragment;        // `end` is that of a first fragment
	struct pkt *out;
};

static inline uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t
be24(const uint8_t *p)
{
	return be32(p) >> 8;
}

static inline size_t
left(const struct walk *w)
{
	return (size_t)(w->end - w->at);
}

// NULL when fewer are left; then the step ends with missing().
static inline const uint8_t *
take(struct walk *w, size_t n)
{
	const uint8_t *p = w->at;

	if (left(w) < n)
		return NULL;
	w->at += n;
	return p;
}

// Whether all of the datagram is there, so that a length beyond `end` contradicts the bytes.
static inline bool
is_whole(const struct walk *w)
{
	return w->bounded && !w->in_fragment;
}

static inline enum step
missing(const struct walk *w)
{
	return is_whole(w) ? STEP_MALFORMED : STEP_TRUNCATED;
}

// A length field says that its datagram is the next n bytes; what a lying or a cut one adds is not there to be read.
static inline void
bound(struct walk *w, size_t n)
{
	if (n >= left(w))
		return;
	w->end = w->at + n;
	w->bounded = true;
	w->in_fragment = false;
}

static inline void
note(struct walk *w, enum pkt_note n)
{
	w->out->notes |= 1u << n;
}

void add_tunnel(struct walk *, enum flow_tunnel_kind, uint32_t id);

static inline bool
is_icmp_error(uint8_t proto, uint8_t type)
{
	if (proto == FLOW_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return proto == FLOW_ICMP6 && type >= 1 && type <= 4;
}

// The fields of an IPv4 header at p; PKT_PROBED when it holds. Not ret->tunnels.
static inline enum pkt_verdict
read_v4(const uint8_t *frame, const uint8_t *p, size_t n, struct pkt_layer *ret)
{
	unsigned header, total, fragment;

	if (n < 20)
		return n > 0 && p[0] >> 4 != 4 ? PKT_MALFORMED : PKT_TRUNCATED;
	header = (p[0] & 15u) * 4;
	total = be16(p + 2);
	// A total length of 0 is what segmentation offload leaves in large packets: the packet ends with what encloses it.
	if (p[0] >> 4 != 4 || header < 20 || (total != 0 && total < header))
		return PKT_MALFORMED;
	fragment = be16(p + 6) & 0x3fff; // more fragments, and the offset in units of eight bytes
	ret->src = ip_from_v4(p + 12);
	ret->dst = ip_from_v4(p + 16);
	ret->transport = (uint16_t)(p + header - frame);
	ret->end = total != 0 ? (uint32_t)(p + total - frame) : 0;
	ret->proto = p[9];
	ret->header_cut = false;
	ret->fragment = fragment != 0;
	ret->fragment_at = (uint16_t)(fragment << 3);
	if (fragment != 0) {
		ret->fragment_last = (fragment & 0x2000) == 0;
		ret->fragment_id = be16(p + 4);
		ret->fragment_end = ret->fragment_at + (total > header ? total - header : 0);
	}
	return PKT_PROBED;
}

// One step each. link: what stands between a frame and IP.
enum step step_ethernet(struct walk *);
enum step step_llc(struct walk *);
enum step step_tag(struct walk *);
enum step step_etag(struct walk *);
enum step step_vntag(struct walk *);
enum step step_pbb(struct walk *);
enum step step_macsec(struct walk *);
enum step step_metadata(struct walk *);
enum step step_nsh(struct walk *);
enum step step_mpls(struct walk *);
enum step step_pppoe(struct walk *);
enum step step_ppp(struct walk *);
enum step of_ethertype(uint16_t); // the step that reads it

// ip: step_after_ip goes on behind the innermost layer.
enum step step_ipv4(struct walk *);
enum step step_ipv6(struct walk *);
enum step step_after_ip(struct walk *, bool v4);

// tunnel: what IP and UDP carry.
enum step step_gre(struct walk *);
enum step step_etherip(struct walk *);
enum step step_l2tp3(struct walk *);
enum step step_udp(struct walk *);
bool is_tunnel_port(uint16_t port);
bool holds_ip(const uint8_t *, size_t n);       // an IP header that contradicts nothing
bool holds_ethernet(const uint8_t *, size_t n); // an Ethernet header, tags, and such an IP header
