#include "collector.h"

#include "beacon.h"
#include "clock.h"
#include "log.h"
#include "sender.h"
#include "victim.h"

#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define BURST     64                  // reports taken from a ring at once
#define BEACONS   32768               // pairs whose rhythm is measured; 600 bytes each
#define DECIDE_NS INT64_C(1000000000) // how often contacts are looked for whose scanner window is over

// What was decided about an end of a contact when it began.
struct decision {
	struct org_facts org; // of the victim
	struct org_network network;
	enum lane lane;
	name_id reason;
};

// An open contact. With both ends listed each of them is a controller, and the other its victim.
struct known {
	uint64_t id;           // 0: free place
	struct decision as[2]; // as[0]: ends[0] is the victim; as[1]: ends[1] is
	size_t contact;        // index into contacts; keep_contacts only
	uint64_t window_place; // victim_hold's
};

struct collector {
	struct collector_options options;
	pthread_t thread;
	struct tally *tally;
	struct beacon_table *beacons; // all reports of two ends come from one worker, in the order of their packets
	struct known *places;         // open addressing, power of two
	size_t n_places, n_known;
	struct report_contact *contacts;
	size_t n_contacts, max_contacts;
	struct victim_windows *windows; // NULL: nobody is a scanner by behaviour
	pthread_mutex_t lock; // of the windows: the collector, a round over the rings long; whoever asks about a victim
	int64_t flushed_ns, decided_ns;
	int64_t held_ns; // beginning of the contact that waits longest; INT64_MAX: none does
	int err;
	// For other threads; the collector writes, relaxed.
	_Atomic bool failed; // err < 0
	_Atomic uint64_t waiting, early, scanners;
	_Atomic uint64_t beacon_overflow; // as of the last round
};

static size_t
place_of(const struct collector *c, uint64_t id)
{
	return (size_t)(id * 0x9E3779B97F4A7C15u >> 20) & (c->n_places - 1);
}

static struct known *
find(struct collector *c, uint64_t id)
{
	size_t i = place_of(c, id);

	while (c->places[i].id != 0 && c->places[i].id != id)
		i = (i + 1) & (c->n_places - 1);
	return &c->places[i];
}

static int
grow(struct collector *c)
{
	struct known *old = c->places;
	size_t n = c->n_places;
	struct known *grown = calloc(n * 2, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	c->places = grown;
	c->n_places = n * 2;
	for (size_t i = 0; i < n; i++)
		if (old[i].id != 0)
			*find(c, old[i].id) = old[i];
	free(old);
	return 0;
}

// Closes the gap that a removal leaves in its run of places.
static void
forget(struct collector *c, struct known *k)
{
	size_t gap = (size_t)(k - c->places), i = gap, mask = c->n_places - 1;

	for (;;) {
		i = (i + 1) & mask;
		if (c->places[i].id == 0)
			break;
		if (((i - place_of(c, c->places[i].id)) & mask) >= ((i - gap) & mask)) {
			c->places[gap] = c->places[i];
			gap = i;
		}
	}
	c->places[gap].id = 0;
	c->n_known--;
}

static void
decide(const struct rules *rules, const struct contact_report *r, unsigned victim, struct decision *ret)
{
	unsigned controller = 1 - victim;

	if (r->coarse)
		ret->org = (struct org_facts){.id = names_of("overflow"),
					      .name = names_of("overflow"),
					      .attribution = ORG_UNKNOWN,
					      .lane = LANE_COUNTED};
	else
		org_find(rules->orgs, &r->ends[victim].addr, &ret->org);
	org_network(rules->orgs, &r->ends[controller].addr, &ret->network);
	ret->lane = lane_of(rules->lanes, r, victim, controller, &ret->org, &ret->reason);
}

static int
keep_contact(struct collector *c, struct known *k)
{
	struct report_contact *grown;

	if (c->n_contacts == c->max_contacts) {
		size_t max = c->max_contacts == 0 ? 256 : c->max_contacts * 2;

		if ((grown = reallocarray(c->contacts, max, sizeof(*grown))) == NULL)
			return -ENOMEM;
		c->contacts = grown;
		c->max_contacts = max;
	}
	k->contact = c->n_contacts++;
	c->contacts[k->contact] =
		(struct report_contact){.org = k->as[0].org.id, .lane = k->as[0].lane, .reason = k->as[0].reason};
	return 0;
}

// The place of a contact that may be new.
static int
know(struct collector *c, const struct rules *rules, const struct contact_report *r, struct known **ret)
{
	struct known *k;

	if (c->n_known * 2 >= c->n_places && grow(c) < 0)
		return -ENOMEM;
	k = find(c, r->id);
	if (k->id == 0) {
		*k = (struct known){.id = r->id}; // the place may have been another's
		c->n_known++;
		decide(rules, r, 0, &k->as[0]);
		if (r->ends[0].match.listed)
			decide(rules, r, 1, &k->as[1]);
		if (c->options.keep_contacts && keep_contact(c, k) < 0)
			return -ENOMEM;
	}
	*ret = k;
	return 0;
}

static int
add(struct collector *c, const struct known *k, const struct contact_report *r, unsigned victim)
{
	const struct decision *d = &k->as[victim];
	struct tally_entry entry = {
		.report = r,
		.victim = victim,
		.controller = 1 - victim,
		.org = d->org,
		.network = d->network,
		.lane = d->lane,
		.reason = d->reason,
		.suspected = lane_suspects(d->lane, r, victim, 1 - victim),
		.victim_prefix6 = c->options.victim_prefix6,
		.repeat = victim == 1,
	};

	// The highest score is kept. In a replay, which is one tally from begin to end, that would be the luckiest moment of each pair; at the end
	// of the contacts, most of which are open until the capture ends, it is what all of it shows.
	if (victim == 0 && (r->ended || c->options.flush_ms > 0))
		entry.beacon = beacon_of(c->beacons, r);
	return tally_add(c->tally, &entry);
}

static void
follow_contact(struct collector *c, const struct known *k, const struct contact_report *r)
{
	struct report_contact *whole;

	if (!c->options.keep_contacts)
		return;
	whole = &c->contacts[k->contact];
	whole->last = *r;
	whole->suspected = lane_suspects(whole->lane, r, 0, 1);
	for (int side = 0; side < 2; side++) {
		whole->packets[side] += r->packets[side];
		whole->bytes[side] += r->bytes[side];
		whole->payload[side] += r->payload[side];
	}
}

// Its lane has changed.
static void
settle_contact(struct collector *c, const struct known *k)
{
	struct report_contact *whole;

	if (!c->options.keep_contacts)
		return;
	whole = &c->contacts[k->contact];
	whole->lane = k->as[0].lane;
	whole->reason = k->as[0].reason;
	whole->suspected = lane_suspects(whole->lane, &whole->last, 0, 1);
}

static int
count(struct collector *c, struct known *k, const struct contact_report *r)
{
	int err;

	if ((err = add(c, k, r, 0)) < 0)
		return err;
	if (r->ends[0].match.listed && (err = add(c, k, r, 1)) < 0)
		return err;
	if (r->ended)
		forget(c, k);
	return 0;
}

// A contact that is no scanner's by any list may be one's by behaviour. What is allowed is no controller.
static bool
may_wait(const struct collector *c, const struct known *k, const struct contact_report *r)
{
	return c->windows != NULL && !r->portless && k->as[0].lane > LANE_SCANNER;
}

// What was held of a contact. It may hold up the same contact's end.
static void
on_decided(void *context, const struct contact_report *r, name_id reason)
{
	struct collector *c = context;
	struct known *k = find(c, r->id);

	if (c->err < 0 || k->id == 0)
		return;
	if (reason != 0) {
		k->as[0].lane = LANE_SCANNER;
		k->as[0].reason = reason;
		settle_contact(c, k);
	}
	c->err = count(c, k, r);
}

static int
take(struct collector *c, const struct rules *rules, const struct contact_report *r)
{
	struct known *k;
	int err;

	if ((err = know(c, rules, r, &k)) < 0)
		return err;
	follow_contact(c, k, r);
	beacon_note(c->beacons, r);
	if (may_wait(c, k, r)) {
		uint64_t place = k->window_place;
		bool held = victim_hold(c->windows, r, &place);

		k = find(c, r->id); // others may have ended meanwhile, and this one moved
		k->window_place = place;
		if (held || c->err < 0)
			return c->err;
	}
	return count(c, k, r);
}

// One round over the workers' rings. Returns the reports taken; the first failure is kept, and later reports are still drained so that no
// worker waits for ever.
static unsigned
drain(struct collector *c)
{
	const struct rules *rules = reload_rules(c->options.reload);
	struct contact_report reports[BURST];
	unsigned total = 0;

	pthread_mutex_lock(&c->lock);
	for (unsigned w = 0; w < c->options.workers->n; w++) {
		unsigned n = rte_ring_sc_dequeue_burst_elem(c->options.workers->reports[w], reports, sizeof(reports[0]),
							    BURST, NULL);

		for (unsigned i = 0; i < n && c->err == 0; i++)
			c->err = take(c, rules, &reports[i]);
		total += n;
	}
	pthread_mutex_unlock(&c->lock);
	atomic_store_explicit(&c->failed, c->err < 0, memory_order_relaxed);
	atomic_store_explicit(&c->beacon_overflow, beacon_overflow(c->beacons), memory_order_relaxed);
	rte_rcu_qsbr_quiescent(c->options.reload->readers, c->options.workers->n);
	return total;
}

static void
show_windows(struct collector *c, const struct victim_facts *f)
{
	c->held_ns = f->oldest_ns;
	atomic_store_explicit(&c->waiting, f->waiting, memory_order_relaxed);
	atomic_store_explicit(&c->early, f->early, memory_order_relaxed);
	atomic_store_explicit(&c->scanners, f->scanners, memory_order_relaxed);
}

// Live: contacts whose window is over. A replay knows what time it is only when it ends.
static void
decide_windows(struct collector *c)
{
	int64_t now_ns = clock_wall_ns();
	struct victim_facts f;

	if (c->windows == NULL || c->options.flush_ms == 0 || now_ns - c->decided_ns < DECIDE_NS)
		return;
	c->decided_ns = now_ns;
	pthread_mutex_lock(&c->lock);
	victim_decide(c->windows, now_ns);
	victim_facts(c->windows, &f);
	pthread_mutex_unlock(&c->lock);
	show_windows(c, &f);
}

static void
end_windows(struct collector *c)
{
	bool live = c->options.flush_ms > 0;
	struct victim_facts before, f;

	if (c->windows == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	victim_facts(c->windows, &before);
	victim_decide_all(c->windows, live);
	victim_facts(c->windows, &f);
	pthread_mutex_unlock(&c->lock);
	show_windows(c, &f);
	if (before.early > 0)
		log_warning("scanners: %llu contacts were decided before their window was over, because more than %zu "
			    "waited; raise lanes.scanner_waiting",
			    (unsigned long long)before.early, c->options.scanner.waiting);
	if (live && before.waiting > 0)
		log_info("scanners: %zu contacts that waited for the end of their window are decided now",
			 before.waiting);
}

static void
flush(struct collector *c)
{
	c->flushed_ns = clock_wall_ns();
	if (c->options.sender != NULL && sender_flush(c->options.sender, c->tally, c->held_ns) < 0)
		return; // no memory for a batch: the tally keeps what it has, and goes with the next one
	tally_clear(c->tally);
}

static bool
flush_is_due(const struct collector *c)
{
	return c->options.flush_ms > 0 &&
	       clock_wall_ns() - c->flushed_ns >= (int64_t)c->options.flush_ms * INT64_C(1000000);
}

// Pairs with the release in worker_run: after it a worker's ring gets nothing more.
static bool
workers_are_done(const struct collector *c)
{
	return atomic_load_explicit(&c->options.workers->done, memory_order_acquire) == c->options.workers->n;
}

// What is known of each contact's ends now that all have been seen.
static void
measure_contacts(struct collector *c)
{
	for (size_t i = 0; i < c->n_contacts; i++)
		c->contacts[i].beacon = beacon_of(c->beacons, &c->contacts[i].last);
}

static void *
collector_run(void *arg)
{
	struct collector *c = arg;
	const struct timespec nap = {.tv_nsec = 1000000};

	reload_reader_register(c->options.reload, c->options.workers->n);
	reload_reader_online(c->options.reload, c->options.workers->n);
	c->flushed_ns = clock_wall_ns();
	for (;;) {
		bool last = workers_are_done(c);
		unsigned n = drain(c);

		decide_windows(c);
		if (flush_is_due(c))
			flush(c);
		if (last && n == 0)
			break;
		if (n == 0)
			nanosleep(&nap, NULL);
	}
	end_windows(c);
	if (c->options.flush_ms > 0)
		flush(c);
	measure_contacts(c);
	reload_reader_offline(c->options.reload, c->options.workers->n);
	reload_reader_unregister(c->options.reload, c->options.workers->n);
	if (c->err < 0)
		log_error(
			"collector: no memory for more organizations and controllers; what was counted before stands, "
			"the rest is lost: give the machine more memory or the lists fewer prefixes");
	return NULL;
}

static int
build_windows(struct collector *c)
{
	if (c->options.scanner.controllers == 0)
		return 0;
	c->options.scanner.prefix6 = c->options.victim_prefix6;
	c->options.scanner.decided = on_decided;
	c->options.scanner.context = c;
	return victim_windows_build(&c->options.scanner, &c->windows);
}

int
collector_start(const struct collector_options *o, struct collector **ret)
{
	struct collector *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c == NULL)
		return -ENOMEM;
	c->options = *o;
	c->held_ns = INT64_MAX;
	pthread_mutex_init(&c->lock, NULL);
	c->n_places = 1024;
	c->places = calloc(c->n_places, sizeof(*c->places));
	if (c->places == NULL || (err = tally_build(&c->tally)) < 0 || (err = beacon_build(BEACONS, &c->beacons)) < 0 ||
	    (err = build_windows(c)) < 0)
		goto free;
	if ((err = -pthread_create(&c->thread, NULL, collector_run, c)) < 0)
		goto free;
	*ret = c;
	return 0;
free:
	collector_free(c);
	return err;
}

int
collector_join(struct collector *c)
{
	pthread_join(c->thread, NULL);
	return c->err;
}

void
collector_free(struct collector *c)
{
	if (c == NULL)
		return;
	victim_windows_free(c->windows);
	pthread_mutex_destroy(&c->lock);
	tally_free(c->tally);
	beacon_free(c->beacons);
	free(c->places);
	free(c->contacts);
	free(c);
}

bool
collector_failed(const struct collector *c)
{
	return atomic_load_explicit(&c->failed, memory_order_relaxed);
}

uint64_t
collector_beacon_overflow(const struct collector *c)
{
	return atomic_load_explicit(&c->beacon_overflow, memory_order_relaxed);
}

void
collector_windows(const struct collector *c, struct collector_windows *ret)
{
	*ret = (struct collector_windows){
		.waiting = atomic_load_explicit(&c->waiting, memory_order_relaxed),
		.early = atomic_load_explicit(&c->early, memory_order_relaxed),
		.scanners = atomic_load_explicit(&c->scanners, memory_order_relaxed),
	};
}

bool
collector_window(struct collector *c, const struct ip_addr *victim, int64_t now_ns, struct victim_window *ret)
{
	if (c->windows == NULL)
		return false;
	pthread_mutex_lock(&c->lock);
	victim_window(c->windows, victim, now_ns, ret);
	pthread_mutex_unlock(&c->lock);
	return true;
}

const struct victim_options *
collector_scanner(const struct collector *c)
{
	return &c->options.scanner;
}

struct tally *
collector_tally(struct collector *c)
{
	return c->tally;
}

size_t
collector_contacts(struct collector *c, const struct report_contact **ret)
{
	*ret = c->contacts;
	return c->n_contacts;
}
