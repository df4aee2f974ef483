#include "test.h"

#include "indicator.h"

#include <string.h>

static struct indicator
indicator(const char *text, uint16_t port, uint8_t proto, const char *family_name, const char *feed)
{
	struct indicator in = {.port = port, .proto = proto, .family = names_of(family_name), .feed = names_of(feed)};

	assert_true(ip_parse_prefix(text, strlen(text), &in.prefix) >= 0);
	return in;
}

static void
the_order_is_prefix_port_protocol_family_feed(void **state)
{
	const struct indicator sorted[] = {
		indicator("192.0.2.0/24", 9, 9, "Z", "z"), indicator("192.0.2.0", 0, 0, "Z", "z"),
		indicator("192.0.2.1", 0, 9, "Z", "z"),    indicator("192.0.2.1", 1, 0, "Z", "z"),
		indicator("192.0.2.1", 1, 6, "A", "z"),    indicator("192.0.2.1", 1, 6, "B", "a"),
		indicator("192.0.2.1", 1, 6, "B", "b"),    indicator("2001:db8::", 0, 0, NULL, NULL),
	};
	const size_t n = sizeof(sorted) / sizeof(sorted[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			int order = indicator_compare(&sorted[i], &sorted[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_prefix_port_protocol_family_feed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
