#include "test.h"

#include "feed.h"
#include "temporary.h"

static struct problem_list problems;

// Loads `content` with the options; NULL when it is refused.
static struct feed *
load(const char *content, size_t len, struct feed_options o)
{
	char *path = temporary(content, len, ".txt");
	struct feed *f = NULL;

	problem_clear(&problems);
	o.path = path;
	if (feed_load(&o, &problems, &f) < 0) {
		assert_true(problems.errors > 0);
		assert_null(f);
	}
	temporary_remove(path);
	return f;
}

static struct feed *
load_text(const char *content)
{
	return load(content, strlen(content), (struct feed_options)FEED_OPTIONS_DEFAULT);
}

static void
refused_with(const char *content, size_t len, const char *words)
{
	char text[1024];

	assert_null(load(content, len, (struct feed_options)FEED_OPTIONS_DEFAULT));
	problem_format(&problems.items[problems.n - 1], text, sizeof(text));
	assert_non_null(strstr(text, words));
}

static void
every_spelling_of_a_plain_list_is_read(void **state)
{
	struct feed *f =
		load_text("\xef\xbb\xbf# comment\r\n8.8.8.8\r\n8.8.4.4 # with a remark\n;old style\n9.9.9.0/24\n"
			  "8.8.8.8:443\n[2606:4700::1]:8443\n2606:4700::2\n4.4.4.4-4.4.4.7\n77.90.185.20\t10\nlast."
			  "example.org\n1.1.1.1");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->format, FEED_TEXT);
	assert_int_equal(f->entries, 8);
	assert_int_equal(f->n, 9);
	assert_int_equal(f->skipped[FEED_SKIP_NOT_IP], 1);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 0);
	feed_free(f);
}

static void
line_ends_of_three_systems_are_the_same(void **state)
{
	static const char *const lists[] = {"8.8.8.8\n9.9.9.9\n", "8.8.8.8\r\n9.9.9.9", "8.8.8.8\r9.9.9.9\r"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct feed *f = load_text(lists[i]);

		assert_non_null(f);
		assert_int_equal(f->n, 2);
		assert_int_equal(f->indicators[1].line, 2);
		feed_free(f);
	}
}

static void
a_range_is_kept_as_the_prefixes_that_make_it_up(void **state)
{
	struct feed *f = load_text("8.0.0.3-8.0.0.9\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->n, 3); // .3, .4/30, .8/31
	assert_int_equal(f->indicators[1].prefix.len, 126);
	feed_free(f);
}

static void
special_space_is_skipped_unless_it_is_allowed(void **state)
{
	const char *list = "10.0.0.1\n192.0.2.1\n8.8.8.8\n";
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f = load_text(list);

	(void)state;
	assert_int_equal(f->n, 1);
	assert_int_equal(f->skipped[FEED_SKIP_SPECIAL], 2);
	assert_int_equal(problems.n, 2);
	assert_int_equal(problems.items[0].line, 1);
	feed_free(f);
	o.allow_special = true;
	f = load(list, strlen(list), o);
	assert_int_equal(f->n, 3);
	feed_free(f);
}

static void
prefixes_too_wide_are_skipped(void **state)
{
	struct feed *f = load_text("8.0.0.0/11\n8.0.0.0/12\n2600::/31\n2600::/32\n9.9.9.9\n");

	(void)state;
	assert_int_equal(f->entries, 3);
	assert_int_equal(f->skipped[FEED_SKIP_TOO_WIDE], 2);
	feed_free(f);
}

static void
what_is_no_list_is_refused_and_says_what_it_is(void **state)
{
	(void)state;
	refused_with("<!DOCTYPE html><html>", 21, "HTML");
	refused_with("\n <HTML>", 8, "HTML");
	refused_with("\x1f\x8b\x08", 3, "compressed");
	refused_with("8.8.8.8\n\0", 9, "NUL byte");
	refused_with("", 0, "empty");
	refused_with("{\"a\":1}", 7, "JSON");
	refused_with("# END 2 entries\n8.8.8.8\n", 24, "incomplete");
	refused_with("hello world\n8.8.8.8\n", 20, "max_bad");
	refused_with("10.0.0.1\n", 9, "none of its");
}

static void
five_malformed_lines_are_shown_and_all_are_counted(void **state)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	const char *list = "8.8.8.8\n1\n2\n3\n4\n5\n6\n7\n";
	struct feed *f;

	(void)state;
	o.max_bad = 100;
	f = load(list, strlen(list), o);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 7);
	assert_int_equal(problems.n, 5);
	feed_free(f);
}

static const char feodo[] = "# Last updated: 2024-04-04 07:03:03 UTC #\r\n"
			    "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\r\n"
			    "\"2023-05-23 17:51:44\",\"8.8.8.8\",\"1194\",\"online\",\"2024-04-01\",\"Heodo\"\r\n"
			    "\"2023-05-23 17:51:44\",\"8.8.8.8\",\"443\",\"offline\",\"2024-04-01\",\"Heodo\"\r\n"
			    "# END 2 entries";

static void
feodo_tracker_csv_is_recognised_by_its_header(void **state)
{
	struct feed *f = load_text(feodo);

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->format, FEED_FEODO_CSV);
	assert_int_equal(f->entries, 1);
	assert_int_equal(f->n, 2);
	assert_int_equal(f->indicators[0].port, 443);
	assert_int_equal(f->indicators[0].flags, INDICATOR_OFFLINE);
	assert_string_equal(names_text(f->indicators[0].family), "Emotet");
	assert_true(f->updated == 1712214183);
	assert_true(f->indicators[1].last_seen == 1711929600);
	feed_free(f);
}

static void
a_feodo_file_cut_anywhere_in_its_rows_is_refused(void **state)
{
	const char *rows = strstr(feodo, "\"2023");
	const char *trailer = strstr(feodo, "# END");

	(void)state;
	for (const char *cut = rows; cut < trailer; cut++) {
		size_t before = (size_t)(cut - feodo), after = strlen(trailer);
		char copy[sizeof(feodo)];

		memcpy(copy, feodo, before);
		copy[before] = '\n';
		memcpy(copy + before + 1, trailer, after);
		if (strncmp(cut, "\r\n# END", 7) == 0 || strncmp(cut, "\n# END", 6) == 0 ||
		    strncmp(cut, "\"\r\n# END", 8) == 0)
			continue; // whole but for its last quote or line end
		struct feed *f = load(copy, before + 1 + after, (struct feed_options)FEED_OPTIONS_DEFAULT);

		// What is left of the last row may still be a row: then its family is shorter.
		if (f != NULL)
			assert_int_equal(f->n + f->merged, 2);
		feed_free(f);
	}
}

static void
a_format_that_is_fixed_never_reads_another(void **state)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;

	(void)state;
	o.format = FEED_TEXT;
	assert_null(load(feodo, strlen(feodo), o));
	o.format = FEED_FEODO_CSV;
	assert_null(load("8.8.8.8\n", 8, o));
}

static void
options_give_family_flags_and_confidence_where_the_file_gives_none(void **state)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f;

	(void)state;
	o.family = "xtrat";
	o.confidence = 80;
	o.shared = true;
	f = load("8.8.8.8\n", 8, o);
	assert_string_equal(names_text(f->indicators[0].family), "XtremeRAT");
	assert_int_equal(f->indicators[0].confidence, 80);
	assert_int_equal(f->indicators[0].flags, INDICATOR_SHARED);
	feed_free(f);
}

// The independent counts of real files: path, format, ... see the header line of FACTS.tsv.
static void
real_lists_load(void **state)
{
	static const char *const lists[] = {"feodo-csv-2024", "c2-tracker-2026-03-16", "maltrail-malware",
					    "ipsum-2026"};
	const char *data = getenv("RATWATCH_TEST_DATA");
	size_t loaded = 0;

	(void)state;
	if (data == NULL) {
		print_message("skipped: RATWATCH_TEST_DATA is not set\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char command[1024], path[1024];
		FILE *names;

		snprintf(command, sizeof(command), "ls '%s/feeds/%s'/*.txt '%s/feeds/%s'/*.csv 2>/dev/null", data,
			 lists[i], data, lists[i]);
		names = popen(command, "r");
		while (names != NULL && fgets(path, sizeof(path), names) != NULL) {
			struct feed_options o = FEED_OPTIONS_DEFAULT;
			struct feed *f = NULL;

			path[strcspn(path, "\n")] = '\0';
			o.path = path;
			problem_clear(&problems);
			if (feed_load(&o, &problems, &f) == 0)
				loaded += f->n > 0;
			else
				assert_true(problems.errors > 0);
			feed_free(f);
		}
		pclose(names);
	}
	print_message("%zu real lists with entries\n", loaded);
	assert_true(loaded > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_a_plain_list_is_read),
		cmocka_unit_test(line_ends_of_three_systems_are_the_same),
		cmocka_unit_test(a_range_is_kept_as_the_prefixes_that_make_it_up),
		cmocka_unit_test(special_space_is_skipped_unless_it_is_allowed),
		cmocka_unit_test(prefixes_too_wide_are_skipped),
		cmocka_unit_test(what_is_no_list_is_refused_and_says_what_it_is),
		cmocka_unit_test(five_malformed_lines_are_shown_and_all_are_counted),
		cmocka_unit_test(feodo_tracker_csv_is_recognised_by_its_header),
		cmocka_unit_test(a_feodo_file_cut_anywhere_in_its_rows_is_refused),
		cmocka_unit_test(a_format_that_is_fixed_never_reads_another),
		cmocka_unit_test(options_give_family_flags_and_confidence_where_the_file_gives_none),
		cmocka_unit_test(real_lists_load),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
