#include "contact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NONE        UINT32_MAX
#define HOUR_NS     (3600 * INT64_C(1000000000))
#define EVICT_LOOKS 64  // places looked at for one that may be taken
#define COARSE      512 // controllers, families and hours that can wait in a coarse count, a power of two
#define COARSE_WAYS 8
#define NEAR        65536 // the window of a SYN is not scaled (RFC 7323 section 2.2)

// What one direction has shown. A join: the order in which packets come does not matter.
struct side {
	bool seen;      // a packet
	bool syn;       // a SYN, with or without ACK
	bool plain_syn; // a SYN without ACK: this side opened
	bool syn_ack;
	bool segment; // a segment with ACK, without SYN and RST
	bool answer;  // UDP and the rest: a packet that is no ICMP error
	bool payload;
	bool has_seq, has_ack;
	uint32_t isn;             // of its SYN
	uint32_t began_seq, next; // the lowest sequence number, and what follows the highest; modulo 2^32
	uint32_t began_ack, ack;  // the lowest acknowledgement number, and the highest
};

// Payload without a silence in it, from either end.
struct exchange {
	int64_t first_ns, last_ns;
	uint64_t payload;
	bool later; // another one came before
};

struct entry {
	uint32_t next;                  // in its chain, or in the list of free places
	bool used, pending;             // pending: something is not reported yet
	bool ended;                     // waits only for its last report
	bool settled;                   // the opener has been decided
	bool was_answered, was_two_way; // have been reported or wait in `report`
	struct side sides[2];           // of ends[0], ends[1]
	struct exchange exchange;       // the latest
	struct contact_report report;   // the next one: deltas and flags not yet sent
};

struct contact_table {
	struct contact_options options;
	struct entry *entries;
	uint32_t *chains;         // heads; NONE: empty
	uint32_t mask, free, top; // top: places never used begin here
	uint32_t cursor;
	int64_t pass_ns; // when the sweep's round began
	uint64_t salt, serial;
	struct contact_facts facts;
	uint64_t coarse_sent;                 // of facts.coarse_packets
	uint32_t hand;                        // where the next look for a place to take begins
	struct contact_report coarse[COARSE]; // what is counted by controller only; packets of both 0: free
};

const char *
contact_opener_name(enum contact_opener o)
{
	static const char *const names[] = {"victim", "controller", "unknown"};

	return names[o];
}

const char *
contact_evidence_name(enum contact_evidence e)
{
	static const char *const names[] = {"attempt", "answered", "two_way"};

	return names[e];
}

int
contact_build(const struct contact_options *o, struct contact_table **ret)
{
	struct contact_table *t = calloc(1, sizeof(*t));
	size_t chains = 16;

	if (t == NULL)
		return -ENOMEM;
	while (chains < o->max)
		chains *= 2;
	t->options = *o;
	t->mask = (uint32_t)(chains - 1);
	t->free = NONE;
	t->entries = calloc(o->max, sizeof(*t->entries)); // touched as it fills
	t->chains = malloc(chains * sizeof(*t->chains));
	if (t->entries == NULL || t->chains == NULL || getrandom(&t->salt, sizeof(t->salt), 0) != sizeof(t->salt)) {
		contact_free(t);
		return -ENOMEM;
	}
	memset(t->chains, 0xff, chains * sizeof(*t->chains));
	*ret = t;
	return 0;
}

void
contact_free(struct contact_table *t)
{
	if (t == NULL)
		return;
	free(t->entries);
	free(t->chains);
	free(t);
}

void
contact_facts(const struct contact_table *t, struct contact_facts *ret)
{
	*ret = t->facts;
}

// Table ------------------------------------------------------------------------------------------------------------------------

// Both directions of a flow come to the same chain: a sum does not care which came first. Its upper half: ip_hash has folded that into the
// lower one, and folding again would take it out, so that the neighbours in a /24 would share a chain.
static uint32_t
chain_of(const struct contact_table *t, const struct flow *f)
{
	uint64_t a = ip_hash(&f->src, t->salt + f->sport), b = ip_hash(&f->dst, t->salt + f->dport);

	return (uint32_t)((a + b) >> 32 ^ f->proto) & t->mask;
}

static uint32_t
chain_of_entry(const struct contact_table *t, const struct entry *e)
{
	const struct contact_end *a = &e->report.ends[0], *b = &e->report.ends[1];
	struct flow f = {.src = a->addr, .dst = b->addr, .sport = a->port, .dport = b->port, .proto = e->report.proto};

	return chain_of(t, &f);
}

static bool
is_end(const struct contact_end *end, const struct ip_addr *addr, uint16_t port)
{
	return end->port == port && ip_equal(&end->addr, addr);
}

// Which of the entry's ends sent this packet; -1: it is of another contact. With two equal ends every packet is of the first.
static int
sender_in(const struct entry *e, const struct flow *f)
{
	const struct contact_end *ends = e->report.ends;

	if (e->ended || e->report.proto != f->proto || e->report.portless != f->portless)
		return -1;
	if (is_end(&ends[0], &f->src, f->sport) && is_end(&ends[1], &f->dst, f->dport))
		return 0;
	if (is_end(&ends[1], &f->src, f->sport) && is_end(&ends[0], &f->dst, f->dport))
		return 1;
	return -1;
}

static struct entry *
find(struct contact_table *t, const struct flow *f, int *ret_sender)
{
	for (uint32_t i = t->chains[chain_of(t, f)]; i != NONE; i = t->entries[i].next)
		if ((*ret_sender = sender_in(&t->entries[i], f)) >= 0)
			return &t->entries[i];
	return NULL;
}

static struct entry *
take_free_place(struct contact_table *t)
{
	struct entry *e;

	if (t->free != NONE) {
		e = &t->entries[t->free];
		t->free = e->next;
	} else if (t->top < t->options.max) {
		e = &t->entries[t->top++];
	} else {
		return NULL;
	}
	t->facts.kept++;
	return e;
}

static void
remove_entry(struct contact_table *t, struct entry *e)
{
	uint32_t index = (uint32_t)(e - t->entries), *at = &t->chains[chain_of_entry(t, e)];

	while (*at != index)
		at = &t->entries[*at].next;
	*at = e->next;
	e->used = false;
	e->next = t->free;
	t->free = index;
	t->facts.kept--;
}

// Reports ----------------------------------------------------------------------------------------------------------------------

static void
clear_deltas(struct contact_report *r)
{
	r->born = r->active = r->now_opener = r->now_answered = r->now_two_way = false;
	memset(r->packets, 0, sizeof(r->packets));
	memset(r->bytes, 0, sizeof(r->bytes));
	memset(r->payload, 0, sizeof(r->payload));
	r->hour_first_ns = r->hour_last_ns = r->keep_alive_ns = 0;
}

static bool
is_start_missed(const struct entry *e)
{
	return e->report.proto == FLOW_TCP && !e->report.portless && !e->sides[0].syn && !e->sides[1].syn;
}

// What the only side that was seen acknowledged was not: the tap shows one direction.
static bool
is_one_way(const struct entry *e)
{
	const struct side *a = &e->sides[0], *b = &e->sides[1];

	if (a->seen && b->seen)
		return false;
	return a->segment || a->syn_ack || b->segment || b->syn_ack;
}

// Sends what is pending. An ended contact leaves its place with its last report.
static bool
send(struct contact_table *t, struct entry *e)
{
	if (!e->pending)
		return true;
	e->report.ended = e->ended;
	e->report.start_missed = is_start_missed(e);
	e->report.one_way = is_one_way(e);
	if (!t->options.emit(t->options.context, &e->report))
		return false;
	e->pending = false;
	clear_deltas(&e->report);
	if (e->ended)
		remove_entry(t, e);
	return true;
}

static bool
end(struct contact_table *t, struct entry *e)
{
	e->ended = true;
	e->pending = true;
	return send(t, e);
}

// Life -------------------------------------------------------------------------------------------------------------------------

// Begun before the capture: it may stay silent as long as one whose answer was seen.
static bool
is_met_open(const struct entry *e)
{
	return is_start_missed(e) && (e->sides[0].segment || e->sides[1].segment);
}

static int64_t
idle_limit(const struct entry *e)
{
	if (e->report.proto != FLOW_TCP)
		return CONTACT_OTHER_NS;
	return e->was_answered || is_met_open(e) ? CONTACT_OPEN_NS : CONTACT_HALF_OPEN_NS;
}

static int64_t
hard_limit(const struct entry *e)
{
	return e->report.proto == FLOW_TCP ? CONTACT_TCP_HARD_NS : CONTACT_OTHER_HARD_NS;
}

static bool
is_gap(const struct entry *e, int64_t time_ns)
{
	return time_ns - e->report.last_ns > idle_limit(e) || e->report.first_ns - time_ns > idle_limit(e) ||
	       time_ns - e->report.first_ns > hard_limit(e);
}

static bool
is_syn(const struct flow *f)
{
	return f->proto == FLOW_TCP && (f->tcp_flags & (FLOW_SYN | FLOW_RST)) == FLOW_SYN;
}

// Whether a number is what follows the SYN that `after` follows, or a little further: packets that were captured before
// their SYN are few.
static bool
is_near(uint32_t number, uint32_t after)
{
	return number - after < NEAR;
}

// A SYN that opens something new on the same ports. The same initial sequence number is a retransmission, even after a reset.
static bool
is_new_syn(const struct side *own, const struct side *other, const struct flow *f)
{
	if (own->syn)
		return own->isn != f->seq;
	if (own->has_seq)
		return !is_near(own->began_seq, f->seq + 1);
	if (other->has_ack) // it was captured before the SYN that it answers
		return own->seen || !is_near(other->began_ack, f->seq + 1);
	return own->seen || !other->plain_syn; // else both open at once (RFC 9293 section 3.5)
}

// The same where the SYN was not captured, or later. With the same acknowledgement it is a SYN cookie, sent again.
static bool
is_new_syn_ack(const struct side *own, const struct side *other, const struct flow *f)
{
	if (other->plain_syn && is_near(f->ack, other->isn + 1))
		return false; // whatever this side said before: it may have known an older connection (RFC 9293 section 3.5.1)
	if (own->syn)
		return own->isn != f->seq && own->began_ack != f->ack;
	if (own->has_seq)
		return !is_near(own->began_seq, f->seq + 1);
	return other->has_seq && (other->syn || !is_near(other->began_seq, f->ack));
}

static bool
is_new(const struct entry *e, const struct flow *f, int sender)
{
	const struct side *own = &e->sides[sender], *other = &e->sides[1 - sender];

	if (f->portless || !is_syn(f))
		return false;
	return f->tcp_flags & FLOW_ACK ? is_new_syn_ack(own, other, f) : is_new_syn(own, other, f);
}

static enum contact_opener
opener_at(unsigned end)
{
	return end == 0 ? CONTACT_VICTIM : CONTACT_CONTROLLER;
}

// Who opened, as far as this packet and the listed ports tell: 0 or 1, the index into exact[]; -1: unknown. exact[] of the sender and
// the receiver.
static int
judge_opener(const struct flow *f, bool sender_exact, bool receiver_exact)
{
	if (f->portless)
		return -1;
	if (is_syn(f))
		return f->tcp_flags & FLOW_ACK ? 1 : 0;
	if (sender_exact != receiver_exact)
		return sender_exact ? 1 : 0; // the indicator's port is where it listens
	if (f->proto != FLOW_TCP && !f->icmp_error)
		return 0;
	return -1;
}

static void
settle_opener(struct entry *e, const struct flow *f, unsigned sender)
{
	const struct contact_end *ends = e->report.ends;
	int opener;

	if (e->settled)
		return;
	opener = judge_opener(f, ends[sender].match.exact, ends[1 - sender].match.exact);
	if (opener < 0)
		return;
	e->report.opener = opener_at(opener == 0 ? sender : 1 - sender);
	e->report.now_opener = true;
	e->settled = true;
}

// Whether the sender of the first packet is ends[0], the victim.
static bool
sender_is_victim(const struct flow *f, const struct flow_match match[2])
{
	int opener;

	if (match[0].listed != match[1].listed)
		return match[1].listed;
	opener = judge_opener(f, match[0].exact, match[1].exact);
	return opener < 0 ? ip_compare(&f->src, &f->dst) <= 0 : opener == 0;
}

static uint32_t
hour_of(int64_t time_ns)
{
	return time_ns > 0 ? (uint32_t)(time_ns / HOUR_NS) : 0;
}

static uint64_t
new_id(struct contact_table *t)
{
	return (uint64_t)t->options.owner << 56 | ++t->serial;
}

static void
begin(struct contact_table *t, struct entry *e, const struct flow *f, const struct flow_match match[2])
{
	bool src_first = sender_is_victim(f, match);
	const struct contact_end src = {f->src, f->sport, match[0]}, dst = {f->dst, f->dport, match[1]};
	uint32_t chain = chain_of(t, f);

	*e = (struct entry){
		.next = t->chains[chain],
		.used = true,
		.report = {.id = new_id(t),
			   .ends = {src_first ? src : dst, src_first ? dst : src},
			   .proto = f->proto,
			   .portless = f->portless,
			   .born = true,
			   .active = true,
			   .opener = CONTACT_UNKNOWN,
			   .hour = hour_of(f->time_ns),
			   .first_ns = f->time_ns,
			   .last_ns = f->time_ns},
	};
	t->chains[chain] = (uint32_t)(e - t->entries);
	t->facts.born++;
}

// Evidence ---------------------------------------------------------------------------------------------------------------------

static bool
is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void
note_ack(struct side *s, uint32_t ack)
{
	if (!s->has_ack)
		s->began_ack = s->ack = ack;
	s->has_ack = true;
	if (is_before(ack, s->began_ack))
		s->began_ack = ack;
	if (is_before(s->ack, ack))
		s->ack = ack;
}

// What a side said before its SYN was of an older connection that it still knew, unless it was captured in the wrong order.
static void
forget_older(struct side *s, uint32_t isn)
{
	if (!s->has_seq || s->syn || is_near(s->began_seq, isn + 1))
		return;
	s->segment = s->payload = s->has_seq = s->has_ack = false;
}

// One byte before what comes next, sent anew so that the other end says that it is alive (RFC 9293 section 3.8.4).
static bool
is_keep_alive(const struct side *s, const struct flow *f)
{
	return f->payload == 1 && s->has_seq && f->seq + 1 == s->next;
}

static void
note_seq(struct side *s, const struct flow *f)
{
	uint32_t next = f->seq + f->payload + ((f->tcp_flags & (FLOW_SYN | FLOW_FIN)) != 0);

	s->payload |= f->payload > 0 && !is_keep_alive(s, f);
	if (!s->has_seq) {
		s->began_seq = f->seq;
		s->next = next;
	}
	s->has_seq = true;
	if (is_before(f->seq, s->began_seq))
		s->began_seq = f->seq;
	if (is_before(s->next, next))
		s->next = next;
}

static void
note_tcp(struct side *s, const struct flow *f)
{
	bool syn = f->tcp_flags & FLOW_SYN, ack = f->tcp_flags & FLOW_ACK;

	if (is_syn(f))
		forget_older(s, f->seq);
	if (ack)
		note_ack(s, f->ack);
	if (f->tcp_flags & FLOW_RST)
		return;
	note_seq(s, f);
	if (syn) {
		s->syn = true;
		s->syn_ack |= ack;
		s->plain_syn |= !ack;
		s->isn = f->seq;
	}
	s->segment |= ack && !syn;
}

static void
note_side(struct side *s, const struct flow *f)
{
	s->seen = true;
	if (f->proto == FLOW_TCP) {
		note_tcp(s, f);
		return;
	}
	s->payload |= f->payload > 0;
	s->answer |= !f->icmp_error;
}

static bool
advanced(const struct side *s, uint32_t by)
{
	return s->has_ack && s->ack - s->began_ack > by;
}

// That the other side answered, from this side's packets alone: it acknowledged the answer to its SYN, went on after the other acknowledged
// its own, or acknowledged ever more.
static bool
proves_answer(const struct side *s)
{
	return (s->segment && (s->plain_syn || s->syn_ack)) || ((s->segment || s->syn_ack) && advanced(s, 0));
}

// What one side alone proves stands whatever the other shows, so that half of a conversation never says more than the whole.
static bool
is_answered_tcp(const struct side *a, const struct side *b)
{
	return proves_answer(a) || proves_answer(b) || (a->segment && (b->segment || b->syn_ack)) ||
	       (b->segment && a->syn_ack);
}

// Its payload was seen or acknowledged. A FIN takes one number: an advance by one proves no payload.
static bool
sent_payload(const struct side *s, const struct side *other)
{
	return s->payload || advanced(other, 1);
}

static bool
is_icmp(uint8_t proto)
{
	return proto == FLOW_ICMP || proto == FLOW_ICMP6;
}

static enum contact_evidence
evidence_of(const struct entry *e)
{
	const struct side *a = &e->sides[0], *b = &e->sides[1];
	const struct contact_end *ends = e->report.ends;

	if (e->report.portless)
		return CONTACT_ATTEMPT;
	if (e->report.proto == FLOW_TCP) {
		if (!is_answered_tcp(a, b))
			return CONTACT_ATTEMPT;
		return sent_payload(a, b) && sent_payload(b, a) ? CONTACT_TWO_WAY : CONTACT_ANSWERED;
	}
	if (!a->answer || !b->answer)
		return CONTACT_ATTEMPT;
	if (is_icmp(e->report.proto))
		return ends[0].match.icmp || ends[1].match.icmp ? CONTACT_TWO_WAY : CONTACT_ANSWERED;
	return a->payload && b->payload ? CONTACT_TWO_WAY : CONTACT_ANSWERED;
}

static void
raise_evidence(struct entry *e)
{
	enum contact_evidence now = evidence_of(e);

	if (now > e->report.evidence)
		e->report.evidence = now;
	if (e->report.evidence >= CONTACT_ANSWERED && !e->was_answered)
		e->was_answered = e->report.now_answered = e->settled =
			true; // an opener found later would come too late
	if (e->report.evidence == CONTACT_TWO_WAY && !e->was_two_way)
		e->was_two_way = e->report.now_two_way = true;
}

// Rhythm -----------------------------------------------------------------------------------------------------------------------

// TCP's own keep-alive probes have no or one byte (RFC 1122 section 4.2.3.6): they say how the system is set up, not what the program does.
static bool
speaks(const struct flow *f)
{
	return f->payload > (f->proto == FLOW_TCP ? 1 : 0);
}

// What a silence ends was a keep-alive when it was small and began after a silence itself. The last one is never told: nothing says yet that it is over.
static void
note_exchange(struct entry *e, const struct flow *f)
{
	struct exchange *x = &e->exchange;

	if (!speaks(f))
		return;
	if (x->payload == 0 || f->time_ns - x->last_ns >= CONTACT_SILENCE_NS) {
		if (x->later && x->payload <= CONTACT_SMALL)
			e->report.keep_alive_ns = x->first_ns;
		*x = (struct exchange){.first_ns = f->time_ns, .last_ns = f->time_ns, .later = x->payload > 0};
	}
	x->payload += f->payload;
	if (f->time_ns > x->last_ns)
		x->last_ns = f->time_ns;
}

// Packets ----------------------------------------------------------------------------------------------------------------------

static void
enter_hour(struct contact_table *t, struct entry *e, uint32_t hour)
{
	if (hour <= e->report.hour || !send(t, e))
		return;
	e->report.hour = hour;
	e->report.active = true;
}

static void
add(struct entry *e, const struct flow *f, unsigned sender)
{
	struct contact_report *r = &e->report;

	if (r->packets[0] + r->packets[1] == 0 || f->time_ns < r->hour_first_ns)
		r->hour_first_ns = f->time_ns;
	if (r->packets[0] + r->packets[1] == 0 || f->time_ns > r->hour_last_ns)
		r->hour_last_ns = f->time_ns;
	if (f->time_ns < r->first_ns)
		r->first_ns = f->time_ns;
	if (f->time_ns > r->last_ns)
		r->last_ns = f->time_ns;
	r->packets[sender]++;
	r->bytes[sender] += f->bytes;
	r->payload[sender] += f->payload;
	e->pending = true;
}

static bool
is_news(const struct contact_report *r)
{
	return r->born || r->active || r->now_opener || r->now_answered || r->now_two_way || r->keep_alive_ns != 0;
}

// Bounds -----------------------------------------------------------------------------------------------------------------------

// What was answered is never taken: a flood of forged packets finds only its own. When emit refuses one it would refuse the next.
static void
evict_unanswered(struct contact_table *t)
{
	for (unsigned looks = 0; looks < EVICT_LOOKS && t->free == NONE; looks++) {
		struct entry *e = &t->entries[t->hand];

		if (e->ended || e->report.evidence == CONTACT_ATTEMPT) {
			t->facts.evicted += !e->ended;
			if (!end(t, e))
				return;
		}
		t->hand = (t->hand + 1) % (uint32_t)t->options.max;
	}
}

static struct entry *
take_place(struct contact_table *t)
{
	if (t->facts.kept == t->options.max)
		evict_unanswered(t);
	return take_free_place(t);
}

// One packet that no place was found for: its packets and bytes, no conversation.
static struct contact_report
lone_packet(struct contact_table *t, const struct flow *f, const struct flow_match match[2])
{
	unsigned sender = sender_is_victim(f, match) ? 0 : 1;
	struct contact_report r = {.id = new_id(t),
				   .proto = f->proto,
				   .portless = true,
				   .ended = true,
				   .opener = CONTACT_UNKNOWN,
				   .hour = hour_of(f->time_ns),
				   .first_ns = f->time_ns,
				   .last_ns = f->time_ns,
				   .hour_first_ns = f->time_ns,
				   .hour_last_ns = f->time_ns};

	r.ends[sender] = (struct contact_end){f->src, f->sport, match[0]};
	r.ends[1 - sender] = (struct contact_end){f->dst, f->dport, match[1]};
	r.packets[sender] = 1;
	r.bytes[sender] = f->bytes;
	r.payload[sender] = f->payload;
	return r;
}

static bool
is_waiting(const struct contact_report *r)
{
	return r->packets[0] + r->packets[1] > 0;
}

static bool
is_same_grain(const struct contact_report *a, const struct contact_report *b)
{
	return ip_equal(&a->ends[1].addr, &b->ends[1].addr) && a->ends[1].match.family == b->ends[1].match.family &&
	       a->hour == b->hour;
}

// Its place, or a free one; NULL: none.
static struct contact_report *
coarse_place(struct contact_table *t, const struct contact_report *r)
{
	uint64_t at = ip_hash(&r->ends[1].addr, t->salt + r->hour);

	for (unsigned i = 0; i < COARSE_WAYS; i++) {
		struct contact_report *c = &t->coarse[(at + i) % COARSE];

		if (!is_waiting(c) || is_same_grain(c, r))
			return c;
	}
	return NULL;
}

static void
merge(struct contact_report *to, const struct contact_report *r)
{
	for (int i = 0; i < 2; i++) {
		to->packets[i] += r->packets[i];
		to->bytes[i] += r->bytes[i];
		to->payload[i] += r->payload[i];
	}
	to->first_ns = to->hour_first_ns = r->first_ns < to->first_ns ? r->first_ns : to->first_ns;
	to->last_ns = to->hour_last_ns = r->last_ns > to->last_ns ? r->last_ns : to->last_ns;
}

// By controller, for nobody takes reports just now. The victim's address is the unspecified one.
static void
add_coarse(struct contact_table *t, const struct contact_report *r)
{
	struct contact_report *c = coarse_place(t, r);

	if (c == NULL) {
		t->facts.lost_packets++;
		return;
	}
	t->facts.coarse_packets++;
	if (is_waiting(c)) {
		merge(c, r);
		return;
	}
	*c = *r;
	c->coarse = true;
	c->ends[0] = (struct contact_end){0};
}

static void
overflow(struct contact_table *t, const struct flow *f, const struct flow_match match[2])
{
	struct contact_report r = lone_packet(t, f, match);

	t->facts.overflow_packets++;
	t->facts.overflow_bytes += f->bytes;
	if (!t->options.emit(t->options.context, &r))
		add_coarse(t, &r);
}

// Returns how many still wait.
static size_t
send_coarse(struct contact_table *t)
{
	size_t left = 0;

	if (t->facts.coarse_packets == t->coarse_sent)
		return 0;
	for (unsigned i = 0; i < COARSE; i++) {
		struct contact_report *c = &t->coarse[i];

		if (!is_waiting(c))
			continue;
		if (t->options.emit(t->options.context, c)) {
			t->coarse_sent += c->packets[0] + c->packets[1];
			*c = (struct contact_report){0};
		} else {
			left++;
		}
	}
	return left;
}

// Packets ----------------------------------------------------------------------------------------------------------------------

static struct entry *
begin_new(struct contact_table *t, const struct flow *f, const struct flow_match match[2])
{
	struct entry *e = take_place(t);

	if (e == NULL) {
		overflow(t, f, match);
		return NULL;
	}
	begin(t, e, f, match);
	return e;
}

void
contact_packet(struct contact_table *t, const struct flow *f, const struct flow_match match[2])
{
	int sender = 0;
	struct entry *e = find(t, f, &sender);

	if (e != NULL && (is_gap(e, f->time_ns) || is_new(e, f, sender))) {
		end(t, e);
		e = NULL;
	}
	if (e == NULL && (e = begin_new(t, f, match)) == NULL)
		return;
	if ((sender = sender_in(e, f)) < 0)
		return; // cannot be: begin took the ends from this packet
	enter_hour(t, e, hour_of(f->time_ns));
	add(e, f, (unsigned)sender);
	settle_opener(e, f, (unsigned)sender);
	if (!e->sides[sender].seen)
		e->report.tunnels[sender] = f->tunnel;
	note_side(&e->sides[sender], f);
	raise_evidence(e);
	note_exchange(e, f);
	if (is_news(&e->report))
		send(t, e);
}

// Time -------------------------------------------------------------------------------------------------------------------------

#define PASS_NS INT64_C(1000000000) // the sweep begins a round over the table at most once in this time

static bool
is_nearly_full(const struct contact_table *t)
{
	return t->facts.kept > t->options.max - t->options.max / 4;
}

static void
sweep_entry(struct contact_table *t, struct entry *e, int64_t now_ns)
{
	bool evict = !t->options.lazy || is_nearly_full(t);

	if (e->ended)
		send(t, e);
	else if (evict && now_ns - e->report.last_ns > idle_limit(e))
		end(t, e);
	else if (!t->options.lazy)
		send(t, e);
}

void
contact_sweep(struct contact_table *t, int64_t now_ns, size_t budget)
{
	send_coarse(t);
	if (t->cursor == 0) {
		if (!t->options.lazy && now_ns - t->pass_ns < PASS_NS)
			return;
		t->pass_ns = now_ns;
	}
	for (; budget > 0 && t->cursor < t->top; budget--, t->cursor++)
		if (t->entries[t->cursor].used)
			sweep_entry(t, &t->entries[t->cursor], now_ns);
	if (t->cursor >= t->top)
		t->cursor = 0;
}

size_t
contact_flush(struct contact_table *t)
{
	size_t left = send_coarse(t);

	for (uint32_t i = 0; i < t->top; i++)
		if (t->entries[i].used && !end(t, &t->entries[i]))
			left++;
	return left;
}
