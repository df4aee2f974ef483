#include "test.h"

#include "config.h"
#include "temporary.h"

// 108 bytes: no room for the NUL in a sockaddr_un.
#define TEN       "/123456789"
#define LONG_PATH TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "/1234567"

static struct problem_list problems;

static struct config *
load(const char *text, const char *const *sets, size_t n_sets)
{
	char *path = temporary(text, strlen(text), ".yaml");
	struct config *c = NULL;

	problem_clear(&problems);
	if (config_load(path, sets, n_sets, &problems, &c) < 0)
		assert_true(problems.errors > 0);
	temporary_remove(path);
	return c;
}

static void
wrong_at(const char *text, unsigned line, const char *words)
{
	char shown[1024];

	assert_null(load(text, NULL, 0));
	for (size_t i = 0; i < problems.n; i++) {
		problem_format(&problems.items[i], shown, sizeof(shown));
		if (problems.items[i].line == line && strstr(shown, words) != NULL)
			return;
	}
	fail_msg("nothing about line %u with '%s'", line, words);
}

static void
what_a_file_leaves_out_has_its_default(void **state)
{
	struct config *c = load("log:\n  level: info\n", NULL, 0);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->capture.workers, 1);
	assert_int_equal(c->redis.flush_ms, 5000);
	assert_true(c->capture.promiscuous);
	assert_false(c->capture.hugepages_set);
	assert_int_equal(c->organizations.victim_prefix6, 64);
	assert_null(c->redis.url);
	assert_string_equal(c->control.socket, "/run/ratwatch/control.sock");
	config_free(c);
}

static void
a_wrong_line_is_named_with_its_key_and_what_to_write(void **state)
{
	(void)state;
	wrong_at("capture:\n  worker: 2\n", 2, "did you mean 'workers'?");
	wrong_at("captur:\n  workers: 2\n", 1, "capture");
	wrong_at("capture:\n  workers: two\n", 2, "capture.workers");
	wrong_at("capture:\n  workers: 65\n", 2, "64");
	wrong_at("capture:\n  promiscuous: maybe\n", 2, "true or false");
	wrong_at("capture:\n  ports: eth0\n", 2, "capture.ports");
	wrong_at("capture:\n  ports: [eth0]\n", 2, "af_packet:");
	wrong_at("redis:\n  url: localhost\n", 2, "redis://");
	wrong_at("log:\n  level: loud\n", 2, "log.level");
	wrong_at("http:\n  listen: localhost:9187\n", 2, "write 127.0.0.1:9187 or '[::1]:9187'");
	wrong_at("http:\n  listen: 9187\n", 2, "http.listen");
	wrong_at("control:\n  socket: " LONG_PATH "\n", 2, "at most 107 bytes");
	wrong_at("indicators:\n  feeds:\n    - {family: x}\n", 3, "path");
	wrong_at("capture:\n  workers: 1\n  workers: 2\n", 3, "capture.workers");
	wrong_at("- a\n", 1, "");
	wrong_at("a: &x 1\n", 1, "");
}

static void
all_errors_of_a_file_come_in_one_go(void **state)
{
	(void)state;
	assert_null(load("capture:\n  worker: 2\n  buffers: x\nredis:\n  flush_ms: 1\n  urll: x\n", NULL, 0));
	assert_int_equal(problems.errors, 4);
}

static void
set_overrides_the_file_and_lists_grow(void **state)
{
	const char *const sets[] = {"capture.workers=3", "indicators.feeds=/a", "indicators.feeds=/b",
				    "indicators.allow_special=true"};
	const char *const wrong[] = {"capture.worker=3"};
	struct config *c = load("capture:\n  workers: 2\n", sets, 4);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->capture.workers, 3);
	assert_int_equal(c->indicators.n_feeds, 2);
	assert_string_equal(c->indicators.feeds[1].path, "/b");
	assert_true(c->indicators.feeds[0].allow_special);
	config_free(c);
	assert_null(load("log:\n  level: info\n", wrong, 1));
	assert_string_equal(problems.items[0].file, "--set");
}

static bool
file_names(const char *file, const char *word)
{
	static char text[1 << 16];
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("RATWATCH_SOURCE"), file);
	assert_non_null(f = fopen(path, "r"));
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return strstr(text, word) != NULL;
}

static void
every_format_of_lists_can_be_configured_and_is_documented(void **state)
{
	(void)state;
	for (int f = FEED_AUTO; f < FEED_FORMATS; f++) {
		const char *name = feed_format_name((enum feed_format)f);
		char text[128];
		struct config *c;

		snprintf(text, sizeof(text), "indicators:\n  feeds:\n    - {path: x, format: %s}\n", name);
		assert_non_null(c = load(text, NULL, 0));
		assert_int_equal(c->indicators.feeds[0].format, f);
		config_free(c);
		wrong_at("indicators:\n  feeds:\n    - {path: x, format: xls}\n", 3, name);
		if (!file_names("docs/man/ratwatch.yaml.5", name) || !file_names("docs/feeds.md", name))
			fail_msg("ratwatch.yaml(5) or docs/feeds.md does not name %s", name);
	}
}

static void
columns_are_a_mapping_or_the_same_as_text(void **state)
{
	struct config *c =
		load("indicators:\n  feeds:\n    - path: a\n      columns: {address: dst_ip, port: dst_port}\n"
		     "    - {path: b, columns: 'address=x'}\n",
		     NULL, 0);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->indicators.feeds[0].columns, "address=dst_ip,port=dst_port");
	assert_string_equal(c->indicators.feeds[1].columns, "address=x");
	config_free(c);
	wrong_at("indicators:\n  feeds:\n    - path: a\n      columns: {port: dst_port}\n", 4, "address=dst_ip");
	wrong_at("indicators:\n  feeds:\n    - path: a\n      columns: [dst_port]\n", 4, "is a list; write a mapping");
	wrong_at("indicators:\n  feeds:\n    - path: a\n      columns: {address: [x]}\n", 4, "names no column");
	wrong_at("indicators:\n  feeds:\n    - path: a\n      columns: adress=x\n", 4, "something else than address");
	wrong_at("indicators:\n  feeds:\n    - {path: a, format: threatfox}\n", 3, "threatfox-csv");
}

static void
paths_are_relative_to_the_file(void **state)
{
	struct config *c = load("indicators:\n  feeds: [x.txt, /y.txt]\nlanes:\n  hosting: [h.txt]\n", NULL, 0);
	const char *dir = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";

	(void)state;
	assert_non_null(c);
	assert_true(strncmp(c->indicators.feeds[0].path, dir, strlen(dir)) == 0);
	assert_string_equal(c->indicators.feeds[1].path, "/y.txt");
	assert_int_equal(c->lanes.n_lists, 1);
	assert_int_equal(c->lanes.lists[0].lane, LANE_HOSTING);
	config_free(c);
}

// As long as the socket's name may be, but not below the folder of the file.
static void
a_socket_is_measured_as_it_will_be_used(void **state)
{
	const char *path = LONG_PATH;
	char text[256];
	struct config *c;

	(void)state;
	snprintf(text, sizeof(text), "control:\n  socket: %.107s\n", path);
	c = load(text, NULL, 0);
	assert_non_null(c);
	assert_int_equal(strlen(c->control.socket), 107);
	config_free(c);
	snprintf(text, sizeof(text), "control:\n  socket: %s\n", path + 2);
	wrong_at(text, 2, "at most 107 bytes");
}

// The shipped example has every key of the table with its default, whether commented out or not.
static void
the_example_has_every_key_with_its_default(void **state)
{
	char path[1024], *text = calloc(1, 1 << 16), want[256];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/conf/ratwatch.yaml", getenv("RATWATCH_SOURCE"));
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	for (size_t i = 0; config_key(i) != NULL; i++) {
		const struct config_key *k = config_key(i);

		if (strcmp(k->section, "indicators.feeds") == 0)
			snprintf(want, sizeof(want), "%s", k->name);
		else if (k->value != NULL)
			snprintf(want, sizeof(want), "\n  %s: %s\n", k->name, k->value);
		else
			snprintf(want, sizeof(want), "%s:", k->name);
		if (strstr(text, want) == NULL)
			fail_msg("conf/ratwatch.yaml lacks %s.%s as '%s'", k->section, k->name, want);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_file_leaves_out_has_its_default),
		cmocka_unit_test(a_wrong_line_is_named_with_its_key_and_what_to_write),
		cmocka_unit_test(all_errors_of_a_file_come_in_one_go),
		cmocka_unit_test(set_overrides_the_file_and_lists_grow),
		cmocka_unit_test(columns_are_a_mapping_or_the_same_as_text),
		cmocka_unit_test(every_format_of_lists_can_be_configured_and_is_documented),
		cmocka_unit_test(paths_are_relative_to_the_file),
		cmocka_unit_test(a_socket_is_measured_as_it_will_be_used),
		cmocka_unit_test(the_example_has_every_key_with_its_default),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
