#include "test.h"

#include "tally.h"

static struct ip_addr
addr(uint8_t last)
{
	const uint8_t four[4] = {192, 0, 2, last};

	return ip_from_v4(four);
}

// A contact of victim `last` with the controller 192.0.2.200, all at once.
static struct contact_report
whole(uint8_t last, enum contact_opener opener, enum contact_evidence evidence)
{
	return (struct contact_report){
		.id = last,
		.ends = {{.addr = addr(last), .port = 40000},
			 {.addr = addr(200),
			  .port = 443,
			  .match = {.listed = true, .exact = true, .family = names_of("Emotet"), .generation = 1}}},
		.proto = FLOW_TCP,
		.born = true,
		.active = true,
		.ended = true,
		.now_opener = opener != CONTACT_UNKNOWN,
		.now_answered = evidence >= CONTACT_ANSWERED,
		.now_two_way = evidence == CONTACT_TWO_WAY,
		.opener = opener,
		.evidence = evidence,
		.hour = 429528,
		.first_ns = INT64_C(1546300800000000000) + last,
		.last_ns = INT64_C(1546300801000000000) + last,
		.packets = {5, 4},
		.bytes = {500, 400},
	};
}

static struct tally_entry
entry(const struct contact_report *r, const char *org)
{
	return (struct tally_entry){
		.report = r,
		.controller = 1,
		.org = {.id = names_of(org), .name = names_of(org), .attribution = ORG_WATCHLIST},
		.lane = LANE_COUNTED,
		.suspected = lane_suspects(LANE_COUNTED, r, 0, 1),
		.victim_prefix6 = 64,
	};
}

static void
every_opener_counts_in_its_own_column_and_they_add_up(void **state)
{
	struct tally_counts n, sum = {0};

	(void)state;
	for (int opener = CONTACT_VICTIM; opener <= CONTACT_UNKNOWN; opener++)
		for (int evidence = CONTACT_ATTEMPT; evidence <= CONTACT_TWO_WAY; evidence++) {
			struct contact_report r =
				whole(1, (enum contact_opener)opener, (enum contact_evidence)evidence);

			tally_count(&r, 0, 1, &n);
			assert_int_equal(n.n[TALLY_CONTACTS], 1);
			assert_int_equal(n.n[TALLY_ATTEMPTS], opener == CONTACT_VICTIM);
			assert_int_equal(n.n[TALLY_INBOUND], opener == CONTACT_CONTROLLER);
			assert_int_equal(n.n[TALLY_ANSWERED],
					 evidence >= CONTACT_ANSWERED && opener != CONTACT_CONTROLLER);
			assert_int_equal(n.n[TALLY_INBOUND_ANSWERED],
					 evidence >= CONTACT_ANSWERED && opener == CONTACT_CONTROLLER);
			assert_int_equal(n.n[TALLY_TWO_WAY],
					 evidence == CONTACT_TWO_WAY && opener != CONTACT_CONTROLLER);
			for (int c = 0; c < TALLY_COUNTERS; c++)
				sum.n[c] += n.n[c];
		}
	assert_int_equal(sum.n[TALLY_CONTACTS], sum.n[TALLY_ATTEMPTS] + sum.n[TALLY_INBOUND] + 3);
}

static void
a_family_whose_controllers_connect_is_counted_like_the_rest(void **state)
{
	struct contact_report r = whole(1, CONTACT_CONTROLLER, CONTACT_TWO_WAY);
	struct tally_counts n;

	(void)state;
	r.ends[1].match.connects_in = true;
	tally_count(&r, 0, 1, &n);
	assert_int_equal(n.n[TALLY_ATTEMPTS], 1);
	assert_int_equal(n.n[TALLY_INBOUND], 0);
	assert_int_equal(n.n[TALLY_TWO_WAY], 1);
}

static void
fragments_count_packets_and_bytes_only(void **state)
{
	struct contact_report r = whole(1, CONTACT_UNKNOWN, CONTACT_ATTEMPT);
	struct tally_counts n;

	(void)state;
	r.portless = true;
	tally_count(&r, 0, 1, &n);
	assert_int_equal(n.n[TALLY_CONTACTS] + n.n[TALLY_EXACT] + n.n[TALLY_ACTIVE], 0);
	assert_int_equal(n.n[TALLY_PACKETS_OUT], 5);
	assert_int_equal(n.n[TALLY_BYTES_IN], 400);
}

static void
forged_victims_get_no_rows_without_end_and_suspected_ones_always_do(void **state)
{
	struct contact_report attempt = whole(1, CONTACT_VICTIM, CONTACT_ATTEMPT),
			      answered = whole(2, CONTACT_VICTIM, CONTACT_ANSWERED);
	struct tally_entry a = entry(&attempt, "w-a"), b = entry(&answered, "w-b");
	const struct tally_victim *victims;
	struct tally *t;

	(void)state;
	assert_int_equal(tally_build(&t), 0);
	for (uint32_t i = 0; i < TALLY_VICTIMS_MAX + 10; i++) {
		const uint8_t four[4] = {100, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		attempt.ends[0].addr = ip_from_v4(four);
		assert_int_equal(tally_add(t, &a), 0);
	}
	assert_int_equal(tally_add(t, &b), 0);
	assert_int_equal(tally_victims_left_out(t), 10);
	assert_int_equal(tally_victims(t, &victims), TALLY_VICTIMS_MAX + 1);
	assert_int_equal(tally_totals(t)->n[TALLY_ATTEMPTS], TALLY_VICTIMS_MAX + 11);
	assert_int_equal(tally_totals(t)->n[TALLY_PACKETS_OUT], 5 * (TALLY_VICTIMS_MAX + 11));
	tally_clear(t);
	assert_int_equal(tally_victims_left_out(t), 0);
	tally_free(t);
}

static void
two_listed_ends_are_one_contact_in_the_totals_and_one_at_each_controller(void **state)
{
	struct contact_report r = whole(1, CONTACT_VICTIM, CONTACT_TWO_WAY);
	struct tally_entry a = entry(&r, "w-a"), b = entry(&r, "w-b");
	const struct tally_cell *cells;
	struct tally *t;

	(void)state;
	r.ends[0].match = r.ends[1].match;
	b.victim = 1;
	b.controller = 0;
	b.repeat = true;
	assert_int_equal(tally_build(&t), 0);
	assert_int_equal(tally_add(t, &a), 0);
	assert_int_equal(tally_add(t, &b), 0);
	assert_int_equal(tally_totals(t)->n[TALLY_CONTACTS], 1);
	assert_int_equal(tally_cells(t, &cells), 2);
	assert_int_equal(cells[0].counts.n[TALLY_ATTEMPTS], 1);
	assert_int_equal(cells[1].counts.n[TALLY_INBOUND], 1); // seen from the end that was called
	assert_int_equal(cells[1].counts.n[TALLY_PACKETS_OUT], 4);
	tally_free(t);
}

static void
a_victim_has_the_beacon_of_its_most_regular_service(void **state)
{
	static const struct beacon_result known[] = {{0},
						     {.intervals = 32, .score = 20, .period_ms = 900},
						     {.intervals = 6, .score = 90, .period_ms = 60000},
						     {0}};

	(void)state;
	for (unsigned first = 0; first < 4; first++) {
		struct contact_report r = whole(1, CONTACT_VICTIM, CONTACT_TWO_WAY);
		struct tally_entry e = entry(&r, "w-a");
		const struct tally_victim *victims;
		struct tally *t;

		assert_int_equal(tally_build(&t), 0);
		for (unsigned i = 0; i < 4; i++) {
			e.beacon = known[(first + i) % 4];
			assert_int_equal(tally_add(t, &e), 0);
		}
		assert_int_equal(tally_victims(t, &victims), 1);
		assert_int_equal(victims->beacon.score, 90);
		assert_int_equal(victims->beacon.period_ms, 60000);
		tally_free(t);
	}
}

// The same contacts in another order.
static struct tally *
filled(unsigned step)
{
	struct tally *t;

	assert_int_equal(tally_build(&t), 0);
	for (unsigned i = 0; i < 101; i++) {
		uint8_t last = (uint8_t)(1 + i * step % 101);
		struct contact_report r = whole(last, last % 3 ? CONTACT_VICTIM : CONTACT_CONTROLLER,
						(enum contact_evidence)(last % 2 + 1));
		struct tally_entry e = entry(&r, last % 5 ? "w-a" : "w-b");

		r.ends[1].addr = addr((uint8_t)(200 + last % 4));
		r.hour += last % 7;
		e.reason = names_of(last % 2 ? "one" : "two");
		assert_int_equal(tally_add(t, &e), 0);
	}
	return t;
}

static void
the_order_of_the_reports_does_not_show(void **state)
{
	struct tally *a = filled(1), *b = filled(17);
	const struct tally_cell *cells[2];
	const struct tally_pair *pairs[2];
	const struct tally_victim *victims[2];
	size_t n;

	(void)state;
	n = tally_cells(a, &cells[0]);
	assert_int_equal(tally_cells(b, &cells[1]), n);
	assert_memory_equal(cells[0], cells[1], n * sizeof(*cells[0]));
	n = tally_pairs(a, &pairs[0]);
	assert_int_equal(tally_pairs(b, &pairs[1]), n);
	for (size_t i = 0; i < n; i++) {
		assert_true(ip_equal(&pairs[0][i].controller, &pairs[1][i].controller));
		assert_int_equal(pairs[0][i].reason, pairs[1][i].reason);
		assert_int_equal(pairs[0][i].evidence, pairs[1][i].evidence);
		assert_true(pairs[0][i].first_ns == pairs[1][i].first_ns);
	}
	n = tally_victims(a, &victims[0]);
	assert_int_equal(tally_victims(b, &victims[1]), n);
	for (size_t i = 0; i < n; i++)
		assert_true(ip_equal(&victims[0][i].victim.addr, &victims[1][i].victim.addr));
	tally_free(a);
	tally_free(b);
}

static void
a_cleared_tally_is_empty_and_fills_again(void **state)
{
	struct tally *t = filled(1);
	struct contact_report r = whole(1, CONTACT_VICTIM, CONTACT_ANSWERED);
	struct tally_entry e = entry(&r, "w-a");
	const struct tally_org *orgs;

	(void)state;
	tally_clear(t);
	assert_true(tally_empty(t));
	assert_int_equal(tally_totals(t)->n[TALLY_CONTACTS], 0);
	assert_int_equal(tally_add(t, &e), 0);
	assert_int_equal(tally_orgs(t, &orgs), 1);
	assert_true(orgs[0].suspected);
	tally_free(t);
}

// The facts of an organization whose contacts came in this order.
static struct org_facts
facts_after(const struct org_facts *a, const struct org_facts *b)
{
	struct contact_report r = whole(1, CONTACT_VICTIM, CONTACT_ANSWERED);
	struct tally_entry e = entry(&r, "as64500");
	const struct tally_org *orgs;
	struct org_facts facts;
	struct tally *t;

	assert_int_equal(tally_build(&t), 0);
	e.org = *a;
	assert_int_equal(tally_add(t, &e), 0);
	e.org = *b;
	assert_int_equal(tally_add(t, &e), 0);
	assert_int_equal(tally_orgs(t, &orgs), 1);
	facts = orgs[0].facts;
	tally_free(t);
	return facts;
}

static void
what_stands_of_an_organization_does_not_depend_on_who_came_first(void **state)
{
	const struct org_facts facts[] = {
		{.id = names_of("as64500"),
		 .name = names_of("Zeta"),
		 .country = names_of("DE"),
		 .attribution = ORG_ISP},
		{.id = names_of("as64500"),
		 .name = names_of("Beta"),
		 .country = names_of("DE"),
		 .attribution = ORG_ASN},
		{.id = names_of("as64500"),
		 .name = names_of("Beta"),
		 .country = names_of("AT"),
		 .attribution = ORG_ASN},
		{.id = names_of("as64500"),
		 .name = names_of("Alpha"),
		 .country = names_of("US"),
		 .attribution = ORG_ASN},
	};

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) {
			const struct org_facts one = facts_after(&facts[i], &facts[j]);

			assert_int_equal(one.attribution, facts[i > j ? i : j].attribution);
			assert_int_equal(one.name, facts[i > j ? i : j].name);
			assert_int_equal(one.country, facts[i > j ? i : j].country);
		}
}

// A contact ends when it has been idle: that report has no packets, and the times of its deltas are 0.
static void
an_end_without_packets_leaves_the_times_of_its_victim(void **state)
{
	struct contact_report r = whole(1, CONTACT_VICTIM, CONTACT_TWO_WAY), end = r;
	const struct tally_victim *v;
	struct tally_entry e;
	struct tally *t;

	(void)state;
	r.hour_first_ns = r.first_ns;
	r.hour_last_ns = r.last_ns;
	end.packets[0] = end.packets[1] = 0;
	assert_int_equal(tally_build(&t), 0);
	e = entry(&r, "w-a");
	assert_int_equal(tally_add(t, &e), 0);
	e = entry(&end, "w-a");
	assert_int_equal(tally_add(t, &e), 0);
	assert_int_equal(tally_victims(t, &v), 1);
	assert_int_equal(v->first_ns, r.first_ns);
	assert_int_equal(v->last_ns, r.last_ns);
	tally_clear(t);
	assert_int_equal(tally_add(t, &e), 0);
	assert_int_equal(tally_victims(t, &v), 1);
	assert_int_equal(v->first_ns, r.last_ns);
	tally_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_opener_counts_in_its_own_column_and_they_add_up),
		cmocka_unit_test(an_end_without_packets_leaves_the_times_of_its_victim),
		cmocka_unit_test(a_family_whose_controllers_connect_is_counted_like_the_rest),
		cmocka_unit_test(fragments_count_packets_and_bytes_only),
		cmocka_unit_test(forged_victims_get_no_rows_without_end_and_suspected_ones_always_do),
		cmocka_unit_test(two_listed_ends_are_one_contact_in_the_totals_and_one_at_each_controller),
		cmocka_unit_test(a_victim_has_the_beacon_of_its_most_regular_service),
		cmocka_unit_test(the_order_of_the_reports_does_not_show),
		cmocka_unit_test(a_cleared_tally_is_empty_and_fills_again),
		cmocka_unit_test(what_stands_of_an_organization_does_not_depend_on_who_came_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
