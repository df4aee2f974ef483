#include "test.h"

#include "c2set.h"

#include <stdlib.h>
#include <time.h>

static int
build(const struct indicator *in, size_t n, uint64_t generation, struct c2set **ret)
{
	struct indicator_list list = {0};

	for (size_t i = 0; i < n; i++)
		if (indicator_list_add(&list, &in[i]) < 0)
			return -ENOMEM;
	return c2set_build(&list, generation, ret);
}

static uint64_t state = 42;

static uint32_t
dice(uint32_t sides)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % sides;
}

static struct ip_prefix
random_prefix(void)
{
	uint8_t bytes[16];
	struct ip_addr a;
	unsigned len;

	for (int i = 0; i < 16; i++)
		bytes[i] = (uint8_t)dice(i < 14 ? 4 : 256); // few values, so that prefixes overlap
	if (dice(2)) {
		a = ip_from_v4(bytes + 12);
		len = dice(3) ? 128 : 96 + 8 + dice(25);
	} else {
		bytes[0] = 0x20;
		a = ip_from_v6(bytes);
		len = dice(3) ? 128 : 20 + dice(109);
	}
	return (struct ip_prefix){ip_mask(&a, len), (uint8_t)len};
}

static const struct indicator *
brute_force(const struct indicator *in, size_t n, const struct ip_addr *a)
{
	const struct indicator *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&in[i].prefix, a) && (best == NULL || in[i].prefix.len > best->prefix.len))
			best = &in[i];
	return best;
}

static void
it_finds_what_a_search_through_the_list_finds(void **context)
{
	(void)context;
	for (int round = 0; round < 20; round++) {
		struct indicator in[300] = {0};
		size_t n = dice(300);
		struct c2set *s;

		for (size_t i = 0; i < n; i++)
			in[i].prefix = random_prefix();
		assert_int_equal(build(in, n, 7, &s), 0);
		for (int probe = 0; probe < 500; probe++) {
			struct ip_addr a = n > 0 && dice(2) ? in[dice((uint32_t)n)].prefix.addr : random_prefix().addr;
			const struct indicator *want;
			struct indicator got;
			size_t first;

			if (dice(4) == 0)
				a.bytes[15] ^= 1;
			want = brute_force(in, n, &a);
			assert_int_equal(c2set_match(s, &a, 1), want != NULL);
			assert_int_equal(c2set_lookup(s, &a, 0, &first) > 0, want != NULL);
			if (want == NULL)
				continue;
			indicator_list_get(c2set_list(s), first, &got);
			assert_int_equal(got.prefix.len, want->prefix.len);
		}
		c2set_free(s);
	}
}

static void
a_burst_sets_the_bits_of_the_listed_addresses_only(void **context)
{
	struct ip_addr addrs[C2SET_BURST];
	struct indicator in[C2SET_BURST / 2] = {0};
	struct c2set *s;
	uint64_t want = 0;

	(void)context;
	for (unsigned i = 0; i < C2SET_BURST; i++) {
		const uint8_t four[4] = {9, 9, (uint8_t)i, 1};

		addrs[i] = ip_from_v4(four);
		if (i % 2 == 0) {
			in[i / 2].prefix = (struct ip_prefix){addrs[i], 128};
			want |= UINT64_C(1) << i;
		}
	}
	assert_int_equal(build(in, C2SET_BURST / 2, 1, &s), 0);
	assert_true(c2set_match(s, addrs, C2SET_BURST) == want);
	assert_true(c2set_match(s, addrs, 0) == 0);
	c2set_free(s);
}

static struct indicator
indicator(const char *family, const char *feed, uint16_t port, uint8_t confidence)
{
	const uint8_t four[4] = {9, 9, 9, 9};

	return (struct indicator){.prefix = {ip_from_v4(four), 128},
				  .port = port,
				  .confidence = confidence,
				  .family = names_of(family),
				  .feed = names_of(feed)};
}

static void
the_primary_family_is_of_the_exact_port_then_of_the_highest_confidence(void **context)
{
	struct indicator in[] = {indicator("njRAT", "b", 5552, 90), indicator("Emotet", "a", 443, 50),
				 indicator("Bozok", "a", 0, 90)};
	const struct ip_addr a = in[0].prefix.addr;
	struct flow_match m;
	struct c2set *s;

	(void)context;
	assert_int_equal(build(in, 3, 1, &s), 0);
	c2set_describe(s, &a, 443, FLOW_TCP, 0, &m);
	assert_true(m.listed && m.exact && m.has_port);
	assert_string_equal(names_text(m.family), "Emotet");
	assert_string_equal(names_text(m.families), "Bozok|Emotet|njRAT");
	assert_string_equal(names_text(m.feeds), "a|b");
	assert_string_equal(names_text(m.ports), "443|5552");
	c2set_describe(s, &a, 80, FLOW_TCP, 0, &m);
	assert_true(m.listed && !m.exact);
	assert_string_equal(names_text(m.family), "Bozok");
	c2set_free(s);
}

static void
an_empty_set_matches_nothing(void **context)
{
	struct ip_addr a = {0};
	struct flow_match m;
	struct c2set *s;

	(void)context;
	assert_int_equal(build(NULL, 0, 1, &s), 0);
	assert_true(c2set_match(s, &a, 1) == 0);
	c2set_describe(s, &a, 1, 6, 0, &m);
	assert_false(m.listed);
	c2set_free(s);
}

static struct indicator
indicator_of(const char *text, uint16_t port, uint8_t proto)
{
	struct indicator in = {.port = port, .proto = proto};

	assert_true(ip_parse_prefix(text, strlen(text), &in.prefix) >= 0);
	return in;
}

static struct flow_match
describe_at(const struct c2set *s, const char *text, uint16_t port, uint8_t proto, int64_t now)
{
	struct flow_match m;
	struct ip_addr a;

	assert_int_equal(ip_parse(text, strlen(text), &a), 0);
	c2set_describe(s, &a, port, proto, now, &m);
	return m;
}

// Address number i of a pattern that tables dislike.
static uint32_t
patterned(size_t i, size_t pattern)
{
	return pattern == 0   ? 0x2d000000u + (uint32_t)(i % 256)
	       : pattern == 1 ? (uint32_t)(i << 12 | i >> 20)
			      : (uint32_t)(i * 2654435761u);
}

static void
find_all(size_t n, size_t pattern)
{
	uint32_t *there =
		calloc(1 << 20, sizeof(*there)); // bits of a hash of what is there: a second opinion in 2^25 bits
	struct indicator_list l = {0};
	struct c2set *s;
	unsigned strangers = 0;

	assert_non_null(there);
	for (size_t i = 0; i < n; i++) {
		uint32_t addr = patterned(i, pattern), wire = __builtin_bswap32(addr), h = addr * 0x9E3779B1u >> 7;
		struct indicator in = {.prefix = {ip_from_v4(&wire), 128}, .port = (uint16_t)(i % 3)};

		there[h / 32] |= UINT32_C(1) << h % 32;
		assert_int_equal(indicator_list_add(&l, &in), 0);
	}
	assert_int_equal(c2set_build(&l, 1, &s), 0);
	for (size_t i = 0; i < n; i++) {
		uint32_t wire = __builtin_bswap32(patterned(i, pattern));
		struct ip_addr a = ip_from_v4(&wire);

		if (c2set_match(s, &a, 1) != 1)
			fail();
	}
	for (size_t i = 0; i < 200000; i++) {
		uint32_t addr = dice(UINT32_MAX) ^ (uint32_t)i << 16, wire = __builtin_bswap32(addr),
			 h = addr * 0x9E3779B1u >> 7;
		struct ip_addr a = ip_from_v4(&wire);

		if ((there[h / 32] >> h % 32 & 1) == 0) { // surely not among them
			strangers++;
			if (c2set_match(s, &a, 1) != 0)
				fail();
		}
	}
	assert_true(strangers > 100000);
	c2set_free(s);
	free(there);
}

static void
exact_needs_the_port_and_the_protocol_or_a_protocol_without_ports(void **context)
{
	static const struct {
		uint16_t port;
		uint8_t proto;
		uint16_t of_flow;
		uint8_t proto_of_flow;
		bool exact;
	} cases[] = {
		{443, 0, 443, FLOW_TCP, true},         {443, 0, 443, FLOW_UDP, true},
		{443, 0, 80, FLOW_TCP, false},         {443, FLOW_TCP, 443, FLOW_TCP, true},
		{443, FLOW_TCP, 443, FLOW_UDP, false}, {0, 0, 443, FLOW_TCP, false},
		{0, FLOW_TCP, 443, FLOW_TCP, false},   {0, FLOW_UDP, 443, FLOW_UDP, false},
		{0, FLOW_ICMP, 0, FLOW_ICMP, true},    {0, FLOW_ICMP, 443, FLOW_TCP, false},
		{0, FLOW_ICMP6, 0, FLOW_ICMP6, true},
	};

	(void)context;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct indicator in = indicator_of("192.0.2.1", cases[i].port, cases[i].proto);
		struct flow_match m;
		struct c2set *s;

		assert_int_equal(build(&in, 1, 1, &s), 0);
		m = describe_at(s, "192.0.2.1", cases[i].of_flow, cases[i].proto_of_flow, 0);
		assert_true(m.listed);
		assert_int_equal(m.exact, cases[i].exact);
		assert_int_equal(m.has_port, cases[i].port != 0);
		assert_int_equal(m.icmp, cases[i].proto == FLOW_ICMP || cases[i].proto == FLOW_ICMP6);
		c2set_free(s);
	}
}

static void
all_ports_of_an_address_are_told(void **context)
{
	static struct indicator in[4000];
	struct flow_match m;
	struct c2set *s;

	(void)context;
	for (unsigned i = 0; i < 4000; i++) // each port twice
		in[i] = indicator_of("192.0.2.1", (uint16_t)(20000 + i / 2), i % 2 ? FLOW_TCP : FLOW_UDP);
	assert_int_equal(build(in, 4000, 1, &s), 0);
	m = describe_at(s, "192.0.2.1", 1, FLOW_TCP, 0);
	assert_int_equal(strlen(names_text(m.ports)), 2000 * 6 - 1);
	assert_memory_equal(names_text(m.ports), "20000|20001|", 12);
	c2set_free(s);
}

static void
an_ipv6_prefix_never_matches_ipv4(void **context)
{
	struct ip_addr v4, v6;

	(void)context;
	assert_int_equal(ip_parse("192.0.2.1", 9, &v4), 0);
	assert_int_equal(ip_parse("::fffe:1", 8, &v6), 0);
	for (unsigned len = 0; len < 96; len++) {
		struct indicator in = {.prefix = {ip_mask(&v4, len), (uint8_t)len}};
		struct c2set *s;

		assert_int_equal(build(&in, 1, 1, &s), 0);
		assert_int_equal(c2set_match(s, &v4, 1), 0);
		assert_int_equal(c2set_match(s, &v6, 1), len <= 80); // ::/80 and shorter hold it
		c2set_free(s);
	}
}

static void
an_indicator_ends_on_its_day_and_a_shorter_prefix_takes_over(void **context)
{
	struct indicator in[] = {indicator_of("8.8.8.8", 443, 0), indicator_of("8.8.8.0/24", 0, 0)};
	struct flow_match m;
	struct c2set *s;

	(void)context;
	in[0].expires = 1000;
	in[0].family = names_of("Emotet");
	in[1].expires = 2000;
	assert_int_equal(build(in, 2, 1, &s), 0);
	m = describe_at(s, "8.8.8.8", 443, FLOW_TCP, 999);
	assert_true(m.listed && m.exact);
	m = describe_at(s, "8.8.8.8", 443, FLOW_TCP, 1000);
	assert_true(m.listed && !m.exact && m.family == 0);
	assert_false(describe_at(s, "8.8.8.8", 443, FLOW_TCP, 2000).listed);
	c2set_free(s);
}

static void
an_entry_says_only_what_is_in_force(void **context)
{
	struct indicator in[] = {indicator_of("8.8.8.8", 443, 0), indicator_of("8.8.8.8", 80, 0)};
	struct flow_match m;
	struct c2set *s;

	(void)context;
	in[0].expires = 1000;
	in[0].flags = INDICATOR_SHARED;
	in[0].confidence = 90;
	assert_int_equal(build(in, 2, 1, &s), 0);
	assert_true(describe_at(s, "8.8.8.8", 443, FLOW_TCP, 0).exact);
	m = describe_at(s, "8.8.8.8", 443, FLOW_TCP, 1000);
	assert_true(m.listed && !m.exact && m.flags == 0 && m.confidence == 0);
	c2set_free(s);
}

static void
what_the_operator_takes_out_matches_nothing_whatever_lists_name_it(void **context)
{
	struct indicator in[] = {indicator_of("8.8.8.8", 443, 0), indicator_of("8.8.8.8", 0, 0),
				 indicator_of("8.8.8.0/24", 0, 0)};
	struct c2set_force force;
	struct c2set_facts facts;
	struct ip_addr a;
	struct c2set *s;

	(void)context;
	in[1].flags = INDICATOR_REMOVED;
	in[1].expires = 1000; // for a while
	assert_int_equal(build(in, 3, 1, &s), 0);
	assert_false(describe_at(s, "8.8.8.8", 443, FLOW_TCP, 999).listed);
	assert_true(describe_at(s, "8.8.8.9", 443, FLOW_TCP, 999).listed);
	assert_true(describe_at(s, "8.8.8.8", 443, FLOW_TCP, 1000).exact);
	c2set_in_force(s, 999, &force);
	assert_true(force.entries == 1 && force.changes == 1000);
	c2set_in_force(s, 1000, &force);
	assert_true(force.entries == 2 && force.changes == 0);
	c2set_facts(s, &facts);
	assert_int_equal(facts.entries, 1);
	assert_int_equal(ip_parse("8.8.8.8", 7, &a), 0);
	assert_int_equal(c2set_match(s, &a, 1), 1); // it is looked at, as any hit
	c2set_free(s);
}

static void
removing_an_entry_takes_effect_at_once_and_on_nothing_else(void **context)
{
	struct indicator in[] = {indicator_of("8.8.8.8", 443, 0), indicator_of("8.8.8.8", 80, 0),
				 indicator_of("8.8.8.0/24", 53, 0), indicator_of("2606:4700::1", 0, 0)};
	struct indicator none = indicator_of("8.8.8.9", 0, 0);
	struct c2set *s;

	(void)context;
	assert_int_equal(build(in, 4, 1, &s), 0);
	assert_int_equal(c2set_remove(s, &none.prefix), 0);
	assert_int_equal(c2set_remove(s, &in[0].prefix), 2);
	assert_false(describe_at(s, "8.8.8.8", 53, FLOW_UDP, 10).listed); // nor by the prefix around it
	assert_true(describe_at(s, "8.8.8.9", 53, FLOW_UDP, 10).exact);
	assert_int_equal(c2set_remove(s, &in[2].prefix), 1);
	assert_false(describe_at(s, "8.8.8.9", 53, FLOW_UDP, 10).listed);
	assert_true(describe_at(s, "2606:4700::1", 1, FLOW_TCP, 10).listed);
	c2set_free(s);
}

// Each of these walks the entry once; once for each of its indicators would take minutes.
static void
an_address_with_every_port_is_looked_up_in_one_walk(void **context)
{
	struct indicator *in = calloc(UINT16_MAX, sizeof(*in));
	struct c2set_force force;
	struct c2set *s;

	(void)context;
	for (unsigned i = 0; i < UINT16_MAX; i++) {
		in[i] = indicator("Emotet", "a", (uint16_t)(i + 1), 50);
		in[i].expires = 5000;
	}
	assert_int_equal(build(in, UINT16_MAX, 1, &s), 0);
	assert_true(describe_at(s, "9.9.9.9", 443, FLOW_TCP, 4999).exact);
	assert_false(describe_at(s, "9.9.9.9", 443, FLOW_TCP, 5000).listed);
	c2set_in_force(s, 4999, &force);
	assert_true(force.entries == 1 && force.changes == 5000);
	c2set_free(s);
	free(in);
}

// Keys chosen to meet: all of one /24, multiples of a power of two, the same address often; and none at all. Against a sorted array.
static void
sets_of_any_size_and_pattern_find_what_is_in_them(void **context)
{
	static const size_t sizes[] = {0, 1, 2, 255, 1000, 65536, 1000000};

	(void)context;
	for (size_t pattern = 0; pattern < 3; pattern++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			find_all(sizes[i], pattern);
}

// A list that is one network after the other must not pile up in the table.
static void
two_hundred_thousand_neighbours_are_built_and_found(void **context)
{
	const size_t n = 200000;
	struct indicator *in = calloc(n, sizeof(*in));
	struct timespec begin, end;
	struct c2set_facts facts;
	struct c2set *s;

	(void)context;
	assert_non_null(in);
	for (size_t i = 0; i < n; i++) {
		uint8_t four[4] = {45, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		in[i].prefix = (struct ip_prefix){ip_from_v4(four), 128};
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(build(in, n, 3, &s), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	c2set_facts(s, &facts);
	print_message("%zu entries, %zu bytes, built in %ld ms\n", facts.entries, facts.bytes,
		      (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
	assert_int_equal(facts.entries, n);
	assert_int_equal(facts.generation, 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(c2set_match(s, &in[i].prefix.addr, 1), 1);
	c2set_free(s);
	free(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_what_a_search_through_the_list_finds),
		cmocka_unit_test(a_burst_sets_the_bits_of_the_listed_addresses_only),
		cmocka_unit_test(the_primary_family_is_of_the_exact_port_then_of_the_highest_confidence),
		cmocka_unit_test(an_empty_set_matches_nothing),
		cmocka_unit_test(exact_needs_the_port_and_the_protocol_or_a_protocol_without_ports),
		cmocka_unit_test(all_ports_of_an_address_are_told),
		cmocka_unit_test(an_ipv6_prefix_never_matches_ipv4),
		cmocka_unit_test(an_indicator_ends_on_its_day_and_a_shorter_prefix_takes_over),
		cmocka_unit_test(an_entry_says_only_what_is_in_force),
		cmocka_unit_test(what_the_operator_takes_out_matches_nothing_whatever_lists_name_it),
		cmocka_unit_test(removing_an_entry_takes_effect_at_once_and_on_nothing_else),
		cmocka_unit_test(an_address_with_every_port_is_looked_up_in_one_walk),
		cmocka_unit_test(sets_of_any_size_and_pattern_find_what_is_in_them),
		cmocka_unit_test(two_hundred_thousand_neighbours_are_built_and_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
