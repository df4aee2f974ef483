#include "test.h"

#include "fragment.h"

#define S INT64_C(1000000000)

static struct fragment_cache *
cache(void)
{
	struct fragment_cache *c;

	assert_int_equal(fragment_build(8, &c), 0);
	return c;
}

// Bytes at..end of datagram `id` from host 1 to host 2.
static struct flow
part(uint32_t id, uint32_t at, uint32_t end, bool last)
{
	struct flow f = {.proto = FLOW_UDP,
			 .fragment = true,
			 .fragment_last = last,
			 .fragment_id = id,
			 .fragment_at = at,
			 .fragment_end = end,
			 .portless = at > 0};

	f.src.bytes[15] = 1;
	f.dst.bytes[15] = 2;
	if (at == 0) {
		f.sport = 1000;
		f.dport = 53;
	}
	return f;
}

static enum fragment_result
follow(struct fragment_cache *c, struct flow *f)
{
	struct flow_match match[2] = {0};

	return fragment_follow(c, f, match);
}

static void
later_fragments_get_ports_and_matches_of_the_first(void **state)
{
	struct fragment_cache *c = cache();
	struct flow first = part(7, 0, 1480, false), later = part(7, 1480, 2000, true);
	struct flow_match of_first[2] = {[1] = {.listed = true, .exact = true}}, of_later[2] = {[1] = {.listed = true}};

	(void)state;
	assert_int_equal(fragment_follow(c, &first, of_first), FRAGMENT_FIRST);
	assert_int_equal(fragment_follow(c, &later, of_later), FRAGMENT_RESOLVED);
	assert_int_equal(later.sport, 1000);
	assert_int_equal(later.dport, 53);
	assert_false(later.portless);
	assert_true(of_later[1].exact);
	fragment_free(c);
}

static void
a_fragment_before_its_first_stays_without_ports(void **state)
{
	struct fragment_cache *c = cache();
	struct flow later = part(7, 1480, 2000, true), first = part(7, 0, 1480, false),
		    again = part(7, 1480, 2000, true);

	(void)state;
	assert_int_equal(follow(c, &later), FRAGMENT_UNRESOLVED);
	assert_true(later.portless);
	assert_int_equal(follow(c, &first), FRAGMENT_FIRST);
	assert_int_equal(follow(c, &again), FRAGMENT_RESOLVED);
	fragment_free(c);
}

static void
another_datagram_or_direction_has_its_own_ports(void **state)
{
	struct fragment_cache *c = cache();
	struct flow first = part(7, 0, 1480, false), other = part(8, 1480, 2000, true),
		    back = part(7, 1480, 2000, true);

	(void)state;
	back.src.bytes[15] = 2;
	back.dst.bytes[15] = 1;
	assert_int_equal(follow(c, &first), FRAGMENT_FIRST);
	assert_int_equal(follow(c, &other), FRAGMENT_UNRESOLVED);
	assert_int_equal(follow(c, &back), FRAGMENT_UNRESOLVED);
	fragment_free(c);
}

static void
an_overlap_is_named_and_ends_all_trust(void **state)
{
	struct fragment_cache *c = cache();
	struct flow first = part(7, 0, 1480, false), overlap = part(7, 8, 100, false),
		    later = part(7, 1480, 2000, true);

	(void)state;
	assert_int_equal(follow(c, &first), FRAGMENT_FIRST);
	assert_int_equal(follow(c, &overlap), FRAGMENT_OVERLAP);
	assert_true(overlap.portless);
	assert_int_equal(follow(c, &later), FRAGMENT_UNRESOLVED);
	fragment_free(c);
}

static void
a_second_first_with_other_ports_is_an_overlap_and_a_copy_is_not(void **state)
{
	struct fragment_cache *c = cache();
	struct flow first = part(7, 0, 1480, false), copy = first, other = first, later = part(7, 1480, 2000, true);

	(void)state;
	assert_int_equal(follow(c, &first), FRAGMENT_FIRST);
	assert_int_equal(follow(c, &copy), FRAGMENT_FIRST);
	other.dport = 80;
	assert_int_equal(follow(c, &other), FRAGMENT_OVERLAP);
	assert_int_equal(follow(c, &later), FRAGMENT_UNRESOLVED);
	fragment_free(c);
}

static void
a_mirror_port_may_show_each_fragment_twice(void **state)
{
	static const uint32_t ends[] = {0, 1480, 2960, 4000};
	struct fragment_cache *c = cache();

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct flow f = part(7, ends[i / 2], ends[i / 2 + 1], i / 2 == 2);

		assert_int_equal(follow(c, &f), i / 2 == 0 ? FRAGMENT_FIRST : FRAGMENT_RESOLVED);
	}
	fragment_free(c);
}

static void
an_identification_is_free_again_when_the_datagram_is_whole_or_old(void **state)
{
	struct fragment_cache *c = cache();
	struct flow first = part(7, 0, 1480, false), later = part(7, 1480, 2000, true), next = part(7, 0, 800, false),
		    old;

	(void)state;
	assert_int_equal(follow(c, &first), FRAGMENT_FIRST);
	assert_int_equal(follow(c, &later), FRAGMENT_RESOLVED);
	next.dport = 80;
	assert_int_equal(follow(c, &next), FRAGMENT_FIRST);
	old = part(7, 800, 900, true);
	old.time_ns = FRAGMENT_LIFE_NS + S;
	assert_int_equal(follow(c, &old), FRAGMENT_UNRESOLVED);
	fragment_free(c);
}

static void
when_there_is_no_room_the_oldest_makes_some(void **state)
{
	struct fragment_cache *c = cache();

	(void)state;
	for (uint32_t id = 0; id < 1000; id++) {
		struct flow first = part(id, 0, 1480, false), later = part(id, 1480, 2000, true);

		first.time_ns = later.time_ns = id;
		assert_int_equal(follow(c, &first), FRAGMENT_FIRST);
		assert_int_equal(follow(c, &later), FRAGMENT_RESOLVED);
	}
	fragment_free(c);
}

static void
a_tiny_first_fragment_is_not_kept(void **state)
{
	struct fragment_cache *c = cache();
	struct flow tiny = part(7, 0, 8, false), later = part(7, 8, 2000, true);

	(void)state;
	tiny.portless = true;
	assert_int_equal(follow(c, &tiny), FRAGMENT_UNRESOLVED);
	assert_int_equal(follow(c, &later), FRAGMENT_UNRESOLVED);
	fragment_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_fragments_get_ports_and_matches_of_the_first),
		cmocka_unit_test(a_fragment_before_its_first_stays_without_ports),
		cmocka_unit_test(another_datagram_or_direction_has_its_own_ports),
		cmocka_unit_test(an_overlap_is_named_and_ends_all_trust),
		cmocka_unit_test(a_second_first_with_other_ports_is_an_overlap_and_a_copy_is_not),
		cmocka_unit_test(a_mirror_port_may_show_each_fragment_twice),
		cmocka_unit_test(an_identification_is_free_again_when_the_datagram_is_whole_or_old),
		cmocka_unit_test(when_there_is_no_room_the_oldest_makes_some),
		cmocka_unit_test(a_tiny_first_fragment_is_not_kept),
	};

	return cmocka_run_group_tests_name("fragment", tests, NULL, NULL);
}
