#include "pkt.h"

#include <string.h>

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD1 = 0x9100,
	ETHERTYPE_QINQ_OLD2 = 0x9200,
	ETHERTYPE_MIN = 0x0600, // below, the field is a length (IEEE 802.3)
};

enum {
	PROTO_HOPOPT = 0,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_NONE = 59,
	PROTO_DSTOPTS = 60,
	PROTO_UDPLITE = 136
};

struct cursor { // what is left of the captured bytes
	const uint8_t *at, *end;
};

static inline size_t
left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static inline const uint8_t *
take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->at;

	if (left(c) < n)
		return NULL;
	c->at += n;
	return p;
}

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

const char *
pkt_verdict_name(enum pkt_verdict v)
{
	static const char *const names[PKT_VERDICTS] = {"probed", "not_ip", "truncated", "malformed", "too_deep"};

	return names[v];
}

static bool
is_tag(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ || ethertype == ETHERTYPE_QINQ_OLD1 ||
	       ethertype == ETHERTYPE_QINQ_OLD2;
}

// IEEE 802.3 with LLC and SNAP (RFC 1042): AA AA 03, an organization code of zeros, and an Ethernet type.
static enum pkt_verdict
skip_snap(struct cursor *c, uint16_t *ethertype)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03};
	const uint8_t *p = take(c, 8);

	if (p == NULL || memcmp(p, snap, sizeof(snap)) != 0)
		return PKT_NOT_IP;
	*ethertype = be16(p + 6);
	return PKT_PROBED;
}

static enum pkt_verdict
skip_tags(struct cursor *c, uint16_t *ethertype)
{
	const uint8_t *p;

	for (int depth = 0; is_tag(*ethertype); depth++) {
		if (depth == PKT_DEPTH_MAX)
			return PKT_TOO_DEEP;
		if ((p = take(c, 4)) == NULL)
			return PKT_TRUNCATED;
		*ethertype = be16(p + 2);
	}
	return *ethertype < ETHERTYPE_MIN ? skip_snap(c, ethertype) : PKT_PROBED;
}

static inline enum pkt_verdict
locate_v4(const uint8_t *frame, struct cursor c, struct pkt_ip *ret)
{
	const uint8_t *p = c.at;
	unsigned header, total;

	if (left(&c) < 20)
		return left(&c) > 0 && p[0] >> 4 != 4 ? PKT_MALFORMED : PKT_TRUNCATED;
	header = (p[0] & 15u) * 4;
	total = be16(p + 2);
	// A total length of 0 is what segmentation offload leaves in large packets: the packet ends with the frame.
	if (p[0] >> 4 != 4 || header < 20 || (total != 0 && total < header))
		return PKT_MALFORMED;
	ret->src = ip_from_v4(p + 12);
	ret->dst = ip_from_v4(p + 16);
	ret->transport = (uint16_t)(p + header - frame);
	ret->end = total != 0 ? (uint32_t)(p + total - frame) : 0;
	ret->proto = p[9];
	ret->fragment = (be16(p + 6) & 0x1fff) != 0;
	ret->header_cut = false;
	return PKT_PROBED;
}

// The extension headers that are walked; anything else ends the walk as the transport protocol (RFC 8200 section 4).
static bool
is_extension(uint8_t proto)
{
	return proto == PROTO_HOPOPT || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT || proto == PROTO_AH ||
	       proto == PROTO_DSTOPTS;
}

static size_t
extension_length(uint8_t proto, const uint8_t *p)
{
	if (proto == PROTO_FRAGMENT)
		return 8;
	if (proto == PROTO_AH)
		return (p[1] + 2u) * 4; // RFC 4302 counts words
	return (p[1] + 1u) * 8;
}

static void
walk_extensions(const uint8_t *frame, struct cursor *c, struct pkt_ip *ret)
{
	for (int n = 0; is_extension(ret->proto) && !ret->fragment; n++) {
		const uint8_t *p = c->at;
		size_t len;

		// The addresses are known: a chain that is cut or too long costs ports only, or it would be a way to hide.
		if (n == PKT_EXTENSIONS_MAX || left(c) < 8 || left(c) < (len = extension_length(ret->proto, p))) {
			ret->header_cut = true;
			break;
		}
		if (ret->proto == PROTO_FRAGMENT)
			ret->fragment = (be16(p + 2) & 0xfff8) != 0;
		ret->proto = p[0];
		c->at += len;
	}
	ret->transport = (uint16_t)(c->at - frame);
}

static enum pkt_verdict
locate_v6(const uint8_t *frame, struct cursor c, struct pkt_ip *ret)
{
	const uint8_t *p = take(&c, 40);
	unsigned payload;

	if (p == NULL)
		return left(&c) > 0 && c.at[0] >> 4 != 6 ? PKT_MALFORMED : PKT_TRUNCATED;
	if (p[0] >> 4 != 6)
		return PKT_MALFORMED;
	payload = be16(p + 4);
	ret->src = ip_from_v6(p + 8);
	ret->dst = ip_from_v6(p + 24);
	ret->proto = p[6];
	ret->end = payload != 0 || p[6] == PROTO_NONE ? (uint32_t)(p + 40 + payload - frame) : 0;
	ret->fragment = false;
	ret->header_cut = false;
	walk_extensions(frame, &c, ret);
	return PKT_PROBED;
}

enum pkt_verdict
pkt_locate(const uint8_t *frame, size_t captured, struct pkt_ip *ret)
{
	struct cursor c = {frame, frame + captured};
	const uint8_t *ethernet = take(&c, 14);
	enum pkt_verdict v;
	uint16_t ethertype;

	if (ethernet == NULL)
		return PKT_TRUNCATED;
	ethertype = be16(ethernet + 12);
	if (ethertype == ETHERTYPE_IPV4)
		return locate_v4(frame, c, ret);
	if ((v = skip_tags(&c, &ethertype)) != PKT_PROBED)
		return v;
	if (ethertype == ETHERTYPE_IPV4)
		return locate_v4(frame, c, ret);
	if (ethertype == ETHERTYPE_IPV6)
		return locate_v6(frame, c, ret);
	return PKT_NOT_IP;
}

// Transport ------------------------------------------------------------------------------------------------------------------------

static bool
has_ports(uint8_t proto)
{
	return proto == FLOW_TCP || proto == FLOW_UDP || proto == FLOW_SCTP || proto == PROTO_UDPLITE;
}

static bool
is_icmp_error(uint8_t proto, uint8_t type)
{
	if (proto == FLOW_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return proto == FLOW_ICMP6 && type >= 1 && type <= 4;
}

static void
read_tcp(const uint8_t *p, size_t n, uint32_t segment, struct flow *f)
{
	uint32_t header;

	if (n < 14)
		return;
	f->seq = be32(p + 4);
	f->ack = be32(p + 8);
	f->tcp_flags = p[13];
	header = (p[12] >> 4) * 4u;
	f->payload = header >= 20 && segment > header ? segment - header : 0;
}

// n: captured bytes of the transport header and what follows; segment: its length by the IP header.
static void
read_transport(const uint8_t *p, size_t n, uint32_t segment, struct flow *f)
{
	if (has_ports(f->proto)) {
		if (n < 4) {
			f->portless = true;
			return;
		}
		f->sport = be16(p);
		f->dport = be16(p + 2);
	}
	if (f->proto == FLOW_TCP)
		read_tcp(p, n, segment, f);
	else if (f->proto == FLOW_UDP || f->proto == PROTO_UDPLITE)
		f->payload = segment > 8 ? segment - 8 : 0;
	else if (f->proto == FLOW_SCTP)
		f->payload = segment > 12 ? segment - 12 : 0;
	else if (n >= 1)
		f->icmp_error = is_icmp_error(f->proto, p[0]);
}

void
pkt_flow(const uint8_t *frame, size_t captured, size_t wire, const struct pkt_ip *ip, struct flow *ret)
{
	uint32_t end = ip->end != 0 ? ip->end : (uint32_t)wire;
	size_t n = captured;

	*ret = (struct flow){
		.src = ip->src,
		.dst = ip->dst,
		.proto = ip->proto,
		.bytes = (uint32_t)wire,
		.portless = ip->fragment || ip->header_cut,
	};
	if (ret->portless)
		return;
	if (n > end)
		n = end; // padding of short frames is no transport
	n = n > ip->transport ? n - ip->transport : 0;
	read_transport(frame + (n > 0 ? ip->transport : 0), n, end > ip->transport ? end - ip->transport : 0, ret);
}
