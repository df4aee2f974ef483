#include "test.h"

#include "problem.h"

#include <stdlib.h>
#include <string.h>

static void
a_line_says_file_line_key_and_what(void **state)
{
	struct problem_list list = {0};
	char text[256];

	(void)state;
	problem_add(&list, PROBLEM_ERROR, "a.yaml", 3, "redis.url", "is %s; write %d", "wrong", 7);
	problem_add(&list, PROBLEM_ERROR, "a.txt", 0, NULL, "is empty");
	problem_add(&list, PROBLEM_WARNING, "a.txt", 9, NULL, "is odd");
	problem_add(&list, PROBLEM_ERROR, NULL, 0, NULL, "no file at all");
	assert_string_equal(problem_format(&list.items[0], text, sizeof(text)),
			    "a.yaml:3: redis.url: is wrong; write 7");
	assert_string_equal(problem_format(&list.items[1], text, sizeof(text)), "a.txt: is empty");
	assert_string_equal(problem_format(&list.items[2], text, sizeof(text)), "a.txt:9: warning: is odd");
	assert_string_equal(problem_format(&list.items[3], text, sizeof(text)), "no file at all");
	assert_int_equal(list.n, 4);
	assert_int_equal(list.errors, 3);
	problem_clear(&list);
	assert_int_equal(list.n + list.errors + list.lost, 0);
	problem_clear(&list);
}

static void
the_list_keeps_copies(void **state)
{
	char file[] = "list.txt", what[] = "is wrong", text[64];
	struct problem_list list = {0};

	(void)state;
	problem_add(&list, PROBLEM_ERROR, file, 1, NULL, "%s", what);
	memset(file, 'x', sizeof(file) - 1);
	memset(what, 'x', sizeof(what) - 1);
	assert_string_equal(problem_format(&list.items[0], text, sizeof(text)), "list.txt:1: is wrong");
	problem_clear(&list);
}

static void
a_text_is_cut_to_every_size(void **state)
{
	static const char whole[] = "list.txt:1: is wrong";
	struct problem_list list = {0};
	char text[64];

	(void)state;
	problem_add(&list, PROBLEM_ERROR, "list.txt", 1, NULL, "is wrong");
	for (size_t size = 1; size <= sizeof(text); size++) {
		problem_format(&list.items[0], text, size);
		assert_int_equal(strlen(text), size <= strlen(whole) ? size - 1 : strlen(whole));
		assert_memory_equal(text, whole, strlen(text));
	}
	problem_clear(&list);
}

static void
no_control_character_reaches_the_terminal(void **state)
{
	struct problem_list list = {0};
	char text[64];

	(void)state;
	for (int c = 1; c < 256; c++) {
		problem_add(&list, PROBLEM_ERROR, "list", 1, NULL, "'%c'", c);
		problem_format(&list.items[0], text, sizeof(text));
		assert_int_equal((unsigned char)text[9], c < ' ' || c == 0x7f ? '?' : c);
		problem_clear(&list);
	}
}

static void
beyond_the_bound_problems_are_counted_and_said(void **state)
{
	struct problem_list list = {0};
	char *printed = NULL;
	size_t size, lines = 0;
	FILE *to;

	(void)state;
	for (int i = 0; i < 1500; i++)
		problem_add(&list, PROBLEM_ERROR, "list", (unsigned)i + 1, NULL, "is wrong");
	assert_int_equal(list.n, 1000);
	assert_int_equal(list.lost, 500);
	assert_int_equal(list.errors, 1500);
	assert_non_null(to = open_memstream(&printed, &size));
	problem_print(&list, to);
	fclose(to);
	for (size_t i = 0; i < size; i++)
		lines += printed[i] == '\n';
	assert_int_equal(lines, 1001);
	assert_non_null(strstr(printed, "\n500 more are not shown\n"));
	free(printed);
	problem_clear(&list);
}

static void
a_thousand_warnings_do_not_hide_an_error(void **state)
{
	struct problem_list list = {0};

	(void)state;
	for (int i = 0; i < 1500; i++)
		problem_add(&list, PROBLEM_WARNING, "list", (unsigned)i + 1, NULL, "is odd");
	problem_add(&list, PROBLEM_ERROR, "another", 0, NULL, "is HTML");
	assert_int_equal(list.n, 1001);
	assert_int_equal(list.lost, 500);
	assert_int_equal(list.errors, 1);
	assert_string_equal(list.items[1000].what, "is HTML");
	problem_clear(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_file_line_key_and_what),
		cmocka_unit_test(the_list_keeps_copies),
		cmocka_unit_test(a_text_is_cut_to_every_size),
		cmocka_unit_test(no_control_character_reaches_the_terminal),
		cmocka_unit_test(beyond_the_bound_problems_are_counted_and_said),
		cmocka_unit_test(a_thousand_warnings_do_not_hide_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
