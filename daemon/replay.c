#include "replay.h"

#include "clock.h"
#include "tsan.h"

#include <pcap/pcap.h>
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

// What a link type is turned into: how many bytes to leave out, and the Ethernet type of what follows.
struct link {
	size_t skip;
	uint16_t ethertype; // 0: the frame is Ethernet already
};

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

// RAW has no header: the version is in the first four bits.
static uint16_t
ethertype_of_ip(const uint8_t *p, size_t len)
{
	return len > 0 && p[0] >> 4 == 6 ? 0x86dd : 0x0800;
}

// BSD loopback: an address family in some host's byte order; AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30.
static struct link
link_of_loopback(const uint8_t *p, size_t len)
{
	uint32_t family;

	if (len < 4)
		return (struct link){len, 0x0800};
	family = p[0] == 0 && p[1] == 0 ? be16(p + 2) : (uint32_t)(p[1] << 8 | p[0]);
	if (family == 2)
		return (struct link){4, 0x0800};
	if (family == 10 || family == 24 || family == 28 || family == 30)
		return (struct link){4, 0x86dd};
	return (struct link){4, 0xffff}; // not IP
}

static struct link
link_of_cooked(const uint8_t *p, size_t len, size_t header, size_t protocol)
{
	return len < header ? (struct link){len, 0x0800} : (struct link){header, be16(p + protocol)};
}

static bool
is_known(int dlt)
{
	switch (dlt) {
	case DLT_EN10MB:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_NULL:
	case DLT_LOOP:
		return true;
	default:
		return false;
	}
}

static struct link
link_of(int dlt, const uint8_t *p, size_t len)
{
	switch (dlt) {
	case DLT_RAW:
		return (struct link){0, ethertype_of_ip(p, len)};
	case DLT_IPV4:
		return (struct link){0, 0x0800};
	case DLT_IPV6:
		return (struct link){0, 0x86dd};
	case DLT_LINUX_SLL:
		return link_of_cooked(p, len, 16, 14);
	case DLT_LINUX_SLL2:
		return link_of_cooked(p, len, 20, 0);
	case DLT_NULL:
	case DLT_LOOP:
		return link_of_loopback(p, len);
	default:
		return (struct link){0, 0};
	}
}

static const char *
words_of_open_error(const char *file, const char *error)
{
	struct stat st;

	if (strcmp(file, "-") != 0 && stat(file, &st) == -1)
		return errno == ENOENT ? "no such file; check the path" : "cannot be read; check its permissions";
	if (strcmp(file, "-") != 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		return "is empty; a capture begins with a file header, so this one was never written";
	if (strstr(error, "unknown file format") != NULL || strstr(error, "bad dump file") != NULL)
		return "is no capture; give a pcap or pcapng file (decompress .gz and .zst first)";
	if (strstr(error, "truncated") != NULL)
		return "ends inside its file header; copy it again";
	return NULL;
}

static pcap_t *
open_capture(const char *file, struct problem_list *problems)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
	const char *words;

	if (p == NULL) {
		words = words_of_open_error(file, error);
		problem_add(problems, PROBLEM_ERROR, file, 0, NULL, "%s", words != NULL ? words : error);
		return NULL;
	}
	if (!is_known(pcap_datalink(p))) {
		const char *name = pcap_datalink_val_to_name(pcap_datalink(p));

		problem_add(problems, PROBLEM_ERROR, file, 0, NULL,
			    "link type %s (%d) is not read; give a capture of Ethernet, RAW, IPV4, IPV6, LINUX_SLL, "
			    "LINUX_SLL2, NULL or LOOP",
			    name != NULL ? name : "unknown", pcap_datalink(p));
		pcap_close(p);
		return NULL;
	}
	return p;
}

int
replay_check(const char *const *files, size_t n, struct problem_list *problems)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		pcap_t *p;

		if (strcmp(files[i], "-") == 0)
			continue; // can be opened once only
		if ((p = open_capture(files[i], problems)) == NULL)
			err = -EINVAL;
		else
			pcap_close(p);
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
note(struct replay_facts *f, const struct pcap_pkthdr *h, const uint8_t *bytes, int64_t time_ns)
{
	const uint64_t head[2] = {(uint64_t)time_ns, (uint64_t)h->len << 32 | h->caplen};

	if (f->packets == 0 || time_ns < f->first_ns)
		f->first_ns = time_ns;
	if (f->packets == 0 || time_ns > f->last_ns)
		f->last_ns = time_ns;
	f->packets++;
	f->bytes += h->len;
	f->cut += h->caplen < h->len;
	f->digest = digest(digest(f->digest, (const uint8_t *)head, sizeof(head)), bytes, h->caplen);
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
fill(struct rte_mbuf *m, const struct pcap_pkthdr *h, const uint8_t *bytes, struct link link)
{
	uint8_t *to = rte_pktmbuf_mtod(m, uint8_t *);
	size_t added = link.ethertype != 0 ? ETHERNET : 0;
	size_t captured = RTE_MIN((size_t)h->caplen - link.skip, (size_t)REPLAY_ROOM - added);

	if (added > 0)
		write_ethernet(to, link.ethertype);
	memcpy(to + added, bytes + link.skip, captured);
	m->data_len = (uint16_t)(added + captured);
	m->pkt_len = h->len; // as the capture says it, whatever header was left out or added
}

static uint32_t
word_at(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, 4);
	return word;
}

// Like a NIC's RSS, both directions to one queue, and unlike worker_owner, so that hits do cross between workers in a replay too. Ports are
// left out: fragments have none.
static unsigned
queue_of(const struct rte_mbuf *m, unsigned n)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t h = 0;

	if (n == 1)
		return 0;
	if (m->data_len >= 34 && be16(p + 12) == 0x0800)
		h = word_at(p + 26) ^ word_at(p + 30);
	else if (m->data_len >= 54 && be16(p + 12) == 0x86dd)
		for (int i = 22; i < 54; i += 4)
			h ^= word_at(p + i);
	return (h * 0x85EBCA6Bu >> 16) % n;
}

static void
put(const struct replay *r, struct rte_mbuf *m)
{
	struct rte_ring *ring = r->options.port->rings[queue_of(m, r->options.port->queues)];

	tsan_gives(m);
	while (rte_ring_sp_enqueue(ring, m) != 0)
		sched_yield();
}

static void
show_progress(struct replay *r, pcap_t *p)
{
	int64_t now_ns = clock_wall_ns();
	double seconds = (double)(now_ns - r->began_ns) / 1e9;
	FILE *f = pcap_file(p);
	long at = f != NULL ? ftell(f) : -1;
	struct stats_sum sum;

	if (seconds < 2 || now_ns - r->shown_ns < 200000000)
		return;
	r->shown_ns = now_ns;
	workers_stats(r->options.workers, &sum);
	fprintf(stderr, "\r");
	if (at >= 0 && r->size > 0)
		fprintf(stderr, "%3.0f %%  ", 100.0 * (double)(r->done + (uint64_t)at) / (double)r->size);
	fprintf(stderr, "%" PRIu64 " packets  %.0f packets/s  %" PRIu64 " hits\033[K", r->facts.packets,
		(double)r->facts.packets / seconds, sum.hits);
	fflush(stderr);
}

static void
feed_packet(struct replay *r, int dlt, const struct pcap_pkthdr *h, const uint8_t *bytes)
{
	// With nanosecond precision tv_usec holds nanoseconds.
	int64_t time_ns = (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec;
	struct rte_mbuf *m = take_buffer(r);

	note(&r->facts, h, bytes, time_ns);
	fill(m, h, bytes, link_of(dlt, bytes, h->caplen));
	clock_stamp(r->options.time_field, m, time_ns);
	put(r, m);
}

static int
end_of(struct replay *r, const char *file, pcap_t *p, int got)
{
	if (got == PCAP_ERROR_BREAK) // libpcap's way to say: end of file
		return 0;
	if (strstr(pcap_geterr(p), "different from the type of the first interface") != NULL) {
		problem_add(
			&r->problems, PROBLEM_ERROR, file, 0, NULL,
			"holds several link types, of which libpcap reads only one; split it by interface (tshark -Y "
			"frame.interface_id==0 -w)");
		return -EINVAL;
	}
	problem_add(&r->problems, PROBLEM_ERROR, file, 0, NULL,
		    "after packet %" PRIu64 ": %s; copy the file again, or cut it to whole packets (editcap)",
		    r->facts.packets, pcap_geterr(p));
	return -EIO;
}

static int
read_file(struct replay *r, const char *file)
{
	pcap_t *p = open_capture(file, &r->problems);
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	int got, err;

	if (p == NULL)
		return -EINVAL;
	while ((got = pcap_next_ex(p, &h, &bytes)) == 1) {
		feed_packet(r, pcap_datalink(p), h, bytes);
		if (r->options.progress && r->facts.packets % PROGRESS_EVERY == 0)
			show_progress(r, p);
	}
	err = end_of(r, file, p, got);
	pcap_close(p);
	return err;
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
