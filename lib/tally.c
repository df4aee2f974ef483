#include "tally.h"

#include "victim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_S 3600
#define DAY_S  86400

const char *
tally_counter_name(enum tally_counter c)
{
	static const char *const names[TALLY_COUNTERS] = {
		"contacts", "attempts", "answered",    "two_way",    "inbound",   "inbound_answered",
		"exact",    "active",   "packets_out", "packets_in", "bytes_out", "bytes_in",
	};

	return names[c];
}

// A table: records in an array, and an index by key -----------------------------------------------------------------------------------

struct table {
	size_t size; // of a record
	char *records;
	size_t n, max;
	uint32_t *places; // record + 1; 0: free
	size_t n_places;
	uint64_t (*hash)(const void *record);
	bool (*same)(const void *a, const void *b); // the same key
	int (*order)(const void *a, const void *b);
};

static void *
at(const struct table *t, size_t i)
{
	return t->records + i * t->size;
}

static uint32_t *
place_of(const struct table *t, const void *key)
{
	size_t i = t->hash(key) & (t->n_places - 1);

	while (t->places[i] != 0 && !t->same(at(t, t->places[i] - 1), key))
		i = (i + 1) & (t->n_places - 1);
	return &t->places[i];
}

static int
index_again(struct table *t, size_t n_places)
{
	uint32_t *places = calloc(n_places, sizeof(*places));

	if (places == NULL)
		return -ENOMEM;
	free(t->places);
	t->places = places;
	t->n_places = n_places;
	for (size_t i = 0; i < t->n; i++)
		*place_of(t, at(t, i)) = (uint32_t)i + 1;
	return 0;
}

// Room for one more record, so that what follows cannot fail.
static int
reserve(struct table *t)
{
	size_t max = t->max == 0 ? 64 : t->max * 2;
	char *grown;

	if (t->n * 2 >= t->n_places && index_again(t, t->n_places == 0 ? 128 : t->n_places * 2) < 0)
		return -ENOMEM;
	if (t->n < t->max)
		return 0;
	if ((grown = reallocarray(t->records, max, t->size)) == NULL)
		return -ENOMEM;
	t->records = grown;
	t->max = max;
	return 0;
}

// The record with this key; a new one is a copy of `key`. After reserve.
static void *
get(struct table *t, const void *key, bool *ret_new)
{
	uint32_t *place = place_of(t, key);

	*ret_new = *place == 0;
	if (*place == 0) {
		memcpy(at(t, t->n), key, t->size);
		*place = (uint32_t)++t->n;
	}
	return at(t, *place - 1);
}

static void
clear(struct table *t)
{
	t->n = 0;
	if (t->places != NULL)
		memset(t->places, 0, t->n_places * sizeof(*t->places));
}

// Sorted in place, so the index is made anew. When memory lacks for that the old one is kept and refilled.
static size_t
sorted(struct table *t, const void **ret)
{
	if (t->n > 0) {
		qsort(t->records, t->n, t->size, t->order);
		memset(t->places, 0, t->n_places * sizeof(*t->places));
		for (size_t i = 0; i < t->n; i++)
			*place_of(t, at(t, i)) = (uint32_t)i + 1;
	}
	*ret = t->records;
	return t->n;
}

// Keys ---------------------------------------------------------------------------------------------------------------------------

static int
compare_names(name_id a, name_id b)
{
	return a == b ? 0 : strcmp(names_text(a), names_text(b));
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static uint64_t
cell_hash(const void *record)
{
	const struct tally_cell *c = record;

	return ip_hash(&c->controller,
		       ((uint64_t)c->org << 32 | c->family) + ((uint64_t)c->hour << 8 | c->lane) * 0x9E3779B97F4A7C15u);
}

static int
cell_order(const void *a, const void *b)
{
	const struct tally_cell *x = a, *y = b;
	int order;

	if ((order = compare_names(x->org, y->org)) != 0 || (order = ip_compare(&x->controller, &y->controller)) != 0 ||
	    (order = compare_names(x->family, y->family)) != 0 || (order = compare_numbers(x->lane, y->lane)) != 0)
		return order;
	return compare_numbers(x->hour, y->hour);
}

static bool
cell_same(const void *a, const void *b)
{
	return cell_order(a, b) == 0;
}

static uint64_t
org_hash(const void *record)
{
	const struct tally_org *o = record;

	return o->facts.id * UINT64_C(0x9E3779B97F4A7C15) >> 20;
}

static int
org_order(const void *a, const void *b)
{
	return compare_names(((const struct tally_org *)a)->facts.id, ((const struct tally_org *)b)->facts.id);
}

static bool
org_same(const void *a, const void *b)
{
	return org_order(a, b) == 0;
}

static uint64_t
controller_hash(const void *record)
{
	return ip_hash(&((const struct tally_controller *)record)->addr, 0);
}

static int
controller_order(const void *a, const void *b)
{
	return ip_compare(&((const struct tally_controller *)a)->addr, &((const struct tally_controller *)b)->addr);
}

static bool
controller_same(const void *a, const void *b)
{
	return controller_order(a, b) == 0;
}

static uint64_t
pair_hash(const void *record)
{
	const struct tally_pair *p = record;

	return ip_hash(&p->controller, p->org);
}

static int
pair_order(const void *a, const void *b)
{
	const struct tally_pair *x = a, *y = b;
	int order = compare_names(x->org, y->org);

	return order != 0 ? order : ip_compare(&x->controller, &y->controller);
}

static bool
pair_same(const void *a, const void *b)
{
	return pair_order(a, b) == 0;
}

static uint64_t
victim_hash(const void *record)
{
	const struct tally_victim *v = record;

	return ip_hash(&v->victim.addr,
		       ip_hash(&v->controller, (uint64_t)v->org << 32 | v->day) + v->family * 8u + v->lane);
}

static int
victim_order(const void *a, const void *b)
{
	const struct tally_victim *x = a, *y = b;
	int order;

	if ((order = compare_names(x->org, y->org)) != 0 || (order = ip_compare(&x->controller, &y->controller)) != 0 ||
	    (order = compare_names(x->family, y->family)) != 0 || (order = compare_numbers(x->lane, y->lane)) != 0 ||
	    (order = compare_numbers(x->day, y->day)) != 0)
		return order;
	return ip_compare(&x->victim.addr, &y->victim.addr);
}

static bool
victim_same(const void *a, const void *b)
{
	return victim_order(a, b) == 0;
}

// Where several contacts give different values and any would do, the least is kept: the order of the reports must not show.
static name_id
lesser_name(name_id a, name_id b)
{
	return compare_names(a, b) <= 0 ? a : b;
}

// Tally --------------------------------------------------------------------------------------------------------------------------

enum { CELLS, ORGS, CONTROLLERS, PAIRS, VICTIMS, TABLES };

struct tally {
	struct table tables[TABLES];
	struct tally_counts totals;
	uint64_t victims_left_out;
};

int
tally_build(struct tally **ret)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->tables[CELLS] = (struct table){.size = sizeof(struct tally_cell),
					  .hash = cell_hash,
					  .same = cell_same,
					  .order = cell_order};
	t->tables[ORGS] = (struct table){.size = sizeof(struct tally_org),
					 .hash = org_hash,
					 .same = org_same,
					 .order = org_order};
	t->tables[CONTROLLERS] = (struct table){.size = sizeof(struct tally_controller),
						.hash = controller_hash,
						.same = controller_same,
						.order = controller_order};
	t->tables[PAIRS] = (struct table){.size = sizeof(struct tally_pair),
					  .hash = pair_hash,
					  .same = pair_same,
					  .order = pair_order};
	t->tables[VICTIMS] = (struct table){.size = sizeof(struct tally_victim),
					    .hash = victim_hash,
					    .same = victim_same,
					    .order = victim_order};
	*ret = t;
	return 0;
}

void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < TABLES; i++) {
		free(t->tables[i].records);
		free(t->tables[i].places);
	}
	free(t);
}

void
tally_clear(struct tally *t)
{
	for (int i = 0; i < TABLES; i++)
		clear(&t->tables[i]);
	t->totals = (struct tally_counts){0};
	t->victims_left_out = 0;
}

bool
tally_empty(const struct tally *t)
{
	return t->tables[CELLS].n == 0;
}

uint64_t
tally_victims_left_out(const struct tally *t)
{
	return t->victims_left_out;
}

const struct tally_counts *
tally_totals(const struct tally *t)
{
	return &t->totals;
}

static bool
opened_by(const struct contact_report *r, unsigned end)
{
	return r->opener != CONTACT_UNKNOWN && (r->opener == CONTACT_VICTIM ? 0u : 1u) == end;
}

// Families whose controllers connect to their victims are counted like the rest: for them that connection is the attempt.
static bool
is_inbound(const struct contact_report *r, unsigned controller)
{
	return opened_by(r, controller) && !r->ends[controller].match.connects_in;
}

void
tally_count(const struct contact_report *r, unsigned victim, unsigned controller, struct tally_counts *ret)
{
	bool inbound = is_inbound(r, controller);
	uint64_t *n = ret->n;

	memset(ret, 0, sizeof(*ret));
	n[TALLY_PACKETS_OUT] = r->packets[victim];
	n[TALLY_PACKETS_IN] = r->packets[controller];
	n[TALLY_BYTES_OUT] = r->bytes[victim];
	n[TALLY_BYTES_IN] = r->bytes[controller];
	if (r->portless)
		return;
	n[TALLY_CONTACTS] = r->born;
	n[TALLY_EXACT] = r->born && r->ends[controller].match.exact;
	n[TALLY_ACTIVE] = r->active;
	n[inbound ? TALLY_INBOUND : TALLY_ATTEMPTS] = r->now_opener;
	n[inbound ? TALLY_INBOUND_ANSWERED : TALLY_ANSWERED] = r->now_answered;
	n[TALLY_TWO_WAY] = r->now_two_way && !inbound;
}

static void
add_counts(struct tally_counts *to, const struct tally_counts *n)
{
	for (int c = 0; c < TALLY_COUNTERS; c++)
		to->n[c] += n->n[c];
}

// Lowest and highest time; `fresh` begins anew.
static void
span(bool fresh, int64_t first, int64_t last, int64_t *ret_first, int64_t *ret_last)
{
	if (fresh || first < *ret_first)
		*ret_first = first;
	if (fresh || last > *ret_last)
		*ret_last = last;
}

static void
add_cell(struct tally *t, const struct tally_entry *e, const struct tally_counts *n)
{
	struct tally_cell key = {.org = e->org.id,
				 .controller = e->report->ends[e->controller].addr,
				 .family = e->report->ends[e->controller].match.family,
				 .lane = e->lane,
				 .hour = e->report->hour};
	struct tally_cell *cell;
	bool fresh;

	cell = get(&t->tables[CELLS], &key, &fresh);
	add_counts(&cell->counts, n);
}

// Databases give one AS several names and countries, and two records of one name different attributions: which of them stands must not depend on
// who came first. The attribution that says less does.
static bool
stands_before(const struct org_facts *a, const struct org_facts *b)
{
	int order;

	if (a->attribution != b->attribution)
		return a->attribution > b->attribution;
	if ((order = strcmp(names_text(a->name), names_text(b->name))) != 0)
		return order < 0;
	return strcmp(names_text(a->country), names_text(b->country)) < 0;
}

static void
add_org(struct tally *t, const struct tally_entry *e)
{
	const struct contact_report *r = e->report;
	struct tally_org key = {.facts = e->org}, *o;
	bool fresh;

	o = get(&t->tables[ORGS], &key, &fresh);
	if (fresh || !stands_before(&o->facts, &e->org))
		o->facts = e->org;
	span(fresh, r->first_ns, r->last_ns, &o->first_ns, &o->last_ns);
	if (!e->suspected)
		return;
	span(!o->suspected, r->first_ns, r->last_ns, &o->suspected_first_ns, &o->suspected_last_ns);
	o->suspected = true;
}

static void
add_controller(struct tally *t, const struct tally_entry *e)
{
	const struct contact_report *r = e->report;
	const struct contact_end *end = &r->ends[e->controller];
	struct tally_controller key = {.addr = end->addr, .match = end->match, .network = e->network}, *c;
	bool fresh;

	c = get(&t->tables[CONTROLLERS], &key, &fresh);
	if (end->match.generation > c->match.generation) {
		c->match = end->match;
		c->network = e->network;
	}
	if (end->match.confidence > c->match.confidence)
		c->match.confidence = end->match.confidence;
	span(fresh, r->first_ns, r->last_ns, &c->first_ns, &c->last_ns);
	c->suspected |= e->suspected;
}

static void
add_pair(struct tally *t, const struct tally_entry *e)
{
	const struct contact_report *r = e->report;
	const struct contact_end *end = &r->ends[e->controller];
	struct tally_pair key = {.org = e->org.id,
				 .controller = end->addr,
				 .family = end->match.family,
				 .families = end->match.families,
				 .feeds = end->match.feeds,
				 .lane = e->lane,
				 .reason = e->reason},
			  *p;
	bool fresh;

	p = get(&t->tables[PAIRS], &key, &fresh);
	p->exact |= end->match.exact;
	p->suspected |= e->suspected;
	if (r->evidence > p->evidence)
		p->evidence = r->evidence;
	p->family = lesser_name(p->family, end->match.family);
	if (e->lane > p->lane) {
		p->lane = e->lane;
		p->reason = e->reason;
	} else if (e->lane == p->lane) {
		p->reason = lesser_name(p->reason, e->reason);
	}
	span(fresh, r->first_ns, r->last_ns, &p->first_ns, &p->last_ns);
}

static enum contact_opener
opener_seen_from(const struct contact_report *r, unsigned victim)
{
	if (r->opener == CONTACT_UNKNOWN)
		return CONTACT_UNKNOWN;
	return opened_by(r, victim) ? CONTACT_VICTIM : CONTACT_CONTROLLER;
}

static struct flow_tunnel
tunnel_of(const struct contact_report *r, unsigned victim)
{
	return r->tunnels[r->tunnels[victim].n > 0 ? victim : 1 - victim];
}

static bool
is_left_out(const struct tally *t, const struct tally_victim *key, const struct contact_report *r)
{
	const struct table *victims = &t->tables[VICTIMS];

	return r->evidence == CONTACT_ATTEMPT && victims->n >= TALLY_VICTIMS_MAX && *place_of(victims, key) == 0;
}

static void
add_victim(struct tally *t, const struct tally_entry *e)
{
	const struct contact_report *r = e->report;
	bool packets =
		r->packets[0] + r->packets[1] > 0; // an end that was found later brings none, and no times of its own
	const struct contact_end *end = &r->ends[e->controller];
	struct tally_victim key = {.org = e->org.id,
				   .controller = end->addr,
				   .victim = victim_identity(&r->ends[e->victim].addr, e->victim_prefix6),
				   .family = end->match.family,
				   .lane = e->lane,
				   .day = r->hour / (DAY_S / HOUR_S),
				   .controller_port = end->port,
				   .proto = r->proto,
				   .opener = opener_seen_from(r, e->victim),
				   .feeds = end->match.feeds,
				   .reason = e->reason,
				   .tunnel = tunnel_of(r, e->victim)},
			    *v;
	bool fresh;

	if (is_left_out(t, &key, r)) {
		t->victims_left_out++;
		return;
	}
	v = get(&t->tables[VICTIMS], &key, &fresh);
	if (end->port < v->controller_port)
		v->controller_port = end->port;
	if (r->proto < v->proto)
		v->proto = r->proto;
	if (key.opener < v->opener)
		v->opener = key.opener;
	v->reason = lesser_name(v->reason, e->reason);
	if (memcmp(&key.tunnel, &v->tunnel, sizeof(key.tunnel)) < 0)
		v->tunnel = key.tunnel;
	if (end->match.generation > v->generation)
		v->generation = end->match.generation;
	if (beacon_is_more_regular(&e->beacon, &v->beacon))
		v->beacon = e->beacon;
	v->exact |= end->match.exact;
	v->both_listed |= r->ends[0].match.listed && r->ends[1].match.listed;
	v->suspected |= e->suspected;
	if (r->evidence > v->evidence)
		v->evidence = r->evidence;
	span(fresh, packets ? r->hour_first_ns : r->last_ns, packets ? r->hour_last_ns : r->last_ns, &v->first_ns,
	     &v->last_ns);
}

int
tally_add(struct tally *t, const struct tally_entry *e)
{
	struct tally_counts n;

	for (int i = 0; i < TABLES; i++)
		if (reserve(&t->tables[i]) < 0)
			return -ENOMEM;
	tally_count(e->report, e->victim, e->controller, &n);
	if (!e->repeat)
		add_counts(&t->totals, &n);
	add_cell(t, e, &n);
	add_org(t, e);
	add_controller(t, e);
	add_pair(t, e);
	if (!e->report->coarse) // of many victims
		add_victim(t, e);
	return 0;
}

#define LIST(name, type, table)                                                                                        \
	size_t name(struct tally *t, const struct type **ret)                                                          \
	{                                                                                                              \
		const void *records;                                                                                   \
		size_t n = sorted(&t->tables[table], &records);                                                        \
                                                                                                                       \
		*ret = records;                                                                                        \
		return n;                                                                                              \
	}

LIST(tally_cells, tally_cell, CELLS)
LIST(tally_orgs, tally_org, ORGS)
LIST(tally_controllers, tally_controller, CONTROLLERS)
LIST(tally_pairs, tally_pair, PAIRS)
LIST(tally_victims, tally_victim, VICTIMS)
