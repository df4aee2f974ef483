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
	ret->notes = 0;
	ret->tunnel.n = 0;
	return walk_on(&w, STEP_ETHERNET);
}

// What nearly every packet is, so that it pays for nothing else: IPv4 without options, whole, and no tunnel in it. Says what the walk would; the
// tests compare both with the reference parser.
static inline bool
is_common(const uint8_t *frame, size_t captured)
{
	const uint8_t *ip = frame + 14;

	return captured >= 34 && be16(frame + 12) == ETHERTYPE_IPV4 && ip[0] == 0x45 && (be16(ip + 6) & 0x3fff) == 0 &&
	       (be16(ip + 2) == 0 || be16(ip + 2) >= 20) && is_plain(ip[9], ip + 20, captured - 34);
}

enum pkt_verdict
pkt_locate(const uint8_t *frame, size_t captured, struct pkt *ret)
{
	const uint8_t *ip = frame + 14;
	struct pkt_layer *layer = &ret->layers[0];

	if (!is_common(frame, captured))
		return walk(frame, captured, ret);
	layer->src = ip_from_v4(ip + 12);
	layer->dst = ip_from_v4(ip + 16);
	layer->end = be16(ip + 2) != 0 ? 14u + be16(ip + 2) : 0;
	layer->fragment_at = 0;
	layer->transport = 34;
	layer->proto = ip[9];
	layer->tunnels = 0;
	layer->fragment = layer->fragment_last = layer->header_cut = false;
	ret->n = 1;
	ret->notes = 0;
	return PKT_PROBED;
}
