// A flood of forged addresses: ten million tuples at a table that holds few. RATWATCH_FLOOD says how many instead.

#include "test.h"

#include "contact.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX      (1u << 16)
#define ANSWERED (MAX / 4) // contacts that were there before
#define REFUSALS 5000      // calls of emit in a row that the collector does not take

struct ledger { // by the last byte of the controller's address
	uint64_t packets[2], bytes[2], born, calls;
	uint64_t coarse; // packets
};

static bool
hear(void *context, const struct contact_report *r)
{
	struct ledger *l = context;
	unsigned controller = r->ends[1].addr.bytes[15];

	if (l->calls++ / REFUSALS % 2 == 1)
		return false;
	l->packets[controller] += r->packets[0] + r->packets[1];
	l->bytes[controller] += r->bytes[0] + r->bytes[1];
	l->born += r->born;
	if (r->coarse)
		l->coarse += r->packets[0];
	return true;
}

static void
packet(struct contact_table *t, uint32_t victim, bool back, uint8_t flags, int64_t time)
{
	const struct flow_match listed = {.listed = true}, none = {0};
	const uint8_t four[2][4] = {{(uint8_t)(victim >> 24), (uint8_t)(victim >> 16), (uint8_t)(victim >> 8),
				     (uint8_t)victim},
				    {198, 51, 100, victim % 2}};
	const struct flow_match match[2] = {back ? listed : none, back ? none : listed};
	struct flow f = {.src = ip_from_v4(four[back]),
			 .dst = ip_from_v4(four[!back]),
			 .sport = back ? 443 : 40000,
			 .dport = back ? 40000 : 443,
			 .proto = FLOW_TCP,
			 .tcp_flags = flags,
			 .seq = back                ? 900
				: flags == FLOW_SYN ? 100
						    : 101,
			 .ack = back ? 101 : 901,
			 .bytes = 60,
			 .time_ns = time};

	contact_packet(t, &f, match);
}

static long
resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
play(struct contact_table *t, uint32_t flood, int64_t time)
{
	long full = 0;

	for (uint32_t i = 0; i < ANSWERED; i++) {
		packet(t, 0x64400000 + i, false, FLOW_SYN, time);
		packet(t, 0x64400000 + i, true, FLOW_SYN | FLOW_ACK, time);
		packet(t, 0x64400000 + i, false, FLOW_ACK, time);
	}
	for (uint32_t i = 0; i < flood; i++) {
		if (i == 2 * MAX)
			full = resident_kib();
		packet(t, 0x0b000000 + i, false, FLOW_SYN, time + (int64_t)i * 1000);
		if (i % 8 == 0)
			contact_sweep(t, time + (int64_t)i * 1000, 64);
	}
	assert_true(resident_kib() - full < 4096);
	for (uint32_t i = 0; i < ANSWERED; i++)
		packet(t, 0x64400000 + i, false, FLOW_ACK, time + (int64_t)flood * 1000);
}

static void
memory_and_answered_contacts_stand_and_every_packet_counts_for_its_controller(void **state)
{
	const char *asked = getenv("RATWATCH_FLOOD");
	uint32_t flood = asked != NULL ? (uint32_t)strtoul(asked, NULL, 10) : 10000000;
	struct ledger l = {0};
	struct contact_options o = {.max = MAX, .emit = hear, .context = &l};
	struct contact_facts facts;
	struct contact_table *t;

	(void)state;
	assert_true(flood > 2 * MAX && flood % 2 == 0);
	assert_int_equal(contact_build(&o, &t), 0);
	play(t, flood, INT64_C(1546300800000000000));
	contact_facts(t, &facts);
	assert_true(facts.kept <= MAX);
	while (contact_flush(t) > 0)
		;
	contact_facts(t, &facts);
	assert_int_equal(facts.kept, 0);
	assert_int_equal(facts.lost_packets, 0);
	assert_int_equal(l.born, facts.born);
	// Each answered contact was begun once; each tuple of the flood is a contact or in the overflow.
	assert_int_equal(l.born + facts.overflow_packets, ANSWERED + flood);
	assert_int_equal(l.coarse, facts.coarse_packets);
	assert_true(l.coarse > 0);
	for (int c = 0; c < 2; c++) {
		assert_int_equal(l.packets[c], ANSWERED / 2 * 4 + flood / 2);
		assert_int_equal(l.bytes[c], 60 * l.packets[c]);
	}
	contact_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_and_answered_contacts_stand_and_every_packet_counts_for_its_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
