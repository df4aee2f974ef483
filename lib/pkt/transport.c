#include "pkt/walk.h"

static bool
has_ports(uint8_t proto)
{
	return proto == FLOW_TCP || proto == FLOW_UDP || proto == FLOW_SCTP || proto == PROTO_UDPLITE ||
	       proto == PROTO_DCCP;
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

static void
copy_fragment(const struct pkt_layer *layer, struct flow *f)
{
	f->fragment = true;
	f->fragment_last = layer->fragment_last;
	f->fragment_id = layer->fragment_id;
	f->fragment_at = layer->fragment_at;
	f->fragment_end = layer->fragment_end;
	if (layer->fragment_at > 0)
		f->payload = layer->fragment_end - layer->fragment_at;
}

void
pkt_flow(const uint8_t *frame, size_t captured, size_t wire, const struct pkt *pkt, unsigned index, struct flow *ret)
{
	const struct pkt_layer *layer = &pkt->layers[index];
	uint32_t end = layer->end != 0 ? layer->end : (uint32_t)wire;
	size_t n = captured;

	*ret = (struct flow){
		.src = layer->src,
		.dst = layer->dst,
		.proto = layer->proto,
		.bytes = (uint32_t)wire,
		.portless = layer->header_cut || layer->fragment_at > 0,
	};
	if (layer->tunnels > 0) {
		ret->tunnel = pkt->tunnel;
		ret->tunnel.n = layer->tunnels;
	}
	if (layer->fragment)
		copy_fragment(layer, ret);
	if (ret->portless)
		return;
	if (n > end)
		n = end; // padding of short frames is no transport
	n = n > layer->transport ? n - layer->transport : 0;
	read_transport(frame + (n > 0 ? layer->transport : 0), n, end > layer->transport ? end - layer->transport : 0,
		       ret);
}
