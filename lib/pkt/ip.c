#include "pkt/walk.h"

static struct pkt_layer *
next_layer(const struct walk *w)
{
	struct pkt *out = w->out;

	if (out->n == PKT_LAYERS_MAX)
		return NULL;
	out->layers[out->n].tunnels = out->tunnel.n;
	return &out->layers[out->n];
}

// Extension headers ------------------------------------------------------------------------------------------------------------

// Those that are walked; anything else ends the walk as the transport protocol (RFC 8200 section 4, IANA's registry). ESP hides the rest.
static bool
is_extension(uint8_t proto, bool v4)
{
	if (v4)
		return proto == PROTO_AH;
	switch (proto) {
	case PROTO_HOPOPT:
	case PROTO_ROUTING:
	case PROTO_FRAGMENT:
	case PROTO_AH:
	case PROTO_DSTOPTS:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return true;
	default:
		return false;
	}
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
read_fragment(const struct walk *w, const uint8_t *p, struct pkt_layer *layer)
{
	uint16_t field = be16(p + 2);
	uint32_t at = (uint32_t)(p + 8 - w->frame);

	if ((field & 0xfff9) == 0)
		return; // whole in one fragment (RFC 6946)
	layer->fragment = true;
	layer->fragment_last = (field & 1) == 0;
	layer->fragment_at = field & 0xfff8;
	layer->fragment_id = be32(p + 4);
	layer->fragment_end = layer->fragment_at + (layer->end > at ? layer->end - at : 0);
}

static bool
is_later_fragment(const struct pkt_layer *layer)
{
	return layer->fragment && layer->fragment_at > 0;
}

// The addresses are known: a chain that is cut or too long costs ports only, or it would be a place to hide.
static void
cut_chain(struct walk *w, struct pkt_layer *layer, int n)
{
	layer->header_cut = true;
	if (n == PKT_EXTENSIONS_MAX)
		note(w, PKT_INNER_TOO_DEEP);
	else
		note(w, is_whole(w) ? PKT_INNER_MALFORMED : PKT_INNER_TRUNCATED);
}

static void
walk_extensions(struct walk *w, struct pkt_layer *layer, bool v4)
{
	for (int n = 0; is_extension(layer->proto, v4) && !is_later_fragment(layer); n++) {
		const uint8_t *p = w->at;
		size_t len;

		if (n == PKT_EXTENSIONS_MAX || left(w) < 8 || left(w) < (len = extension_length(layer->proto, p))) {
			cut_chain(w, layer, n);
			break;
		}
		if (layer->proto == PROTO_FRAGMENT)
			read_fragment(w, p, layer);
		layer->proto = p[0];
		w->at += len;
	}
	layer->transport = (uint16_t)(w->at - w->frame);
}

// Whether a hop-by-hop header of `n` captured bytes holds the jumbo payload option.
static bool
is_jumbogram(const uint8_t *p, size_t n)
{
	enum { PAD1 = 0, JUMBO = 0xc2 };
	size_t len = n >= 2 ? (p[1] + 1u) * 8 : 0;

	for (size_t at = 2; at + 1 < len && at + 1 < n; at += p[at] == PAD1 ? 1 : 2u + p[at + 1])
		if (p[at] == JUMBO)
			return true;
	return false;
}

// Steps ------------------------------------------------------------------------------------------------------------------------

// The fields of an IPv4 header at p; PKT_PROBED when it holds. Not ret->tunnels.
static enum pkt_verdict
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

enum step
step_ipv4(struct walk *w)
{
	struct pkt_layer *layer = next_layer(w);
	enum pkt_verdict v;

	if (layer == NULL)
		return STEP_TOO_DEEP;
	v = read_v4(w->frame, w->at, left(w), layer);
	if (v != PKT_PROBED)
		return v == PKT_MALFORMED ? STEP_MALFORMED : missing(w);
	w->out->n++;
	return step_after_ip(w, true);
}

enum step
step_ipv6(struct walk *w)
{
	struct pkt_layer *layer = next_layer(w);
	const uint8_t *p;
	unsigned payload;

	if (layer == NULL)
		return STEP_TOO_DEEP;
	if (left(w) > 0 && w->at[0] >> 4 != 6)
		return STEP_MALFORMED;
	if ((p = take(w, 40)) == NULL)
		return missing(w);
	payload = be16(p + 4);
	layer->src = ip_from_v6(p + 8);
	layer->dst = ip_from_v6(p + 24);
	layer->proto = p[6];
	layer->end = payload != 0 || p[6] == PROTO_NONE ? (uint32_t)(p + 40 + payload - w->frame) : 0;
	layer->fragment = layer->header_cut = false;
	layer->fragment_at = 0;
	layer->transport = (uint16_t)(w->at - w->frame);
	if (payload == 0 && p[6] == PROTO_HOPOPT && is_jumbogram(w->at, left(w)))
		note(w, PKT_JUMBOGRAM);
	w->out->n++;
	return step_after_ip(w, false);
}

// RFC 1858: a first fragment that does not hold the whole transport header, or a later one that begins inside it.
static bool
is_tiny(const struct pkt_layer *layer)
{
	uint32_t header = layer->proto == FLOW_TCP ? 20 : 8;

	return layer->fragment && (layer->fragment_at == 0 ? layer->fragment_end : layer->fragment_at) < header;
}

static enum step
below_ip(struct walk *w, const struct pkt_layer *layer, bool v4)
{
	switch (layer->proto) {
	case FLOW_UDP:
		return STEP_UDP;
	case PROTO_IPV4:
		add_tunnel(w, v4 ? FLOW_IPIP : FLOW_4IN6, 0);
		return STEP_IPV4;
	case PROTO_IPV6:
		add_tunnel(w, v4 ? FLOW_6IN4 : FLOW_6IN6, 0);
		return STEP_IPV6;
	case PROTO_GRE:
		return STEP_GRE;
	case PROTO_MPLS:
		return STEP_MPLS;
	case PROTO_L2TP:
		return STEP_L2TP3;
	case PROTO_ETHERIP:
		return STEP_ETHERIP;
	case PROTO_ETHERNET:
		add_tunnel(w, FLOW_SRV6, 0);
		return STEP_ETHERNET;
	case FLOW_ICMP:
	case FLOW_ICMP6:
		if (left(w) > 0 && is_icmp_error(layer->proto, w->at[0]))
			note(w, PKT_QUOTED);
		return STEP_DONE;
	default:
		return STEP_DONE;
	}
}

// All of it is there, and nothing further in it: so are nearly all.
static inline bool
is_last(const struct walk *w, const struct pkt_layer *layer)
{
	return !layer->fragment && layer->end != 0 && layer->end <= (size_t)(w->end - w->frame) &&
	       is_plain(layer->proto, w->frame + layer->transport, layer->end - layer->transport);
}

enum step
step_after_ip(struct walk *w, bool v4)
{
	struct pkt_layer *layer = &w->out->layers[w->out->n - 1];
	const uint8_t *transport = w->frame + layer->transport;

	if (is_last(w, layer))
		return STEP_DONE;
	if (layer->end != 0 && layer->end < (size_t)(w->end - w->frame)) {
		w->end = w->frame + layer->end;
		w->bounded = true;
		w->in_fragment = false;
	}
	if (transport > w->end) {
		layer->header_cut = true;
		note(w, is_whole(w) ? PKT_INNER_MALFORMED : PKT_INNER_TRUNCATED);
		return STEP_DONE;
	}
	w->at = transport;
	walk_extensions(w, layer, v4);
	if (w->bounded)
		layer->end = (uint32_t)(w->end - w->frame); // what encloses it may end earlier
	if (!layer->header_cut && is_tiny(layer)) {
		note(w, PKT_FRAGMENT_TINY);
		layer->header_cut = true;
	}
	w->in_fragment |= layer->fragment;
	return layer->header_cut || is_later_fragment(layer) ? STEP_DONE : below_ip(w, layer, v4);
}
