#include "test.h"

#include "prefix_table.h"

static struct ip_prefix
prefix(const char *text)
{
	struct ip_prefix p;

	assert_true(ip_parse_prefix(text, strlen(text), &p) >= 0);
	return p;
}

static uint64_t state = 3;

static uint32_t
dice(uint32_t sides)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % sides;
}

static struct ip_prefix
random_prefix(void)
{
	const uint8_t four[4] = {8, (uint8_t)dice(3), (uint8_t)dice(3), (uint8_t)dice(3)};
	struct ip_addr a = ip_from_v4(four);
	uint8_t len = (uint8_t)(96 + 6 + dice(27));

	return (struct ip_prefix){ip_mask(&a, len), len};
}

static bool
meet(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len <= b->len ? ip_prefix_contains(a, &b->addr) : ip_prefix_contains(b, &a->addr);
}

static void
the_longest_wins_and_either_direction_of_containment_meets(void **context)
{
	(void)context;
	for (int round = 0; round < 200; round++) {
		struct ip_prefix in[30];
		size_t n = dice(30);
		struct prefix_table *t;

		assert_int_equal(prefix_table_build(&t), 0);
		for (size_t i = 0; i < n; i++) {
			in[i] = random_prefix();
			assert_int_equal(prefix_table_add(t, &in[i], (uint32_t)i), 0);
		}
		prefix_table_seal(t);
		for (int probe = 0; probe < 50; probe++) {
			struct ip_prefix p = random_prefix();
			int64_t found = prefix_table_find(t, &p.addr);
			bool meets = false;
			int longest = -1;

			for (size_t i = 0; i < n; i++) {
				meets |= meet(&in[i], &p);
				if (ip_prefix_contains(&in[i], &p.addr) && in[i].len > longest)
					longest = in[i].len;
			}
			assert_int_equal(prefix_table_meets(t, &p), meets);
			assert_int_equal(found < 0 ? -1 : in[found].len, longest);
		}
		prefix_table_free(t);
	}
}

static void
an_empty_table_meets_nothing(void **context)
{
	struct ip_prefix all = prefix("0.0.0.0/0");
	struct prefix_table *t;

	(void)context;
	assert_int_equal(prefix_table_build(&t), 0);
	prefix_table_seal(t);
	assert_false(prefix_table_meets(t, &all));
	prefix_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_wins_and_either_direction_of_containment_meets),
		cmocka_unit_test(an_empty_table_meets_nothing),
	};

	return cmocka_run_group_tests_name("prefix_table", tests, NULL, NULL);
}
