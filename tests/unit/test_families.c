#include "test.h"

#include "feed.h"
#include "indicator.h"
#include "listed.h"
#include "temporary.h"

static struct problem_list problems;

static const char *
family(const char *text)
{
	return names_text(indicator_family(text, strlen(text)));
}

static int
read_table(const char *text)
{
	char *path = temporary(text, strlen(text), ".csv");
	int err;

	problem_clear(&problems);
	err = indicator_families_read(path, &problems);
	assert_true(err == 0 || problems.errors > 0);
	temporary_remove(path);
	return err;
}

static int
forget_table(void **state)
{
	(void)state;
	return indicator_families_read(NULL, &problems);
}

static void
wrong_at(const char *text, unsigned line, const char *words)
{
	char shown[1024];

	assert_true(read_table(text) < 0);
	problem_format(&problems.items[0], shown, sizeof(shown));
	assert_int_equal(problems.items[0].line, line);
	if (strstr(shown, words) == NULL)
		fail_msg("'%s' lacks '%s'", shown, words);
}

static void
families_have_one_spelling_whatever_a_list_calls_them(void **state)
{
	static const char *const pairs[][2] = {
		// ThreatFox and Malpedia
		{"win.emotet", "Emotet"},
		{"Heodo", "Emotet"},
		{"GEODO", "Emotet"},
		{"win.njrat", "njRAT"},
		{"Bladabindi", "njRAT"},
		{"Lime-Worm", "njRAT"},
		{"win.nanocore", "NanoCore"},
		{"Nancrat", "NanoCore"},
		{"win.darkcomet", "DarkComet"},
		{"Breut", "DarkComet"},
		{"klovbot", "DarkComet"},
		{"win.extreme_rat", "XtremeRAT"},
		{"win.orcus_rat", "OrcusRAT"},
		{"Schnorchel", "OrcusRAT"},
		{"win.poison_ivy", "PoisonIvy"},
		{"win.zeroaccess", "ZeroAccess"},
		{"Sirefef", "ZeroAccess"},
		{"max++", "ZeroAccess"},
		{"smiscer", "ZeroAccess"},
		// Maltrail's files
		{"emotet", "Emotet"},
		{"njrat", "njRAT"},
		{"nanocore", "NanoCore"},
		{"fynloski", "DarkComet"},
		{"xtrat", "XtremeRAT"},
		{"orcusrat", "OrcusRAT"},
		{"poisonivy", "PoisonIvy"},
		{"bozokrat", "Bozok"},
		{"bezigaterat", "Bozok"},
		{"netbus", "NetBus"},
		{"prorat", "ProRAT"},
		{"zeroaccess", "ZeroAccess"},
		// C2-Tracker's files
		{"njRAT Trojan IPs", "njRAT"},
		{"NanoCore RAT Trojan IPs", "NanoCore"},
		{"DarkComet Trojan IPs", "DarkComet"},
		{"XtremeRAT Trojan IPs", "XtremeRAT"},
		{"Orcus RAT Trojan IPs", "OrcusRAT"},
		{"Orcus RAT IPs", "OrcusRAT"},
		{"DarkTrack RAT Trojan", "DarkTrackRAT"},
		{"Poison Ivy Trojan IPs", "PoisonIvy"},
		{"NetBus Trojan IPs", "NetBus"},
		{"ZeroAccess Trojan IPs", "ZeroAccess"},
		// others
		{"DARK-COMET", "DarkComet"},
		{"net bus", "NetBus"},
		{"pro_rat", "ProRAT"},
		{"Nuclear RAT", "NuclearRAT"},
		{"CAFEINI", "Cafeini"},
		{"Xtreme RAT", "XtremeRAT"},
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
		"Mythic C2 IPs",
		"a name that is longer than any alias in the table could ever be, and so is none"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_string_equal(family(names[i]), names[i]);
		assert_int_equal(indicator_family_known(names[i], strlen(names[i])), 0);
	}
	assert_int_equal(indicator_family("", 0), 0);
}

static void
what_would_break_a_field_is_taken_out_of_a_name(void **state)
{
	char text[200];

	(void)state;
	assert_string_equal(family("a|b\nc"), "a_b_c");
	memset(text, 'x', sizeof(text));
	assert_int_equal(strlen(names_text(indicator_family(text, sizeof(text)))), 128);
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

static void
an_operator_adds_aliases_and_families(void **state)
{
	(void)state;
	assert_int_equal(
		read_table("\xef\xbb\xbf# ours\r\nname,alias,connects\r\nQakBot,win.qakbot,\r\nQakBot,Pinkslipbot,\r\n"
			   "emotet,Epoch 5,\r\nCafeini,,inbound\r\n\"Old, odd\",darkgate,inbound\r\n"),
		0);
	assert_string_equal(family("qakbot"), "QakBot");
	assert_string_equal(family("PINKSLIPBOT"), "QakBot");
	assert_string_equal(family("epoch5"), "Emotet"); // as it is spelt here
	assert_string_equal(family("win.darkgate"), "Old, odd");
	assert_true(indicator_connects_in(names_of("Cafeini")));
	assert_true(indicator_connects_in(names_of("Old, odd")));
	assert_true(indicator_connects_in(names_of("NetBus")));
	assert_false(indicator_connects_in(names_of("QakBot")));
	assert_string_equal(family("Heodo"), "Emotet");
}

static void
an_operators_alias_wins_and_a_new_table_replaces_the_old_one(void **state)
{
	(void)state;
	assert_int_equal(read_table("name,alias\nGeodo,geodo\n"), 0);
	assert_string_equal(family("win.geodo"), "Geodo");
	assert_string_equal(family("heodo"), "Emotet");
	assert_int_equal(read_table("alias,name\nklovbot,Klov\n"), 0);
	assert_string_equal(family("klovbot"), "Klov");
	assert_int_equal(read_table("name,alias,connects\n"), 0);
	assert_string_equal(family("klovbot"), "DarkComet");
}

static void
a_wrong_line_is_named_and_leaves_the_table_before_in_force(void **state)
{
	(void)state;
	assert_int_equal(read_table("name,alias,connects\nQakBot,qbot,\n"), 0);
	wrong_at("name,alias,connects\nA,a,\n,b,\n", 3, "no name of a family");
	wrong_at("name,alias,connects\nA|B,a,\n", 2, "'|'");
	wrong_at("name,alias,connects\nA,a,outbound\n", 2, "inbound");
	wrong_at("name,alias,connects\nA,x y,\nB,X-Y,\n", 3, "see line 2");
	wrong_at("name,alias,connects\nA,\"a,\n", 2, "a quote stays open");
	wrong_at("name,alias,connects\n"
		 "A,an alias that is so long that nobody would ever call anything by it; really and truly,\n",
		 2, "at most 63");
	wrong_at("family,alias\n", 1, "no header");
	wrong_at("# nothing\n", 0, "is empty");
	assert_string_equal(family("qbot"), "QakBot");
	assert_true(indicator_families_read("/nonexistent/families.csv", &problems) < 0);
	assert_string_equal(family("qbot"), "QakBot");
}

static void
an_indicator_carries_whether_its_controllers_connect_in(void **state)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	char *path = temporary("8.8.8.8\n", 8, ".txt");
	struct feed *f = NULL;

	(void)state;
	o.path = path;
	o.family = "NetBus";
	assert_int_equal(feed_load(&o, &problems, &f), 0);
	assert_int_equal(at(f, 0).flags, INDICATOR_CONNECTS_IN);
	feed_free(f);
	o.family = "Emotet";
	assert_int_equal(feed_load(&o, &problems, &f), 0);
	assert_int_equal(at(f, 0).flags, 0);
	feed_free(f);
	temporary_remove(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_have_one_spelling_whatever_a_list_calls_them),
		cmocka_unit_test(unknown_families_stay_as_they_are),
		cmocka_unit_test(what_would_break_a_field_is_taken_out_of_a_name),
		cmocka_unit_test(only_netbus_and_prorat_connect_to_their_victims),
		cmocka_unit_test_teardown(an_operator_adds_aliases_and_families, forget_table),
		cmocka_unit_test_teardown(an_operators_alias_wins_and_a_new_table_replaces_the_old_one, forget_table),
		cmocka_unit_test_teardown(a_wrong_line_is_named_and_leaves_the_table_before_in_force, forget_table),
		cmocka_unit_test(an_indicator_carries_whether_its_controllers_connect_in),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
