#include "test.h"

#include "indicator.h"
#include "lane.h"
#include "mmdb.h"
#include "org.h"
#include "temporary.h"

static struct problem_list problems;

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a = {0};

	assert_int_equal(ip_parse(text, strlen(text), &a), 0);
	return a;
}

static int
build(const char *watchlist, struct org_set **ret)
{
	char *path = temporary(watchlist, strlen(watchlist), ".csv");
	const char *const paths[] = {path};
	int err;

	problem_clear(&problems);
	err = org_build(paths, 1, NULL, 0, &problems, ret);
	temporary_remove(path);
	return err;
}

static const char *
id_of(const struct org_set *s, const char *address)
{
	struct ip_addr a = addr(address);
	struct org_facts f;

	org_find(s, &a, &f);
	return names_text(f.id);
}

// The n-th problem of the last build says all of these words.
static void
told(size_t n, enum problem_level level, const char *where, const char *what)
{
	char text[1024];

	assert_true(n < problems.n);
	problem_format(&problems.items[n], text, sizeof(text));
	if (problems.items[n].level != level || strstr(text, where) == NULL || strstr(text, what) == NULL)
		fail_msg("'%s' says neither '%s' nor '%s', or is of another level", text, where, what);
}

static void
the_longest_prefix_of_the_watchlist_wins(void **state)
{
	struct ip_addr inner = addr("192.0.2.20"), outer = addr("192.0.2.200"), elsewhere = addr("8.8.8.8"),
		       home = addr("10.1.1.1");
	struct org_facts f;
	struct org_set *s;

	(void)state;
	assert_int_equal(build("network,id,name,sector,country,lane,watch\r\n"
			       "192.0.2.0/24,isp,\"The \"\"ISP\"\", Ltd\",telecommunications,AT,,no\r\n"
			       "192.0.2.16/28,bank,Bank,finance,AT,hosting,yes\r\n",
			       &s),
			 0);
	org_find(s, &inner, &f);
	assert_string_equal(names_text(f.id), "w-bank");
	assert_int_equal(f.lane, LANE_HOSTING);
	assert_true(f.watched);
	assert_int_equal(f.line, 3);
	org_find(s, &outer, &f);
	assert_string_equal(names_text(f.name), "The \"ISP\", Ltd");
	assert_false(f.watched);
	org_find(s, &elsewhere, &f);
	assert_int_equal(f.attribution, ORG_UNKNOWN);
	org_find(s, &home, &f);
	assert_string_equal(names_text(f.id), "private");
	assert_int_equal(org_watched(s), 2);
	org_free(s);
}

static void
every_error_of_a_watchlist_is_found_in_one_go(void **state)
{
	struct org_set *s = NULL;
	char text[512];

	(void)state;
	assert_true(build("network,id,name,country,lane,watch\n"
			  "192.0.2.0/24,UPPER,a,AT,,\n"
			  "nonsense,b,b,AT,,\n"
			  "192.0.2.0/25,c,c,Austria,,\n"
			  "192.0.2.0/26,d,d,AT,elsewhere,\n"
			  "192.0.2.0/27,e,e,AT,,perhaps\n",
			  &s) < 0);
	assert_null(s);
	assert_int_equal(problems.errors, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(problems.items[i].line, i + 2);
	problem_format(&problems.items[1], text, sizeof(text));
	assert_non_null(strstr(text, ".csv:3: network: no address, network or AS number; write"));
}

static void
a_network_is_a_prefix_or_a_range_and_the_inner_one_wins(void **state)
{
	struct org_set *s;

	(void)state;
	assert_int_equal(build("network,id\n"
			       "192.0.2.0-192.0.2.20,outer\n"
			       "192.0.2.16 - 192.0.2.19,inner\n" // the same prefix as a part of the outer one
			       "192.0.2.18,one\n"
			       "2001:db8::5-2001:db8::1:4,six\n"
			       "2001:db8::8/125,eight\n",
			       &s),
			 0);
	assert_int_equal(problems.n, 0);
	assert_string_equal(id_of(s, "192.0.2.15"), "w-outer");
	assert_string_equal(id_of(s, "192.0.2.16"), "w-inner");
	assert_string_equal(id_of(s, "192.0.2.18"), "w-one");
	assert_string_equal(id_of(s, "192.0.2.19"), "w-inner");
	assert_string_equal(id_of(s, "192.0.2.20"), "w-outer");
	assert_string_equal(id_of(s, "192.0.2.21"), "unknown");
	assert_string_equal(id_of(s, "2001:db8::4"), "unknown");
	assert_string_equal(id_of(s, "2001:db8::5"), "w-six");
	assert_string_equal(id_of(s, "2001:db8::f"), "w-eight");
	assert_string_equal(id_of(s, "2001:db8::1:4"), "w-six");
	assert_string_equal(id_of(s, "2001:db8::1:5"), "unknown");
	org_free(s);
}

static void
networks_that_are_two_organizations_are_refused_with_both_lines(void **state)
{
	struct org_set *s = NULL;

	(void)state;
	assert_true(build("network,id\n192.0.2.0/24,a\n192.0.2.0-192.0.2.255,b\n", &s) < 0);
	told(0, PROBLEM_ERROR, ".csv:3: network: is another organization's already, see ", ".csv:2; ");
	assert_true(build("network,id\n192.0.2.16-192.0.2.40,a\n192.0.2.0/27,b\n", &s) < 0);
	told(0, PROBLEM_ERROR, ".csv:3: network: overlaps another organization's, see ", ".csv:2; ");
	assert_true(build("network,id\nAS64500,a\nas64500,b\n", &s) < 0);
	told(0, PROBLEM_ERROR, ".csv:3: network: is another organization's already, see ", ".csv:2; ");
	assert_true(build("network,id,lane\n192.0.2.0/24,a,hosting\n192.0.2.0/24,a,\n", &s) < 0);
	told(0, PROBLEM_ERROR, ".csv:3: lane: this network has another lane already, see ", ".csv:2; ");
	assert_null(s);
}

static void
networks_that_are_there_twice_are_told_and_no_error(void **state)
{
	struct org_set *s;

	(void)state;
	assert_int_equal(build("network,id\n"
			       "192.0.2.0/24,a\n"
			       "192.0.2.0/24,a\n"
			       "192.0.2.128-192.0.3.5,a\n"
			       "198.51.100.77/24,b\n",
			       &s),
			 0);
	assert_int_equal(problems.n, 3);
	told(0, PROBLEM_WARNING, "198.51.100.77/24 has bits beyond its length", "write the first");
	told(1, PROBLEM_WARNING, ".csv:3: network: warning: is there twice, see ", ".csv:2; leave one out");
	told(2, PROBLEM_WARNING, ".csv:4: network: warning: overlaps another of this id, see ", ".csv:2; ");
	assert_string_equal(id_of(s, "192.0.3.5"), "w-a");
	assert_string_equal(id_of(s, "198.51.100.1"), "w-b");
	assert_int_equal(org_watched(s), 2);
	org_free(s);
}

static void
rows_of_one_organization_complete_each_other(void **state)
{
	struct ip_addr a = addr("198.51.100.1"), b = addr("203.0.113.1");
	struct org_facts f;
	struct org_set *s;

	(void)state;
	assert_int_equal(build("network,id,name,sector,country,lane,watch\n"
			       "192.0.2.0/24,a,,,,,\n"
			       "203.0.113.0/24,b,,,,,\n"
			       "198.51.100.0/24,a,Name,finance,AT,hosting,no\n",
			       &s),
			 0);
	org_find(s, &a, &f);
	assert_string_equal(names_text(f.name), "Name");
	assert_int_equal(f.lane, LANE_HOSTING);
	a = addr("192.0.2.1");
	org_find(s, &a, &f);
	assert_string_equal(names_text(f.name), "Name");
	assert_string_equal(names_text(f.sector), "finance");
	assert_string_equal(names_text(f.country), "AT");
	assert_false(f.watched);
	assert_int_equal(f.lane, LANE_COUNTED); // of the network, not of the organization
	org_find(s, &b, &f);
	assert_string_equal(names_text(f.name), "b");
	assert_true(f.watched);
	org_free(s);
}

static void
rows_of_one_organization_that_disagree_are_refused(void **state)
{
	static const char *const keys[] = {"name", "sector", "country", "watch"};
	struct org_set *s;

	(void)state;
	assert_true(build("network,id,name,sector,country,watch\n"
			  "192.0.2.0/24,a,A,finance,AT,yes\n"
			  "198.51.100.0/24,a,Other,energy,DE,no\n",
			  &s) < 0);
	assert_int_equal(problems.errors, 4);
	for (size_t i = 0; i < 4; i++) {
		char where[64];

		snprintf(where, sizeof(where), ".csv:3: %s: another row of this id says something else", keys[i]);
		told(i, PROBLEM_ERROR, where, ".csv:2; ");
	}
	assert_true(build("id,name\na,A\n", &s) < 0);
	assert_true(build("", &s) < 0);
}

static int
build_both(const char *watchlist, const char *const *databases, size_t n, struct org_set **ret)
{
	char *path = temporary(watchlist, strlen(watchlist), ".csv");
	const char *const paths[] = {path};
	int err;

	problem_clear(&problems);
	err = org_build(paths, 1, databases, n, &problems, ret);
	temporary_remove(path);
	return err;
}

static void
a_prefix_beats_an_as_number(void **state)
{
	static const char list[] = "network,id\nAS64500,whole\n192.0.2.0/24,part\nAS64501,other\n";
	char *database = mmdb_of_as(64500, "Provider");
	const char *const paths[] = {database};
	struct org_set *s;

	(void)state;
	assert_int_equal(build_both(list, paths, 1, &s), 0);
	assert_string_equal(id_of(s, "192.0.2.1"), "w-part");
	assert_string_equal(id_of(s, "8.8.8.8"), "w-whole");
	assert_string_equal(id_of(s, "2a00::1"), "w-whole");
	assert_string_equal(id_of(s, "10.0.0.1"), "private");
	assert_int_equal(org_watched(s), 3);
	org_free(s);
	assert_int_equal(build(list, &s), 0);
	told(0, PROBLEM_WARNING, ".csv:2: network: warning: AS64500 matches no address without a database",
	     "organizations.databases");
	org_free(s);
	temporary_remove(database);
}

static void
what_is_no_database_is_refused_by_name(void **state)
{
	char *path = temporary("hello", 5, ".mmdb"), text[512];
	const char *const paths[] = {path};
	struct org_set *s;

	(void)state;
	problem_clear(&problems);
	assert_true(org_build(NULL, 0, paths, 1, &problems, &s) < 0);
	problem_format(&problems.items[0], text, sizeof(text));
	assert_non_null(strstr(text, "is no MaxMind-format database"));
	temporary_remove(path);
}

static struct contact_report
report(void)
{
	return (struct contact_report){
		.ends = {{.addr = addr("192.0.2.1")},
			 {.addr = addr("8.8.8.8"), .match = {.listed = true, .exact = true, .has_port = true}}},
		.opener = CONTACT_VICTIM,
		.evidence = CONTACT_ANSWERED,
	};
}

static void
only_answered_contacts_that_the_victim_opened_suspect(void **state)
{
	struct contact_report r = report();

	(void)state;
	assert_true(lane_suspects(LANE_COUNTED, &r, 0, 1));
	assert_true(lane_suspects(LANE_SINKHOLE, &r, 0, 1));
	assert_false(lane_suspects(LANE_HOSTING, &r, 0, 1));
	r.evidence = CONTACT_ATTEMPT;
	assert_false(lane_suspects(LANE_COUNTED, &r, 0, 1));
	r = report();
	r.opener = CONTACT_CONTROLLER;
	assert_false(lane_suspects(LANE_COUNTED, &r, 0, 1));
	r.ends[1].match.connects_in = true;
	assert_true(lane_suspects(LANE_COUNTED, &r, 0, 1));
	r = report();
	r.opener = CONTACT_UNKNOWN;
	assert_false(lane_suspects(LANE_COUNTED, &r, 0, 1));
	r.evidence = CONTACT_TWO_WAY;
	assert_true(lane_suspects(LANE_COUNTED, &r, 0, 1));
	r = report();
	r.ends[1].match.exact = false;
	assert_false(lane_suspects(LANE_COUNTED, &r, 0, 1)); // the list names a port, and it is another
	r.ends[1].match.has_port = false;
	assert_true(lane_suspects(LANE_COUNTED, &r, 0, 1));
	r.ends[1].match.flags = INDICATOR_COMPROMISED;
	assert_false(lane_suspects(LANE_COUNTED, &r, 0, 1));
	r = report();
	r.portless = true;
	assert_false(lane_suspects(LANE_COUNTED, &r, 0, 1));
}

static void
the_first_lane_that_holds_has_the_contact_and_its_reason(void **state)
{
	char *scanners = temporary("# lines count\n192.0.2.0/28\n", 27, ".txt");
	const struct lane_list lists[] = {{LANE_SCANNER, scanners}};
	const struct org_facts org = {.attribution = ORG_WATCHLIST,
				      .lane = LANE_HOSTING,
				      .line = 9,
				      .source = names_of("w.csv")};
	struct contact_report r = report();
	struct lane_set *s;
	name_id reason;

	(void)state;
	problem_clear(&problems);
	assert_int_equal(lane_build(lists, 1, &problems, &s), 0);
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_SCANNER);
	assert_non_null(strstr(names_text(reason), ".txt:2"));
	r.ends[0].addr = addr("192.0.2.99");
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_HOSTING);
	assert_string_equal(names_text(reason), "w.csv:9");
	r.ends[1].match.flags = INDICATOR_ALLOWED;
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_ALLOWED);
	lane_free(s);
	temporary_remove(scanners);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_of_the_watchlist_wins),
		cmocka_unit_test(every_error_of_a_watchlist_is_found_in_one_go),
		cmocka_unit_test(a_network_is_a_prefix_or_a_range_and_the_inner_one_wins),
		cmocka_unit_test(networks_that_are_two_organizations_are_refused_with_both_lines),
		cmocka_unit_test(networks_that_are_there_twice_are_told_and_no_error),
		cmocka_unit_test(rows_of_one_organization_complete_each_other),
		cmocka_unit_test(rows_of_one_organization_that_disagree_are_refused),
		cmocka_unit_test(a_prefix_beats_an_as_number),
		cmocka_unit_test(what_is_no_database_is_refused_by_name),
		cmocka_unit_test(only_answered_contacts_that_the_victim_opened_suspect),
		cmocka_unit_test(the_first_lane_that_holds_has_the_contact_and_its_reason),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
