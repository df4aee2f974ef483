#include "test.h"

#include "indicator.h"
#include "lane.h"
#include "temporary.h"

static struct problem_list problems;

// NULL: refused.
static struct lane_set *
build(const char *content)
{
	char *path = temporary(content, strlen(content), ".list");
	const struct lane_list list = {LANE_SCANNER, path};
	struct lane_set *s = NULL;

	problem_clear(&problems);
	if (lane_build(&list, 1, &problems, &s) < 0)
		assert_true(problems.errors > 0);
	temporary_remove(path);
	return s;
}

static enum lane
lane_of_victim(const struct lane_set *s, const char *victim, name_id *reason)
{
	struct contact_report r = {0};
	struct org_facts org = {0};

	assert_int_equal(ip_parse(victim, strlen(victim), &r.ends[0].addr), 0);
	return lane_of(s, &r, 0, 1, &org, reason);
}

static void
holds(const char *content, const char *victim, unsigned line)
{
	struct lane_set *s = build(content);
	name_id reason;
	char end[16];

	if (s == NULL)
		fail_msg("refused: %s", problems.items[problems.n - 1].what);
	assert_int_equal(lane_of_victim(s, victim, &reason), LANE_SCANNER);
	snprintf(end, sizeof(end), ".list:%u", line);
	assert_non_null(strstr(names_text(reason), end));
	assert_int_equal(lane_of_victim(s, "1.1.1.1", &reason), LANE_COUNTED);
	lane_free(s);
}

static void
refused_with(const char *content, const char *words)
{
	assert_null(build(content));
	if (strstr(problems.items[problems.n - 1].what, words) == NULL)
		fail_msg("%s", problems.items[problems.n - 1].what);
}

static void
lists_are_text_or_warninglists_and_name_the_line(void **state)
{
	(void)state;
	holds("# scanners\n162.142.125.0/24\n", "162.142.125.9", 2);
	holds("10.0.0.0/8\n", "10.1.2.3", 1); // one's own
	holds("{\"list\":[\"8.8.8.8\",\n\"162.142.125.0/24\"],\n\"name\":\"n\",\"type\":\"cidr\"}", "162.142.125.9", 2);
}

static void
lists_of_names_or_of_controllers_are_refused(void **state)
{
	(void)state;
	refused_with("{\"list\":[\"a.example\"],\"name\":\"n\",\"type\":\"hostname\"}", "type \"hostname\"");
	refused_with("{\"list\":[\".a.example\"],\"name\":\"n\",\"type\":\"string\"}", "names, URLs");
	refused_with("dst_ip,dst_port\n8.8.8.8,443\n", "reads as feodo-csv");
	refused_with("[{\"ip_address\":\"8.8.8.8\",\"port\":443}]", "misp-warninglist, for a lane");
}

// Lists of AS numbers -------------------------------------------------------------------------------------------------------------

static enum lane
lane_of_as(const struct lane_set *s, uint32_t asn, name_id *reason)
{
	struct contact_report r = {0};
	struct org_facts org = {.asn = asn};

	assert_int_equal(ip_parse("192.0.2.1", 9, &r.ends[0].addr), 0);
	return lane_of(s, &r, 0, 1, &org, reason);
}

static void
holds_as(const char *content, uint32_t asn, unsigned line)
{
	struct lane_set *s = build(content);
	name_id reason;
	char end[16];

	if (s == NULL)
		fail_msg("refused: %s", problems.items[problems.n - 1].what);
	assert_int_equal(problems.n, 0);
	assert_int_equal(lane_of_as(s, asn, &reason), LANE_SCANNER);
	snprintf(end, sizeof(end), ".list:%u", line);
	assert_non_null(strstr(names_text(reason), end));
	assert_int_equal(lane_of_as(s, 64511, &reason), LANE_COUNTED);
	assert_int_equal(lane_of_as(s, 0, &reason), LANE_COUNTED);
	assert_non_null(strstr(lane_as_list(s), ".list"));
	lane_free(s);
}

static void
lists_of_as_numbers_are_known_by_their_content(void **state)
{
	(void)state;
	holds_as("AS45090 # a comment\nAS55286\t# with a tab\n", 55286, 2);
	holds_as("# comment\n\n198375,\"NAME, FR\"\n51447, \"NAME\"\r\n\"20248\",\"NAME\"\n", 20248, 5);
	holds_as("\xef\xbb\xbf"
		 "ASN,Entity\n3223,NAME\n",
		 3223, 2);
	holds_as("64500\n64501\n64500\n", 64500, 1);
	holds_as("as64500", 64500, 1);
}

static void
lists_that_mix_as_numbers_with_others_are_refused_beyond_one_in_twenty(void **state)
{
	char text[1024] = "", *end = text;
	struct lane_set *s;
	name_id reason;

	(void)state;
	for (unsigned i = 1; i <= 19; i++)
		end += sprintf(end, "AS%u\n", i);
	strcpy(end, "192.0.2.0/24\n");
	assert_non_null(s = build(text));
	assert_int_equal(problems.n, 1);
	assert_int_equal(problems.items[0].line, 20);
	assert_non_null(strstr(problems.items[0].what, "'192.0.2.0/24' is skipped: no AS number"));
	assert_int_equal(lane_of_as(s, 19, &reason), LANE_SCANNER);
	lane_free(s);
	refused_with("AS64500\n192.0.2.0/24\n", "1 of 2 lines are no AS numbers");
}

static void
as_numbers_are_for_lanes_of_victims(void **state)
{
	char *path = temporary("AS64500\n", 8, ".list");
	static const enum lane lanes[] = {LANE_ALLOWED, LANE_SHARED, LANE_SINKHOLE};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct lane_list list = {lanes[i], path};
		struct lane_set *s = NULL;

		problem_clear(&problems);
		assert_true(lane_build(&list, 1, &problems, &s) < 0);
		assert_null(s);
		assert_non_null(strstr(problems.items[0].what, "lists AS numbers"));
	}
	temporary_remove(path);
}

static void
addresses_then_watchlist_then_as_then_database_give_the_reason_and_lanes_keep_their_order(void **state)
{
	char *networks = temporary("192.0.2.0/24\n", 13, ".net"), *systems = temporary("AS64500\n", 8, ".as"),
	     *research = temporary("AS64501\n", 8, ".as");
	const struct lane_list lists[] = {{LANE_HOSTING, networks}, {LANE_HOSTING, systems}, {LANE_RESEARCH, research}};
	struct org_facts org = {.attribution = ORG_WATCHLIST,
				.lane = LANE_HOSTING,
				.line = 9,
				.source = names_of("w.csv"),
				.asn = 64500,
				.hosting = names_of("db.mmdb: is_hosting_provider")};
	struct contact_report r = {0};
	struct lane_set *s;
	name_id reason;

	(void)state;
	problem_clear(&problems);
	assert_int_equal(lane_build(lists, 3, &problems, &s), 0);
	assert_int_equal(ip_parse("192.0.2.1", 9, &r.ends[0].addr), 0);
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_HOSTING);
	assert_non_null(strstr(names_text(reason), ".net:1"));
	assert_int_equal(ip_parse("203.0.113.1", 11, &r.ends[0].addr), 0);
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_HOSTING);
	assert_string_equal(names_text(reason), "w.csv:9");
	org.lane = LANE_COUNTED;
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_HOSTING);
	assert_non_null(strstr(names_text(reason), ".as:1"));
	org.asn = 64499;
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_HOSTING);
	assert_string_equal(names_text(reason), "db.mmdb: is_hosting_provider");
	org.asn = 64501;
	assert_int_equal(lane_of(s, &r, 0, 1, &org, &reason), LANE_RESEARCH);
	lane_free(s);
	temporary_remove(networks);
	temporary_remove(systems);
	temporary_remove(research);
}

// Real lists ----------------------------------------------------------------------------------------------------------------------

// NULL: refused. `name` is below RATWATCH_TEST_DATA/feeds; skips the test without it.
static struct lane_set *
build_real(const char *name)
{
	const char *data = getenv("RATWATCH_TEST_DATA");
	char path[512];
	const struct lane_list list = {LANE_SCANNER, path};
	struct lane_set *s = NULL;

	if (data == NULL) {
		print_message("skipped: RATWATCH_TEST_DATA is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/feeds/%s", data, name);
	problem_clear(&problems);
	if (lane_build(&list, 1, &problems, &s) < 0)
		fail_msg("%s: %s", name, problems.items[problems.n - 1].what);
	return s;
}

static void
real_holds(const char *list, const char *victim, const char *where)
{
	struct lane_set *s = build_real(list);
	name_id reason;

	assert_int_equal(lane_of_victim(s, victim, &reason), LANE_SCANNER);
	assert_string_equal(names_text(reason), where);
	lane_free(s);
}

static void
real_holds_as(const char *list, uint32_t asn, const char *where)
{
	struct lane_set *s = build_real(list);
	name_id reason;

	assert_int_equal(lane_of_as(s, asn, &reason), LANE_SCANNER);
	assert_string_equal(names_text(reason), where);
	lane_free(s);
}

static void
real_lists_of_scanners_and_of_hosting_name_the_line(void **state)
{
	(void)state;
	real_holds("misp-warninglists/censys-scanning/list.json", "162.142.125.0", "list.json:4");
	real_holds("misp-warninglists/shodan-scanning/list.json", "134.209.95.237", "list.json:4");
	real_holds("misp-warninglists/shadowserver/list.json", "108.165.44.0", "list.json:4");
	real_holds("misp-warninglists/onyphe-scanner/list.json", "195.184.76.0", "list.json:4");
	real_holds("maltrail-lists/mass_scanner.txt", "129.82.138.12", "mass_scanner.txt:16");
	real_holds("maltrail-lists/mass_scanner_cidr.txt", "5.63.151.0", "mass_scanner_cidr.txt:7");
	real_holds("maltrail-lists/worst_asns.txt", "103.29.68.0", "worst_asns.txt:6");
	real_holds_as("x4bnet-datacenter/ASN.txt", 55286, "ASN.txt:251");
	real_holds_as("bad-asn-list/bad-asn-list.csv", 51447, "bad-asn-list.csv:3");
	real_holds_as("bad-asn-list/bad-asn-list.csv", 20248, "bad-asn-list.csv:334");
}

static unsigned
objections(enum lane lane, struct contact_report r)
{
	assert_int_equal(lane_suspects(lane, &r, 0, 1), lane_objections(lane, &r, 0, 1) == 0);
	return lane_objections(lane, &r, 0, 1);
}

static void
whoever_is_not_suspected_is_told_each_reason(void **state)
{
	struct contact_report r = {.opener = CONTACT_VICTIM, .evidence = CONTACT_ANSWERED};
	struct flow_match *m = &r.ends[1].match;

	(void)state;
	assert_int_equal(objections(LANE_COUNTED, r), 0);
	assert_int_equal(objections(LANE_SINKHOLE, r), 0);
	assert_int_equal(objections(LANE_HOSTING, r), LANE_APART);
	r.evidence = CONTACT_ATTEMPT;
	m->has_port = true;
	m->flags = INDICATOR_SHARED;
	assert_int_equal(objections(LANE_SCANNER, r),
			 LANE_APART | LANE_NOT_ANSWERED | LANE_OTHER_PORT | LANE_OTHERS_HOST);
	m->exact = true;
	r.portless = true;
	r.opener = CONTACT_CONTROLLER;
	assert_int_equal(objections(LANE_COUNTED, r), LANE_NO_CONVERSATION | LANE_NOT_ANSWERED | LANE_NOT_OPENED);
	m->connects_in = true;
	assert_int_equal(objections(LANE_COUNTED, r), LANE_NO_CONVERSATION | LANE_NOT_ANSWERED);
	for (unsigned i = 0; i < LANE_OBJECTIONS; i++)
		assert_string_not_equal(lane_objection_text((enum lane_objection)(1u << i)), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_text_or_warninglists_and_name_the_line),
		cmocka_unit_test(whoever_is_not_suspected_is_told_each_reason),
		cmocka_unit_test(lists_of_names_or_of_controllers_are_refused),
		cmocka_unit_test(lists_of_as_numbers_are_known_by_their_content),
		cmocka_unit_test(lists_that_mix_as_numbers_with_others_are_refused_beyond_one_in_twenty),
		cmocka_unit_test(as_numbers_are_for_lanes_of_victims),
		cmocka_unit_test(
			addresses_then_watchlist_then_as_then_database_give_the_reason_and_lanes_keep_their_order),
		cmocka_unit_test(real_lists_of_scanners_and_of_hosting_name_the_line),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
