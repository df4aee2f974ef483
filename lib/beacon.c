#include "beacon.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLIP   1.0986123 // ln 3
#define CHANCE 0.7058535 // the mean of min(|ln(x / median)|, ln 3) of exponential intervals

const char *
beacon_kind_name(enum beacon_kind k)
{
	return k == BEACON_SESSIONS ? "sessions" : "keep_alives";
}

static void
take_out(struct beacon *b, unsigned i)
{
	memmove(&b->beats[i], &b->beats[i + 1], (--b->n - i) * sizeof(*b->beats));
}

static bool
is_before(const struct beat *a, const struct beat *b)
{
	return a->ns != b->ns ? a->ns < b->ns : a->chain < b->chain;
}

static void
put_in(struct beacon *b, struct beat beat)
{
	unsigned i;

	if (b->n == BEACON_BEATS) {
		if (is_before(&beat, &b->beats[0]))
			return;
		take_out(b, 0);
	}
	for (i = b->n++; i > 0 && is_before(&beat, &b->beats[i - 1]); i--)
		b->beats[i] = b->beats[i - 1];
	b->beats[i] = beat;
}

void
beacon_add(struct beacon *b, int64_t ns, uint32_t chain)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (b->beats[i].chain != chain || llabs(b->beats[i].ns - ns) >= BEACON_GRAIN_NS)
			continue;
		if (b->beats[i].ns <= ns)
			return;
		take_out(b, i); // it stands for both, from where the earlier is
		break;
	}
	put_in(b, (struct beat){ns, chain});
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

// In milliseconds, the shortest first.
static unsigned
intervals(const struct beacon *b, int64_t ret[static BEACON_BEATS])
{
	unsigned n = 0;

	for (unsigned i = 1; i < b->n; i++)
		for (unsigned j = i; j-- > 0;)
			if (b->beats[j].chain == b->beats[i].chain) {
				ret[n++] = (b->beats[i].ns - b->beats[j].ns) / 1000000;
				break;
			}
	qsort(ret, n, sizeof(*ret), compare);
	return n;
}

static uint32_t
score(const int64_t *sorted, unsigned n, int64_t median)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += fmin(fabs(log((double)sorted[i] / (double)median)), CLIP);
	return (uint32_t)lround(100 * fmax(0, 1 - sum / n / CHANCE));
}

// A missed beat makes an interval of twice the period; it says nothing about the period that the others do not.
static int64_t
period(const int64_t *sorted, unsigned n, int64_t median)
{
	int64_t sum = 0, taken = 0;

	for (unsigned i = 0; i < n; i++)
		if (sorted[i] >= median - median / 2 && sorted[i] <= median + median / 2) {
			sum += sorted[i];
			taken++;
		}
	return taken > 0 ? sum / taken : median;
}

bool
beacon_measure(const struct beacon *b, struct beacon_result *ret)
{
	int64_t sorted[BEACON_BEATS], median;
	unsigned n = b->n > BEACON_LEAST ? intervals(b, sorted) : 0;

	if (n < BEACON_LEAST)
		return false;
	median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
	*ret = (struct beacon_result){
		.intervals = n,
		.score = score(sorted, n, median),
		.period_ms = period(sorted, n, median),
	};
	return true;
}

bool
beacon_is_more_regular(const struct beacon_result *a, const struct beacon_result *than)
{
	if (a->score != than->score)
		return a->score > than->score;
	if (a->intervals != than->intervals)
		return a->intervals > than->intervals;
	return a->period_ms != than->period_ms ? a->period_ms < than->period_ms : a->of < than->of;
}
