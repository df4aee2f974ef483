// probe: what one address costs in the indicator set, as ratios against the same work in the same run.
//
// Prints `ratio NAME VALUE limit LIMIT most`, from the minimum and the median of several interleaved rounds. Never pass or fail: machines and
// their neighbours differ.

#include "c2set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 15
#define BURSTS 20000

static uint64_t state = 1;

static uint32_t
dice(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static struct ip_addr
random_address(void)
{
	uint32_t n = dice() | 0x01000000;

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

static double
seconds(const struct c2set *s, const struct ip_addr *addrs, uint64_t *hits)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned i = 0; i < BURSTS; i++)
		*hits += c2set_match(s, addrs + (i % 64) * C2SET_BURST, C2SET_BURST);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static int
compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int
main(void)
{
	struct c2set *small = set_of(1000), *large = set_of(100000);
	static struct ip_addr addrs[64 * C2SET_BURST];
	double one[ROUNDS], other[ROUNDS];
	uint64_t hits = 0;

	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		addrs[i] = random_address();
	for (int r = 0; r < ROUNDS; r++) {
		one[r] = seconds(small, addrs, &hits);
		other[r] = seconds(large, addrs, &hits);
	}
	qsort(one, ROUNDS, sizeof(double), compare);
	qsort(other, ROUNDS, sizeof(double), compare);
	printf("ratio probe_100k_over_1k_min %.2f limit 3.00 most\n", other[0] / one[0]);
	printf("ratio probe_100k_over_1k_median %.2f limit 3.00 most\n", other[ROUNDS / 2] / one[ROUNDS / 2]);
	printf("# %.1f ns an address among 1,000, %.1f among 100,000 (%llu)\n", one[0] * 1e9 / BURSTS / C2SET_BURST,
	       other[0] * 1e9 / BURSTS / C2SET_BURST, (unsigned long long)hits);
	c2set_free(small);
	c2set_free(large);
	return 0;
}
