// probe: what one address costs in the indicator set, as a ratio against the same work in the same run.

#include "bench/bench.h"
#include "c2set.h"

#define BURSTS 64

static struct ip_addr
random_address(void)
{
	uint32_t n = bench_dice() | 0x01000000;

	return ip_from_v4(&n);
}

static struct c2set *
set_of(size_t n)
{
	struct indicator_list list = {0};
	struct c2set *s;

	for (size_t i = 0; i < n; i++) {
		struct indicator in = {.prefix = {random_address(), 128}};

		if (indicator_list_add(&list, &in) < 0)
			abort();
	}
	if (c2set_build(&list, 1, &s) < 0)
		abort();
	return s;
}

static uint64_t hits;

static double
measure(const struct c2set *s, const struct ip_addr *addrs)
{
	uint64_t begin = bench_ticks();

	for (unsigned i = 0; i < BURSTS; i++)
		hits += c2set_match(s, addrs + i * C2SET_BURST, C2SET_BURST);
	return (double)(bench_ticks() - begin) / BURSTS / C2SET_BURST;
}

int
main(void)
{
	static struct ip_addr addrs[BURSTS * C2SET_BURST];
	static struct bench_case small = {.name = "1,000"}, large = {.name = "100,000"};
	struct c2set *few = set_of(1000), *many = set_of(100000);

	bench_pin();
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		addrs[i] = random_address();
	for (int r = 0; r < BENCH_ROUNDS; r++) {
		small.ticks[r] = measure(few, addrs);
		large.ticks[r] = measure(many, addrs);
	}
	bench_sort(&small);
	bench_sort(&large);
	printf("# " BENCH_UNIT " an address, minimum and median: among %s %.1f %.1f, among %s %.1f %.1f (%llu hits)\n",
	       small.name, bench_min(&small), bench_median(&small), large.name, bench_min(&large), bench_median(&large),
	       (unsigned long long)hits);
	bench_ratio("probe_100k_over_1k", &large, &small, 3);
	c2set_free(few);
	c2set_free(many);
	return 0;
}
