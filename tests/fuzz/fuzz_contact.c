// Six bytes make a packet between few ends: whatever comes, what is reported adds up to what was fed.

#include "contact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sums {
	uint64_t packets, bytes, born, ended, opened, answered, two_way;
	unsigned calls;
};

static bool
hear(void *context, const struct contact_report *r)
{
	struct sums *s = context;

	if (++s->calls % 5 == 0)
		return false;
	s->packets += r->packets[0] + r->packets[1];
	s->bytes += r->bytes[0] + r->bytes[1];
	s->born += r->born;
	s->ended += r->ended;
	s->opened += r->now_opener;
	s->answered += r->now_answered;
	s->two_way += r->now_two_way;
	if (r->evidence == CONTACT_TWO_WAY && r->proto == FLOW_TCP && r->portless)
		abort();
	return true;
}

static void
feed(struct contact_table *t, const uint8_t *p, int64_t time)
{
	const struct flow_match listed = {.listed = true, .exact = p[1] & 1}, none = {0};
	const struct flow_match match[2] = {p[0] & 1 ? listed : none, p[0] & 1 ? none : listed};
	struct flow f = {
		.src = {.bytes = {[15] = (uint8_t)(1 + (p[0] & 1))}},
		.dst = {.bytes = {[15] = (uint8_t)(2 - (p[0] & 1))}},
		.sport = p[0] & 1 ? 443 : 1000 + (p[0] >> 6),
		.dport = p[0] & 1 ? 1000 + (p[0] >> 6) : 443,
		.proto = p[0] & 2 ? FLOW_UDP : FLOW_TCP,
		.portless = (p[0] & 12) == 12,
		.tcp_flags = p[2],
		.seq = p[3],
		.ack = p[4],
		.payload = p[5] & 1 ? 7 : 0,
		.bytes = 60,
		.time_ns = time,
	};

	contact_packet(t, &f, match);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums s = {0};
	struct contact_options o = {.max = 16, .lazy = true, .emit = hear, .context = &s};
	struct contact_facts facts;
	struct contact_table *t;
	int64_t time = INT64_C(1546300800000000000);
	uint64_t fed = 0;

	if (contact_build(&o, &t) < 0)
		return 0;
	for (; size >= 6; data += 6, size -= 6, fed++) {
		time += (int64_t)(int8_t)data[5] * INT64_C(20000000000);
		feed(t, data, time);
		contact_sweep(t, time, 4);
	}
	while (contact_flush(t) > 0)
		;
	contact_facts(t, &facts);
	if (s.packets + facts.lost_packets != fed || s.bytes != s.packets * 60 || s.born > s.ended ||
	    s.born != facts.born || s.opened > s.born || s.two_way > s.answered || s.answered > s.born ||
	    facts.kept != 0)
		abort();
	contact_free(t);
	return 0;
}
