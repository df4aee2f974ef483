#include "test.h"

#include "indicator.h"

#include <string.h>

static const char *
family(const char *text)
{
	return names_text(indicator_family(text, strlen(text)));
}

static void
families_have_one_spelling_whatever_a_list_calls_them(void **state)
{
	static const char *const pairs[][2] = {
		{"Emotet", "Emotet"},
		{"Heodo", "Emotet"},
		{"GEODO", "Emotet"},
		{"win.emotet", "Emotet"},
		{"njRAT Trojan", "njRAT"},
		{"Bladabindi", "njRAT"},
		{"Lime-Worm", "njRAT"},
		{"win.njrat", "njRAT"},
		{"Xtreme RAT", "XtremeRAT"},
		{"win.extreme_rat", "XtremeRAT"},
		{"xtrat", "XtremeRAT"},
		{"NanoCore RAT", "NanoCore"},
		{"Nancrat", "NanoCore"},
		{"fynloski", "DarkComet"},
		{"DARK-COMET", "DarkComet"},
		{"Orcus RAT", "OrcusRAT"},
		{"win.orcus_rat", "OrcusRAT"},
		{"DarkTrack RAT", "DarkTrackRAT"},
		{"Poison Ivy", "PoisonIvy"},
		{"win.poison_ivy", "PoisonIvy"},
		{"bozok", "Bozok"},
		{"net bus", "NetBus"},
		{"pro_rat", "ProRAT"},
		{"Sirefef", "ZeroAccess"},
		{"max++", "ZeroAccess"},
		{"Nuclear RAT", "NuclearRAT"},
		{"CAFEINI", "Cafeini"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_string_equal(family(pairs[i][0]), pairs[i][1]);
}

static void
unknown_families_stay_as_they_are(void **state)
{
	static const char *const names[] = {
		"QakBot",
		"Cobalt Strike",
		"win.cobalt_strike",
		"darkgate",
		"Emotet2",
		"win.",
		"a name that is longer than any alias in the table could ever be, and so is none"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(family(names[i]), names[i]);
	assert_int_equal(indicator_family("", 0), 0);
}

static void
only_netbus_and_prorat_connect_to_their_victims(void **state)
{
	static const char *const out[] = {"Bozok",    "Cafeini",   "DarkComet", "DarkTrackRAT",
					  "Emotet",   "NanoCore",  "njRAT",     "NuclearRAT",
					  "OrcusRAT", "PoisonIvy", "XtremeRAT", "ZeroAccess"};

	(void)state;
	assert_true(indicator_connects_in(names_of("NetBus")));
	assert_true(indicator_connects_in(names_of("ProRAT")));
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_false(indicator_connects_in(names_of(out[i])));
	assert_false(indicator_connects_in(0));
}

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
		cmocka_unit_test(families_have_one_spelling_whatever_a_list_calls_them),
		cmocka_unit_test(unknown_families_stay_as_they_are),
		cmocka_unit_test(only_netbus_and_prorat_connect_to_their_victims),
		cmocka_unit_test(the_order_is_prefix_port_protocol_family_feed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
