#include "test.h"

#include "changes.h"
#include "temporary.h"

static struct problem_list problems;

static struct change
change(bool removes, const char *prefix, uint16_t port, int64_t until)
{
	struct change c = {.removes = removes, .port = port, .since = 1000, .until = until};

	assert_true(ip_parse_prefix(prefix, strlen(prefix), &c.prefix) >= 0);
	return c;
}

static void
put(struct changes *c, struct change one)
{
	assert_int_equal(changes_put(c, &one), 0);
}

static void
a_later_word_takes_the_place_of_the_earlier_one(void **context)
{
	struct changes c = {0};
	struct ip_prefix p = change(false, "8.8.8.8", 0, 0).prefix;

	(void)context;
	put(&c, change(false, "8.8.8.8", 443, 0));
	put(&c, change(false, "8.8.8.8", 443, 5000));
	put(&c, change(false, "8.8.8.8", 80, 0));
	put(&c, change(false, "8.8.8.0/24", 0, 0));
	assert_int_equal(c.n, 3);
	assert_true(c.items[0].until == 5000);
	put(&c, change(true, "8.8.8.8", 0, 0)); // both ports
	assert_int_equal(c.n, 2);
	put(&c, change(false, "8.8.8.8", 443, 0));
	assert_int_equal(c.n, 2);
	assert_int_equal(changes_drop(&c, &p), 1);
	assert_int_equal(c.n, 1);
	changes_free(&c);
}

static void
they_are_the_same_after_a_restart(void **context)
{
	struct changes c = {0}, again;
	struct change one = change(false, "2001:db8::/48", 443, 5000);
	char *path = temporary("", 0, ".json");

	(void)context;
	one.family = (char *)"Emotet";
	one.reason = (char *)"abuse desk #4711 \"urgent\"";
	put(&c, one);
	put(&c, change(true, "8.8.8.8", 0, 0));
	c.generation = 7;
	assert_int_equal(changes_write(path, &c), 0);
	assert_int_equal(changes_read(path, &problems, &again), 0);
	assert_int_equal(again.n, 2);
	assert_int_equal(again.generation, 7);
	assert_string_equal(again.items[0].family, "Emotet");
	assert_string_equal(again.items[0].reason, one.reason);
	assert_int_equal(again.items[0].prefix.len, 48);
	assert_int_equal(again.items[0].port, 443);
	assert_true(again.items[0].until == 5000 && again.items[0].since == 1000);
	assert_true(again.items[1].removes);
	assert_int_equal(changes_expire(&again, 4999), 0);
	assert_int_equal(changes_expire(&again, 5000), 1);
	changes_free(&c);
	changes_free(&again);
	temporary_remove(path);
}

static void
no_file_is_no_changes_and_damage_is_named(void **context)
{
	static const char *const texts[] = {
		"x", "{}", "[{}]",
		"{\"changes\":[{\"change\":\"add\",\"prefix\":\"8.8.8\",\"port\":0,\"since\":0,\"until\":0}]}",
		"{\"changes\":[{\"change\":\"alter\",\"prefix\":\"8.8.8.8\",\"port\":0,\"since\":0,\"until\":0}]}",
		"{\"changes\":[{\"change\":\"add\",\"prefix\":\"8.8.8.8\",\"port\":65536,\"since\":0,\"until\":0}]}",
		// Beyond 32 bits, where 443 is left of it.
		"{\"changes\":[{\"change\":\"add\",\"prefix\":\"::2\",\"port\":4294967739,\"since\":0,\"until\":0}]}"};
	struct changes c = {.n = 1};
	char name[300] = "";

	(void)context;
	assert_int_equal(changes_read("/nonexistent/changes.json", &problems, &c), 0);
	assert_int_equal(c.n, 0);
	assert_int_equal(changes_read("/dev/null/changes.json", &problems, &c), 0); // a folder that is none
	assert_int_equal(problems.errors, 0);
	memset(name, 'x', sizeof(name) - 1);
	assert_true(changes_read(name, &problems, &c) < 0); // one that cannot be looked at may well be there
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *path = temporary(texts[i], strlen(texts[i]), ".json");

		problem_clear(&problems);
		assert_true(changes_read(path, &problems, &c) < 0);
		assert_int_equal(problems.errors, 1);
		temporary_remove(path);
	}
	problem_clear(&problems);
}

static void
they_become_indicators_of_the_operator(void **context)
{
	struct indicator_list l = {0};
	struct changes c = {0};
	struct change one = change(false, "8.8.8.8", 443, 5000);
	struct indicator in;

	(void)context;
	one.family = (char *)"heodo";
	put(&c, one);
	put(&c, change(true, "9.9.9.9", 0, 0));
	assert_int_equal(changes_apply(&c, &l), 0);
	indicator_list_sort(&l);
	indicator_list_get(&l, 0, &in);
	assert_string_equal(names_text(in.family), "Emotet");
	assert_string_equal(names_text(in.feed), CHANGES_FEED);
	assert_true(in.port == 443 && in.expires == 5000 && !(in.flags & INDICATOR_REMOVED));
	indicator_list_get(&l, 1, &in);
	assert_true(in.flags & INDICATOR_REMOVED);
	indicator_list_free(&l);
	changes_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_word_takes_the_place_of_the_earlier_one),
		cmocka_unit_test(they_are_the_same_after_a_restart),
		cmocka_unit_test(no_file_is_no_changes_and_damage_is_named),
		cmocka_unit_test(they_become_indicators_of_the_operator),
	};

	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
