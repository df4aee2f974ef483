#include "test.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_text_or_warninglists_and_name_the_line),
		cmocka_unit_test(lists_of_names_or_of_controllers_are_refused),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
