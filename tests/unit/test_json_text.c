#include "test.h"

#include "feed/json_text.h"

static const char *
wrong(const char *text, uint32_t *line)
{
	*line = 0;
	return json_text_wrong(text, strlen(text), line);
}

static void
right(const char *text)
{
	uint32_t line;
	const char *what = wrong(text, &line);

	if (what != NULL)
		fail_msg("%s: %s", text, what);
}

static void
wrong_at(const char *text, uint32_t line, const char *words)
{
	uint32_t found;
	const char *what = wrong(text, &found);

	if (what == NULL || strstr(what, words) == NULL || found != line)
		fail_msg("%s: line %u: %s", text, found, what != NULL ? what : "nothing wrong");
}

static void
whole_values_are_right(void **state)
{
	(void)state;
	right("[]");
	right(" {} ");
	right("[1,-2.5e+3,\"a\",true,false,null,{\"k\":[[]],\"\":{}}]\n");
	right("[\"quotes \\\" brackets ]}[{ and a backslash \\\\\",\"\\u00e9\"]");
	right("{\"a\":1}\n{\"a\":2}\n\n");
	right("");
}

static void
what_is_wrong_is_named_with_its_line(void **state)
{
	(void)state;
	wrong_at("[1,\n2", 2, "incomplete");
	wrong_at("{\"a\":\n\"b", 2, "incomplete");
	wrong_at("{\"a\"", 1, "incomplete");
	wrong_at("[tru", 1, "incomplete");
	wrong_at("[1\n\n2]", 3, "a comma or a bracket is missing");
	wrong_at("[1,]", 1, "a value is missing");
	wrong_at("[,1]", 1, "a value is missing");
	wrong_at("[nil]", 1, "a value is missing");
	wrong_at("{\"a\":1,}", 1, "a key in quotes");
	wrong_at("{a:1}", 1, "a key in quotes");
	wrong_at("{\"a\" 1}", 1, "a colon");
	wrong_at("[1}", 1, "a comma or a bracket");
	wrong_at("[]\n]", 2, "a value is missing");
	wrong_at("[\"a\nb\"]", 1, "does not end on its line");
	wrong_at("[\"a\\\nb\"]", 1, "does not end on its line");
}

static char *
repeated(const char *begin, char c, size_t n, const char *end)
{
	char *text = malloc(strlen(begin) + n + strlen(end) + 1);

	strcpy(text, begin);
	memset(text + strlen(begin), c, n);
	strcpy(text + strlen(begin) + n, end);
	return text;
}

static void
depth_and_strings_are_bounded(void **state)
{
	char *deep = repeated("", '[', JSON_DEPTH_MAX, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
	     *deeper = repeated("[", '[', 1u << 20, "");
	char *is_long = repeated("[\"", 'a', JSON_STRING_MAX, "\"]"),
	     *longer = repeated("[\"", 'a', JSON_STRING_MAX + 1, "\"]");

	(void)state;
	right(deep);
	wrong_at(deeper, 1, "32 brackets");
	right(is_long);
	wrong_at(longer, 1, "64 KiB");
	free(deep);
	free(deeper);
	free(is_long);
	free(longer);
}

static void
only_samples_may_be_longer(void **state)
{
	static const char *const begins[] = {"{\"data\":\"", "{\"payload_bin\":\"", "{\"content\":\""};
	char *key = repeated("{\"", 'a', JSON_STRING_MAX + 1, "\":1}"),
	     *other = repeated("{\"comment\":\"", 'a', JSON_STRING_MAX + 1, "\"}");

	(void)state;
	for (int i = 0; i < 3; i++) {
		char *sample = repeated(begins[i], 'a', 10 * JSON_STRING_MAX, "\"}");

		right(sample);
		free(sample);
	}
	wrong_at(key, 1, "64 KiB");
	wrong_at(other, 1, "64 KiB");
	free(key);
	free(other);
}

static void
more_than_64_mib_is_refused_unseen(void **state)
{
	uint32_t line = 1;

	(void)state;
	assert_non_null(strstr(json_text_wrong("[]", JSON_TEXT_MAX + 1, &line), "64 MiB"));
	assert_int_equal(line, 0);
}

static void
a_walk_gives_each_value_with_its_line(void **state)
{
	static const char text[] = "{\n\"a\": [1,\n [2], \"x\"],\n\n\"b\": {}\n}";
	struct json_text whole, value, item;
	struct json_walk w, in;

	(void)state;
	assert_true(json_text_whole(text, strlen(text), &whole));
	w = json_walk_into(whole);
	assert_true(json_walk_next(&w, &value));
	assert_true(json_text_is(w.key, "a"));
	assert_int_equal(value.line, 2);
	in = json_walk_into(value);
	assert_true(json_walk_next(&in, &item) && item.line == 2 && item.end - item.at == 1);
	assert_true(json_walk_next(&in, &item) && item.line == 3 && *item.at == '[');
	assert_true(json_walk_next(&in, &item) && json_text_is(item, "x"));
	assert_false(json_walk_next(&in, &item));
	assert_true(json_walk_next(&w, &value));
	assert_int_equal(value.line, 5);
	assert_false(json_walk_next(&w, &value));
}

static void
the_last_of_repeated_keys_is_found(void **state)
{
	static const char text[] = "{\"a\":1,\"b\":{\"a\":3},\"a\":2}";
	struct json_text whole, value;

	(void)state;
	assert_true(json_text_whole(text, strlen(text), &whole));
	assert_true(json_text_find(whole, "a", &value) && *value.at == '2');
	assert_false(json_text_find(whole, "c", &value));
	assert_false(json_text_first(whole, &value));
	assert_false(json_text_whole("{} {}", 5, &value));
	assert_false(json_text_whole(" ", 1, &value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_values_are_right),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(depth_and_strings_are_bounded),
		cmocka_unit_test(only_samples_may_be_longer),
		cmocka_unit_test(more_than_64_mib_is_refused_unseen),
		cmocka_unit_test(a_walk_gives_each_value_with_its_line),
		cmocka_unit_test(the_last_of_repeated_keys_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
