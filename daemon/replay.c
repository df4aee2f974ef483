#include "replay.h"

#include "capture.h"
#include "clock.h"
#include "pkt.h"
#include "tsan.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ETHERNET       14
#define PROGRESS_EVERY 4096 // packets between two looks at the clock

struct replay {
	struct replay_options options;
	pthread_t thread;
	struct problem_list problems; // of the thread until it ends
	struct replay_facts facts;
	int err;
	uint64_t size, done; // bytes of all files, of the files already read
	int64_t began_ns, shown_ns;
};

int
replay_check(const char *const *files, size_t n, struct problem_list *problems)
{
	int err = 0, one;

	for (size_t i = 0; i < n; i++) {
		struct capture *c;

		if (strcmp(files[i], "-") == 0)
			continue; // can be opened once only
		if ((one = capture_open(files[i], problems, &c)) < 0)
			err = one;
		else
			capture_free(c);
	}
	return err;
}

// Words of eight bytes, multiplied and folded: a mark of equality, no cryptography.
static uint64_t
digest(uint64_t h, const uint8_t *bytes, size_t len)
{
	uint64_t word;

	for (; len >= 8; bytes += 8, len -= 8) {
		memcpy(&word, bytes, 8);
		h = (h ^ word) * 0x9E3779B97F4A7C15u;
		h ^= h >> 32;
	}
	word = len;
	for (; len > 0; bytes++, len--)
		word = word << 8 | *bytes;
	h = (h ^ word) * 0x9E3779B97F4A7C15u;
	return h ^ (h >> 29);
}

static void
note(struct replay_facts *f, const struct capture_packet *p)
{
	const uint64_t head[2] = {(uint64_t)p->time_ns, (uint64_t)p->wire << 32 | p->captured};

	if (f->packets == 0 || p->time_ns < f->first_ns)
		f->first_ns = p->time_ns;
	if (f->packets == 0 || p->time_ns > f->last_ns)
		f->last_ns = p->time_ns;
	f->packets++;
	f->bytes += p->wire;
	f->cut += p->captured < p->wire;
	f->digest = digest(digest(f->digest, (const uint8_t *)head, sizeof(head)), p->bytes, p->captured);
}

static struct rte_mbuf *
take_buffer(const struct replay *r)
{
	struct rte_mbuf *m;

	while ((m = rte_mbuf_raw_alloc(r->options.port->pool)) == NULL)
		sched_yield(); // the workers hold them all
	tsan_takes(m);
	rte_pktmbuf_reset(m);
	return m;
}

static void
write_ethernet(uint8_t *to, uint16_t ethertype)
{
	memset(to, 0, 12);
	to[12] = (uint8_t)(ethertype >> 8);
	to[13] = (uint8_t)ethertype;
}

static void
fill(struct rte_mbuf *m, const struct capture_packet *p)
{
	uint8_t *to = rte_pktmbuf_mtod(m, uint8_t *);
	size_t added = p->ethertype != 0 ? ETHERNET : 0;
	size_t captured = RTE_MIN((size_t)p->captured - p->skip, (size_t)REPLAY_ROOM - added);

	if (added > 0)
		write_ethernet(to, p->ethertype);
	memcpy(to + added, p->bytes + p->skip, captured);
	m->data_len = (uint16_t)(added + captured);
	m->pkt_len = p->wire; // as the capture says it, whatever header was left out or added
}

// Both directions of a conversation to one queue, whatever is around its packets and however short they are: their owner must find them in
// the order of the capture, so that the report does not depend on the number of workers. Unlike worker_owner, so that hits do cross between
// workers in a replay too. Ports are left out: fragments have none.
static unsigned
queue_of(const struct replay *r, const struct rte_mbuf *m)
{
	const struct pkt_layer *layer;
	struct pkt pkt;

	if (r->options.port->queues == 1 ||
	    pkt_locate(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &pkt) != PKT_PROBED)
		return 0;
	layer = &pkt.layers[r->options.match == PKT_OUTER ? 0 : pkt.n - 1];
	return (unsigned)((ip_hash(&layer->src, 0) + ip_hash(&layer->dst, 0)) >> 32) % r->options.port->queues;
}

static void
put(const struct replay *r, struct rte_mbuf *m)
{
	struct rte_ring *ring = r->options.port->rings[queue_of(r, m)];

	tsan_gives(m);
	while (rte_ring_sp_enqueue(ring, m) != 0)
		sched_yield();
}

static void
show_progress(struct replay *r, const struct capture *c)
{
	int64_t now_ns = clock_wall_ns();
	double seconds = (double)(now_ns - r->began_ns) / 1e9;
	struct stats_sum sum;

	if (seconds < 2 || now_ns - r->shown_ns < 200000000)
		return;
	r->shown_ns = now_ns;
	workers_stats(r->options.workers, &sum);
	fprintf(stderr, "\r");
	if (r->size > 0)
		fprintf(stderr, "%3.0f %%  ", 100.0 * (double)(r->done + capture_at(c)) / (double)r->size);
	fprintf(stderr, "%" PRIu64 " packets  %.0f packets/s  %" PRIu64 " hits\033[K", r->facts.packets,
		(double)r->facts.packets / seconds, sum.hits);
	fflush(stderr);
}

static void
feed_packet(struct replay *r, const struct capture_packet *p)
{
	struct rte_mbuf *m = take_buffer(r);

	note(&r->facts, p);
	fill(m, p);
	clock_stamp(r->options.time_field, m, p->time_ns);
	put(r, m);
}

static int
read_file(struct replay *r, const char *file)
{
	struct capture *c;
	struct capture_packet p;
	int err = capture_open(file, &r->problems, &c), got;

	if (err < 0)
		return err;
	while ((got = capture_next(c, &r->problems, &p)) == 1) {
		feed_packet(r, &p);
		if (r->options.progress && r->facts.packets % PROGRESS_EVERY == 0)
			show_progress(r, c);
	}
	capture_free(c);
	return got;
}

static uint64_t
size_of(const char *file)
{
	struct stat st;

	return strcmp(file, "-") != 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static void *
replay_run(void *arg)
{
	struct replay *r = arg;

	r->began_ns = clock_wall_ns();
	for (size_t i = 0; i < r->options.n_files; i++)
		r->size += size_of(r->options.files[i]);
	for (size_t i = 0; i < r->options.n_files && r->err == 0; i++) {
		r->err = read_file(r, r->options.files[i]);
		r->done += size_of(r->options.files[i]);
	}
	if (r->shown_ns != 0)
		fprintf(stderr, "\r\033[K");
	// Every packet is in its ring: pairs with the acquire in reader_is_done.
	atomic_store_explicit(&r->options.workers->no_more, true, memory_order_release);
	return NULL;
}

int
replay_start(const struct replay_options *o, struct replay **ret)
{
	struct replay *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->options = *o;
	if ((err = pthread_create(&r->thread, NULL, replay_run, r)) != 0) {
		free(r);
		return -err;
	}
	*ret = r;
	return 0;
}

int
replay_join(struct replay *r, struct problem_list *problems, struct replay_facts *ret)
{
	int err;

	pthread_join(r->thread, NULL);
	for (size_t i = 0; i < r->problems.n; i++)
		problem_add(problems, r->problems.items[i].level, r->problems.items[i].file, 0, NULL, "%s",
			    r->problems.items[i].what);
	problem_clear(&r->problems);
	*ret = r->facts;
	err = r->err;
	free(r);
	return err;
}
