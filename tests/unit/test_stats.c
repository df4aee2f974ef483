#include "test.h"

#include "stats.h"

#include <pthread.h>
#include <sched.h>

#define SUMS 20000

struct busy {
	struct stats stats;
	_Atomic bool stop;
};

// Counts as a worker does: a burst first, what became of it then.
static void *
work(void *arg)
{
	struct busy *b = arg;

	while (!atomic_load_explicit(&b->stop, memory_order_relaxed)) {
		stats_add(&b->stats.received, 32);
		stats_add(&b->stats.bytes, 32 * 64);
		for (int v = 0; v < PKT_VERDICTS; v++)
			stats_add(&b->stats.verdicts[v], v == PKT_PROBED ? 30 : v == PKT_NOT_IP ? 2 : 0);
	}
	return NULL;
}

static unsigned
torn_sums(const struct stats *const *workers, size_t n)
{
	unsigned torn = 0;

	for (int i = 0; i < SUMS; i++) {
		struct stats_sum sum;

		stats_sum(workers, n, &sum);
		torn += sum.residual != 0;
	}
	return torn;
}

static void
a_sum_is_taken_between_bursts(void **state)
{
	static struct busy busy[2];
	const struct stats *workers[2] = {&busy[0].stats, &busy[1].stats};
	pthread_t threads[2];
	unsigned torn;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &busy[i]), 0);
	torn = torn_sums(workers, 2);
	for (int i = 0; i < 2; i++) {
		atomic_store_explicit(&busy[i].stop, true, memory_order_relaxed);
		pthread_join(threads[i], NULL);
	}
	// A thread that lost its CPU within a burst may outlast every look; one that looks once is torn in every third sum.
	assert_true(torn < SUMS / 20);
	assert_int_equal(torn_sums(workers, 2), 0);
}

static void
an_equation_that_does_not_hold_is_shown(void **state)
{
	static struct stats a, b;
	const struct stats *workers[2] = {&a, &b};
	struct stats_sum sum;

	(void)state;
	stats_add(&a.received, 10);
	stats_add(&a.verdicts[PKT_PROBED], 7);
	stats_add(&b.received, 5);
	stats_add(&b.verdicts[PKT_TOO_DEEP], 5);
	stats_sum(workers, 2, &sum);
	assert_int_equal(sum.received, 15);
	assert_int_equal(sum.residual, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sum_is_taken_between_bursts),
		cmocka_unit_test(an_equation_that_does_not_hold_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
