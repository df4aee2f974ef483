#include "test.h"

#include "asn.h"

#include <string.h>

static void
numbers_are_read_with_as_or_without(void **state)
{
	static const char *const good[] = {"AS64500", "as64500", "As64500", "64500"};
	static const char *const bad[] = {"",   "AS",         "AS0",  "0",        "064500", "AS 64500", "AS64500 ",
					  "-1", "4294967296", "1.10", "ASN64500", "A64500", "64500x",   "99999999999"};
	uint32_t asn = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(asn_parse(good[i], strlen(good[i]), &asn), 0);
		assert_int_equal(asn, 64500);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(asn_parse(bad[i], strlen(bad[i]), &asn) < 0);
	assert_int_equal(asn, 64500);
	assert_int_equal(asn_parse("AS4294967295", 12, &asn), 0);
	assert_int_equal(asn, UINT32_MAX);
}

static void
a_table_finds_what_was_added_first(void **state)
{
	struct asn_table *t;

	(void)state;
	assert_int_equal(asn_table_build(&t), 0);
	for (uint32_t i = 1000; i > 0; i--)
		assert_int_equal(asn_table_add(t, i * 3, i), 0);
	assert_int_equal(asn_table_add(t, 300, 7), 0);
	asn_table_seal(t);
	for (uint32_t asn = 1; asn < 3100; asn++)
		assert_int_equal(asn_table_find(t, asn), asn % 3 == 0 && asn <= 3000 ? (int64_t)asn / 3 : -1);
	asn_table_free(t);
}

static void
an_empty_table_finds_nothing(void **state)
{
	struct asn_table *t;

	(void)state;
	assert_int_equal(asn_table_build(&t), 0);
	asn_table_seal(t);
	assert_int_equal(asn_table_find(t, 1), -1);
	asn_table_free(t);
	asn_table_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_with_as_or_without),
		cmocka_unit_test(a_table_finds_what_was_added_first),
		cmocka_unit_test(an_empty_table_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
