#include "test.h"

#include "c2set.h"

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
		assert_int_equal(c2set_build(in, n, 7, &s), 0);
		for (int probe = 0; probe < 500; probe++) {
			struct ip_addr a = n > 0 && dice(2) ? in[dice((uint32_t)n)].prefix.addr : random_prefix().addr;
			const struct indicator *want = brute_force(in, n, &a), *got = NULL;

			if (dice(4) == 0)
				a.bytes[15] ^= 1;
			want = brute_force(in, n, &a);
			assert_int_equal(c2set_match(s, &a, 1), want != NULL);
			assert_int_equal(c2set_lookup(s, &a, &got) > 0, want != NULL);
			if (want != NULL)
				assert_int_equal(got->prefix.len, want->prefix.len);
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
	assert_int_equal(c2set_build(in, C2SET_BURST / 2, 1, &s), 0);
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
	assert_int_equal(c2set_build(in, 3, 1, &s), 0);
	c2set_describe(s, &a, 443, FLOW_TCP, &m);
	assert_true(m.listed && m.exact && m.has_port);
	assert_string_equal(names_text(m.family), "Emotet");
	assert_string_equal(names_text(m.families), "Bozok|Emotet|njRAT");
	assert_string_equal(names_text(m.feeds), "a|b");
	assert_string_equal(names_text(m.ports), "443|5552");
	c2set_describe(s, &a, 80, FLOW_TCP, &m);
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
	assert_int_equal(c2set_build(NULL, 0, 1, &s), 0);
	assert_true(c2set_match(s, &a, 1) == 0);
	c2set_describe(s, &a, 1, 6, &m);
	assert_false(m.listed);
	c2set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_what_a_search_through_the_list_finds),
		cmocka_unit_test(a_burst_sets_the_bits_of_the_listed_addresses_only),
		cmocka_unit_test(the_primary_family_is_of_the_exact_port_then_of_the_highest_confidence),
		cmocka_unit_test(an_empty_set_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
