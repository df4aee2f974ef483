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

// Table --------------------------------------------------------------------------------------------------------------------------

static struct contact_report
opened(uint32_t victim, uint16_t port, int64_t ns)
{
	const uint8_t controller[4] = {198, 51, 100, 9};

	return (struct contact_report){
		.ends = {{.addr = ip_from_v4(&victim), .port = 40000}, {.addr = ip_from_v4(controller), .port = port}},
		.proto = FLOW_TCP,
		.born = true,
		.now_opener = true,
		.opener = CONTACT_VICTIM,
		.first_ns = ns,
	};
}

static struct beacon_table *
table(size_t max)
{
	struct beacon_table *t;

	assert_int_equal(beacon_build(max, &t), 0);
	return t;
}

static void
sessions_of_each_service_are_measured_apart(void **state)
{
	struct beacon_table *t = table(16);
	struct contact_report r;

	(void)state;
	for (int i = 0; i < 20; i++) {
		r = opened(1, 443, START + i * 60 * SECOND);
		beacon_note(t, &r);
		r = opened(1, 80, START + i * i * i * SECOND);
		beacon_note(t, &r);
		r = opened(2, 443, START + i * 90 * SECOND);
		beacon_note(t, &r);
	}
	r = opened(1, 443, 0);
	assert_int_equal(beacon_of(t, &r).score, 100);
	assert_int_equal(beacon_of(t, &r).period_ms, 60000);
	r = opened(2, 443, 0);
	assert_int_equal(beacon_of(t, &r).period_ms, 90000);
	r = opened(1, 80, 0);
	assert_in_range(beacon_of(t, &r).score, 0, 50);
	r.proto = FLOW_UDP;
	assert_int_equal(beacon_of(t, &r).intervals, 0);
	beacon_free(t);
}

static void
what_the_controller_opened_and_what_has_no_ports_is_no_beat(void **state)
{
	struct beacon_table *t = table(16);
	struct contact_report r;

	(void)state;
	for (int i = 0; i < 20; i++) {
		r = opened(1, 443, START + i * 60 * SECOND);
		r.opener = CONTACT_CONTROLLER;
		beacon_note(t, &r);
		r.opener = CONTACT_VICTIM;
		r.now_opener = false; // a later report of the same contact
		beacon_note(t, &r);
		r.now_opener = r.portless = true;
		beacon_note(t, &r);
	}
	r.portless = false;
	assert_int_equal(beacon_of(t, &r).intervals, 0);
	beacon_free(t);
}

static void
the_more_regular_of_sessions_and_keep_alives_is_told(void **state)
{
	struct beacon_table *t = table(16);
	struct contact_report r;

	(void)state;
	for (int i = 0; i < 20; i++) {
		r = opened(1, 443, START + i * i * i * SECOND);
		r.keep_alive_ns = START + i * 30 * SECOND;
		r.id = 7;
		beacon_note(t, &r);
	}
	assert_int_equal(beacon_of(t, &r).of, BEACON_KEEP_ALIVES);
	assert_int_equal(beacon_of(t, &r).period_ms, 30000);
	for (int i = 0; i < 40; i++) {
		r = opened(1, 443, START + (100000 + i * 3600) * SECOND);
		beacon_note(t, &r);
	}
	assert_int_equal(beacon_of(t, &r).of, BEACON_SESSIONS);
	assert_int_equal(beacon_of(t, &r).period_ms, 3600000);
	beacon_free(t);
}

static void
a_flood_of_victims_drives_out_no_beacon_and_is_counted(void **state)
{
	struct beacon_table *t = table(64);
	struct contact_report r;
	uint32_t spoofed = 1000;

	(void)state;
	for (int i = 0; i < 20; i++) {
		for (uint32_t victim = 1; victim <= 40; victim++) {
			r = opened(victim, 443, START + i * 60 * SECOND + victim);
			beacon_note(t, &r);
		}
		for (int n = 0; i > 0 && n < 1000; n++) {
			r = opened(spoofed++, 443, START + i * 60 * SECOND + 100 + n);
			beacon_note(t, &r);
		}
	}
	for (uint32_t victim = 1; victim <= 40; victim++) {
		r = opened(victim, 443, 0);
		assert_int_equal(beacon_of(t, &r).score, 100);
	}
	assert_int_equal(beacon_overflow(t), 40 + 19 * 1000 - 64);
	beacon_free(t);
}

static void
the_one_that_beat_longest_ago_leaves_for_a_new_one(void **state)
{
	struct beacon_table *t = table(8);
	struct contact_report r;

	(void)state;
	for (uint32_t victim = 1; victim <= 9; victim++)
		for (int i = 0; i < 20; i++) {
			r = opened(victim, 443, START + (victim * 10000 + (unsigned)i * 60) * SECOND);
			beacon_note(t, &r);
		}
	for (uint32_t victim = 1; victim <= 9; victim++) {
		r = opened(victim, 443, 0);
		assert_int_equal(beacon_of(t, &r).intervals, victim == 1 ? 0 : 19);
	}
	assert_int_equal(beacon_overflow(t), 1);
	beacon_free(t);
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
		cmocka_unit_test(sessions_of_each_service_are_measured_apart),
		cmocka_unit_test(what_the_controller_opened_and_what_has_no_ports_is_no_beat),
		cmocka_unit_test(the_more_regular_of_sessions_and_keep_alives_is_told),
		cmocka_unit_test(a_flood_of_victims_drives_out_no_beacon_and_is_counted),
		cmocka_unit_test(the_one_that_beat_longest_ago_leaves_for_a_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
