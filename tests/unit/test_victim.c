#include "test.h"

#include "victim.h"

#include <stdlib.h>

#define S INT64_C(1000000000)

// What came back: of each contact the sum of its packets, and the reason of its last report.
struct came {
	unsigned reports, packets[2000];
	name_id reasons[2000];
	struct contact_report last;
};

static struct came came;

static void
decided(void *context, const struct contact_report *r, name_id reason)
{
	struct came *c = context;

	c->reports++;
	c->packets[r->id] += (unsigned)r->packets[0];
	c->reasons[r->id] = reason;
	c->last = *r;
}

static struct victim_windows *
build(unsigned window_s, unsigned controllers, size_t waiting)
{
	const struct victim_options o = {.window_s = window_s,
					 .controllers = controllers,
					 .prefix6 = 64,
					 .waiting = waiting,
					 .decided = decided,
					 .context = &came};
	struct victim_windows *v;

	came = (struct came){0};
	assert_int_equal(victim_windows_build(&o, &v), 0);
	return v;
}

static struct ip_addr
addr(uint8_t third, unsigned last)
{
	const uint8_t four[4] = {192, 0, third, (uint8_t)last};

	return ip_from_v4(four);
}

// Contact `id` of victim 192.0.2.`victim` with controller 192.0.3.`controller`: a SYN.
static struct contact_report
attempt(uint64_t id, unsigned victim, unsigned controller, int64_t at_s)
{
	return (struct contact_report){
		.id = id,
		.ends = {{.addr = addr(2, victim), .port = 40000}, {.addr = addr(3, controller), .port = 443}},
		.proto = FLOW_TCP,
		.born = true,
		.active = true,
		.now_opener = true,
		.opener = CONTACT_VICTIM,
		.hour = (uint32_t)(at_s / 3600),
		.first_ns = at_s * S,
		.last_ns = at_s * S,
		.hour_first_ns = at_s * S,
		.hour_last_ns = at_s * S,
		.packets = {1, 0},
		.bytes = {60, 0},
	};
}

static void
begin(struct victim_windows *v, uint64_t id, unsigned victim, unsigned controller, int64_t at_s)
{
	struct contact_report r = attempt(id, victim, controller, at_s);
	uint64_t place = 0;

	assert_true(victim_hold(v, &r, &place));
}

static const char *
reason(uint64_t id)
{
	return names_text(came.reasons[id]);
}

static size_t
waiting(const struct victim_windows *v)
{
	struct victim_facts f;

	victim_facts(v, &f);
	return f.waiting;
}

static void
many_controllers_without_payload_are_a_scanner_and_few_are_none(void **state)
{
	struct victim_windows *v = build(600, 8, 64);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		begin(v, i, 1, i, 1000 + i);
	for (unsigned i = 0; i < 7; i++)
		begin(v, 8 + i, 2, i, 1000 + i);
	for (unsigned i = 0; i < 20; i++)
		begin(v, 15 + i, 3, i % 7, 1000 + i); // the same ones again are no more
	victim_decide_all(v, false);
	for (unsigned i = 0; i < 8; i++)
		assert_string_equal(reason(i), "behaviour: 8 controllers in 600 s");
	for (unsigned i = 8; i < 35; i++)
		assert_string_equal(reason(i), "");
	assert_int_equal(came.reports, 35);
	assert_int_equal(waiting(v), 0);
	victim_windows_free(v);
}

// No edge of a fixed window cuts a survey in two, and its ends belong to it.
static void
the_window_slides_over_slow_surveys(void **state)
{
	struct victim_windows *v = build(600, 8, 64);

	(void)state;
	begin(v, 0, 1, 0, 0); // long before
	for (unsigned i = 1; i <= 20; i++)
		begin(v, i, 1, i, 1000 + i * 80);
	begin(v, 21, 1, 21, 9000); // long after
	victim_decide_all(v, false);
	assert_string_equal(reason(0), "");
	for (unsigned i = 1; i <= 20; i++)
		assert_string_equal(reason(i), "behaviour: 8 controllers in 600 s");
	assert_string_equal(reason(21), "");
	victim_windows_free(v);

	v = build(600, 8, 64);
	for (unsigned i = 0; i < 20; i++)
		begin(v, i, 1, i, 1000 + i * 90); // seven in each stretch
	victim_decide_all(v, false);
	for (unsigned i = 0; i < 20; i++)
		assert_string_equal(reason(i), "");
	victim_windows_free(v);
}

static void
each_is_decided_when_its_own_window_is_over(void **state)
{
	struct victim_windows *v = build(600, 8, 64);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		begin(v, i, 1, i, 1000 + i * 80);
		victim_decide(v, (1000 + i * 80) * S);
		assert_int_equal(waiting(v), i < 8 ? i + 1 : 8);
	}
	victim_decide(v, 10000 * S);
	assert_int_equal(waiting(v), 0);
	for (unsigned i = 0; i < 20; i++) // the last ones by those that were decided long before
		assert_string_equal(reason(i), "behaviour: 8 controllers in 600 s");
	for (unsigned i = 20; i < 27; i++)
		begin(v, i, 1, i, 10000 + i); // all of that is forgotten
	victim_decide_all(v, true);
	assert_string_equal(reason(26), "");
	victim_windows_free(v);
}

static void
payload_both_ways_counts_at_once_and_is_no_touch(void **state)
{
	struct victim_windows *v = build(600, 2, 64);
	struct contact_report r = attempt(1, 1, 1, 1000);
	uint64_t place = 0, other = 0;

	(void)state;
	assert_true(victim_hold(v, &r, &place));
	begin(v, 2, 1, 2, 1001);
	r.born = false;
	r.evidence = CONTACT_TWO_WAY;
	r.now_answered = r.now_two_way = true;
	assert_false(victim_hold(v, &r, &place));
	assert_int_equal(came.reports, 1); // what was held came first
	assert_string_equal(reason(1), "");
	assert_false(victim_hold(v, &r, &place));
	r = attempt(3, 1, 3, 1002);
	r.evidence = CONTACT_TWO_WAY;
	assert_false(victim_hold(v, &r, &other));
	assert_int_equal(waiting(v), 1);
	victim_decide_all(v, false);
	assert_string_equal(reason(2), "");
	victim_windows_free(v);
}

static void
what_the_controller_opened_neither_waits_nor_counts(void **state)
{
	struct victim_windows *v = build(600, 2, 64);

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct contact_report r = attempt(i, 1, i, 1000);
		uint64_t place = 0;

		r.opener = CONTACT_CONTROLLER;
		assert_false(victim_hold(v, &r, &place));
	}
	begin(v, 10, 1, 10, 1000);
	for (unsigned i = 11; i < 20; i++) { // begun before the capture: they wait, but say nothing
		struct contact_report r = attempt(i, 1, i, 1000);
		uint64_t place = 0;

		r.opener = CONTACT_UNKNOWN;
		assert_true(victim_hold(v, &r, &place));
	}
	victim_decide_all(v, false);
	for (unsigned i = 10; i < 20; i++)
		assert_string_equal(reason(i), "");
	victim_windows_free(v);
}

static void
an_ipv6_victim_is_its_network(void **state)
{
	struct victim_windows *v = build(600, 4, 64);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct contact_report r = attempt(i, 1, i, 1000);
		uint64_t place = 0;
		char text[32];

		snprintf(text, sizeof(text), "2001:db8:0:1::%u", i + 1);
		assert_int_equal(ip_parse(text, strlen(text), &r.ends[0].addr), 0);
		assert_true(victim_hold(v, &r, &place));
	}
	victim_decide_all(v, false);
	assert_string_equal(reason(3), "behaviour: 4 controllers in 600 s");
	victim_windows_free(v);
}

// One report for each hour that the contact has packets in, with all of them.
static void
deltas_of_an_hour_are_held_as_one(void **state)
{
	struct victim_windows *v = build(7200, 8, 64);
	struct contact_report r = attempt(1, 1, 1, 3500);
	uint64_t place = 0;

	(void)state;
	assert_true(victim_hold(v, &r, &place));
	r.born = r.active = r.now_opener = false;
	r.evidence = CONTACT_ANSWERED;
	r.now_answered = true;
	r.hour_first_ns = r.hour_last_ns = r.last_ns = 3510 * S;
	assert_true(victim_hold(v, &r, &place));
	assert_int_equal(came.reports, 0);
	r.hour = 1;
	r.active = true;
	r.now_answered = false;
	r.hour_first_ns = r.hour_last_ns = r.last_ns = 3700 * S;
	r.packets[0] = 5;
	assert_true(victim_hold(v, &r, &place));
	r.packets[0] = 0;
	r.active = false;
	r.ended = true;
	r.hour_first_ns = r.hour_last_ns = 0;
	assert_true(victim_hold(v, &r, &place));
	victim_decide_all(v, false);
	assert_int_equal(came.reports, 2);
	assert_int_equal(came.packets[1], 7);
	assert_true(came.last.ended && came.last.active && !came.last.born);
	assert_int_equal(came.last.hour, 1);
	assert_int_equal(came.last.hour_first_ns, 3700 * S);
	assert_int_equal(came.last.hour_last_ns, 3700 * S);
	assert_int_equal(came.last.bytes[0], 120);
	victim_windows_free(v);
}

static int
compare_random(const void *a, const void *b)
{
	const struct contact_report *x = a, *y = b;

	return x->bytes[1] < y->bytes[1] ? -1 : x->bytes[1] > y->bytes[1];
}

// Several workers report in any order.
static void
the_order_of_arrival_does_not_matter(void **state)
{
	static name_id first[500];
	struct contact_report reports[500];

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 500; i++)
		reports[i] = attempt(i, i % 5, (unsigned)rand() % 30, rand() % 20000);
	for (unsigned round = 0; round < 10; round++) {
		struct victim_windows *v = build(600, 5, 500);
		unsigned scanners = 0;

		for (unsigned i = 0; i < 500; i++)
			reports[i].bytes[1] = (uint64_t)rand();
		qsort(reports, 500, sizeof(reports[0]), compare_random);
		for (unsigned i = 0; i < 500; i++) {
			uint64_t place = 0;

			assert_true(victim_hold(v, &reports[i], &place));
		}
		victim_decide_all(v, false);
		for (unsigned i = 0; i < 500; i++)
			scanners += came.reasons[i] != 0;
		assert_in_range(scanners, 20, 480);
		if (round == 0)
			memcpy(first, came.reasons, sizeof(first));
		assert_memory_equal(first, came.reasons, sizeof(first));
		victim_windows_free(v);
	}
}

// The rule in its own words, without any cleverness.
static bool
is_scanner(const struct contact_report *reports, unsigned n, unsigned which, unsigned controllers)
{
	for (unsigned from = 0; from < n; from++) {
		int64_t start = reports[from].first_ns, end = start + 600 * S;
		bool seen[256] = {false};
		unsigned distinct = 0;

		if (reports[which].first_ns < start || reports[which].first_ns > end)
			continue;
		for (unsigned i = 0; i < n; i++) {
			uint8_t c = reports[i].ends[1].addr.bytes[15];

			if (reports[i].first_ns < start || reports[i].first_ns > end ||
			    !ip_equal(&reports[i].ends[0].addr, &reports[which].ends[0].addr))
				continue;
			distinct += !seen[c];
			seen[c] = true;
		}
		if (distinct >= controllers)
			return true;
	}
	return false;
}

static void
random_contacts_are_judged_as_the_rule_says(void **state)
{
	struct contact_report reports[60];

	(void)state;
	srand(7);
	for (unsigned round = 0; round < 200; round++) {
		struct victim_windows *v = build(600, 4, 64);

		for (unsigned i = 0; i < 60; i++) {
			reports[i] = attempt(i, (unsigned)rand() % 3, (unsigned)rand() % 8, rand() % 8000);
			begin(v, i, reports[i].ends[0].addr.bytes[15], reports[i].ends[1].addr.bytes[15],
			      reports[i].first_ns / S);
		}
		victim_decide_all(v, false);
		for (unsigned i = 0; i < 60; i++)
			assert_int_equal(came.reasons[i] != 0, is_scanner(reports, 60, i, 4));
		victim_windows_free(v);
	}
}

static void
a_full_room_decides_the_oldest_early_and_loses_nothing(void **state)
{
	struct victim_windows *v = build(600, 4, 64);
	struct victim_facts f;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		begin(v, i, i % 200, i % 7, 1000); // no time passes
		assert_in_range(waiting(v), 1, 64);
		if (i == 64)
			assert_int_equal(came.packets[0], 1);
	}
	victim_facts(v, &f);
	assert_true(f.early >= 2000 - 64);
	victim_decide_all(v, true);
	victim_facts(v, &f);
	assert_int_equal(f.early, 2000);
	assert_int_equal(f.oldest_ns, INT64_MAX);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(came.packets[i], 1);
	victim_windows_free(v);
}

// A contact that goes on through many hours fills the room by itself.
static void
one_long_contact_cannot_fill_the_room_for_ever(void **state)
{
	struct victim_windows *v = build(86400, 4, 16);
	struct contact_report r = attempt(1, 1, 1, 0);
	uint64_t place = 0;
	unsigned counted = 0;

	(void)state;
	for (unsigned hour = 0; hour < 100; hour++) {
		r.hour = hour;
		counted += !victim_hold(v, &r, &place);
	}
	victim_decide_all(v, false);
	assert_int_equal(came.packets[1] + counted, 100);
	victim_windows_free(v);
}

static void
a_window_is_open_while_it_is_and_says_with_how_many(void **state)
{
	struct victim_windows *v = build(600, 8, 64);
	struct ip_addr a = addr(2, 1), other = addr(2, 9);
	struct victim_window w;

	(void)state;
	begin(v, 1, 1, 1, 1000);
	begin(v, 2, 1, 2, 1100);
	begin(v, 3, 1, 2, 1100);
	victim_window(v, &a, 1200 * S, &w);
	assert_true(w.open);
	assert_int_equal(w.controllers, 2);
	assert_int_equal(w.waiting, 3);
	victim_decide(v, 1650 * S);
	victim_window(v, &a, 1650 * S, &w);
	assert_true(w.open);
	assert_int_equal(w.controllers, 1);
	assert_int_equal(w.waiting, 2);
	victim_decide(v, 1750 * S);
	victim_window(v, &a, 1750 * S, &w);
	assert_false(w.open);
	victim_window(v, &other, 1200 * S, &w);
	assert_false(w.open);
	victim_windows_free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_controllers_without_payload_are_a_scanner_and_few_are_none),
		cmocka_unit_test(the_window_slides_over_slow_surveys),
		cmocka_unit_test(each_is_decided_when_its_own_window_is_over),
		cmocka_unit_test(payload_both_ways_counts_at_once_and_is_no_touch),
		cmocka_unit_test(what_the_controller_opened_neither_waits_nor_counts),
		cmocka_unit_test(an_ipv6_victim_is_its_network),
		cmocka_unit_test(deltas_of_an_hour_are_held_as_one),
		cmocka_unit_test(the_order_of_arrival_does_not_matter),
		cmocka_unit_test(random_contacts_are_judged_as_the_rule_says),
		cmocka_unit_test(a_full_room_decides_the_oldest_early_and_loses_nothing),
		cmocka_unit_test(one_long_contact_cannot_fill_the_room_for_ever),
		cmocka_unit_test(a_window_is_open_while_it_is_and_says_with_how_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
