#include "stats.h"

#include <sched.h>

#define LOOKS 100

static uint64_t
get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
add(const struct stats *s, struct stats_sum *sum)
{
	sum->received += get(&s->received);
	sum->bytes += get(&s->bytes);
	for (size_t v = 0; v < PKT_VERDICTS; v++)
		sum->verdicts[v] += get(&s->verdicts[v]);
	sum->hits += get(&s->hits);
	for (size_t n = 0; n < PKT_NOTES; n++)
		sum->notes[n] += get(&s->notes[n]);
	sum->portless += get(&s->portless);
	sum->unresolved += get(&s->unresolved);
	sum->overlaps += get(&s->overlaps);
	sum->fragments += get(&s->fragments);
	sum->overflow += get(&s->overflow);
	sum->coarse += get(&s->coarse);
	sum->uncounted += get(&s->uncounted);
	sum->evicted += get(&s->evicted);
	sum->forwarded += get(&s->forwarded);
}

static int64_t
residual(const struct stats_sum *sum)
{
	int64_t rest = (int64_t)sum->received;

	for (size_t v = 0; v < PKT_VERDICTS; v++)
		rest -= (int64_t)sum->verdicts[v];
	return rest;
}

// A worker within a burst has counted its packets but not yet their verdicts: then it is looked at again. Bounded, so that an equation
// that is really broken is shown.
static void
add_settled(const struct stats *s, struct stats_sum *sum)
{
	const struct stats_sum before = *sum;

	for (int looks = 0; looks < LOOKS; looks++) {
		*sum = before;
		add(s, sum);
		if (residual(sum) == residual(&before))
			return;
		sched_yield(); // perhaps it waits for this CPU
	}
}

void
stats_sum(const struct stats *const *workers, size_t n, struct stats_sum *ret)
{
	struct stats_sum sum = {0};

	for (size_t i = 0; i < n; i++)
		add_settled(workers[i], &sum);
	sum.residual = residual(&sum);
	*ret = sum;
}
