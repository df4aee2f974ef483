#include "victim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NONE  UINT32_MAX
#define SLICE 16 // so many parts of what is remembered are decided at once when memory is full

struct ip_prefix
victim_identity(const struct ip_addr *a, unsigned prefix6)
{
	unsigned len = ip_is_v4(a) ? 128 : prefix6;

	return (struct ip_prefix){.addr = ip_mask(a, len), .len = (uint8_t)len};
}

// A contact. They stand in a ring, in the order in which they came: contact `place` is in records[place % n_records].
struct record {
	struct ip_addr controller;
	int64_t begin_ns;
	uint64_t next;       // the same victim's next one; 0: none
	uint32_t window;     // of its victim
	uint32_t held, last; // reports, while it waits
	bool waits;
	bool quiet;   // the victim opened it, and it has not become two_way
	bool scanner; // as judged last
};

struct held { // in its contact's list, or in the list of free ones
	struct contact_report report;
	uint32_t next;
};

struct window { // a victim; in the chain of its hash, or in the list of free ones
	struct ip_addr victim;
	uint32_t next;
	uint64_t first, last; // records
};

struct touch { // of a controller, for judging
	int64_t begin_ns;
	uint64_t place;
	struct ip_addr controller;
	uint32_t number; // of the controller among the victim's
};

struct victim_windows {
	struct victim_options options;
	int64_t window_ns;
	struct record *records;
	size_t n_records;
	uint64_t first, settled, end; // places: the oldest, the first that may wait, the next
	struct held *held;
	uint32_t free_held, top_held; // those from top on were never used
	struct window *windows;
	uint32_t free_window, top_window;
	uint32_t *chains;
	uint32_t mask;
	uint64_t salt;         // spoofed victims cannot all be sent to one chain
	struct touch *touches; // room for judging one victim
	struct ip_addr *controllers;
	uint32_t *counts;
	struct victim_facts facts;
};

int
victim_windows_build(const struct victim_options *o, struct victim_windows **ret)
{
	struct victim_windows *v = calloc(1, sizeof(*v));
	size_t chains = 16;

	if (v == NULL)
		return -ENOMEM;
	v->options = *o;
	v->window_ns = o->window_s * INT64_C(1000000000);
	v->n_records = 2 * o->waiting; // as many are remembered as can wait
	while (chains < v->n_records)
		chains *= 2;
	v->mask = (uint32_t)(chains - 1);
	v->first = v->settled = v->end = 1;
	v->free_held = v->free_window = NONE;
	v->records = calloc(v->n_records, sizeof(*v->records));
	v->held = calloc(o->waiting, sizeof(*v->held));
	v->windows = calloc(v->n_records, sizeof(*v->windows));
	v->chains = malloc(chains * sizeof(*v->chains));
	v->touches = calloc(v->n_records, sizeof(*v->touches));
	v->controllers = calloc(v->n_records, sizeof(*v->controllers));
	v->counts = calloc(v->n_records, sizeof(*v->counts));
	if (v->records == NULL || v->held == NULL || v->windows == NULL || v->chains == NULL || v->touches == NULL ||
	    v->controllers == NULL || v->counts == NULL || getrandom(&v->salt, sizeof(v->salt), 0) != sizeof(v->salt)) {
		victim_windows_free(v);
		return -ENOMEM;
	}
	memset(v->chains, 0xff, chains * sizeof(*v->chains));
	*ret = v;
	return 0;
}

void
victim_windows_free(struct victim_windows *v)
{
	if (v == NULL)
		return;
	free(v->records);
	free(v->held);
	free(v->windows);
	free(v->chains);
	free(v->touches);
	free(v->controllers);
	free(v->counts);
	free(v);
}

static struct record *
record(const struct victim_windows *v, uint64_t place)
{
	return &v->records[place % v->n_records];
}

// Reports that are held ------------------------------------------------------------------------------------------------------------

static uint32_t
take_held(struct victim_windows *v)
{
	uint32_t i = v->free_held;

	if (i != NONE)
		v->free_held = v->held[i].next;
	else if (v->top_held < v->options.waiting)
		i = v->top_held++;
	return i;
}

// The later report adds to the earlier of the same hour. What both say of the contact so far is the later one's.
static void
merge(struct contact_report *into, const struct contact_report *r)
{
	const struct contact_report before = *into;
	bool had = before.packets[0] + before.packets[1] > 0, has = r->packets[0] + r->packets[1] > 0;

	*into = *r;
	into->born |= before.born;
	into->active |= before.active;
	into->now_opener |= before.now_opener;
	into->now_answered |= before.now_answered;
	into->now_two_way |= before.now_two_way;
	for (int end = 0; end < 2; end++) {
		into->packets[end] += before.packets[end];
		into->bytes[end] += before.bytes[end];
		into->payload[end] += before.payload[end];
	}
	if (had && (!has || before.hour_first_ns < r->hour_first_ns))
		into->hour_first_ns = before.hour_first_ns;
	if (had && (!has || before.hour_last_ns > r->hour_last_ns))
		into->hour_last_ns = before.hour_last_ns;
}

static void
give_back(struct victim_windows *v, struct record *c, name_id reason)
{
	uint32_t i = c->held;

	c->held = c->last = NONE;
	c->waits = false;
	v->facts.waiting--;
	v->facts.scanners += reason != 0;
	while (i != NONE) {
		uint32_t next = v->held[i].next;

		v->options.decided(v->options.context, &v->held[i].report, reason);
		v->held[i].next = v->free_held;
		v->free_held = i;
		i = next;
	}
}

// Victims ------------------------------------------------------------------------------------------------------------------------------

static uint32_t *
chain_of(const struct victim_windows *v, const struct ip_addr *victim)
{
	return &v->chains[(uint32_t)ip_hash(victim, v->salt) & v->mask];
}

static uint32_t
find_window(const struct victim_windows *v, const struct ip_addr *victim)
{
	uint32_t i = *chain_of(v, victim);

	while (i != NONE && !ip_equal(&v->windows[i].victim, victim))
		i = v->windows[i].next;
	return i;
}

// There are never more victims than contacts.
static uint32_t
add_window(struct victim_windows *v, const struct ip_addr *victim)
{
	uint32_t *chain = chain_of(v, victim), i = v->free_window;

	if (i != NONE)
		v->free_window = v->windows[i].next;
	else
		i = v->top_window++;
	v->windows[i] = (struct window){.victim = *victim, .next = *chain};
	*chain = i;
	return i;
}

static void
remove_window(struct victim_windows *v, uint32_t window)
{
	uint32_t *at = chain_of(v, &v->windows[window].victim);

	while (*at != window)
		at = &v->windows[*at].next;
	*at = v->windows[window].next;
	v->windows[window].next = v->free_window;
	v->free_window = window;
}

// Judging ------------------------------------------------------------------------------------------------------------------------------

static int
compare_touches(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;

	if (x->begin_ns != y->begin_ns)
		return x->begin_ns < y->begin_ns ? -1 : 1;
	return ip_compare(&x->controller, &y->controller);
}

static int
compare_addresses(const void *a, const void *b)
{
	return ip_compare(a, b);
}

static size_t
distinct(struct ip_addr *sorted, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || !ip_equal(&sorted[i], &sorted[kept - 1]))
			sorted[kept++] = sorted[i];
	return kept;
}

// The quiet contacts of a victim by time, their controllers numbered from 0.
static size_t
collect(struct victim_windows *v, const struct window *w)
{
	size_t n = 0, controllers;

	for (uint64_t p = w->first; p != 0; p = record(v, p)->next) {
		struct record *c = record(v, p);

		c->scanner = false;
		if (!c->quiet)
			continue;
		v->controllers[n] = c->controller;
		v->touches[n++] = (struct touch){.begin_ns = c->begin_ns, .place = p, .controller = c->controller};
	}
	qsort(v->touches, n, sizeof(*v->touches), compare_touches);
	qsort(v->controllers, n, sizeof(*v->controllers), compare_addresses);
	controllers = distinct(v->controllers, n);
	for (size_t i = 0; i < n; i++) {
		const struct ip_addr *at = bsearch(&v->touches[i].controller, v->controllers, controllers,
						   sizeof(*v->controllers), compare_addresses);

		v->touches[i].number = (uint32_t)(at - v->controllers);
	}
	memset(v->counts, 0, controllers * sizeof(*v->counts));
	return n;
}

// Marks what is a scanner's of a victim's contacts, by a stretch of time that slides over them. The most controllers in one such stretch; 0: it
// is no scanner.
static size_t
judge(struct victim_windows *v, const struct window *w)
{
	size_t n = collect(v, w), most = 0, controllers = 0, from = 0, marked = 0;

	for (size_t to = 0; to < n; to++) {
		controllers += v->counts[v->touches[to].number]++ == 0;
		for (; v->touches[to].begin_ns - v->touches[from].begin_ns > v->window_ns; from++)
			controllers -= --v->counts[v->touches[from].number] == 0;
		if (controllers < v->options.controllers)
			continue;
		most = controllers > most ? controllers : most;
		for (marked = from > marked ? from : marked; marked <= to; marked++)
			record(v, v->touches[marked].place)->scanner = true;
	}
	return most;
}

static name_id
reason_of(const struct victim_windows *v, size_t most)
{
	char text[64];

	if (most == 0)
		return 0;
	snprintf(text, sizeof(text), "behaviour: %zu controllers in %u s", most, v->options.window_s);
	return names_of(text);
}

// The victim's contacts before place `stop`.
static void
decide_victim(struct victim_windows *v, const struct window *w, uint64_t stop)
{
	name_id reason = reason_of(v, judge(v, w));

	for (uint64_t p = w->first; p != 0 && p < stop; p = record(v, p)->next)
		if (record(v, p)->waits)
			give_back(v, record(v, p), record(v, p)->scanner ? reason : 0);
}

// Every contact before place `stop`. With the first of a victim's all of them are decided, so that each victim is judged once.
static void
decide_before(struct victim_windows *v, uint64_t stop)
{
	for (; v->settled < stop; v->settled++)
		if (record(v, v->settled)->waits)
			decide_victim(v, &v->windows[record(v, v->settled)->window], stop);
}

// Room -------------------------------------------------------------------------------------------------------------------------------

static void
forget_oldest(struct victim_windows *v)
{
	struct record *c = record(v, v->first++);
	struct window *w = &v->windows[c->window];

	w->first = c->next;
	if (w->first == 0)
		remove_window(v, c->window);
}

// The first part of what may wait.
static void
decide_early(struct victim_windows *v)
{
	uint64_t stop = v->settled + v->n_records / SLICE + 1;
	size_t waiting = v->facts.waiting;

	decide_before(v, stop < v->end ? stop : v->end);
	v->facts.early += waiting - v->facts.waiting;
}

static void
make_room(struct victim_windows *v)
{
	if (v->end - v->first < v->n_records)
		return;
	if (v->settled == v->first)
		decide_early(v);
	forget_oldest(v);
}

static struct record *
remember(struct victim_windows *v, const struct contact_report *r, uint64_t *place)
{
	struct ip_addr victim = victim_identity(&r->ends[0].addr, v->options.prefix6).addr;
	struct window *w;
	struct record *c;
	uint32_t window;

	make_room(v);
	if ((window = find_window(v, &victim)) == NONE)
		window = add_window(v, &victim);
	w = &v->windows[window];
	*place = v->end++;
	c = record(v, *place);
	*c = (struct record){
		.controller = r->ends[1].addr, .window = window, .held = NONE, .last = NONE, .waits = true};
	if (w->first == 0)
		w->first = *place;
	else
		record(v, w->last)->next = *place;
	w->last = *place;
	v->facts.waiting++;
	return c;
}

// Reports ------------------------------------------------------------------------------------------------------------------------------

// False: to make room the contact itself had to be decided.
static bool
keep(struct victim_windows *v, struct record *c, const struct contact_report *r)
{
	uint32_t i;

	if (c->last != NONE && v->held[c->last].report.hour == r->hour) {
		merge(&v->held[c->last].report, r);
		return true;
	}
	while ((i = take_held(v)) == NONE)
		decide_early(v);
	if (!c->waits) {
		v->held[i].next = v->free_held;
		v->free_held = i;
		return false;
	}
	v->held[i] = (struct held){.report = *r, .next = NONE};
	if (c->last == NONE)
		c->held = i;
	else
		v->held[c->last].next = i;
	c->last = i;
	return true;
}

bool
victim_hold(struct victim_windows *v, const struct contact_report *r, uint64_t *place)
{
	bool known = *place >= v->first && *place < v->end;
	struct record *c;

	if (!known && (*place != 0 || r->opener == CONTACT_CONTROLLER || r->evidence == CONTACT_TWO_WAY))
		return false;
	c = known ? record(v, *place) : remember(v, r, place);
	c->begin_ns = r->first_ns;
	c->quiet = r->opener == CONTACT_VICTIM && r->evidence != CONTACT_TWO_WAY;
	if (c->waits && r->evidence == CONTACT_TWO_WAY)
		give_back(v, c, 0);
	return c->waits && keep(v, c, r);
}

// Time ---------------------------------------------------------------------------------------------------------------------------------

void
victim_decide(struct victim_windows *v, int64_t now_ns)
{
	uint64_t stop = v->settled;

	while (stop < v->end && record(v, stop)->begin_ns + v->window_ns < now_ns)
		stop++;
	decide_before(v, stop);
	while (v->first < v->settled && record(v, v->first)->begin_ns + 2 * v->window_ns < now_ns)
		forget_oldest(v);
}

void
victim_decide_all(struct victim_windows *v, bool early)
{
	size_t waiting = v->facts.waiting;

	decide_before(v, v->end);
	if (early)
		v->facts.early += waiting;
}

// Looking ------------------------------------------------------------------------------------------------------------------------------

void
victim_facts(const struct victim_windows *v, struct victim_facts *ret)
{
	uint64_t p = v->settled;

	while (p < v->end && !record(v, p)->waits)
		p++;
	*ret = v->facts;
	ret->oldest_ns = p < v->end ? record(v, p)->begin_ns : INT64_MAX;
}

void
victim_window(struct victim_windows *v, const struct ip_addr *a, int64_t now_ns, struct victim_window *ret)
{
	struct ip_addr victim = victim_identity(a, v->options.prefix6).addr;
	uint32_t window = find_window(v, &victim);
	size_t n = 0;

	*ret = (struct victim_window){0};
	if (window == NONE)
		return;
	for (uint64_t p = v->windows[window].first; p != 0; p = record(v, p)->next) {
		const struct record *c = record(v, p);

		ret->waiting += c->waits;
		if (now_ns - c->begin_ns > v->window_ns)
			continue;
		ret->open = true;
		if (c->quiet)
			v->controllers[n++] = c->controller;
	}
	qsort(v->controllers, n, sizeof(*v->controllers), compare_addresses);
	ret->controllers = distinct(v->controllers, n);
}
