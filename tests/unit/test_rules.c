// Rules are made of files, the rules before and the history: what is in force afterwards, when some of it is broken, renamed or gone.

#include "test.h"

#include "rules.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1800000000

static struct problem_list problems;
static struct changes changes;
static char folder[64];

static char *
in_folder(const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) == -1 ? NULL : path;
}

static void
write_file(const char *name, const char *content)
{
	char *path = in_folder(name), *slash = strrchr(path, '/');
	FILE *f;

	*slash = '\0';
	mkdir(path, 0700);
	*slash = '/';
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
	free(path);
}

static void
remove_file(const char *name)
{
	char *path = in_folder(name);

	assert_int_equal(unlink(path), 0);
	free(path);
}

static int
make_folder(void **context)
{
	(void)context;
	strcpy(folder, "/tmp/ratwatch-rules-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **context)
{
	char command[80];

	(void)context;
	problem_clear(&problems);
	changes_free(&changes);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static struct history *
open_history(void)
{
	char *path = in_folder("state");
	struct history *h = NULL;

	assert_int_equal(history_open(path, true, &problems, &h), 0);
	free(path);
	return h;
}

// From the feeds of a configuration, "[a.txt, {path: b.txt, ttl: 1}]".
static struct rules *
build(const char *feeds, const struct rules *previous, struct history *history, const struct history_set *return_to)
{
	struct rules_options o = {.generation = previous != NULL ? previous->generation + 1 : 1,
				  .now = NOW,
				  .previous = previous,
				  .history = history,
				  .return_to = return_to,
				  .changes = &changes};
	char text[1024], *path = in_folder("ratwatch.yaml");
	struct config *config = NULL;
	struct rules *r = NULL;

	snprintf(text, sizeof(text), "indicators:\n  feeds: %s\n", feeds);
	write_file("ratwatch.yaml", text);
	problem_clear(&problems);
	assert_int_equal(config_load(path, NULL, 0, &problems, &config), 0);
	o.config = config;
	rules_build(&o, &problems, &r);
	config_free(config);
	free(path);
	return r;
}

static struct rules *
build_next(const char *feeds, struct rules *previous)
{
	struct rules *r = build(feeds, previous, NULL, NULL);

	assert_non_null(r);
	rules_replace(previous, r);
	return r;
}

static void
change(struct rules **rules, bool removes, const char *prefix)
{
	struct change c = {.removes = removes, .since = NOW};
	struct rules *changed;

	assert_int_equal(ip_parse_prefix(prefix, strlen(prefix), &c.prefix), 0);
	assert_int_equal(changes_put(&changes, &c), 0);
	assert_int_equal(rules_change(*rules, &changes, (*rules)->generation + 1, &changed), 0);
	rules_replace(*rules, changed);
	*rules = changed;
}

static bool
matches(const struct rules *r, const char *address)
{
	struct flow_match m;
	struct ip_addr a;

	assert_int_equal(ip_parse(address, strlen(address), &a), 0);
	c2set_describe(r->c2, &a, 443, FLOW_TCP, NOW, &m);
	return m.listed;
}

// A list may be called anything.
static void
a_list_with_the_name_of_the_operators_changes_survives_them(void **context)
{
	struct rules *r;

	(void)context;
	write_file("operator.txt", "9.0.0.1\n");
	write_file("other.txt", "9.0.0.2\n");
	r = build("[operator.txt, {path: other.txt, name: operator}]", NULL, NULL, NULL);
	change(&r, false, "9.0.0.3");
	assert_true(matches(r, "9.0.0.1") && matches(r, "9.0.0.2") && matches(r, "9.0.0.3"));
	rules_free(r);
}

// Both are called list and list~2, in the order of the configuration.
static void
a_list_that_is_held_brings_its_own_entries_when_names_change_hands(void **context)
{
	struct rules *r;

	(void)context;
	write_file("a/list.txt", "9.0.0.1\n9.0.0.2\n");
	write_file("b/list.txt", "9.0.0.3\n");
	r = build("[a/list.txt, b/list.txt]", NULL, NULL, NULL);
	write_file("a/list.txt", "<html>\n");
	r = build_next("[b/list.txt, a/list.txt]", r);
	assert_true(matches(r, "9.0.0.1") && matches(r, "9.0.0.3"));
	assert_string_not_equal(r->feeds[0].name, r->feeds[1].name);
	write_file("b/list.txt", "9.0.0.4\n");
	r = build_next("[b/list.txt, a/list.txt]", r);
	assert_true(matches(r, "9.0.0.1") && matches(r, "9.0.0.4"));
	assert_false(matches(r, "9.0.0.3"));
	rules_free(r);
}

// As feed.h counts: one address with three ports is three.
static void
min_entries_counts_lines(void **context)
{
	struct rules *r;

	(void)context;
	write_file("one.txt", "9.0.0.1:80\n9.0.0.1:443\n9.0.0.1:8080\n9.0.0.1:80\n");
	r = build("[{path: one.txt, min_entries: 4}]", NULL, NULL, NULL);
	assert_int_equal(r->feeds[0].entries, 1);
	assert_false(r->feeds[0].shortage);
	rules_free(r);
}

static void
going_back_brings_files_back_that_a_pattern_matches_no_more(void **context)
{
	struct history *h = open_history();
	struct rules *r, *next, *back;

	(void)context;
	write_file("c2/a.txt", "9.0.0.1\n");
	write_file("c2/b.txt", "9.0.0.2\n");
	r = build("['c2/*.txt']", NULL, h, NULL);
	assert_int_equal(rules_remember(r, h, NOW), 0);
	remove_file("c2/b.txt");
	write_file("c2/c.txt", "9.0.0.3\n");
	assert_non_null(next = build("['c2/*.txt', c2/a.txt]", r, h, NULL));
	rules_replace(r, next);
	r = next;
	assert_int_equal(rules_remember(r, h, NOW), 0);
	assert_false(matches(r, "9.0.0.2"));
	assert_int_equal(r->n_feeds, 3);
	assert_non_null(back = build("['c2/*.txt', c2/a.txt]", r, h, history_find(h, 1)));
	assert_int_equal(back->n_feeds, 3);
	assert_true(matches(back, "9.0.0.1") && matches(back, "9.0.0.2"));
	assert_false(matches(back, "9.0.0.3"));
	rules_free(r);
	rules_free(back);
	history_close(h);
}

// Where only the date of its file tells how old a list is.
static void
a_list_that_is_kept_over_a_restart_is_as_old_as_its_file_was(void **context)
{
	const struct timespec day_before[2] = {{.tv_sec = NOW - 86400}, {.tv_sec = NOW - 86400}};
	const char *feeds = "[{path: a.txt, max_age: 7}]";
	struct history *h = open_history();
	char *path = in_folder("a.txt");
	struct rules *r;

	(void)context;
	write_file("a.txt", "9.0.0.1\n");
	assert_int_equal(utimensat(AT_FDCWD, path, day_before, 0), 0);
	free(path);
	r = build(feeds, NULL, h, NULL);
	assert_int_equal(rules_remember(r, h, NOW), 0);
	rules_free(r);
	write_file("a.txt", "<html>\n");
	r = build(feeds, NULL, h, NULL);
	assert_true(r->feeds[0].held);
	assert_int_equal(r->feeds[0].modified, NOW - 86400);
	assert_true(matches(r, "9.0.0.1"));
	rules_free(r);
	history_close(h);
}

static void
what_is_damaged_on_disk_gives_way_to_what_was_kept_before(void **context)
{
	struct history *h = open_history();
	char name[80], *path, *list = in_folder("a.txt");
	struct rules *r;

	(void)context;
	write_file("a.txt", "9.0.0.1\n");
	r = build("[a.txt]", NULL, h, NULL);
	assert_int_equal(rules_remember(r, h, NOW), 0);
	rules_free(r);
	write_file("a.txt", "9.0.0.2\n");
	r = build("[a.txt]", NULL, h, NULL);
	assert_int_equal(rules_remember(r, h, NOW), 0);
	rules_free(r);
	path = history_path(h, history_list_of(history_set(h, 0), list));
	snprintf(name, sizeof(name), "state/lists/%s", strrchr(path, '/') + 1);
	free(path);
	free(list);
	write_file(name, "9.0.0.3\n");
	write_file("a.txt", "<html>\n");
	assert_non_null(r = build("[a.txt]", NULL, h, NULL));
	assert_true(matches(r, "9.0.0.1") && r->feeds[0].held);
	assert_false(matches(r, "9.0.0.2") || matches(r, "9.0.0.3"));
	rules_free(r);
	history_close(h);
}

// As on a full disk.
static void
a_list_that_cannot_be_kept_is_said_with_the_reason(void **context)
{
	struct history *h = open_history();
	char *lists = in_folder("state/lists");
	struct rules *r;
	int err;

	(void)context;
	write_file("feed.txt", "8.8.8.8\n");
	assert_int_equal(rmdir(lists), 0);
	r = build("[feed.txt]", NULL, h, NULL);
	assert_non_null(r);
	assert_int_equal(problems.n, 1);
	assert_non_null(strstr(problems.items[0].what, strerror(ENOENT)));
	err = rules_remember(r, h, NOW);
	assert_string_equal(rules_remember_error(err), "one of its lists could not be kept");
	assert_int_equal(history_count(h), 0);
	rules_free(r);
	history_close(h);
	free(lists);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_list_with_the_name_of_the_operators_changes_survives_them,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_list_that_is_held_brings_its_own_entries_when_names_change_hands,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(min_entries_counts_lines, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(going_back_brings_files_back_that_a_pattern_matches_no_more,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_list_that_is_kept_over_a_restart_is_as_old_as_its_file_was,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_is_damaged_on_disk_gives_way_to_what_was_kept_before, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_list_that_cannot_be_kept_is_said_with_the_reason, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
