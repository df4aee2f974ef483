// bench: what the benchmarks share: one core, a clock, the minimum and the median of interleaved rounds, and the line of a ratio.
//
// A neighbour on the same core slows everything down for milliseconds. So a slice is short, each round takes a slice of every case in turn,
// and the minimum is what the code costs; the median tells how much of the run was disturbed. Only ratios mean something elsewhere.
// Never pass or fail. One thread.

#pragma once

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS 101

#ifdef __x86_64__
#include <x86intrin.h>
#define BENCH_UNIT "cycles" // of the time stamp counter, which runs at the nominal frequency
#else
#define BENCH_UNIT "ns"
#endif

struct bench_case {
	const char *name;
	double ticks[BENCH_ROUNDS]; // of one item; sorted by bench_sort
};

static inline uint64_t
bench_ticks(void)
{
#ifdef __x86_64__
	unsigned core;

	return __rdtscp(&core); // waits for what came before
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
#endif
}

// Stay on the core that we are on; where that is not allowed the figures are only noisier.
static inline void
bench_pin(void)
{
	int core = sched_getcpu();
	cpu_set_t one;

	if (core < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)core, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static inline uint32_t
bench_dice(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static inline int
bench_compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static inline void
bench_sort(struct bench_case *c)
{
	qsort(c->ticks, BENCH_ROUNDS, sizeof(c->ticks[0]), bench_compare);
}

static inline double
bench_min(const struct bench_case *c)
{
	return c->ticks[0];
}

static inline double
bench_median(const struct bench_case *c)
{
	return c->ticks[BENCH_ROUNDS / 2];
}

// `ratio NAME_min VALUE limit LIMIT most`, and NAME_median. Both cases sorted.
static inline void
bench_ratio(const char *name, const struct bench_case *over, const struct bench_case *under, double limit)
{
	printf("ratio %s_min %.2f limit %.2f most\n", name, bench_min(over) / bench_min(under), limit);
	printf("ratio %s_median %.2f limit %.2f most\n", name, bench_median(over) / bench_median(under), limit);
}
