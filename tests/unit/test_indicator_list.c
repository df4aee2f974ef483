#include "test.h"

#include "indicator_list.h"

static uint64_t state = 7;

static uint32_t
dice(uint32_t sides)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % sides;
}

// Few values for everything, so that rows meet.
static struct indicator
random_indicator(unsigned spread)
{
	static const char *const families[] = {"", "Emotet", "njRAT"}, *const feeds[] = {"a", "b"};
	uint8_t bytes[16] = {0x20,
			     1, [12] = (uint8_t)(9 + dice(2)), [13] = (uint8_t)dice(2), [14] = (uint8_t)dice(spread)};
	struct indicator in = {
		.port = (uint16_t)(dice(3) * 443),
		.proto = (uint8_t)(dice(2) * 6),
		.flags = (uint8_t)dice(4),
		.confidence = (uint8_t)dice(101),
		.family = names_of(families[dice(3)]),
		.feed = names_of(feeds[dice(2)]),
		.line = dice(1000),
		.first_seen = dice(5) * 1000,
		.last_seen = dice(5) * 1000,
		.expires = dice(3) * 5000,
	};
	bool v4 = dice(4) > 0;

	bytes[15] = (uint8_t)dice(spread);
	in.prefix.len = (uint8_t)(dice(5) > 0 ? 128 : 112 + dice(17));
	in.prefix.addr = v4 ? ip_from_v4(bytes + 12) : ip_from_v6(bytes);
	in.prefix.addr = ip_mask(&in.prefix.addr, in.prefix.len);
	return in;
}

static int
compare(const void *a, const void *b)
{
	return indicator_compare(a, b);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

// The slow way: sort an array, join neighbours. Returns how many are left.
static size_t
sort_slowly(struct indicator *in, size_t n)
{
	size_t kept = 0;

	qsort(in, n, sizeof(*in), compare);
	for (size_t i = 0; i < n; i++) {
		struct indicator *last = kept > 0 ? &in[kept - 1] : NULL;

		if (last == NULL || compare(last, &in[i]) != 0) {
			in[kept++] = in[i];
			continue;
		}
		last->flags |= in[i].flags;
		last->confidence = last->confidence > in[i].confidence ? last->confidence : in[i].confidence;
		last->first_seen = least(last->first_seen, in[i].first_seen);
		last->last_seen = last->last_seen > in[i].last_seen ? last->last_seen : in[i].last_seen;
		last->expires = last->expires == 0 || in[i].expires == 0 ? 0
				: last->expires > in[i].expires          ? last->expires
									 : in[i].expires;
		last->line = last->line < in[i].line ? last->line : in[i].line;
	}
	return kept;
}

static bool
is_single_v4(const struct indicator *in)
{
	return in->prefix.len == 128 && ip_is_v4(&in->prefix.addr);
}

static void
same(const struct indicator *a, const struct indicator *b)
{
	assert_int_equal(compare(a, b), 0);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->confidence, b->confidence);
	assert_int_equal(a->line, b->line);
	assert_true(a->first_seen == b->first_seen && a->last_seen == b->last_seen && a->expires == b->expires);
}

static void
it_sorts_and_joins_as_the_slow_way_does(void **context)
{
	static struct indicator in[5000];

	(void)context;
	for (int round = 0; round < 60; round++) {
		struct indicator_list l = {0};
		size_t n = dice(round % 3 == 0 ? 5000 : 40), kept, at = 0;
		unsigned spread = round % 2 == 0 ? 2 : 256;

		for (size_t i = 0; i < n; i++) {
			in[i] = random_indicator(spread);
			assert_int_equal(indicator_list_add(&l, &in[i]), 0);
		}
		kept = sort_slowly(in, n);
		assert_int_equal(indicator_list_sort(&l), n - kept);
		assert_int_equal(indicator_list_count(&l), kept);
		for (int single = 1; single >= 0; single--) // IPv4 addresses stand first
			for (size_t i = 0; i < kept; i++) {
				struct indicator got;

				if (is_single_v4(&in[i]) != (single == 1))
					continue;
				indicator_list_get(&l, at++, &got);
				same(&got, &in[i]);
			}
		indicator_list_free(&l);
	}
}

static void
one_address_with_every_port_is_sorted(void **context)
{
	struct indicator_list l = {0};
	struct indicator in = random_indicator(1), got;

	(void)context;
	in.prefix = (struct ip_prefix){ip_from_v4("\x09\x09\x09\x09"), 128};
	for (unsigned port = 65535; port > 0; port--) {
		in.port = (uint16_t)port;
		assert_int_equal(indicator_list_add(&l, &in), 0);
	}
	assert_int_equal(indicator_list_sort(&l), 0);
	assert_int_equal(indicator_list_entries(&l), 1);
	for (unsigned i = 0; i < 65535; i++) {
		indicator_list_get(&l, i, &got);
		assert_int_equal(got.port, i + 1);
	}
	indicator_list_free(&l);
}

static void
what_has_ended_goes_and_the_rest_stays(void **context)
{
	struct indicator_list l = {0};
	size_t n = 0;

	(void)context;
	for (int i = 0; i < 500; i++) {
		struct indicator in = random_indicator(256);

		n += in.expires != 0 && in.expires <= 5000;
		assert_int_equal(indicator_list_add(&l, &in), 0);
	}
	assert_int_equal(indicator_list_prune(&l, 4999), 0);
	assert_int_equal(indicator_list_prune(&l, 5000), n);
	assert_int_equal(indicator_list_count(&l), 500 - n);
	indicator_list_free(&l);
}

static void
one_feed_and_the_others_make_up_the_whole(void **context)
{
	struct indicator_list all = {0}, a = {0}, others = {0};
	struct indicator in;

	(void)context;
	for (int i = 0; i < 300; i++) {
		in = random_indicator(256);
		assert_int_equal(indicator_list_add(&all, &in), 0);
	}
	indicator_row_remove(&all.rows4[0].row); // of the set that they are taken from alone
	assert_int_equal(indicator_list_append_feed(&a, &all, names_of("a"), names_of("c")), 0);
	assert_int_equal(indicator_list_append_others(&others, &all, names_of("a")), 0);
	assert_int_equal(indicator_list_count(&a) + indicator_list_count(&others), 300);
	for (size_t i = 0; i < indicator_list_count(&a); i++) {
		indicator_list_get(&a, i, &in);
		assert_int_equal(in.feed, names_of("c"));
		assert_false(in.flags & INDICATOR_REMOVED);
	}
	indicator_list_free(&a);
	assert_int_equal(indicator_list_append_feed(&a, &all, names_of("a"), names_of("a")), 0);
	assert_int_equal(indicator_list_append(&a, &others), 0);
	assert_int_equal(indicator_list_sort(&a), indicator_list_sort(&all));
	indicator_list_free(&all);
	indicator_list_free(&a);
	indicator_list_free(&others);
}

static bool
holds(const struct indicator_list *l, const struct ip_prefix *p)
{
	struct indicator in;

	for (size_t i = 0; i < indicator_list_count(l); i++) {
		indicator_list_get(l, i, &in);
		if (in.prefix.len == p->len && ip_equal(&in.prefix.addr, &p->addr))
			return true;
	}
	return false;
}

static size_t
missing_from(const struct indicator_list *a, const struct indicator_list *b)
{
	struct indicator in;
	size_t n = 0;

	for (size_t i = 0; i < indicator_list_count(b); i++) {
		indicator_list_get(b, i, &in);
		n += !indicator_list_goes_on(b, i) && !holds(a, &in.prefix);
	}
	return n;
}

static void
a_comparison_counts_what_came_and_what_went(void **context)
{
	(void)context;
	for (int round = 0; round < 50; round++) {
		struct indicator_list a = {0}, b = {0};
		size_t added, removed;

		for (uint32_t i = dice(100); i > 0; i--) {
			struct indicator x = random_indicator(4), y = random_indicator(4);

			assert_int_equal(indicator_list_add(&a, &x), 0);
			if (round > 0)
				assert_int_equal(indicator_list_add(&b, dice(2) ? &x : &y), 0);
		}
		indicator_list_sort(&a);
		indicator_list_sort(&b);
		indicator_list_compare(&a, &b, &added, &removed);
		assert_int_equal(added, missing_from(&a, &b));
		assert_int_equal(removed, missing_from(&b, &a));
		indicator_list_free(&a);
		indicator_list_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_sorts_and_joins_as_the_slow_way_does),
		cmocka_unit_test(one_address_with_every_port_is_sorted),
		cmocka_unit_test(what_has_ended_goes_and_the_rest_stays),
		cmocka_unit_test(one_feed_and_the_others_make_up_the_whole),
		cmocka_unit_test(a_comparison_counts_what_came_and_what_went),
	};

	return cmocka_run_group_tests_name("indicator_list", tests, NULL, NULL);
}
