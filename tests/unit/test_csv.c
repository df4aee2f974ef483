#include "test.h"

#include "csv.h"

static struct csv_row row;

// The cells of a line joined by '|'; "(error)" when it is none.
static const char *
cells(const char *line)
{
	static char text[256];
	size_t used = 0;

	text[0] = '\0';
	if (csv_split(line, strlen(line), &row) < 0) {
		assert_int_equal(row.n, 0);
		return "(error)";
	}
	for (size_t i = 0; i < row.n; i++) {
		assert_int_equal(row.cells[i].len, strlen(row.cells[i].text));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? "|" : "", row.cells[i].text);
	}
	return text;
}

static void
a_line_is_split_at_commas_outside_of_quotes(void **state)
{
	(void)state;
	assert_string_equal(cells("a,b,c"), "a|b|c");
	assert_string_equal(cells("a,,c,"), "a||c|");
	assert_string_equal(cells("\"a,b\",c"), "a,b|c");
	assert_string_equal(cells("\"a \"\"b\"\"\",\"\""), "a \"b\"|");
	assert_string_equal(cells(""), "");
	assert_string_equal(cells(","), "|");
}

static void
blanks_around_a_cell_are_left_out_and_those_before_a_quote_too(void **state)
{
	(void)state;
	assert_string_equal(cells("\"a\", \"b, c\" , \"d\""), "a|b, c|d");
	assert_string_equal(cells(" a ,\tb\t, \" c \""), "a|b|c");
	assert_string_equal(cells("51447, \"Root, NL\""), "51447|Root, NL");
}

static void
a_quote_inside_of_a_bare_cell_is_a_letter(void **state)
{
	(void)state;
	assert_string_equal(cells("a 3\" pipe,b"), "a 3\" pipe|b");
}

static void
a_quote_that_stays_open_and_a_second_line_are_errors(void **state)
{
	(void)state;
	assert_string_equal(cells("a,\"b"), "(error)");
	assert_string_equal(cells("\""), "(error)");
	assert_string_equal(cells("a,b\nc"), "(error)");
	assert_string_equal(cells("a,b\r\nc"), "(error)");
	assert_string_equal(cells("a,b\r\n"), "a|b");
}

static void
a_row_goes_on_as_long_as_its_quotes_stay_open(void **state)
{
	static const char *const rows[] = {"a,b", "a,\"b\nc\",d", "\"a \"\"b\"\"\r\n\"", ""};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int len = snprintf(text, sizeof(text), "%s\r\nnext,\"row\n", rows[i]);

		assert_int_equal(csv_row_length(text, (size_t)len), strlen(rows[i]));
		assert_int_equal(csv_row_length(rows[i], strlen(rows[i])), strlen(rows[i]));
	}
	assert_int_equal(csv_row_length("a,\"b\nc", 6), 0);
	assert_string_equal(cells("a,\"b\nc\",d"), "a|b\nc|d");
	assert_string_equal(cells("a,\"b\nc\"d,e"), "(error)"); // where lines are joined quotes are taken seriously
}

static void
a_row_of_any_length_is_kept_whole_or_refused(void **state)
{
	static char line[CSV_ROW_MAX + 10];

	(void)state;
	memset(line, 'x', sizeof(line));
	for (size_t len = CSV_ROW_MAX - 10; len < sizeof(line); len++) {
		int err = csv_split(line, len, &row);

		assert_int_equal(err, len < CSV_ROW_MAX ? 0 : -EMSGSIZE);
		assert_int_equal(row.n, len < CSV_ROW_MAX);
		if (row.n == 1)
			assert_int_equal(row.cells[0].len, len);
	}
	memset(line, ',', sizeof(line));
	assert_int_equal(csv_split(line, 100, &row), 0);
	assert_int_equal(row.n, CSV_CELLS_MAX);
}

static void
columns_are_found_by_name_in_any_case(void **state)
{
	struct csv_cell cell;

	(void)state;
	cells("FirstSeen,DstIP,dstport");
	assert_int_equal(csv_column(&row, "DSTPORT"), 2);
	assert_int_equal(csv_column(&row, "dst"), -1);
	cell = csv_get(&row, 1);
	assert_true(csv_is(&cell, "dstip"));
	assert_false(csv_is(&cell, "dstip2"));
	assert_int_equal(csv_get(&row, 3).len, 0);
	assert_string_equal(csv_get(&row, -1).text, "");
}

static void
lines_end_as_on_three_systems(void **state)
{
	static const char text[] = " a \r\nb\r\n\rc\t\nd";
	const char *at = text, *end = text + sizeof(text) - 1, *line;
	static const char *const want[] = {"a", "b", "", "c", "d"};
	size_t len;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(csv_line(&at, end, &line, &len));
		assert_int_equal(len, strlen(want[i]));
		assert_memory_equal(line, want[i], len);
	}
	assert_false(csv_line(&at, end, &line, &len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_as_on_three_systems),
		cmocka_unit_test(a_line_is_split_at_commas_outside_of_quotes),
		cmocka_unit_test(blanks_around_a_cell_are_left_out_and_those_before_a_quote_too),
		cmocka_unit_test(a_quote_inside_of_a_bare_cell_is_a_letter),
		cmocka_unit_test(a_quote_that_stays_open_and_a_second_line_are_errors),
		cmocka_unit_test(a_row_goes_on_as_long_as_its_quotes_stay_open),
		cmocka_unit_test(a_row_of_any_length_is_kept_whole_or_refused),
		cmocka_unit_test(columns_are_found_by_name_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
