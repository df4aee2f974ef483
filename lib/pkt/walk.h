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

static inline void
add_tunnel(struct walk *w, enum flow_tunnel_kind kind, uint32_t id)
{
	struct flow_tunnel *t = &w->out->tunnel;

	if (t->n == FLOW_TUNNELS_MAX)
		return;
	t->kinds[t->n] = (uint8_t)kind;
	t->ids[t->n++] = id;
}

static inline bool
is_icmp_error(uint8_t proto, uint8_t type)
{
	if (proto == FLOW_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return proto == FLOW_ICMP6 && type >= 1 && type <= 4;
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

enum {
	PORT_L2TP = 1701,
	PORT_GTPU = 2152,
	PORT_TEREDO = 3544,
	PORT_GRE = 4754, // RFC 8086
	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,
	PORT_VXLAN_OLD = 8472,
};

// One look, whatever the port: ports vary from packet to packet, and a branch for each would be guessed wrong.
static inline bool
is_tunnel_port(uint16_t port)
{
	enum { PLACES = 128 }; // enough that no two meet; the compiler would tell
	static const uint16_t ports[PLACES] = {
		[0] = 1, // is at no other place, and 0 is no tunnel
		[PORT_L2TP % PLACES] = PORT_L2TP,
		[PORT_GTPU % PLACES] = PORT_GTPU,
		[PORT_TEREDO % PLACES] = PORT_TEREDO,
		[PORT_GRE % PLACES] = PORT_GRE,
		[PORT_VXLAN % PLACES] = PORT_VXLAN,
		[PORT_VXLAN_GPE % PLACES] = PORT_VXLAN_GPE,
		[PORT_GENEVE % PLACES] = PORT_GENEVE,
		[PORT_MPLS % PLACES] = PORT_MPLS,
		[PORT_VXLAN_OLD % PLACES] = PORT_VXLAN_OLD,
	};

	return ports[port % PLACES] == port;
}

// A transport of which the ports (n bytes are there) say that no other header is in it.
static inline bool
is_plain(uint8_t proto, const uint8_t *p, size_t n)
{
	return proto == FLOW_TCP ||
	       (proto == FLOW_UDP && n >= 4 && !is_tunnel_port(be16(p)) && !is_tunnel_port(be16(p + 2)));
}

bool holds_ip(const uint8_t *, size_t n);       // an IP header that contradicts nothing
bool holds_ethernet(const uint8_t *, size_t n); // an Ethernet header, tags, and such an IP header
