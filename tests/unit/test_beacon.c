#include "test.h"

#include "bench/rhythm.h"

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1546300800) * SECOND)

static struct beacon
every(int64_t ns, unsigned n)
{
	struct beacon b = {0};

	for (unsigned i = 0; i < n; i++)
		beacon_add(&b, START + i * ns, 0);
	return b;
}

static struct beacon_result
measured(const struct beacon *b)
{
	struct beacon_result r = {0};

	assert_true(beacon_measure(b, &r));
	return r;
}

static void
six_intervals_have_a_score_and_five_have_none(void **state)
{
	struct beacon five = every(60 * SECOND, 6), six = every(60 * SECOND, 7);
	struct beacon_result r = {.score = 77};

	(void)state;
	assert_false(beacon_measure(&five, &r));
	assert_int_equal(r.score, 77);
	assert_true(beacon_measure(&six, &r));
	assert_int_equal(r.intervals, 6);
}

static void
clockwork_scores_100_from_two_seconds_to_a_month(void **state)
{
	static const int64_t periods[] = {2, 60, 3600, 86400, 30 * 86400};

	(void)state;
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
		struct beacon b = every(periods[i] * SECOND, 100);
		struct beacon_result r = measured(&b);

		assert_int_equal(r.score, 100);
		assert_int_equal(r.period_ms, periods[i] * 1000);
		assert_int_equal(r.intervals, 32);
		assert_true(r.last_ns == START + 99 * periods[i] * SECOND);
	}
}

static void
missed_beats_and_a_night_leave_the_period_and_most_of_the_score(void **state)
{
	struct beacon b = {0};
	struct beacon_result r;

	(void)state;
	for (int i = 0; i < 36; i++)
		if (i != 9 && i != 20 && i != 21)
			beacon_add(&b, START + (i * 60 + (i > 30 ? 30000 : 0)) * SECOND, 0);
	r = measured(&b);
	assert_int_equal(r.period_ms, 60000);
	assert_in_range(r.score, 80, 95);
}

static void
connections_opened_at_once_are_one_beat(void **state)
{
	struct beacon b = {0};
	struct beacon_result r;

	(void)state;
	for (int i = 0; i < 20; i++)
		for (int j = 0; j < 4; j++)
			beacon_add(&b, START + i * 60 * SECOND + j * SECOND / 5, 0);
	r = measured(&b);
	assert_int_equal(r.intervals, 19);
	assert_int_equal(r.period_ms, 60000);
	assert_int_equal(r.score, 100);
}

static void
sessions_at_the_same_time_keep_their_own_intervals(void **state)
{
	struct beacon b = {0};
	struct beacon_result r;

	(void)state;
	for (int i = 0; i < 10; i++)
		for (uint32_t chain = 1; chain <= 3; chain++)
			beacon_add(&b, START + (i * 30 + chain * chain) * SECOND, chain);
	r = measured(&b);
	assert_int_equal(r.intervals, 27);
	assert_int_equal(r.period_ms, 30000);
	assert_int_equal(r.score, 100);
}

static void
no_order_of_arrival_shows(void **state)
{
	int64_t times[101];
	struct beacon forward = {0};

	(void)state;
	times[0] = START;
	for (unsigned i = 1; i < 101; i++)
		times[i] = times[i - 1] + SECOND + (int64_t)rhythm_exponential(60e9);
	for (unsigned i = 0; i < 101; i++)
		beacon_add(&forward, times[i], i % 2);
	for (unsigned step = 2; step < 101; step++) {
		struct beacon other = {0};

		for (unsigned i = 0; i < 101; i++)
			beacon_add(&other, times[i * step % 101], i * step % 101 % 2);
		assert_int_equal(other.n, BEACON_BEATS);
		for (unsigned i = 0; i < other.n; i++) {
			assert_true(other.beats[i].ns == forward.beats[i].ns);
			assert_int_equal(other.beats[i].chain, forward.beats[i].chain);
		}
	}
}

static void
whatever_the_times_it_answers(void **state)
{
	struct beacon b = {0};
	struct beacon_result r = {0};

	(void)state;
	for (int i = 0; i < 5000; i++) {
		int64_t ns = (int64_t)(rhythm_dice() * 4294967296e9);

		beacon_add(&b, i % 3 == 0 ? ns : ns % (3 * SECOND), (uint32_t)i % 4);
		if (!beacon_measure(&b, &r))
			continue;
		assert_in_range(r.score, 0, 100);
		assert_true(r.period_ms > 0);
	}
	assert_true(r.intervals > 0);
}

static void
beacons_with_jitter_are_told_from_chance_and_from_people(void **state)
{
	(void)state;
	for (unsigned intervals = 8; intervals <= 32; intervals += 8)
		for (double missed = 0; missed < 0.25; missed += 0.2) {
			const struct rhythm r = {.jitter = 0.2, .missed = missed, .delay = 0.2};

			assert_true(rhythm_separation(&r, intervals, rhythm_poisson) >= 0.95);
			assert_true(rhythm_separation(&r, intervals, rhythm_human) >= 0.95);
		}
}

static void
the_period_is_found_in_spite_of_jitter(void **state)
{
	(void)state;
	for (int jitter = 0; jitter <= 50; jitter += 10) {
		const struct rhythm r = {.jitter = jitter / 100.0, .missed = 0.1, .delay = 0.2};
		double sum = 0;

		for (int i = 0; i < 100; i++) {
			struct beacon b = rhythm_beacon(&r, 32);

			sum += (double)measured(&b).period_ms / 100000;
		}
		assert_true(fabs(sum - RHYTHM_PERIOD) < RHYTHM_PERIOD / 20);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(six_intervals_have_a_score_and_five_have_none),
		cmocka_unit_test(clockwork_scores_100_from_two_seconds_to_a_month),
		cmocka_unit_test(missed_beats_and_a_night_leave_the_period_and_most_of_the_score),
		cmocka_unit_test(connections_opened_at_once_are_one_beat),
		cmocka_unit_test(sessions_at_the_same_time_keep_their_own_intervals),
		cmocka_unit_test(no_order_of_arrival_shows),
		cmocka_unit_test(whatever_the_times_it_answers),
		cmocka_unit_test(beacons_with_jitter_are_told_from_chance_and_from_people),
		cmocka_unit_test(the_period_is_found_in_spite_of_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
