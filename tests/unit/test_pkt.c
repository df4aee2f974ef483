#include "test.h"

#include "frames.h"
#include "pkt.h"

static void
an_ipv4_tcp_packet_gives_its_whole_tuple(void **state)
{
	struct frame f = ethernet(0x0800);
	struct pkt pkt;
	struct flow flow;

	(void)state;
	ipv4(&f, 1, 2, 6, 25);
	tcp(&f, 40000, 443, FLOW_SYN | FLOW_ACK, 7, 9, 5);
	assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_PROBED);
	pkt_flow(f.bytes, f.len, f.len, &pkt, 0, &flow);
	assert_int_equal(flow.src.bytes[15], 1);
	assert_int_equal(flow.dst.bytes[15], 2);
	assert_int_equal(flow.sport, 40000);
	assert_int_equal(flow.dport, 443);
	assert_int_equal(flow.tcp_flags, FLOW_SYN | FLOW_ACK);
	assert_int_equal(flow.seq, 7);
	assert_int_equal(flow.ack, 9);
	assert_int_equal(flow.payload, 5);
	assert_int_equal(flow.bytes, f.len);
	assert_false(flow.portless);
}

static void
padding_of_a_short_frame_is_no_payload(void **state)
{
	struct frame f = ethernet(0x0800);
	struct pkt pkt;
	struct flow flow;

	(void)state;
	ipv4(&f, 1, 2, 6, 20);
	tcp(&f, 1, 2, FLOW_ACK, 0, 0, 0);
	f.len = 60;
	assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_PROBED);
	pkt_flow(f.bytes, f.len, f.len, &pkt, 0, &flow);
	assert_int_equal(flow.payload, 0);
	assert_int_equal(flow.bytes, 60);
}

static struct frame
tagged(int depth)
{
	static const uint16_t tags[] = {0x8100, 0x88a8, 0x9100, 0x9200};
	struct frame f = ethernet(depth > 0 ? tags[0] : 0x0800);

	for (int i = 1; i <= depth; i++)
		vlan(&f, (uint16_t)i, i < depth ? tags[i % 4] : 0x0800);
	ipv4(&f, 1, 2, 17, 10);
	udp(&f, 53, 5353, 2);
	return f;
}

static void
tags_are_walked_to_the_bound_and_not_beyond(void **state)
{
	struct pkt pkt;
	struct flow flow;

	(void)state;
	for (int depth = 0; depth <= PKT_HEADERS_MAX - 2; depth++) {
		struct frame f = tagged(depth);

		assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_PROBED);
		pkt_flow(f.bytes, f.len, f.len, &pkt, 0, &flow);
		assert_int_equal(flow.sport, 53);
		assert_int_equal(flow.payload, 2);
	}
	struct frame deep = tagged(PKT_HEADERS_MAX - 1);
	assert_int_equal(pkt_locate(deep.bytes, deep.len, &pkt), PKT_TOO_DEEP);
}

static struct frame
with_extensions(size_t n)
{
	struct frame f = ethernet(0x86dd);

	ipv6(&f, 1, 2, n > 0 ? 60 : 17, 8 * n + 10);
	for (size_t i = 1; i <= n; i++) {
		put_be(&f, i < n ? 60 : 17, 1);
		put_be(&f, 0, 7);
	}
	udp(&f, 1000, 2000, 2);
	return f;
}

static void
ipv6_extension_headers_do_not_hide_ports_and_too_many_only_hide_ports(void **state)
{
	struct pkt pkt;
	struct flow flow;

	(void)state;
	for (size_t n = 0; n <= PKT_EXTENSIONS_MAX + 2; n++) {
		struct frame f = with_extensions(n);

		assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_PROBED);
		pkt_flow(f.bytes, f.len, f.len, &pkt, 0, &flow);
		assert_int_equal(flow.dst.bytes[15], 2);
		assert_int_equal(flow.portless, n > PKT_EXTENSIONS_MAX);
		assert_int_equal(flow.dport, n > PKT_EXTENSIONS_MAX ? 0 : 2000);
	}
}

static void
a_later_fragment_has_addresses_and_no_ports(void **state)
{
	struct frame f = ethernet(0x0800);
	struct pkt pkt;
	struct flow flow;

	(void)state;
	ipv4(&f, 1, 2, 6, 20);
	make_fragment(&f, 185);
	tcp(&f, 1, 2, FLOW_SYN, 0, 0, 0);
	assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_PROBED);
	pkt_flow(f.bytes, f.len, f.len, &pkt, 0, &flow);
	assert_true(flow.portless);
	assert_int_equal(flow.sport, 0);
	assert_int_equal(flow.tcp_flags, 0);
}

static void
icmp_errors_are_told_from_echoes(void **state)
{
	static const uint8_t errors[] = {3, 4, 5, 11, 12}, others[] = {0, 8, 13, 14};
	struct pkt pkt;
	struct flow flow;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) + sizeof(others); i++) {
		struct frame f = ethernet(0x0800);
		bool error = i < sizeof(errors);

		ipv4(&f, 1, 2, 1, 8);
		put_be(&f, error ? errors[i] : others[i - sizeof(errors)], 1);
		put_be(&f, 0, 7);
		assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_PROBED);
		pkt_flow(f.bytes, f.len, f.len, &pkt, 0, &flow);
		assert_int_equal(flow.icmp_error, error);
	}
}

// The addresses end at byte 34 of an untagged IPv4 packet and at byte 54 of an IPv6 one.
static void
truncated_at_every_length(void **state)
{
	struct pkt pkt;
	struct flow flow;

	(void)state;
	for (int v6 = 0; v6 <= 1; v6++) {
		struct frame f = ethernet(v6 ? 0x86dd : 0x0800);
		size_t addresses = v6 ? 54 : 34;

		if (v6)
			ipv6(&f, 1, 2, 6, 25);
		else
			ipv4(&f, 1, 2, 6, 25);
		tcp(&f, 1, 2, FLOW_SYN, 0, 0, 5);
		for (size_t n = 0; n <= f.len; n++) {
			uint8_t *exact = malloc(n > 0 ? n : 1); // so that a sanitizer sees a step too far

			memcpy(exact, f.bytes, n);
			assert_int_equal(pkt_locate(exact, n, &pkt), n < addresses ? PKT_TRUNCATED : PKT_PROBED);
			if (n >= addresses) {
				pkt_flow(exact, n, f.len, &pkt, 0, &flow);
				assert_int_equal(flow.portless, n < addresses + 4);
				assert_int_equal(flow.payload, n < addresses + 14 ? 0 : 5);
			}
			free(exact);
		}
	}
}

static void
contradictions_are_malformed(void **state)
{
	struct pkt pkt;

	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		struct frame f = ethernet(0x0800);

		ipv4(&f, 1, 2, 6, 100);
		f.bytes[14] = (uint8_t)first;
		f.len += 100;
		assert_int_equal(pkt_locate(f.bytes, f.len, &pkt),
				 first >> 4 == 4 && (first & 15) >= 5 ? PKT_PROBED : PKT_MALFORMED);
	}
	struct frame f = ethernet(0x0800);
	ipv4(&f, 1, 2, 6, 0);
	f.bytes[17] = 19; // total length below the header's
	assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_MALFORMED);
}

static void
what_is_not_ip_is_said_so(void **state)
{
	static const uint16_t types[] = {0x0806, 0x88cc, 0x88f7, 0x8863, 0x0026, 0xffff};
	struct pkt pkt;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct frame f = ethernet(types[i]);

		f.len = 60;
		assert_int_equal(pkt_locate(f.bytes, f.len, &pkt), PKT_NOT_IP);
	}
}

static char *
document(void)
{
	static char text[1 << 16];
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/docs/packets.md", getenv("RATWATCH_SOURCE"));
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	return text;
}

// As `name`, or as `name:` and what its id is.
static void
every_tunnel_is_in_the_document(void **state)
{
	const char *text = document();

	(void)state;
	for (uint8_t k = 0; k < FLOW_TUNNEL_KINDS; k++) {
		const struct flow_tunnel t = {.n = 1, .kinds = {k}};
		char bare[FLOW_TUNNEL_TEXT_MAX], quoted[FLOW_TUNNEL_TEXT_MAX + 4];
		bool has_id = strchr(flow_tunnel_format(&t, bare), ':') != NULL;

		snprintf(quoted, sizeof(quoted), "`%.*s%c", (int)strcspn(bare, ":"), bare, has_id ? ':' : '`');
		if (strstr(text, quoted) == NULL)
			fprintf(stderr, "docs/packets.md lacks %s\n", quoted);
		assert_non_null(strstr(text, quoted));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_tcp_packet_gives_its_whole_tuple),
		cmocka_unit_test(padding_of_a_short_frame_is_no_payload),
		cmocka_unit_test(tags_are_walked_to_the_bound_and_not_beyond),
		cmocka_unit_test(ipv6_extension_headers_do_not_hide_ports_and_too_many_only_hide_ports),
		cmocka_unit_test(a_later_fragment_has_addresses_and_no_ports),
		cmocka_unit_test(icmp_errors_are_told_from_echoes),
		cmocka_unit_test(truncated_at_every_length),
		cmocka_unit_test(contradictions_are_malformed),
		cmocka_unit_test(what_is_not_ip_is_said_so),
		cmocka_unit_test(every_tunnel_is_in_the_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
