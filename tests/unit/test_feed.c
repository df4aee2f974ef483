#include "test.h"

#include "feed.h"
#include "listed.h"
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

static struct feed_options
with_offline(void)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;

	o.offline = true;
	return o;
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
	assert_int_equal(count(f), 9);
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
		assert_int_equal(count(f), 2);
		assert_int_equal(at(f, 1).line, 2);
		feed_free(f);
	}
}

static void
a_range_is_kept_as_the_prefixes_that_make_it_up(void **state)
{
	struct feed *f = load_text("8.0.0.3-8.0.0.9\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(count(f), 3); // .3, .4/30, .8/31
	assert_int_equal(at(f, 1).prefix.len, 126);
	feed_free(f);
}

static void
special_space_is_skipped_unless_it_is_allowed(void **state)
{
	const char *list = "10.0.0.1\n192.0.2.1\n8.8.8.8\n";
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f = load_text(list);

	(void)state;
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_SPECIAL], 2);
	assert_int_equal(problems.n, 2);
	assert_int_equal(problems.items[0].line, 1);
	feed_free(f);
	o.allow_special = true;
	f = load(list, strlen(list), o);
	assert_int_equal(count(f), 3);
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
	struct feed *f = load(feodo, strlen(feodo), with_offline());

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->format, FEED_FEODO_CSV);
	assert_int_equal(f->entries, 1);
	assert_int_equal(count(f), 2);
	assert_int_equal(at(f, 0).port, 443);
	assert_int_equal(at(f, 0).flags, INDICATOR_OFFLINE);
	assert_string_equal(names_text(at(f, 0).family), "Emotet");
	assert_true(f->updated == 1712214183);
	assert_true(at(f, 1).last_seen == 1711929600);
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
		struct feed *f = load(copy, before + 1 + after, with_offline());

		// What is left of the last row may still be a row: then its family is shorter.
		if (f != NULL)
			assert_int_equal(count(f) + f->merged, 2);
		feed_free(f);
	}
}

// 2024-04-04 00:00:00 UTC; the rows of `feodo` were last online three days before.
#define THAT_DAY 1712188800
#define DAY      86400

static void
offline_and_old_rows_are_not_in_force(void **state)
{
	static const struct {
		unsigned ttl, max_age, days_later, min_confidence;
		size_t kept, expired, too_old, low;
	} cases[] = {
		{30, 0, 0, 0, 2, 0, 0, 0},   {30, 0, 26, 0, 2, 0, 0, 0}, {30, 0, 27, 0, 0, 2, 0, 0},
		{0, 0, 9999, 0, 2, 0, 0, 0}, {0, 3, 0, 0, 0, 0, 2, 0},   {30, 7, 4, 0, 0, 0, 2, 0},
		{4, 30, 1, 0, 0, 2, 0, 0},   {30, 0, 0, 51, 0, 0, 0, 2},
	};
	struct feed *f = load_text(feodo);

	(void)state;
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_OFFLINE], 1);
	feed_free(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed_options o = with_offline();

		o.ttl = cases[i].ttl;
		o.max_age = cases[i].max_age;
		o.min_confidence = cases[i].min_confidence;
		o.now = THAT_DAY + (int64_t)cases[i].days_later * DAY;
		f = load(feodo, strlen(feodo), o);
		assert_non_null(f); // an old list is no broken one
		assert_int_equal(count(f), cases[i].kept);
		assert_int_equal(f->skipped[FEED_SKIP_EXPIRED], cases[i].expired);
		assert_int_equal(f->skipped[FEED_SKIP_TOO_OLD], cases[i].too_old);
		assert_int_equal(f->skipped[FEED_SKIP_LOW_CONFIDENCE], cases[i].low);
		assert_int_equal(problems.errors, cases[i].kept == 0); // but nothing to be silent about
		feed_free(f);
	}
}

static void
a_list_without_dates_never_ends_unless_the_file_is_too_old(void **state)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f;

	(void)state;
	o.now = INT64_C(4000000000); // 2096
	f = load("8.8.8.8\n", 8, o);
	assert_int_equal(count(f), 1);
	feed_free(f);
	o.max_age = 30;
	f = load("8.8.8.8\n", 8, o);
	assert_int_equal(f->skipped[FEED_SKIP_TOO_OLD], 1);
	feed_free(f);
}

static void
fewer_entries_than_asked_for_or_too_many_addresses_are_refused(void **state)
{
	static const char wide[] = "16.0.0.0/12\n32.0.0.0/12\n48.0.0.0/12\n64.0.0.0/12\n80.0.0.0/12\n96.0.0.0/12\n"
				   "112.0.0.0/12\n8.0.0.0/12\n17.0.0.0/12\n33.0.0.0/12\n49.0.0.0/12\n65.0.0.0/12\n"
				   "81.0.0.0/12\n97.0.0.0/12\n113.0.0.0/12\n9.0.0.0/12\n1.1.1.1\n"; // 2^24 and one
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f;

	(void)state;
	o.min_entries = 2;
	assert_null(load("8.8.8.8\n", 8, o));
	f = load("8.8.8.8\n9.9.9.9\n", 16, o);
	assert_non_null(f);
	feed_free(f);
	refused_with(wide, strlen(wide), "max_addresses");
	o.min_entries = 0;
	o.allow_empty = true;
	f = load("# nothing today\n", 16, o);
	assert_non_null(f);
	feed_free(f);
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
	assert_string_equal(names_text(at(f, 0).family), "XtremeRAT");
	assert_int_equal(at(f, 0).confidence, 80);
	assert_int_equal(at(f, 0).flags, INDICATOR_SHARED);
	feed_free(f);
}

static struct feed *
load_file(const char *folder, const char *name, const char *family)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f = NULL;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_non_null(file = fopen(path, "w"));
	fputs("8.8.8.8\n", file);
	fclose(file);
	o.path = path;
	o.family = family;
	assert_int_equal(feed_load(&o, &problems, &f), 0);
	return f;
}

static void
a_family_may_be_the_name_of_the_file(void **state)
{
	static const char *const names[][2] = {
		{"njRAT Trojan IPs.txt", "njRAT"},
		{"Orcus RAT IPs.txt", "OrcusRAT"},
		{"Mythic C2 IPs.txt", "Mythic"},
		{"fynloski.txt", "DarkComet"},
		{"Brute Ratel C4 IPs", "Brute Ratel C4"},
		{".hidden", ".hidden"},
		{"IPs.txt", "IPs"},
	};
	char folder[] = "/tmp/ratwatch-XXXXXX", path[512];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct feed *f = load_file(folder, names[i][0], "@file");

		assert_string_equal(names_text(at(f, 0).family), names[i][1]);
		feed_free(f);
		snprintf(path, sizeof(path), "%s/%s", folder, names[i][0]);
		unlink(path);
	}
	rmdir(folder);
}

static void
a_pattern_is_every_file_that_it_matches(void **state)
{
	static const char *const names[] = {"b.txt", "a.txt", "c.csv", "d[1].txt"};
	char folder[] = "/tmp/ratwatch-XXXXXX", path[512];
	struct feed_options o = FEED_OPTIONS_DEFAULT, *items = NULL;
	size_t n = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < 4; i++)
		feed_free(load_file(folder, names[i], NULL));
	o.path = path;
	o.family = "Emotet";
	snprintf(path, sizeof(path), "%s/?.txt", folder);
	assert_int_equal(feed_expand(&o, &problems, &items, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(strrchr(items[0].path, '/'), "/a.txt");
	assert_string_equal(strrchr(items[1].path, '/'), "/b.txt");
	assert_string_equal(items[1].family, "Emotet");
	feed_expand_free(items, n);
	snprintf(path, sizeof(path), "%s/d[1].txt", folder); // as it stands
	assert_int_equal(feed_expand(&o, &problems, &items, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(items[0].path, path);
	feed_expand_free(items, n);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void
a_pattern_that_matches_nothing_is_an_error_and_a_path_without_one_is_left_alone(void **state)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT, *items = NULL;
	char text[256];
	size_t n = 0;

	(void)state;
	problem_clear(&problems);
	o.path = "/nonexistent/*.txt";
	assert_int_equal(feed_expand(&o, &problems, &items, &n), -ENOENT);
	assert_null(items);
	assert_int_equal(problems.errors, 1);
	problem_format(&problems.items[0], text, sizeof(text));
	assert_string_equal(text, "/nonexistent/*.txt: matches no file; check the pattern, or leave the feed out");
	o.path = "/nonexistent/file.txt"; // for feed_load to complain of
	assert_int_equal(feed_expand(&o, &problems, &items, &n), 0);
	assert_string_equal(items[0].path, o.path);
	feed_expand_free(items, n);
}

static void
accepted(const char *content, size_t n, size_t malformed)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f;

	o.max_bad = 100;
	f = load(content, strlen(content), o);
	assert_non_null(f);
	assert_int_equal(count(f), n);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], malformed);
	feed_free(f);
}

static void
a_bracket_may_begin_a_plain_list(void **state)
{
	(void)state;
	accepted("[2606:4700::1]:443\n8.8.8.8\n", 2, 0);
	accepted("[::ffff:8.8.8.8]:443\n", 1, 0);
	refused_with("[{\"ip\":1}]", 10, "JSON");
	refused_with("[\"8.8.8.8\"]", 11, "JSON");
}

static void
html_is_refused_on_whatever_line_it_stands(void **state)
{
	char list[4096];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "8.8.8.%d\n", i);
	len += (size_t)snprintf(list + len, sizeof(list) - len, "<html>gateway timeout</html>\n");
	refused_with(list, len, ":201: is HTML");
}

static void
an_empty_list_needs_a_banner_above_and_a_zero_below(void **state)
{
	(void)state;
	accepted("# abuse.ch Feodo Tracker Botnet C2 IP Blocklist #\r\n# Last updated: 2026-02-06 07:03:03 UTC #\r\n# "
		 "DstIP\r\n# END 0 "
		 "entries",
		 0, 0);
	refused_with("# END 0 entries", 15, "empty");
	refused_with("# my list\n# nothing yet\n", 24, "empty");
	refused_with(" \n\t\n\r\n", 6, "empty");
	refused_with("\xef\xbb\xbf", 3, "empty");
}

static void
a_range_may_have_blanks_and_is_kept_or_skipped_whole(void **state)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f;

	(void)state;
	accepted("8.0.0.3 - 8.0.0.9\n", 3, 0);
	accepted("255.255.255.255-1.1.1.1\n8.8.8.8\n", 1, 1);
	o.allow_special = true;
	f = load("255.255.255.250-255.255.255.255\n", 32, o); // the last address there is
	assert_int_equal(count(f), 2);
	feed_free(f);
	f = load("0.0.0.0-255.255.255.255\n1.0.0.1-200.0.0.0\n8.8.8.8\n", 50, o);
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_TOO_WIDE], 2);
	feed_free(f);
}

static void
two_addresses_on_a_line_are_no_entry(void **state)
{
	(void)state;
	accepted("8.8.8.8\t8.8.8.255\t15169\n9.9.9.9, 1.1.1.1\n8.8.4.4 # not 1.1.1.1\n77.90.185.20\t10\n", 2, 2);
}

static void
dates_that_cannot_be_are_unknown(void **state)
{
	static const char *const dates[] = {"2024-13-01",          "2024-00-10",
					    "2024-01-32",          "1969-01-01",
					    "2024-01-01 24:00:00", "yesterday, noon",
					    "0000-00-00 00:00:00", ""};
	char list[256];

	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct feed *f;

		snprintf(list, sizeof(list), "dst_ip,dst_port,first_seen_utc\n8.8.8.8,1,\"%s\"\n", dates[i]);
		assert_non_null(f = load_text(list));
		assert_true(at(f, 0).first_seen == 0);
		feed_free(f);
	}
}

static void
a_date_of_the_last_update_may_be_cut_short(void **state)
{
	static const char comment[] = "# Last updated: 2026-01-02 03:04:05";

	(void)state;
	for (size_t len = 1; len < sizeof(comment); len++) {
		char list[80];
		struct feed *f;

		snprintf(list, sizeof(list), "%.*s\n8.8.8.8\n", (int)len, comment);
		assert_non_null(f = load_text(list));
		assert_true(f->updated == (len < 26 ? 0 : len < 35 ? 1767312000 : 1767323045));
		feed_free(f);
	}
	accepted("# as long as a comment may be, and then some more of it until the very end of what is looked at: "
		 "here, at "
		 "last, in this place, it is Last updated: _\n8.8.8.8\n",
		 1, 0);
}

// As abuse.ch serves it; what a broken download leaves must not load.
static void
a_feodo_download_cut_at_any_byte_is_refused(void **state)
{
	static const char whole[] =
		"# abuse.ch Feodo Tracker Botnet C2 IP Blocklist (CSV) #\r\n"
		"\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\r\n"
		"\"2023-05-23 17:51:44\",\"8.8.8.8\",\"1194\",\"online\",\"2024-04-01\",\"Heodo\"\r\n"
		"\"2023-05-23 17:51:44\",\"8.8.4.4\",\"443\",\"offline\",\"2024-04-01\",\"Heodo\"\r\n"
		"# END 2 entries";

	(void)state;
	accepted(whole, 1, 0);
	for (size_t len = 0; len < strlen(whole); len++)
		assert_null(load(whole, len, (struct feed_options)FEED_OPTIONS_DEFAULT));
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
		cmocka_unit_test(offline_and_old_rows_are_not_in_force),
		cmocka_unit_test(a_list_without_dates_never_ends_unless_the_file_is_too_old),
		cmocka_unit_test(fewer_entries_than_asked_for_or_too_many_addresses_are_refused),
		cmocka_unit_test(a_format_that_is_fixed_never_reads_another),
		cmocka_unit_test(options_give_family_flags_and_confidence_where_the_file_gives_none),
		cmocka_unit_test(a_family_may_be_the_name_of_the_file),
		cmocka_unit_test(a_pattern_is_every_file_that_it_matches),
		cmocka_unit_test(a_pattern_that_matches_nothing_is_an_error_and_a_path_without_one_is_left_alone),
		cmocka_unit_test(a_bracket_may_begin_a_plain_list),
		cmocka_unit_test(html_is_refused_on_whatever_line_it_stands),
		cmocka_unit_test(an_empty_list_needs_a_banner_above_and_a_zero_below),
		cmocka_unit_test(a_range_may_have_blanks_and_is_kept_or_skipped_whole),
		cmocka_unit_test(two_addresses_on_a_line_are_no_entry),
		cmocka_unit_test(dates_that_cannot_be_are_unknown),
		cmocka_unit_test(a_date_of_the_last_update_may_be_cut_short),
		cmocka_unit_test(a_feodo_download_cut_at_any_byte_is_refused),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
