// layers: what finding the addresses of one packet costs, by what is around them, as ratios against an untagged IPv4/TCP packet in the same run;
// and that packet against a function that can read nothing else.
//
// The frames lie in the first-level cache: this is the work of pkt_locate alone, not of fetching packets.

#include "bench/bench.h"
#include "pkt.h"
#include "unit/frames.h"

#define FRAMES 32  // of each kind, a burst
#define TURNS  128 // of the burst in a slice

enum { TCP = 6, UDP = 17, IPIP = 4, GRE = 47, FRAGMENT = 44, IPV4 = 0x0800, IPV6 = 0x86dd };

static struct frame
plain(void)
{
	struct frame f = ethernet(IPV4);

	ipv4(&f, 1, 2, TCP, 26);
	tcp(&f, 40000, 443, 0x10, 1, 2, 6);
	return f;
}

// What `outside` carries: the packet without its Ethernet header, or with it.
static struct frame
with(struct frame outside, bool ethernet_too)
{
	struct frame inner = plain();
	size_t skip = ethernet_too ? 0 : 14;

	put(&outside, inner.bytes + skip, inner.len - skip);
	return outside;
}

static struct frame
plain_udp(void)
{
	struct frame f = ethernet(IPV4);

	ipv4(&f, 1, 2, UDP, 26);
	udp(&f, (uint16_t)bench_dice(), 443, 18);
	return f;
}

static struct frame
options(void)
{
	struct frame f = plain();

	memmove(f.bytes + 38, f.bytes + 34, f.len - 34);
	memset(f.bytes + 34, 1, 4);
	f.bytes[14] = 0x46;
	f.bytes[17] += 4;
	f.len += 4;
	return f;
}

static struct frame
plain_v6(void)
{
	struct frame f = ethernet(IPV6);

	ipv6(&f, 1, 2, TCP, 26);
	tcp(&f, 40000, 443, 0x10, 1, 2, 6);
	return f;
}

static struct frame
extensions(void)
{
	struct frame f = ethernet(IPV6);

	ipv6(&f, 1, 2, 0, 24 + 26);
	put_be(&f, 0x3c00010400000000, 8);
	put_be(&f, 0x2b00010400000000, 8);
	put_be(&f, 0x0600040000000000, 8);
	tcp(&f, 40000, 443, 0x10, 1, 2, 6);
	return f;
}

static struct frame
first_fragment(void)
{
	struct frame f = plain();

	f.bytes[20] = 0x20;
	return f;
}

static struct frame
later_fragment(void)
{
	struct frame f = plain();

	f.bytes[21] = 185;
	return f;
}

static struct frame
later_fragment_v6(void)
{
	struct frame f = ethernet(IPV6);

	ipv6(&f, 1, 2, FRAGMENT, 34);
	put_be(&f, 0x060005a800000001, 8);
	tcp(&f, 40000, 443, 0x10, 1, 2, 6);
	return f;
}

static struct frame
tagged(void)
{
	struct frame f = ethernet(0x8100);

	vlan(&f, 100, IPV4);
	return with(f, false);
}

static struct frame
tagged_twice(void)
{
	struct frame f = ethernet(0x88a8);

	vlan(&f, 100, 0x8100);
	vlan(&f, 200, IPV4);
	return with(f, false);
}

static struct frame
labelled(unsigned labels)
{
	struct frame f = ethernet(0x8847);

	while (labels-- > 0)
		put_be(&f, 16 << 12 | (labels == 0) << 8 | 64, 4);
	return with(f, false);
}

static struct frame
mpls_one(void)
{
	return labelled(1);
}

static struct frame
mpls_three(void)
{
	return labelled(3);
}

static struct frame
pseudowire(void)
{
	struct frame f = ethernet(0x8847);

	put_be(&f, 16 << 12 | 1 << 8 | 64, 4);
	put_be(&f, 0, 4);
	return with(f, true);
}

static struct frame
pppoe(void)
{
	struct frame f = ethernet(0x8864);

	put_be(&f, 0x11000007, 4);
	put_be(&f, 2 + 46, 2);
	put_be(&f, 0x0021, 2);
	return with(f, false);
}

static struct frame
ipip(void)
{
	struct frame f = ethernet(IPV4);

	ipv4(&f, 3, 4, IPIP, 46);
	return with(f, false);
}

static struct frame
gre(void)
{
	struct frame f = ethernet(IPV4);

	ipv4(&f, 3, 4, GRE, 8 + 46);
	put_be(&f, 0x2000080000000007, 8);
	return with(f, false);
}

// The outer headers of a tunnel in UDP with `payload` bytes in it.
static struct frame
over_udp(uint16_t port, size_t payload)
{
	struct frame f = ethernet(IPV4);

	ipv4(&f, 3, 4, UDP, 8 + payload);
	udp(&f, 50000, port, payload);
	f.len -= payload;
	return f;
}

static struct frame
vxlan(void)
{
	struct frame f = over_udp(4789, 8 + 60);

	put_be(&f, 0x0800000000000700, 8);
	return with(f, true);
}

static struct frame
geneve(void)
{
	struct frame f = over_udp(6081, 8 + 8 + 60);

	put_be(&f, 0x0200655800000700, 8);
	put_be(&f, 0x0102030100000000, 8);
	return with(f, true);
}

static struct frame
gtpu(void)
{
	struct frame f = over_udp(2152, 16 + 46);

	put_be(&f, 0x34ff0036, 4);
	put_be(&f, 7, 4);
	put_be(&f, 0x0000008501100900, 8);
	return with(f, false);
}

static struct frame
teredo(void)
{
	struct frame f = over_udp(3544, 66), inner = plain_v6();

	put(&f, inner.bytes + 14, inner.len - 14);
	return f;
}

static const struct kind {
	const char *name;
	struct frame (*build)(void);
	unsigned layers;
	double limit; // against the first
} kinds[] = {
	{"ipv4_tcp", plain, 1, 1},
	{"ipv4_udp", plain_udp, 1, 2},
	{"ipv4_options", options, 1, 7},
	{"ipv6_tcp", plain_v6, 1, 5},
	{"ipv6_three_extensions", extensions, 1, 9},
	{"ipv4_first_fragment", first_fragment, 1, 8},
	{"ipv4_later_fragment", later_fragment, 1, 8},
	{"ipv6_later_fragment", later_fragment_v6, 1, 8},
	{"vlan", tagged, 1, 8},
	{"qinq", tagged_twice, 1, 10},
	{"mpls", mpls_one, 1, 8},
	{"mpls_three_labels", mpls_three, 1, 11},
	{"pseudowire", pseudowire, 1, 12},
	{"pppoe", pppoe, 1, 9},
	{"ipip", ipip, 2, 12},
	{"gre", gre, 2, 14},
	{"vxlan", vxlan, 2, 15},
	{"geneve", geneve, 2, 15},
	{"gtpu_extension", gtpu, 2, 15},
	{"teredo", teredo, 2, 15},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct packet { // three lines of the cache, so that all of a burst stay in it
	uint8_t bytes[192 - sizeof(size_t)];
	size_t len;
};

static struct packet packets[KINDS][FRAMES];
static struct bench_case cases[KINDS], reference = {.name = "reference"};
static struct pkt pkts[FRAMES];

// The opponent: IPv4 in Ethernet, nothing else, as one would write it who has no other packets.
static __attribute__((noinline)) bool
locate_plain(const uint8_t *p, size_t n, struct ip_addr *src, struct ip_addr *dst)
{
	unsigned header, total;

	if (n < 34 || p[12] != 0x08 || p[13] != 0x00)
		return false;
	header = (p[14] & 15u) * 4;
	total = (unsigned)(p[16] << 8 | p[17]);
	if (p[14] >> 4 != 4 || header < 20 || total < header || total > n - 14)
		return false;
	*src = ip_from_v4(p + 26);
	*dst = ip_from_v4(p + 30);
	return true;
}

static void
copy(const struct frame *f, struct packet *ret)
{
	if (f->len > sizeof(ret->bytes))
		abort();
	memcpy(ret->bytes, f->bytes, f->len);
	ret->len = f->len;
}

// Each kind must be read as what it is, or its figure says nothing.
static void
check(const struct kind *k, const struct frame *f)
{
	struct pkt pkt;

	if (pkt_locate(f->bytes, f->len, &pkt) == PKT_PROBED && pkt.n == k->layers && pkt.notes == 0)
		return;
	fprintf(stderr, "%s is not read as it should be\n", k->name);
	exit(1);
}

static void
build(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		cases[k].name = kinds[k].name;
		for (int i = 0; i < FRAMES; i++) {
			struct frame f = kinds[k].build();

			check(&kinds[k], &f);
			copy(&f, &packets[k][i]);
		}
	}
}

static double
measure(const struct packet *p)
{
	uint64_t begin = bench_ticks();

	for (int t = 0; t < TURNS; t++)
		for (int i = 0; i < FRAMES; i++)
			if (pkt_locate(p[i].bytes, p[i].len, &pkts[i]) != PKT_PROBED)
				abort();
	return (double)(bench_ticks() - begin) / TURNS / FRAMES;
}

static double
measure_reference(const struct packet *p)
{
	uint64_t begin = bench_ticks();

	for (int t = 0; t < TURNS; t++)
		for (int i = 0; i < FRAMES; i++)
			if (!locate_plain(p[i].bytes, p[i].len, &pkts[i].layers[0].src, &pkts[i].layers[0].dst))
				abort();
	return (double)(bench_ticks() - begin) / TURNS / FRAMES;
}

static void
show(const struct bench_case *c)
{
	printf("# %-24s %6.1f %6.1f\n", c->name, bench_min(c), bench_median(c));
}

static void
report(void)
{
	char name[64];

	printf("# " BENCH_UNIT " a packet, minimum and median of %d rounds\n", BENCH_ROUNDS);
	show(&reference);
	for (size_t k = 0; k < KINDS; k++)
		show(&cases[k]);
	bench_ratio("locate_ipv4_tcp_over_reference", &cases[0], &reference, 1.5);
	for (size_t k = 1; k < KINDS; k++) {
		snprintf(name, sizeof(name), "locate_%s_over_ipv4_tcp", kinds[k].name);
		bench_ratio(name, &cases[k], &cases[0], kinds[k].limit);
	}
}

int
main(void)
{
	bench_pin();
	build();
	for (int r = 0; r < BENCH_ROUNDS; r++) {
		reference.ticks[r] = measure_reference(packets[0]);
		for (size_t k = 0; k < KINDS; k++)
			cases[k].ticks[r] = measure(packets[k]);
	}
	bench_sort(&reference);
	for (size_t k = 0; k < KINDS; k++)
		bench_sort(&cases[k]);
	report();
	return 0;
}
