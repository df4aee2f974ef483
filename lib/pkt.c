#include "pkt.h"

#include "pkt/walk.h"

const char *
pkt_verdict_name(enum pkt_verdict v)
{
	static const char *const names[PKT_VERDICTS] = {"probed", "not_ip", "truncated", "malformed", "too_deep"};

	return names[v];
}

const char *
pkt_note_name(enum pkt_note n)
{
	static const char *const names[PKT_NOTES] = {"inner_not_ip",   "inner_truncated", "inner_malformed",
						     "inner_too_deep", "jumbogram",       "fragment_tiny",
						     "quoted"};

	return names[n];
}

void
add_tunnel(struct walk *w, enum flow_tunnel_kind kind, uint32_t id)
{
	struct flow_tunnel *t = &w->out->tunnel;

	if (t->n == FLOW_TUNNELS_MAX)
		return;
	t->kinds[t->n] = (uint8_t)kind;
	t->ids[t->n++] = id;
}

static enum step
take_step(struct walk *w, enum step step)
{
	switch (step) {
	case STEP_ETHERNET:
		return step_ethernet(w);
	case STEP_LLC:
		return step_llc(w);
	case STEP_TAG:
		return step_tag(w);
	case STEP_ETAG:
		return step_etag(w);
	case STEP_VNTAG:
		return step_vntag(w);
	case STEP_PBB:
		return step_pbb(w);
	case STEP_MACSEC:
		return step_macsec(w);
	case STEP_METADATA:
		return step_metadata(w);
	case STEP_NSH:
		return step_nsh(w);
	case STEP_MPLS:
		return step_mpls(w);
	case STEP_PPPOE:
		return step_pppoe(w);
	case STEP_PPP:
		return step_ppp(w);
	case STEP_IPV4:
		return step_ipv4(w);
	case STEP_IPV6:
		return step_ipv6(w);
	case STEP_GRE:
		return step_gre(w);
	case STEP_ETHERIP:
		return step_etherip(w);
	case STEP_L2TP3:
		return step_l2tp3(w);
	case STEP_UDP:
		return step_udp(w);
	default:
		return step;
	}
}

// Why a packet without any IP layer was not probed.
static enum pkt_verdict
verdict_of(enum step step)
{
	switch (step) {
	case STEP_TRUNCATED:
		return PKT_TRUNCATED;
	case STEP_MALFORMED:
		return PKT_MALFORMED;
	case STEP_TOO_DEEP:
		return PKT_TOO_DEEP;
	default:
		return PKT_NOT_IP;
	}
}

// Why nothing more was found inside the layers that were probed.
static void
note_end(struct walk *w, enum step step)
{
	switch (step) {
	case STEP_NOT_IP:
		note(w, PKT_INNER_NOT_IP);
		break;
	case STEP_TRUNCATED:
		note(w, PKT_INNER_TRUNCATED);
		break;
	case STEP_MALFORMED:
		note(w, PKT_INNER_MALFORMED);
		break;
	case STEP_TOO_DEEP:
		note(w, PKT_INNER_TOO_DEEP);
		break;
	default:
		break;
	}
}

static enum pkt_verdict
walk_on(struct walk *w, enum step step)
{
	// UDP is a header of its own only where a tunnel is in it.
	for (int n = 0; step < STEP_HEADERS; n += step != STEP_UDP)
		step = n < PKT_HEADERS_MAX || step == STEP_UDP ? take_step(w, step) : STEP_TOO_DEEP;
	if (w->out->n == 0)
		return verdict_of(step);
	note_end(w, step);
	return PKT_PROBED;
}

static __attribute__((noinline)) enum pkt_verdict
walk(const uint8_t *frame, size_t captured, struct pkt *ret)
{
	struct walk w = {.frame = frame, .at = frame, .end = frame + captured, .out = ret};

	ret->n = 0;
	ret->tunnel.n = 0;
	return walk_on(&w, STEP_ETHERNET);
}

// A transport that may hold no other header.
static inline bool
is_plain(const struct pkt_layer *layer, const uint8_t *p, size_t n)
{
	if (layer->fragment || n < layer->transport)
		return false;
	if (layer->proto == FLOW_TCP)
		return true;
	return layer->proto == FLOW_UDP && n >= layer->transport + 4u && !is_tunnel_port(be16(p + layer->transport)) &&
	       !is_tunnel_port(be16(p + layer->transport + 2));
}

enum pkt_verdict
pkt_locate(const uint8_t *frame, size_t captured, struct pkt *ret)
{
	struct pkt_layer *layer = &ret->layers[0];

	ret->notes = 0;
	if (captured >= 34 && be16(frame + 12) == ETHERTYPE_IPV4 &&
	    read_v4(frame, frame + 14, captured - 14, layer) == PKT_PROBED && is_plain(layer, frame, captured)) {
		layer->tunnels = 0;
		ret->n = 1;
		return PKT_PROBED;
	}
	return walk(frame, captured, ret);
}
