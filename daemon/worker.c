#include "worker.h"

#include "clock.h"
#include "contact.h"
#include "fragment.h"
#include "headers.h"
#include "pkt.h"
#include "tsan.h"

#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST        32 // packets; two addresses each fill one C2SET_BURST
#define PAIRS        (BURST * PKT_LAYERS_MAX)
#define FRAGMENTS    1024 // datagrams whose later fragments are awaited
#define REPORTS      4096 // places in a worker's report ring
#define FORWARDS     1024 // places in a ring between two workers
#define IDLE_POLLS   64   // empty polls before the core is offered to others
#define SWEEP_POLLS  16   // polls between two steps of the sweep
#define SWEEP_BUDGET 64   // places of the contact table in one step

struct hit { // what one worker hands to another
	struct flow flow;
	struct flow_match match[2]; // of flow.src, flow.dst
};

struct burst { // the packets of one receive, as the steps below fill it
	struct rte_mbuf *mbufs[BURST];
	unsigned n;
	const uint8_t *headers[BURST];
	uint32_t captured[BURST];
	struct pkt pkts[BURST];
	uint8_t packet_of[PAIRS], layer_of[PAIRS]; // of each pair of addresses to be probed
	struct ip_addr addrs[2 * PAIRS];
	unsigned pairs;
	uint32_t hits;            // bit per packet
	uint8_t hit_layer[BURST]; // the innermost that matched
	uint8_t copies[BURST][HEADERS_MAX];
};

struct worker {
	unsigned index;
	struct workers *all;
	const struct port *ports;
	size_t n_ports;
	struct reload *reload;
	struct clock clock;
	enum pkt_match match;
	int64_t as_of; // epoch seconds for the ageing of indicators; 0: the time of the packet
	struct contact_table *contacts;
	struct fragment_cache *fragments;
	struct burst *burst; // the one in hand
	struct rte_ring *reports;
	struct rte_ring *from[WORKERS_MAX]; // hits that others found; NULL from itself
	struct rte_ring *to[WORKERS_MAX];   // hits for others
	unsigned idle, polls;
	struct contact_facts facts_seen;
	struct stats stats;
};

_Static_assert(2 * BURST == C2SET_BURST, "an untunnelled burst is matched in one call");
_Static_assert(sizeof(struct hit) % 4 == 0 && sizeof(struct contact_report) % 4 == 0, "ring elements are words");

unsigned
worker_owner(const struct ip_addr *a, const struct ip_addr *b, unsigned n)
{
	// A sum does not care which came first; not the salt of any other table.
	uint64_t h = ip_hash(a, 0x5851F42D4C957F2Du) + ip_hash(b, 0x5851F42D4C957F2Du);

	return (unsigned)((h >> 32) % n); // ip_hash has folded the upper half into the lower one
}

static bool
emit(void *context, const struct contact_report *report)
{
	struct worker *w = context;

	// DPDK copies the element and only lacks the const.
	while (rte_ring_sp_enqueue_elem(w->reports, (void *)(uintptr_t)report, sizeof(*report)) != 0) {
		if (!w->clock.replay)
			return false; // a tap does not wait
		sched_yield();        // a capture does, so that its report does not depend on timing
	}
	return true;
}

static void
receive(struct worker *w, const struct port *port, struct burst *b)
{
	b->n = rte_eth_rx_burst(port->id, (uint16_t)w->index, b->mbufs, BURST);
	for (unsigned i = 0; i < b->n; i++) {
		tsan_takes(b->mbufs[i]);
		rte_prefetch0(rte_pktmbuf_mtod(b->mbufs[i], const void *));
	}
}

// The layers of a packet that are to be probed, the outermost first.
static inline void
line_up(struct burst *b, unsigned i, enum pkt_match match)
{
	const struct pkt *p = &b->pkts[i];
	unsigned end = match == PKT_OUTER ? 1 : p->n;

	for (unsigned l = match == PKT_INNER ? p->n - 1 : 0; l < end; l++) {
		b->addrs[2 * b->pairs] = p->layers[l].src;
		b->addrs[2 * b->pairs + 1] = p->layers[l].dst;
		b->packet_of[b->pairs] = (uint8_t)i;
		b->layer_of[b->pairs++] = (uint8_t)l;
	}
}

static void
count_notes(struct worker *w, uint32_t notes)
{
	for (; notes != 0; notes &= notes - 1)
		stats_add(&w->stats.notes[__builtin_ctz(notes)], 1);
}

// Every packet gets its verdict here; the addresses of those that have some are lined up for the probe.
static void
parse(struct worker *w, struct burst *b)
{
	uint32_t verdicts[PKT_VERDICTS] = {0};
	uint64_t bytes = 0;

	b->pairs = 0;
	for (unsigned i = 0; i < b->n; i++) {
		enum pkt_verdict v;

		b->headers[i] = headers_linear(b->mbufs[i], b->copies[i], &b->captured[i]);
		v = pkt_locate(b->headers[i], b->captured[i], &b->pkts[i]);
		verdicts[v]++;
		bytes += rte_pktmbuf_pkt_len(b->mbufs[i]);
		if (v == PKT_PROBED)
			line_up(b, i, w->match);
		if (unlikely(b->pkts[i].notes != 0))
			count_notes(w, b->pkts[i].notes);
	}
	stats_add(&w->stats.received, b->n);
	stats_add(&w->stats.bytes, bytes);
	for (int v = 0; v < PKT_VERDICTS; v++)
		stats_add(&w->stats.verdicts[v], verdicts[v]);
}

// A later pair of the same packet is a layer further in: the innermost that matches wins.
static void
probe(const struct c2set *c2, struct burst *b)
{
	b->hits = 0;
	for (unsigned at = 0; at < b->pairs; at += BURST) {
		uint64_t hits = c2set_match(c2, &b->addrs[2 * at], 2 * RTE_MIN(b->pairs - at, (unsigned)BURST));

		for (; hits != 0; hits &= hits - 1) {
			unsigned pair = at + (unsigned)__builtin_ctzll(hits) / 2;

			b->hits |= UINT32_C(1) << b->packet_of[pair];
			b->hit_layer[b->packet_of[pair]] = b->layer_of[pair];
		}
	}
}

// A hit at the worker that owns its contact.
static void
deliver(struct worker *w, struct hit *hit)
{
	if (hit->flow.fragment) {
		enum fragment_result r = fragment_follow(w->fragments, &hit->flow, hit->match);

		stats_add(&w->stats.fragments, 1);
		stats_add(&w->stats.unresolved, r == FRAGMENT_UNRESOLVED || r == FRAGMENT_OVERLAP);
		stats_add(&w->stats.overlaps, r == FRAGMENT_OVERLAP);
	}
	stats_add(&w->stats.portless, hit->flow.portless);
	contact_packet(w->contacts, &hit->flow, hit->match);
}

static void
take_forwarded(struct worker *w)
{
	struct hit hit;

	for (unsigned i = 0; i < w->all->n; i++)
		while (w->from[i] != NULL && rte_ring_sc_dequeue_elem(w->from[i], &hit, sizeof(hit)) == 0)
			deliver(w, &hit);
}

// While the owner's ring is full this worker takes what was forwarded to itself, so that two cannot wait for each other.
static void
forward(struct worker *w, unsigned owner, struct hit *hit)
{
	while (rte_ring_sp_enqueue_elem(w->to[owner], hit, sizeof(*hit)) != 0) {
		take_forwarded(w);
		sched_yield();
	}
	stats_add(&w->stats.forwarded, 1);
}

static void
put_tag(struct flow_tunnel *t, uint16_t tci)
{
	unsigned kept = RTE_MIN((unsigned)t->n, FLOW_TUNNELS_MAX - 1u);

	memmove(t->kinds + 1, t->kinds, kept * sizeof(*t->kinds));
	memmove(t->ids + 1, t->ids, kept * sizeof(*t->ids));
	t->kinds[0] = FLOW_VLAN;
	t->ids[0] = tci & 0xfff;
	t->n = (uint8_t)(kept + 1);
}

// Tags that the driver took off and keeps beside the packet. They were on the wire.
static void
put_back_tags(const struct rte_mbuf *m, struct flow *f)
{
	if ((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0)
		return;
	put_tag(&f->tunnel, m->vlan_tci);
	f->bytes += 4;
	if ((m->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED) == 0)
		return;
	put_tag(&f->tunnel, m->vlan_tci_outer);
	f->bytes += 4;
}

// The whole tuple of a layer, and what is known of its ends at the packet's time. false: nothing in force.
static bool
describe(struct worker *w, const struct c2set *c2, const struct burst *b, unsigned i, unsigned layer, struct hit *ret)
{
	struct flow *f = &ret->flow;
	int64_t now;

	pkt_flow(b->headers[i], b->captured[i], rte_pktmbuf_pkt_len(b->mbufs[i]), &b->pkts[i], layer, f);
	f->time_ns = clock_packet_ns(&w->clock, b->mbufs[i]);
	now = w->as_of != 0 ? w->as_of : f->time_ns / 1000000000;
	c2set_describe(c2, &f->src, f->sport, f->proto, now, &ret->match[0]);
	c2set_describe(c2, &f->dst, f->dport, f->proto, now, &ret->match[1]);
	return ret->match[0].listed || ret->match[1].listed;
}

static void
follow(struct worker *w, const struct c2set *c2, const struct burst *b, unsigned i)
{
	unsigned outermost = w->match == PKT_INNER ? b->hit_layer[i] : 0, layer = b->hit_layer[i], owner;
	struct hit hit;

	// What the innermost matched may have ended or been taken out, and then a layer around it counts.
	while (!describe(w, c2, b, i, layer, &hit))
		if (layer-- == outermost)
			return;
	put_back_tags(b->mbufs[i], &hit.flow);
	owner = worker_owner(&hit.flow.src, &hit.flow.dst, w->all->n);
	stats_add(&w->stats.hits, 1);
	if (owner == w->index)
		deliver(w, &hit);
	else
		forward(w, owner, &hit);
}

static void
follow_hits(struct worker *w, const struct c2set *c2, const struct burst *b)
{
	for (uint32_t hits = b->hits; hits != 0; hits &= hits - 1)
		follow(w, c2, b, (unsigned)__builtin_ctz(hits));
}

static void
free_burst(struct burst *b)
{
	for (unsigned i = 0; i < b->n; i++)
		tsan_gives(b->mbufs[i]);
	rte_pktmbuf_free_bulk(b->mbufs, b->n);
}

static unsigned
poll_port(struct worker *w, const struct port *port, const struct c2set *c2, struct burst *b)
{
	receive(w, port, b);
	if (b->n == 0)
		return 0;
	parse(w, b);
	probe(c2, b);
	follow_hits(w, c2, b);
	free_burst(b);
	return b->n;
}

static void
count_bounds(struct worker *w)
{
	struct contact_facts facts;

	contact_facts(w->contacts, &facts);
	stats_add(&w->stats.overflow, facts.overflow_packets - w->facts_seen.overflow_packets);
	stats_add(&w->stats.coarse, facts.coarse_packets - w->facts_seen.coarse_packets);
	stats_add(&w->stats.uncounted, facts.lost_packets - w->facts_seen.lost_packets);
	stats_add(&w->stats.evicted, facts.evicted - w->facts_seen.evicted);
	w->facts_seen = facts;
}

static void
sweep(struct worker *w)
{
	int64_t now_ns = w->clock.replay ? w->clock.last_ns : clock_now_ns(&w->clock);

	contact_sweep(w->contacts, now_ns, SWEEP_BUDGET);
	count_bounds(w);
}

// One round over all queues and rings. Returns the packets that it took.
static unsigned
poll(struct worker *w, struct burst *b)
{
	// Valid until we report quiescent below, and not after.
	const struct rules *rules = reload_rules(w->reload);
	unsigned n = 0;

	for (size_t p = 0; p < w->n_ports; p++)
		n += poll_port(w, &w->ports[p], rules->c2, b);
	take_forwarded(w);
	if (++w->polls % SWEEP_POLLS == 0)
		sweep(w);
	rte_rcu_qsbr_quiescent(w->reload->readers, w->index);
	return n;
}

static void
rest(struct worker *w, unsigned n)
{
	if (n > 0)
		w->idle = 0;
	else if (++w->idle >= IDLE_POLLS)
		sched_yield(); // on a core of its own this returns at once
}

static bool
asked_to_stop(const struct worker *w)
{
	return atomic_load_explicit(&w->all->stop, memory_order_acquire);
}

// After the flag was seen an empty queue stays empty: pairs with the reader's release.
static bool
reader_is_done(const struct worker *w)
{
	return atomic_load_explicit(&w->all->no_more, memory_order_acquire);
}

// Others may still hand over hits until each of them has no packet left.
static void
take_last_forwarded(struct worker *w)
{
	atomic_fetch_add_explicit(&w->all->drained, 1, memory_order_acq_rel);
	while (atomic_load_explicit(&w->all->drained, memory_order_acquire) < w->all->n) {
		take_forwarded(w);
		rte_rcu_qsbr_quiescent(w->reload->readers, w->index);
		sched_yield();
	}
	take_forwarded(w);
}

static void
end_contacts(struct worker *w)
{
	while (contact_flush(w->contacts) > 0) {
		rte_rcu_qsbr_quiescent(w->reload->readers, w->index);
		sched_yield(); // the collector is draining
	}
	count_bounds(w);
}

static int
worker_run(void *arg)
{
	struct worker *w = arg;
	struct burst *b = w->burst;

	reload_reader_register(w->reload, w->index);
	reload_reader_online(w->reload, w->index);
	while (!asked_to_stop(w)) {
		bool last = reader_is_done(w);
		unsigned n = poll(w, b);

		if (last && n == 0)
			break;
		rest(w, n);
	}
	take_last_forwarded(w);
	end_contacts(w);
	reload_reader_offline(w->reload, w->index);
	reload_reader_unregister(w->reload, w->index);
	// The last that this thread does: whoever reads `done` sees all of it, and the ring gets nothing more.
	atomic_fetch_add_explicit(&w->all->done, 1, memory_order_release);
	return 0;
}

static struct rte_ring *
make_ring(const char *what, unsigned from, unsigned to, unsigned element, unsigned places)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "rw_%.8s_%u_%u", what, from % 1000, to % 1000);
	return rte_ring_create_elem(name, element, places, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int
make_worker(const struct workers_options *o, unsigned index, struct workers *all)
{
	struct worker *w = aligned_alloc(64, RTE_ALIGN(sizeof(*w), 64));
	struct contact_options contacts = {
		.max = o->contacts_max, .owner = (uint8_t)index, .lazy = o->replay, .emit = emit, .context = w};

	if (w == NULL)
		return -ENOMEM;
	*w = (struct worker){
		.index = index,
		.all = all,
		.ports = o->ports,
		.n_ports = o->n_ports,
		.reload = o->reload,
		.match = o->match,
		.as_of = o->as_of,
		.clock = {.replay = o->replay, .field = o->time_field},
	};
	all->items[index] = w;
	w->reports = make_ring("reports", index, 0, sizeof(struct contact_report), REPORTS);
	all->reports[index] = w->reports;
	w->burst = calloc(1, sizeof(*w->burst));
	if (w->reports == NULL || w->burst == NULL)
		return -ENOMEM;
	if (fragment_build(FRAGMENTS, &w->fragments) < 0)
		return -ENOMEM;
	return contact_build(&contacts, &w->contacts);
}

static int
join_workers(struct workers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		for (unsigned j = 0; j < all->n; j++) {
			struct rte_ring *ring;

			if (i == j)
				continue;
			if ((ring = make_ring("hits", i, j, sizeof(struct hit), FORWARDS)) == NULL)
				return -ENOMEM;
			all->items[i]->to[j] = ring;
			all->items[j]->from[i] = ring;
		}
	return 0;
}

int
workers_build(const struct workers_options *o, struct problem_list *problems, struct workers *ret)
{
	int err = 0;

	*ret = (struct workers){.n = o->n};
	for (unsigned i = 0; err == 0 && i < o->n; i++)
		err = make_worker(o, i, ret);
	if (err == 0)
		err = join_workers(ret);
	if (err < 0) {
		problem_add(problems, PROBLEM_ERROR, "capture", 0, "workers",
			    "no memory for the tables of %u workers; use fewer", o->n);
		workers_free(ret);
	}
	return err;
}

void
workers_free(struct workers *all)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct worker *w = all->items[i];

		if (w == NULL)
			continue;
		for (unsigned j = 0; j < all->n; j++)
			rte_ring_free(w->to[j]);
		rte_ring_free(w->reports);
		contact_free(w->contacts);
		fragment_free(w->fragments);
		free(w->burst);
		free(w);
	}
	*all = (struct workers){0};
}

int
workers_start(struct workers *all)
{
	for (unsigned i = 0; i < all->n; i++) {
		int err = rte_eal_remote_launch(worker_run, all->items[i], i + 1);

		if (err < 0)
			return err;
	}
	return 0;
}

void
workers_join(struct workers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		rte_eal_wait_lcore(i + 1);
	atomic_load_explicit(&all->done, memory_order_acquire);
}

void
workers_stats(const struct workers *all, struct stats_sum *ret)
{
	const struct stats *stats[WORKERS_MAX];

	for (unsigned i = 0; i < all->n; i++)
		stats[i] = &all->items[i]->stats;
	stats_sum(stats, all->n, ret);
}
