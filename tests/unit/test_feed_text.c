#include "test.h"

#include "feeds.h"

static struct feed_options
tolerant(void)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;

	o.max_bad = 100;
	return o;
}

static struct feed_options
refanging(void)
{
	struct feed_options o = tolerant();

	o.refang = true;
	return o;
}

// How the one line `text` is taken, next to a good one.
static void
line_is(const char *text, struct feed_options o, size_t kept, enum feed_skip reason, size_t skipped)
{
	char content[256];
	struct feed *f;

	snprintf(content, sizeof(content), "9.9.9.9\n%s\n", text);
	f = load_with(content, strlen(content), o);
	assert_non_null(f);
	if (count(f) != kept + 1 || f->skipped[reason] != skipped)
		fail_msg("'%s': %zu kept, %zu skipped as %s", text, count(f) - 1, f->skipped[reason],
			 feed_skip_name(reason));
	feed_free(f);
}

static void
what_only_looks_like_an_address_is_malformed(void **state)
{
	static const char *const lines[] = {
		"95.32.221.040",
		"8.8.8",
		"8.8.8.8.8",
		"8.8.8.256",
		"176.221.42.3254.174.140.223",
		"8.8.8.8/33",
		"8.8.8.8/-1",
		"8.8.8.0/255.255.255.0",
		"2606::4700::1",
		"2606:4700::1g",
		"8.8.8.8:0",
		"8.8.8.8:65536",
		"8.8.8.8:080",
		"[2606:4700::1]:0",
		"[2606:4700::1]",
		"0x08080808",
		"134744072",
		"::ffff:8.8.8.256",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		line_is(lines[i], tolerant(), 0, FEED_SKIP_MALFORMED, 1);
}

static void
names_urls_hashes_and_as_numbers_are_not_ours(void **state)
{
	static const char *const lines[] = {
		"example.org",         "example.org:443",
		"a-b.example.org",     "http://8.8.8.8:8080/x",
		"http://8.8.8.8:8080", "https://example.org",
		"8.8.8.8/gate.php",    "8.8.8.8:8080/",
		"/path/only",          "AS64500",
		"as64500 # a network", "d41d8cd98f00b204e9800998ecf8427e",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		line_is(lines[i], tolerant(), 0, FEED_SKIP_NOT_IP, 1);
}

static void
a_list_of_nothing_but_strangers_is_refused_and_says_so(void **state)
{
	(void)state;
	refused("example.org\nhttp://example.com/\n", tolerant(), "names, URLs, hashes or AS numbers only (2 lines)");
	refused("AS64500 # a network\nAS64501\n", tolerant(), "AS numbers only");
}

static void
comments_stand_behind_an_address_too(void **state)
{
	struct feed *f = load("# list\n; old style\n8.8.8.8 # host\n8.8.4.0/24 ; SBL1\n  \t \n9.9.9.9\t; x\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(count(f), 3);
	feed_free(f);
}

static void
what_follows_a_comma_or_a_blank_is_left_out(void **state)
{
	struct feed *f = load("8.8.4.0/24,hoster\n77.90.185.20\t10\n9.9.9.9 resolver of somebody\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(count(f), 3);
	feed_free(f);
}

static void
what_follows_a_range_is_left_out_too(void **state)
{
	struct feed *f =
		load("9.0.0.0 - 9.0.0.255 # a network\n9.0.1.0 -9.0.1.255,100,another\n9.0.2.1 - one address\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(count(f), 3);
	indicator_of(f, "9.0.0.0/24", 0);
	indicator_of(f, "9.0.1.0/24", 0);
	indicator_of(f, "9.0.2.1", 0);
	feed_free(f);
}

static void
half_of_a_range_or_prefix_is_no_address(void **state)
{
	static const char *const lines[] = {"9.0.0.0 /24\n", "9.0.0.0\t/24\n", "9.0.0.0,/24\n", "9.0.0.9 - 9.0.0.1\n",
					    "9.0.0.1 - 2606:4700::1\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		refused(lines[i], (struct feed_options)FEED_OPTIONS_DEFAULT, "1 of 1 lines are no addresses");
}

static void
bits_beyond_a_prefix_are_masked_and_counted(void **state)
{
	struct feed *f = load("8.8.8.8/24\n9.9.9.0/24\n2606:4700::1/48\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->host_bits, 2);
	indicator_of(f, "8.8.8.0/24", 0);
	indicator_of(f, "2606:4700::/48", 0);
	feed_free(f);
}

static void
a_v4_address_in_v6_clothes_is_the_v4_address(void **state)
{
	struct feed *f = load("::ffff:8.8.8.8\n8.8.8.8\n[::ffff:8.8.8.8]:443\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->entries, 1);
	assert_int_equal(f->merged, 1);
	indicator_of(f, "8.8.8.8", 443);
	feed_free(f);
}

static void
ranges_of_ipv6_are_kept_as_prefixes_too(void **state)
{
	struct feed *f = load("2606:4700::3-2606:4700::9\n2606:4800:: - 2606:4800:ffff:ffff:ffff:ffff:ffff:ffff\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(count(f), 4); // ::3, ::4/126, ::8/127; 2606:4800::/32
	indicator_of(f, "2606:4700::4/126", 0);
	indicator_of(f, "2606:4800::/32", 0);
	feed_free(f);
	line_is("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", tolerant(), 0, FEED_SKIP_TOO_WIDE, 1);
	line_is("8.8.8.8-2606:4700::9", tolerant(), 0, FEED_SKIP_MALFORMED, 1);
	line_is("2606:4700::9-2606:4700::3", tolerant(), 0, FEED_SKIP_MALFORMED, 1);
}

// Every address of a range, and no other, lies in exactly one of its prefixes.
static void
a_range_covers_what_it_names(void **state)
{
	(void)state;
	for (unsigned first = 250; first < 262; first++)
		for (unsigned last = first; last < 274; last++) {
			char text[64];
			size_t covered = 0;
			struct feed *f;

			snprintf(text, sizeof(text), "8.8.%u.%u-8.8.%u.%u\n", first >> 8, first & 255, last >> 8,
				 last & 255);
			f = load(text);
			assert_non_null(f);
			for (size_t i = 0; i < count(f); i++) {
				struct ip_prefix p = at(f, i).prefix;
				unsigned begin = p.addr.bytes[14] << 8 | p.addr.bytes[15];

				assert_true(begin >= first && begin + (1u << (128 - p.len)) - 1 <= last);
				covered += 1u << (128 - p.len);
			}
			assert_int_equal(covered, last - first + 1);
			feed_free(f);
		}
}

static void
defanged_addresses_are_read_only_when_that_is_asked_for(void **state)
{
	static const char *const lines[] = {
		"8[.]8[.]8[.]8",          "8.8.8[.]8",
		"8(.)8(.)8(.)8:443",      "8.8.8[.]8[:]443",
		"8.8.8[.]0/24",           "2606[:]4700[:][:]80",
		"hxxp://8.8.8[.]8:8080/", "hxxps://8[.]8[.]8[.]8:8080",
		"http://8.8.8.8:80/",     "tcp://[2606:4700::1]:443",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		line_is(lines[i], refanging(), 1, FEED_SKIP_MALFORMED, 0);
		line_is(lines[i], tolerant(), 0,
			strstr(lines[i], "://") != NULL ? FEED_SKIP_NOT_IP : FEED_SKIP_MALFORMED, 1);
	}
	line_is("8.8.8[.]8", tolerant(), 0, FEED_SKIP_MALFORMED, 1);
	assert_true(is_said("refang: true"));
}

static void
a_refanged_port_is_that_of_the_endpoint(void **state)
{
	const char *list = "hxxp://8.8.8[.]8:8080/\n2606[:]4700::80\n9[.]9[.]9[.]9\n";
	struct feed *f = load_with(list, strlen(list), refanging());

	(void)state;
	indicator_of(f, "8.8.8.8", 8080);
	indicator_of(f, "2606:4700::80", 0);
	indicator_of(f, "9.9.9.9", 0);
	feed_free(f);
}

static void
a_url_that_names_more_than_a_port_is_never_an_endpoint(void **state)
{
	static const char *const lines[] = {
		"hxxp://8.8.8[.]8:8080/gate", "http://8.8.8.8/", "http://8.8.8.8",       "http://8.8.8.8:8080//",
		"hxxp://example[.]org:8080/", "example[.]org",   "http://u@8.8.8.8:80/", "http://8.8.8.8:80/?a"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		line_is(lines[i], refanging(), 0, FEED_SKIP_NOT_IP, 1);
}

static const char maltrail[] =
	"# Copyright (c) 2014-2026 Maltrail developers (https://github.com/stamparm/maltrail/)\n";

static const char *
family_in(const char *comment, const char *banner, const char *configured)
{
	static char name[64];
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	char content[512];
	struct feed *f;

	snprintf(content, sizeof(content), "%s\n%s\n\n8.8.8.8:443\n8.8.8.9-8.8.8.9\n", banner, comment);
	o.family = configured;
	f = load_with(content, strlen(content), o);
	snprintf(name, sizeof(name), "%s", family_of(f, "8.8.8.8", 443));
	assert_string_equal(name, family_of(f, "8.8.8.9", 0));
	feed_free(f);
	return name;
}

static void
aliases_in_a_trail_of_maltrail_name_the_family(void **state)
{
	(void)state;
	assert_string_equal(family_in("# Aliases: Emotet, Heodo, Geodo", maltrail, NULL), "Emotet");
	assert_string_equal(family_in("# Aliases: proyecto, xrat, xtremerat", maltrail, NULL), "XtremeRAT");
	assert_string_equal(family_in("# Aliases: unheard of, xyz", maltrail, NULL), "unheard of");
	assert_string_equal(family_in("# Aliases:", maltrail, NULL), "");
	assert_string_equal(family_in("# Aliases: ,", maltrail, NULL), "");
	assert_string_equal(family_in("# Aliases: darktrack, xegumumune", maltrail, "DarkGate"), "DarkGate");
	assert_string_equal(family_in("# Aliases: Emotet", "# my list", NULL), "");
	assert_string_equal(family_in("# Reference: https://example.org/", maltrail, NULL), "");
}

static int
forget(void **state)
{
	(void)state;
	problem_clear(&problems);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_looks_like_an_address_is_malformed),
		cmocka_unit_test(names_urls_hashes_and_as_numbers_are_not_ours),
		cmocka_unit_test(a_list_of_nothing_but_strangers_is_refused_and_says_so),
		cmocka_unit_test(comments_stand_behind_an_address_too),
		cmocka_unit_test(what_follows_a_comma_or_a_blank_is_left_out),
		cmocka_unit_test(what_follows_a_range_is_left_out_too),
		cmocka_unit_test(half_of_a_range_or_prefix_is_no_address),
		cmocka_unit_test(bits_beyond_a_prefix_are_masked_and_counted),
		cmocka_unit_test(a_v4_address_in_v6_clothes_is_the_v4_address),
		cmocka_unit_test(ranges_of_ipv6_are_kept_as_prefixes_too),
		cmocka_unit_test(a_range_covers_what_it_names),
		cmocka_unit_test(defanged_addresses_are_read_only_when_that_is_asked_for),
		cmocka_unit_test(a_refanged_port_is_that_of_the_endpoint),
		cmocka_unit_test(a_url_that_names_more_than_a_port_is_never_an_endpoint),
		cmocka_unit_test(aliases_in_a_trail_of_maltrail_name_the_family),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
