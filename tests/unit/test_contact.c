#include "test.h"

#include "contact.h"

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1546300800) * SECOND) // the first second of 2019, the begin of an hour

// What came out of the table, summed over reports.
struct heard {
	unsigned reports, born, ended, answered, two_way, active, opener_known;
	uint64_t packets[2], bytes[2], payload[2];
	unsigned keep_alives;
	int64_t kept_alive_ns; // when the last of them began
	struct contact_report last;
	unsigned refuse_every; // of calls; 0: none
	unsigned calls;
};

static struct heard heard;

static bool
hear(void *context, const struct contact_report *r)
{
	struct heard *h = context;

	if (h->refuse_every > 0 && ++h->calls % h->refuse_every == 0)
		return false;
	h->reports++;
	h->born += r->born;
	h->ended += r->ended;
	h->answered += r->now_answered;
	h->two_way += r->now_two_way;
	h->active += r->active;
	h->opener_known += r->now_opener;
	for (int i = 0; i < 2; i++) {
		h->packets[i] += r->packets[i];
		h->bytes[i] += r->bytes[i];
		h->payload[i] += r->payload[i];
	}
	h->keep_alives += r->keep_alive_ns != 0;
	if (r->keep_alive_ns != 0)
		h->kept_alive_ns = r->keep_alive_ns;
	h->last = *r;
	return true;
}

static struct contact_table *
table(size_t max)
{
	struct contact_options o = {.max = max, .owner = 3, .lazy = true, .emit = hear, .context = &heard};
	struct contact_table *t;

	heard = (struct heard){0};
	assert_int_equal(contact_build(&o, &t), 0);
	return t;
}

enum { VICTIM, CONTROLLER };

static struct ip_addr
host(int who)
{
	const uint8_t four[2][4] = {{192, 0, 2, 1}, {198, 51, 100, 9}};

	return ip_from_v4(four[who]);
}

static const struct flow_match listed = {.listed = true, .exact = true, .has_port = true};
static const struct flow_match by_address = {.listed = true};

struct talk { // one conversation, as packets are added to it
	struct contact_table *table;
	struct flow_match match; // of the controller
	int64_t time;
	uint16_t port; // of the victim
	uint8_t proto;
	int seen; // by the tap: bit 1 << who sent it; 0: both
};

static void
packet(struct talk *t, int from, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
	const struct flow_match none = {0};
	struct flow f = {
		.src = host(from),
		.dst = host(!from),
		.sport = from == VICTIM ? t->port : 443,
		.dport = from == VICTIM ? 443 : t->port,
		.proto = t->proto,
		.tcp_flags = flags,
		.seq = seq,
		.ack = ack,
		.payload = payload,
		.bytes = 60 + payload,
		.time_ns = t->time,
	};
	struct flow_match match[2] = {from == VICTIM ? none : t->match, from == VICTIM ? t->match : none};

	if (t->seen == 0 || t->seen & 1 << from)
		contact_packet(t->table, &f, match);
	t->time += SECOND / 10;
}

static struct talk
talk(struct contact_table *t)
{
	return (struct talk){.table = t, .match = listed, .time = START, .port = 40000, .proto = FLOW_TCP};
}

static void
handshake(struct talk *t, uint32_t isn)
{
	packet(t, VICTIM, FLOW_SYN, isn, 0, 0);
	packet(t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, isn + 1, 0);
	packet(t, VICTIM, FLOW_ACK, isn + 1, 901, 0);
}

static void
finish(struct talk *t)
{
	assert_int_equal(contact_flush(t->table), 0);
	contact_free(t->table);
}

static void
a_syn_is_an_attempt_that_the_victim_opened(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0); // sent again
	finish(&t);
	assert_int_equal(heard.born, 1);
	assert_int_equal(heard.last.opener, CONTACT_VICTIM);
	assert_int_equal(heard.last.evidence, CONTACT_ATTEMPT);
	assert_int_equal(heard.packets[0], 2);
	assert_int_equal(heard.last.ends[1].port, 443);
}

static void
a_reset_is_no_answer(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	packet(&t, CONTROLLER, FLOW_RST | FLOW_ACK, 0, 101, 0);
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0); // some systems try again with the same number
	packet(&t, CONTROLLER, FLOW_RST | FLOW_ACK, 0, 101, 0);
	finish(&t);
	assert_int_equal(heard.born, 1);
	assert_int_equal(heard.answered, 0);
}

static void
a_half_open_scan_is_no_answer(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	packet(&t, VICTIM, FLOW_RST, 101, 0, 0);
	finish(&t);
	assert_int_equal(heard.answered, 0);
}

static void
evidence_rises_once_to_answered_and_once_to_two_way(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	handshake(&t, 100);
	assert_int_equal(heard.answered, 1);
	assert_int_equal(heard.two_way, 0);
	for (int i = 0; i < 3; i++) {
		packet(&t, VICTIM, FLOW_ACK | FLOW_PSH, 101, 901, 10);
		packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 901, 111, 20);
	}
	finish(&t);
	assert_int_equal(heard.answered, 1);
	assert_int_equal(heard.two_way, 1);
	assert_int_equal(heard.payload[0], 30);
	assert_int_equal(heard.payload[1], 60);
	assert_int_equal(heard.packets[0] + heard.packets[1], 9);
}

static void
a_new_initial_sequence_number_is_a_new_contact(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	handshake(&t, 100);
	handshake(&t, 5000);
	finish(&t);
	assert_int_equal(heard.born, 2);
	assert_int_equal(heard.ended, 2);
	assert_int_equal(heard.answered, 2);
}

static void
a_contact_that_the_controller_opened_says_so(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, CONTROLLER, FLOW_SYN, 1, 0, 0);
	packet(&t, VICTIM, FLOW_SYN | FLOW_ACK, 2, 2, 0);
	packet(&t, CONTROLLER, FLOW_ACK, 2, 3, 0);
	finish(&t);
	assert_int_equal(heard.last.opener, CONTACT_CONTROLLER);
	assert_int_equal(heard.answered, 1);
}

static void
without_a_syn_the_indicators_port_tells_the_opener_or_nothing_does(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 1, 1, 5);
	assert_int_equal(heard.last.opener, CONTACT_VICTIM);
	t.port++;
	t.match = by_address;
	packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 1, 1, 5);
	assert_int_equal(heard.last.opener, CONTACT_UNKNOWN);
	finish(&t);
	assert_int_equal(heard.opener_known, 1);
}

static void
a_syn_ack_that_was_captured_first_belongs_to_the_syn_that_follows(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	packet(&t, VICTIM, FLOW_ACK, 101, 901, 0);
	finish(&t);
	assert_int_equal(heard.born, 1);
	assert_int_equal(heard.last.opener, CONTACT_VICTIM);
	assert_int_equal(heard.answered, 1);
}

static void
two_that_open_at_once_are_one_contact_of_the_first(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	packet(&t, CONTROLLER, FLOW_SYN, 900, 0, 0);
	packet(&t, VICTIM, FLOW_SYN | FLOW_ACK, 100, 901, 0);
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	assert_int_equal(heard.answered, 0);
	packet(&t, VICTIM, FLOW_ACK, 101, 901, 0);
	assert_int_equal(heard.answered, 1);
	packet(&t, CONTROLLER, FLOW_SYN, 5000, 0, 0); // opens another one
	finish(&t);
	assert_int_equal(heard.born, 2);
	assert_int_equal(heard.opener_known, 2);
	assert_int_equal(heard.last.opener, CONTACT_CONTROLLER);
}

static void
a_tap_that_sees_the_victim_only_learns_the_answers_from_acknowledgements(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	assert_int_equal(heard.answered, 0);
	packet(&t, VICTIM, FLOW_ACK, 101, 901, 0);
	assert_int_equal(heard.answered, 1);
	packet(&t, VICTIM, FLOW_ACK | FLOW_PSH, 101, 901, 10);
	packet(&t, VICTIM, FLOW_ACK, 111, 902, 0); // one number: may have been a FIN
	assert_int_equal(heard.two_way, 0);
	packet(&t, VICTIM, FLOW_ACK, 111, 950, 0);
	assert_int_equal(heard.two_way, 1);
	finish(&t);
}

static void
a_tap_that_sees_the_controller_only_does_so_too(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	assert_int_equal(heard.answered, 0);
	packet(&t, CONTROLLER, FLOW_ACK, 901, 140, 0);
	assert_int_equal(heard.answered, 1);
	packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 901, 140, 20);
	assert_int_equal(heard.two_way, 1);
	finish(&t);
}

static void
a_lone_acknowledgement_proves_nothing(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	for (int i = 0; i < 5; i++)
		packet(&t, VICTIM, FLOW_ACK, 1, 1, 0);
	finish(&t);
	assert_int_equal(heard.answered, 0);
}

static void
half_of_a_conversation_never_proves_more_than_the_whole(void **state)
{
	(void)state;
	for (int seen = 1; seen <= 3; seen++) { // bit 0: the victim's packets, bit 1: the controller's
		struct talk t = talk(table(8));

		t.seen = seen;
		handshake(&t, 100);
		assert_int_equal(heard.answered, seen & 1);
		packet(&t, VICTIM, FLOW_ACK | FLOW_PSH, 101, 901, 10);
		packet(&t, CONTROLLER, FLOW_ACK, 901, 111, 0);
		packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 901, 111, 10);
		packet(&t, VICTIM, FLOW_ACK, 111, 911, 0);
		finish(&t);
		assert_int_equal(heard.born, 1);
		assert_int_equal(heard.last.evidence, CONTACT_TWO_WAY);
		assert_int_equal(heard.last.one_way, seen != 3);
		assert_false(heard.last.start_missed);
	}
}

static void
a_reset_tells_what_it_acknowledges(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	packet(&t, CONTROLLER, FLOW_RST | FLOW_ACK, 901, 101, 0);
	assert_int_equal(heard.answered, 0); // it gave up waiting
	packet(&t, CONTROLLER, FLOW_RST | FLOW_ACK, 901, 140, 0);
	assert_int_equal(heard.answered, 1);
	assert_int_equal(heard.two_way, 0);
	finish(&t);
}

static void
ports_are_used_again_where_the_tap_shows_no_syn(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 7000, 101, 0); // a SYN cookie, sent again
	assert_int_equal(heard.born, 1);
	packet(&t, CONTROLLER, FLOW_ACK, 901, 140, 0);
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 200000, 5001, 0);
	assert_int_equal(heard.born, 2);
	finish(&t);
	assert_int_equal(heard.answered, 1);
}

static void
what_belongs_to_an_older_connection_proves_nothing(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, VICTIM, FLOW_SYN, 1000000, 0, 0);
	packet(&t, CONTROLLER, FLOW_ACK, 5000000, 500, 0); // RFC 9293 section 3.5.1
	packet(&t, VICTIM, FLOW_RST, 500, 0, 0);
	packet(&t, VICTIM, FLOW_SYN, 1000000, 0, 0);
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 1000001, 0);
	assert_int_equal(heard.answered, 0);
	packet(&t, VICTIM, FLOW_ACK, 1000001, 901, 0);
	finish(&t);
	assert_int_equal(heard.born, 1);
	assert_int_equal(heard.answered, 1);
	assert_int_equal(heard.two_way, 0);
}

static void
packets_that_were_captured_before_their_syn_are_of_its_contact(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, VICTIM, FLOW_ACK, 101, 901, 0);
	packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	packet(&t, CONTROLLER, FLOW_SYN | FLOW_ACK, 900, 101, 0);
	assert_int_equal(heard.born, 1);
	packet(&t, VICTIM, FLOW_SYN, 4000000, 0, 0);
	assert_int_equal(heard.born, 2);
	finish(&t);
	assert_int_equal(heard.answered, 1);
}

static void
a_keep_alive_is_no_payload(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	handshake(&t, 100);
	packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 901, 101, 20);
	for (int i = 0; i < 3; i++) {
		packet(&t, VICTIM, FLOW_ACK, 100, 921, 1);
		packet(&t, CONTROLLER, FLOW_ACK, 921, 101, 0);
	}
	assert_int_equal(heard.two_way, 0);
	packet(&t, VICTIM, FLOW_ACK | FLOW_PSH, 101, 921, 1);
	assert_int_equal(heard.two_way, 1);
	finish(&t);
}

static void
a_conversation_met_after_its_start_says_so_and_may_stay_silent_as_an_open_one(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 500, 300, 5);
	assert_true(heard.last.start_missed);
	t.time += CONTACT_HALF_OPEN_NS * 10;
	packet(&t, VICTIM, FLOW_ACK | FLOW_PSH, 300, 505, 7);
	finish(&t);
	assert_int_equal(heard.born, 1);
	assert_int_equal(heard.last.evidence, CONTACT_TWO_WAY);
	assert_true(heard.last.start_missed);
}

static void
what_never_falls_silent_begins_anew_at_the_hard_limit(void **state)
{
	static const struct {
		uint8_t proto;
		int64_t limit;
	} limits[] = {{FLOW_TCP, CONTACT_TCP_HARD_NS}, {FLOW_UDP, CONTACT_OTHER_HARD_NS}};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct talk t = talk(table(8));

		t.proto = limits[i].proto;
		handshake(&t, 100);
		for (t.time = START; t.time <= START + limits[i].limit; t.time += 299 * SECOND)
			packet(&t, VICTIM, FLOW_ACK, 101, 901, 0);
		assert_int_equal(heard.born, 1);
		t.time = START + limits[i].limit + 1;
		packet(&t, VICTIM, FLOW_ACK, 101, 901, 0);
		assert_int_equal(heard.born, 2);
		finish(&t);
	}
}

static void
udp_is_answered_by_a_packet_back(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	t.proto = FLOW_UDP;
	t.match = by_address;
	packet(&t, VICTIM, 0, 0, 0, 12);
	assert_int_equal(heard.last.opener, CONTACT_VICTIM);
	packet(&t, CONTROLLER, 0, 0, 0, 0);
	assert_int_equal(heard.answered, 1);
	assert_int_equal(heard.two_way, 0);
	packet(&t, CONTROLLER, 0, 0, 0, 9);
	assert_int_equal(heard.two_way, 1);
	finish(&t);
}

static void
an_echo_is_never_two_way_unless_the_indicator_says_icmp(void **state)
{
	(void)state;
	for (int icmp = 0; icmp <= 1; icmp++) {
		struct talk t = talk(table(8));

		t.proto = FLOW_ICMP;
		t.match = by_address;
		t.match.icmp = icmp;
		packet(&t, VICTIM, 0, 0, 0, 32);
		packet(&t, CONTROLLER, 0, 0, 0, 32);
		finish(&t);
		assert_int_equal(heard.answered, 1);
		assert_int_equal(heard.two_way, icmp);
	}
}

struct limit {
	uint8_t proto;
	bool open;
	int64_t limit;
};

static unsigned
contacts_with_gap(const struct limit *l, int64_t gap)
{
	struct talk t = talk(table(8));

	t.proto = l->proto;
	if (l->open)
		handshake(&t, 100);
	else
		packet(&t, VICTIM, l->proto == FLOW_TCP ? FLOW_SYN : 0, 100, 0, 0);
	t.time += gap - SECOND / 10;
	packet(&t, VICTIM, l->open ? FLOW_ACK : l->proto == FLOW_TCP ? FLOW_SYN : 0, l->open ? 101 : 100, 901, 0);
	finish(&t);
	return heard.born;
}

static void
a_gap_beyond_the_idle_limit_begins_a_new_contact_and_at_the_limit_does_not(void **state)
{
	static const struct limit limits[] = {
		{FLOW_TCP, true, CONTACT_OPEN_NS},
		{FLOW_TCP, false, CONTACT_HALF_OPEN_NS},
		{FLOW_UDP, false, CONTACT_OTHER_NS},
		{FLOW_ICMP, false, CONTACT_OTHER_NS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_int_equal(contacts_with_gap(&limits[i], limits[i].limit), 1);
		assert_int_equal(contacts_with_gap(&limits[i], limits[i].limit + 1), 2);
	}
}

static void
a_session_of_three_days_is_one_contact_that_is_active_in_every_hour(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	handshake(&t, 100);
	for (int i = 0; i < 3 * 72; i++) {
		t.time = START + i * 1200 * SECOND + SECOND;
		packet(&t, VICTIM, FLOW_ACK, 101, 901, 1);
	}
	finish(&t);
	assert_int_equal(heard.born, 1);
	assert_int_equal(heard.active, 72);
}

// One exchange at that second: so many bytes each way.
static void
exchange(struct talk *t, int second, uint32_t payload)
{
	t->time = START + second * SECOND;
	packet(t, VICTIM, FLOW_ACK, 101, 901, payload);
	packet(t, CONTROLLER, FLOW_ACK, 901, 101, payload);
}

static void
a_small_exchange_after_a_silence_is_a_keep_alive_once_the_next_begins(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	handshake(&t, 100);
	exchange(&t, 1, 100);
	exchange(&t, 3, 100); // no silence yet
	exchange(&t, 60, 100);
	assert_int_equal(heard.keep_alives, 0);
	exchange(&t, 120, 100);
	assert_int_equal(heard.keep_alives, 1);
	assert_true(heard.kept_alive_ns == START + 60 * SECOND);
	exchange(&t, 150, CONTACT_SMALL); // what is fetched meanwhile is none
	exchange(&t, 180, 100);
	assert_int_equal(heard.keep_alives, 2);
	exchange(&t, 240, 100);
	finish(&t);
	assert_int_equal(heard.keep_alives, 3);
	assert_true(heard.kept_alive_ns == START + 180 * SECOND);
}

static void
probes_of_tcp_are_no_keep_alives_and_do_not_end_a_silence(void **state)
{
	struct talk t = talk(table(8));

	(void)state;
	handshake(&t, 100);
	for (int second = 1; second < 600; second += 2)
		exchange(&t, second, second / 2 % 2);
	assert_int_equal(heard.keep_alives, 0);
	for (int second = 600; second < 900; second += 2)
		exchange(&t, second, second % 60 == 0 ? 22 : 1);
	finish(&t);
	assert_int_equal(heard.keep_alives, 3); // of 600 to 840 the first begins the talk, the last is not over
}

static void
packets_without_ports_add_packets_and_no_conversation(void **state)
{
	struct talk t = talk(table(8));
	struct flow f = {.src = host(VICTIM),
			 .dst = host(CONTROLLER),
			 .proto = FLOW_TCP,
			 .portless = true,
			 .bytes = 100,
			 .time_ns = START};
	const struct flow_match match[2] = {{0}, by_address};

	(void)state;
	contact_packet(t.table, &f, match);
	contact_packet(t.table, &f, match);
	finish(&t);
	assert_true(heard.last.portless);
	assert_int_equal(heard.packets[0], 2);
	assert_int_equal(heard.opener_known, 0);
	assert_int_equal(heard.last.evidence, CONTACT_ATTEMPT);
}

static void
what_a_full_ring_refuses_comes_later_and_nothing_is_lost(void **state)
{
	struct heard whole;

	(void)state;
	for (unsigned every = 0; every <= 3; every += every == 0 ? 2 : 1) {
		struct talk t = talk(table(64));

		heard.refuse_every = every;
		for (uint16_t i = 0; i < 20; i++) {
			t.port = (uint16_t)(40000 + i);
			handshake(&t, 100);
			packet(&t, VICTIM, FLOW_ACK | FLOW_PSH, 101, 901, 10);
			packet(&t, CONTROLLER, FLOW_ACK | FLOW_PSH, 901, 111, 20);
			contact_sweep(t.table, t.time, 8);
		}
		while (contact_flush(t.table) > 0)
			;
		contact_free(t.table);
		if (every == 0)
			whole = heard;
		assert_int_equal(heard.born, whole.born);
		assert_int_equal(heard.ended, whole.ended);
		assert_int_equal(heard.answered, whole.answered);
		assert_int_equal(heard.two_way, whole.two_way);
		assert_memory_equal(heard.packets, whole.packets, sizeof(whole.packets));
		assert_memory_equal(heard.bytes, whole.bytes, sizeof(whole.bytes));
	}
}

static void
a_full_table_gives_up_unanswered_contacts_and_never_answered_ones(void **state)
{
	struct talk t = talk(table(4));
	struct contact_facts facts;

	(void)state;
	for (uint16_t i = 0; i < 2; i++) {
		t.port = (uint16_t)(30000 + i);
		handshake(&t, 100);
	}
	for (uint16_t i = 0; i < 10; i++) {
		t.port = (uint16_t)(40000 + i);
		packet(&t, VICTIM, FLOW_SYN, 100, 0, 0);
	}
	contact_facts(t.table, &facts);
	assert_int_equal(facts.kept, 4);
	assert_int_equal(facts.evicted, 8);
	assert_int_equal(facts.overflow_packets, 0);
	for (uint16_t i = 0; i < 2; i++) {
		t.port = (uint16_t)(30000 + i);
		packet(&t, VICTIM, FLOW_ACK, 101, 901, 1);
	}
	finish(&t);
	assert_int_equal(heard.born, 12);
	assert_int_equal(heard.packets[0] + heard.packets[1], 2 * 3 + 10 + 2);
}

static void
packets_that_a_table_of_answered_contacts_cannot_hold_are_reported_alone(void **state)
{
	struct talk t = talk(table(2));
	struct contact_facts facts;

	(void)state;
	for (uint16_t i = 0; i < 2; i++) {
		t.port = (uint16_t)(30000 + i);
		handshake(&t, 100);
	}
	t.port = 40000;
	handshake(&t, 100);
	assert_true(heard.last.portless);
	assert_false(heard.last.coarse);
	heard.refuse_every = 1;
	handshake(&t, 100);
	heard.refuse_every = 0;
	contact_sweep(t.table, t.time, 1);
	assert_true(heard.last.coarse);
	assert_int_equal(heard.last.packets[0], 2);
	contact_facts(t.table, &facts);
	assert_int_equal(facts.overflow_packets, 6);
	assert_int_equal(facts.overflow_bytes, 6 * 60);
	assert_int_equal(facts.coarse_packets, 3);
	assert_int_equal(facts.lost_packets, 0);
	finish(&t);
	assert_int_equal(heard.born, 2);
	assert_int_equal(heard.packets[0] + heard.packets[1], 4 * 3);
}

static void
with_both_ends_listed_the_opener_comes_first(void **state)
{
	struct contact_table *t = table(8);
	const struct flow_match match[2] = {by_address, by_address};
	struct flow f = {.src = host(CONTROLLER),
			 .dst = host(VICTIM),
			 .sport = 5,
			 .dport = 6,
			 .proto = FLOW_TCP,
			 .tcp_flags = FLOW_SYN,
			 .bytes = 60,
			 .time_ns = START};
	struct ip_addr opener = host(CONTROLLER);

	(void)state;
	contact_packet(t, &f, match);
	assert_true(ip_equal(&heard.last.ends[0].addr, &opener));
	assert_int_equal(heard.last.opener, CONTACT_VICTIM);
	assert_int_equal(contact_flush(t), 0);
	assert_int_equal(heard.born, 1);
	contact_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_is_an_attempt_that_the_victim_opened),
		cmocka_unit_test(a_reset_is_no_answer),
		cmocka_unit_test(a_half_open_scan_is_no_answer),
		cmocka_unit_test(evidence_rises_once_to_answered_and_once_to_two_way),
		cmocka_unit_test(a_new_initial_sequence_number_is_a_new_contact),
		cmocka_unit_test(a_contact_that_the_controller_opened_says_so),
		cmocka_unit_test(without_a_syn_the_indicators_port_tells_the_opener_or_nothing_does),
		cmocka_unit_test(a_syn_ack_that_was_captured_first_belongs_to_the_syn_that_follows),
		cmocka_unit_test(two_that_open_at_once_are_one_contact_of_the_first),
		cmocka_unit_test(a_tap_that_sees_the_victim_only_learns_the_answers_from_acknowledgements),
		cmocka_unit_test(a_tap_that_sees_the_controller_only_does_so_too),
		cmocka_unit_test(a_lone_acknowledgement_proves_nothing),
		cmocka_unit_test(half_of_a_conversation_never_proves_more_than_the_whole),
		cmocka_unit_test(a_reset_tells_what_it_acknowledges),
		cmocka_unit_test(ports_are_used_again_where_the_tap_shows_no_syn),
		cmocka_unit_test(what_belongs_to_an_older_connection_proves_nothing),
		cmocka_unit_test(packets_that_were_captured_before_their_syn_are_of_its_contact),
		cmocka_unit_test(a_keep_alive_is_no_payload),
		cmocka_unit_test(a_conversation_met_after_its_start_says_so_and_may_stay_silent_as_an_open_one),
		cmocka_unit_test(what_never_falls_silent_begins_anew_at_the_hard_limit),
		cmocka_unit_test(udp_is_answered_by_a_packet_back),
		cmocka_unit_test(an_echo_is_never_two_way_unless_the_indicator_says_icmp),
		cmocka_unit_test(a_gap_beyond_the_idle_limit_begins_a_new_contact_and_at_the_limit_does_not),
		cmocka_unit_test(a_small_exchange_after_a_silence_is_a_keep_alive_once_the_next_begins),
		cmocka_unit_test(probes_of_tcp_are_no_keep_alives_and_do_not_end_a_silence),
		cmocka_unit_test(a_session_of_three_days_is_one_contact_that_is_active_in_every_hour),
		cmocka_unit_test(packets_without_ports_add_packets_and_no_conversation),
		cmocka_unit_test(what_a_full_ring_refuses_comes_later_and_nothing_is_lost),
		cmocka_unit_test(a_full_table_gives_up_unanswered_contacts_and_never_answered_ones),
		cmocka_unit_test(packets_that_a_table_of_answered_contacts_cannot_hold_are_reported_alone),
		cmocka_unit_test(with_both_ends_listed_the_opener_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
