#include "test.h"

#include "ip.h"

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a = {0};

	assert_int_equal(ip_parse(text, strlen(text), &a), 0);
	return a;
}

static struct ip_prefix
prefix(const char *text)
{
	struct ip_prefix p = {0};

	assert_true(ip_parse_prefix(text, strlen(text), &p) >= 0);
	return p;
}

static void
addresses_print_as_rfc_5952_asks(void **state)
{
	static const char *const pairs[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"2001:0db8:0:0:0:0:2:1", "2001:db8::2:1"},
		{"2001:DB8::A", "2001:db8::a"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::", "::"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	};
	char text[IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct ip_addr a = addr(pairs[i][0]);

		assert_string_equal(ip_format(&a, text), pairs[i][1]);
	}
}

static void
sloppy_spellings_are_refused(void **state)
{
	static const char *const bad[] = {"",
					  "1.2.3",
					  "1.2.3.4.5",
					  "01.2.3.4",
					  "256.1.1.1",
					  "1.2.3.4 ",
					  "1.2.3.4/32x",
					  "::1%eth0",
					  "1:2:3:4:5:6:7",
					  "176.221.42.3254.174.140.223",
					  "g::1",
					  "1.2.3.4\n",
					  "12345678901234567890123456789012345678901234567890"};
	struct ip_addr a;
	struct ip_prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ip_parse(bad[i], strlen(bad[i]), &a), -EINVAL);
		assert_int_equal(ip_parse_prefix(bad[i], strlen(bad[i]), &p), -EINVAL);
	}
}

static void
prefixes_mask_their_host_bits_and_say_so(void **state)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix p;

	(void)state;
	assert_int_equal(ip_parse_prefix("192.168.1.7/16", 14, &p), 1);
	assert_string_equal(ip_format_prefix(&p, text), "192.168.0.0/16");
	assert_int_equal(ip_parse_prefix("2001:db8::/32", 13, &p), 0);
	assert_string_equal(ip_format_prefix(&p, text), "2001:db8::/32");
	assert_int_equal(ip_parse_prefix("0.0.0.0/0", 9, &p), 0);
	assert_int_equal(p.len, 96);
	assert_int_equal(ip_parse_prefix("1.2.3.4/33", 10, &p), -EINVAL);
	assert_int_equal(ip_parse_prefix("1.2.3.4/-1", 10, &p), -EINVAL);
}

static void
a_prefix_of_every_length_holds_its_own_and_not_the_next(void **state)
{
	struct ip_addr a = addr("2001:db8:a5a5:5a5a:a5a5:5a5a:a5a5:5a5a");

	(void)state;
	for (unsigned len = 1; len <= 128; len++) {
		struct ip_prefix p = {ip_mask(&a, len), (uint8_t)len};
		struct ip_addr other = a;

		assert_true(ip_prefix_contains(&p, &a));
		other.bytes[(len - 1) / 8] ^= (uint8_t)(0x80 >> (len - 1) % 8);
		assert_false(ip_prefix_contains(&p, &other));
	}
}

static void
special_purpose_space_is_named_from_both_directions(void **state)
{
	struct ip_prefix p;

	(void)state;
	p = prefix("10.1.2.3");
	assert_string_equal(ip_special(&p), "private");
	p = prefix("100.64.0.0/10");
	assert_string_equal(ip_special(&p), "shared (CGNAT)");
	p = prefix("192.0.0.0/9"); // holds 192.0.0.0/24, 192.0.2.0/24, 192.88.99.0/24
	assert_non_null(ip_special(&p));
	p = prefix("2001:db8::1");
	assert_string_equal(ip_special(&p), "documentation");
	p = prefix("8.8.8.8");
	assert_null(ip_special(&p));
	p = prefix("2606:4700::1111");
	assert_null(ip_special(&p));
	p = prefix("224.0.0.1");
	assert_string_equal(ip_special(&p), "multicast");
}

static void
ports_are_one_to_65535(void **state)
{
	uint16_t port = 0;

	(void)state;
	assert_int_equal(ip_parse_port("65535", 5, &port), 0);
	assert_int_equal(port, 65535);
	assert_int_equal(ip_parse_port("0", 1, &port), -EINVAL);
	assert_int_equal(ip_parse_port("65536", 5, &port), -EINVAL);
	assert_int_equal(ip_parse_port("080", 3, &port), -EINVAL);
	assert_int_equal(ip_parse_port("", 0, &port), -EINVAL);
}

static void
endpoint_is(const char *text, const char *address, uint16_t port)
{
	char shown[IP_TEXT_MAX];
	struct ip_addr a;
	uint16_t p;

	assert_int_equal(ip_parse_endpoint(text, strlen(text), &a, &p), 0);
	assert_string_equal(ip_format(&a, shown), address);
	assert_int_equal(p, port);
}

static void
an_endpoint_is_an_address_with_its_port(void **state)
{
	static const char *const wrong[] = {"",           ":80",         "192.0.2.1",
					    "192.0.2.1:", "192.0.2.1:0", "2001:db8::1:80",
					    "[192.0.2.1", "[]:80",       "[::1]",
					    "[::1]80",    "name:80",     "[::1]:65536"};
	struct ip_addr a = {.words = {1, 2, 3, 4}}, before = a;
	uint16_t port = 7;

	(void)state;
	endpoint_is("192.0.2.1:80", "192.0.2.1", 80);
	endpoint_is("[2001:db8::1]:443", "2001:db8::1", 443);
	endpoint_is("[192.0.2.1]:80", "192.0.2.1", 80);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(ip_parse_endpoint(wrong[i], strlen(wrong[i]), &a, &port), -EINVAL);
	assert_true(ip_equal(&a, &before) && port == 7);
}

static void
what_is_printed_reads_back_as_the_same_address(void **state)
{
	char text[IP_TEXT_MAX];

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		struct ip_addr a = {0}, back;

		// Many zero bytes, so that runs of every length and place occur.
		for (int b = 0; b < 16; b++)
			a.bytes[b] = random() % 3 == 0 ? (uint8_t)random() : 0;
		if (i % 2 == 0)
			a = ip_from_v4(a.bytes);
		ip_format(&a, text);
		assert_int_equal(ip_parse(text, strlen(text), &back), 0);
		assert_true(ip_equal(&a, &back));
	}
}

// Such a block would hold the whole of IPv4.
static void
an_ipv6_block_around_ipv4_is_special(void **state)
{
	static const char text[] = "::fffe:0:0/95";
	struct ip_prefix p;

	(void)state;
	assert_int_equal(ip_parse_prefix(text, strlen(text), &p), 0);
	assert_string_equal(ip_special(&p), "IPv4-mapped");
}

static void
private_is_what_belongs_to_the_operator(void **state)
{
	static const char *const inside[] = {"10.0.0.1",    "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1",
					     "169.254.0.1", "::1",        "fd00::1",     "fe80::1"};
	static const char *const outside[] = {"192.0.2.1", "224.0.0.1", "8.8.8.8", "::", "2001:db8::1", "ff02::1"};

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		struct ip_addr a = addr(inside[i]);

		assert_true(ip_is_private(&a));
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		struct ip_addr a = addr(outside[i]);

		assert_false(ip_is_private(&a));
	}
}

#define SLOTS (1u << 17)

static unsigned
fullest(const uint16_t *slots)
{
	unsigned most = 0;

	for (size_t i = 0; i < SLOTS; i++)
		most = slots[i] > most ? slots[i] : most;
	return most;
}

// 65,536 keys that differ in the two bytes at `at`, into a table twice as large; random keys fill a slot with 6 to 8.
static void
spread(struct ip_addr base, unsigned at, uint64_t seed)
{
	uint16_t *low = calloc(SLOTS, sizeof(*low)), *high = calloc(SLOTS, sizeof(*high));

	assert_non_null(low);
	assert_non_null(high);
	for (unsigned i = 0; i < 65536; i++) {
		base.bytes[at] = (uint8_t)(i >> 8);
		base.bytes[at + 1] = (uint8_t)i;
		low[ip_hash(&base, seed) & (SLOTS - 1)]++;
		high[ip_hash(&base, seed) >> (64 - 17)]++;
	}
	assert_true(fullest(low) <= 12);
	assert_true(fullest(high) <= 12);
	free(low);
	free(high);
}

static void
neighbours_spread_over_a_table_whichever_two_bytes_differ(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		for (unsigned at = 12; at < 15; at++)
			spread(addr("203.0.113.0"), at, seed * 0x123456789ABCDEFu);
		for (unsigned at = 0; at < 15; at++)
			spread(addr("2001:db8::1"), at, seed * 0x123456789ABCDEFu);
	}
}

static int
range(const char *text, struct ip_range *ret)
{
	return ip_parse_range(text, strlen(text), ret);
}

// The prefixes that make up the range, with a blank behind each.
static const char *
prefixes_of(const char *text)
{
	static char all[8192];
	char one[IP_PREFIX_TEXT_MAX];
	struct ip_range r;
	struct ip_prefix p;
	bool more;

	all[0] = '\0';
	assert_int_equal(range(text, &r), 0);
	do {
		more = ip_take_prefix(&r, &p);
		strcat(strcat(all, ip_format_prefix(&p, one)), " ");
	} while (more);
	return all;
}

static void
a_range_is_the_fewest_prefixes(void **state)
{
	struct ip_range r;

	(void)state;
	assert_string_equal(prefixes_of("192.0.2.1-192.0.2.1"), "192.0.2.1 ");
	assert_string_equal(prefixes_of("192.0.2.0 - 192.0.2.255"), "192.0.2.0/24 ");
	assert_string_equal(prefixes_of("192.0.2.1-192.0.2.8"), "192.0.2.1 192.0.2.2/31 192.0.2.4/30 192.0.2.8 ");
	assert_string_equal(prefixes_of("0.0.0.0-255.255.255.255"), "0.0.0.0/0 ");
	assert_string_equal(prefixes_of("2001:db8::ffff-2001:db8:0:0:0:0:1:1"), "2001:db8::ffff 2001:db8::1:0/127 ");
	assert_string_equal(prefixes_of("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "::/0 ");
	assert_true(range("192.0.2.2-192.0.2.1", &r) < 0);
	assert_true(range("192.0.2.2-2001:db8::1", &r) < 0);
	assert_true(range("192.0.2.2", &r) < 0);
	assert_true(range("192.0.2.2-", &r) < 0);
	assert_true(range("-192.0.2.2", &r) < 0);
	assert_true(range("192.0.2.1-192.0.2.2-192.0.2.3", &r) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_rfc_5952_asks),
		cmocka_unit_test(sloppy_spellings_are_refused),
		cmocka_unit_test(prefixes_mask_their_host_bits_and_say_so),
		cmocka_unit_test(a_prefix_of_every_length_holds_its_own_and_not_the_next),
		cmocka_unit_test(special_purpose_space_is_named_from_both_directions),
		cmocka_unit_test(ports_are_one_to_65535),
		cmocka_unit_test(an_endpoint_is_an_address_with_its_port),
		cmocka_unit_test(what_is_printed_reads_back_as_the_same_address),
		cmocka_unit_test(an_ipv6_block_around_ipv4_is_special),
		cmocka_unit_test(private_is_what_belongs_to_the_operator),
		cmocka_unit_test(a_range_is_the_fewest_prefixes),
		cmocka_unit_test(neighbours_spread_over_a_table_whichever_two_bytes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
