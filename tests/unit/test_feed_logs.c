// Lists in the formats of other network monitors: Zeek and Suricata.

#include "test.h"

#include "feeds.h"

static struct feed_options
tolerant(void)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;

	o.max_bad = 100;
	return o;
}

static struct feed *
load_tolerant(const char *content)
{
	return load_with(content, strlen(content), tolerant());
}

static void
addresses_and_subnets_of_zeek_are_ours(void **state)
{
	struct feed *f = load("#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n"
			      "8.8.8.8\tIntel::ADDR\tx\t\"quoted, with a comma\n"
			      "8.8.4.0/24\tIntel::SUBNET\tx\t-\n"
			      "2606:4700::1\tIntel::ADDR\tx\t-\n"
			      "8.8.8.8\tIntel::ADDR\ty\t-\n"
			      "example.org\tIntel::DOMAIN\tx\t-\n"
			      "example.org/x\tIntel::URL\tx\t-\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->format, FEED_ZEEK_INTEL);
	assert_int_equal(f->entries, 3);
	assert_int_equal(f->merged, 1);
	assert_int_equal(f->skipped[FEED_SKIP_NOT_IP], 2);
	indicator_of(f, "8.8.4.0/24", 0);
	feed_free(f);
}

static void
columns_of_zeek_stand_in_the_order_of_their_header(void **state)
{
	struct feed *f =
		load("#\n# a comment\n\n#fields\tmeta.source\tmeta.remove\tindicator_type\tindicator\n"
		     "x\tF\tIntel::ADDR\t8.8.8.8\nx\t-\tIntel::ADDR\t8.8.4.4\nx\tT\tIntel::ADDR\t9.9.9.9\n"
		     "# another file\n#fields\tindicator\tindicator_type\tmeta.source\n9.0.0.1\tIntel::ADDR\tF\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(count(f), 3);
	assert_int_equal(f->skipped[FEED_SKIP_WITHDRAWN], 1);
	feed_free(f);
}

static void
a_row_of_zeek_without_tabs_or_address_is_malformed(void **state)
{
	struct feed *f = load_tolerant("#fields\tindicator\tindicator_type\n8.8.8.8\tIntel::ADDR\n8.8.4.4 Intel::ADDR\n"
				       "-\tIntel::ADDR\n8.8.8\tIntel::ADDR\n\tIntel::ADDR\n9.9.9.9\n");

	(void)state;
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 5);
	feed_free(f);
}

static void
a_zeek_file_of_a_header_only_is_an_empty_list(void **state)
{
	struct feed *f = load("#fields\tindicator\tindicator_type\tmeta.source\r\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(count(f), 0);
	feed_free(f);
	refused("#fields\tindicator\n", tolerant(), "is empty");
	refused("#fields\n", tolerant(), "is empty");
	refused("#fie", tolerant(), "is empty");
}

static void
a_reputation_becomes_the_confidence(void **state)
{
	struct feed *f = load("#9.9.9.9,10,100\n8.8.8.8,1,127\n8.8.4.4/24,59,1\r\n1.1.1.1,0,64\n1.0.0.1,6,0\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->format, FEED_SURICATA_IPREP);
	assert_int_equal(count(f), 4);
	assert_int_equal(f->host_bits, 1);
	assert_int_equal(indicator_of(f, "8.8.8.8", 0)->confidence, 100);
	assert_int_equal(indicator_of(f, "8.8.4.0/24", 0)->confidence, 1);
	assert_int_equal(indicator_of(f, "1.1.1.1", 0)->confidence, 51);
	assert_int_equal(indicator_of(f, "1.0.0.1", 0)->confidence, 50); // no score: the feed's own
	feed_free(f);
}

static void
a_row_that_is_no_reputation_is_malformed(void **state)
{
	struct feed *f =
		load_tolerant("8.8.8.8,1,100\n8.8.4.4,60,100\n8.8.4.4,1,128\n8.8.4.4,1\n8.8.4.4,1,2,3\n8.8.4.4,,\n"
			      "8.8.4,1,1\nexample.org,1,1\n");

	(void)state;
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 6);
	assert_int_equal(f->skipped[FEED_SKIP_NOT_IP], 1);
	feed_free(f);
}

static void
what_is_no_reputation_stays_a_plain_list(void **state)
{
	static const char *const lists[] = {"8.8.8.8,1\n", "8.8.8.8,hoster,1\n", "8.8.8.8,1,1000\n", "8.8.8.8, a, b\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct feed *f = load(lists[i]);

		assert_non_null(f);
		assert_int_equal(f->format, FEED_TEXT);
		feed_free(f);
	}
}

static void
what_stands_in_the_first_column_may_be_read_as_a_plain_list(void **state)
{
	static const char *const lists[] = {"8.8.8.8,1,100\n", "prefix,name\n8.8.8.0/24,x\n"};
	struct feed_options o = tolerant();

	(void)state;
	o.format = FEED_TEXT;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct feed *f = load_with(lists[i], strlen(lists[i]), o);

		assert_non_null(f);
		assert_int_equal(f->format, FEED_TEXT);
		assert_int_equal(count(f), 1);
		feed_free(f);
	}
	refused("#fields\tindicator\tindicator_type\n8.8.8.8\tIntel::ADDR\n", o, "is no text: it reads as zeek-intel");
}

static void
a_file_of_categories_is_refused(void **state)
{
	(void)state;
	refused("1,test,Testing\n2,other,Others\n", (struct feed_options)FEED_OPTIONS_DEFAULT, "no addresses");
}

static int
forget(void **state)
{
	(void)state;
	problem_clear(&problems);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_subnets_of_zeek_are_ours),
		cmocka_unit_test(columns_of_zeek_stand_in_the_order_of_their_header),
		cmocka_unit_test(a_row_of_zeek_without_tabs_or_address_is_malformed),
		cmocka_unit_test(a_zeek_file_of_a_header_only_is_an_empty_list),
		cmocka_unit_test(a_reputation_becomes_the_confidence),
		cmocka_unit_test(a_row_that_is_no_reputation_is_malformed),
		cmocka_unit_test(what_is_no_reputation_stays_a_plain_list),
		cmocka_unit_test(what_stands_in_the_first_column_may_be_read_as_a_plain_list),
		cmocka_unit_test(a_file_of_categories_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
