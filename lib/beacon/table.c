#include "beacon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

struct key {
	struct ip_addr victim, controller;
	uint16_t port; // the controller's
	uint8_t proto;
	uint8_t kind;
};

struct series {
	struct key key;
	struct beacon beacon;
	struct series *next;       // in its chain
	TAILQ_ENTRY(series) place; // in `young` or `known`, the latest beat first
};

TAILQ_HEAD(list, series);

struct beacon_table {
	struct series *all;
	size_t max, n, n_young;
	struct list young, known; // with one beat, with more
	struct series **chains;
	size_t mask;
	uint64_t salt, overflow;
};

int
beacon_build(size_t max, struct beacon_table **ret)
{
	struct beacon_table *t = calloc(1, sizeof(*t));
	size_t chains = 16;

	if (t == NULL)
		return -ENOMEM;
	while (chains < max)
		chains *= 2;
	t->max = max;
	t->mask = chains - 1;
	TAILQ_INIT(&t->young);
	TAILQ_INIT(&t->known);
	t->all = calloc(max, sizeof(*t->all)); // touched as it fills
	t->chains = calloc(chains, sizeof(struct series *));
	if (t->all == NULL || t->chains == NULL || getrandom(&t->salt, sizeof(t->salt), 0) != sizeof(t->salt)) {
		beacon_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void
beacon_free(struct beacon_table *t)
{
	if (t == NULL)
		return;
	free(t->all);
	free(t->chains);
	free(t);
}

uint64_t
beacon_overflow(const struct beacon_table *t)
{
	return t->overflow;
}

static struct series **
chain_of(const struct beacon_table *t, const struct key *k)
{
	uint64_t rest = (uint64_t)k->port << 16 | (uint64_t)k->proto << 8 | k->kind;

	return &t->chains[ip_hash(&k->victim, ip_hash(&k->controller, t->salt + rest)) & t->mask];
}

static bool
is_key(const struct key *a, const struct key *b)
{
	return a->port == b->port && a->proto == b->proto && a->kind == b->kind && ip_equal(&a->victim, &b->victim) &&
	       ip_equal(&a->controller, &b->controller);
}

static struct series *
find(const struct beacon_table *t, const struct key *k)
{
	struct series *s = *chain_of(t, k);

	while (s != NULL && !is_key(&s->key, k))
		s = s->next;
	return s;
}

static void
leave_list(struct beacon_table *t, struct series *s)
{
	bool young = s->beacon.n == 1;

	TAILQ_REMOVE(young ? &t->young : &t->known, s, place);
	t->n_young -= young;
}

static void
enter_list(struct beacon_table *t, struct series *s)
{
	bool young = s->beacon.n == 1;

	TAILQ_INSERT_HEAD(young ? &t->young : &t->known, s, place);
	t->n_young += young;
}

// The place of one that has to leave.
static struct series *
make_room(struct beacon_table *t)
{
	bool young = t->n_young > t->max / 4 || TAILQ_EMPTY(&t->known);
	struct series *s = young ? TAILQ_LAST(&t->young, list) : TAILQ_LAST(&t->known, list);
	struct series **at = chain_of(t, &s->key);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	leave_list(t, s);
	t->overflow++;
	return s;
}

static void
begin(struct beacon_table *t, const struct key *k, int64_t ns, uint32_t chain)
{
	struct series *s = t->n < t->max ? &t->all[t->n++] : make_room(t), **at = chain_of(t, k);

	*s = (struct series){.key = *k, .next = *at};
	*at = s;
	beacon_add(&s->beacon, ns, chain);
	enter_list(t, s);
}

static void
beat(struct beacon_table *t, const struct key *k, int64_t ns, uint32_t chain)
{
	struct series *s = find(t, k);

	if (s == NULL) {
		begin(t, k, ns, chain);
		return;
	}
	leave_list(t, s);
	beacon_add(&s->beacon, ns, chain);
	enter_list(t, s);
}

static struct key
key_of(const struct contact_report *r, enum beacon_kind kind)
{
	return (struct key){r->ends[0].addr, r->ends[1].addr, r->ends[1].port, r->proto, (uint8_t)kind};
}

void
beacon_note(struct beacon_table *t, const struct contact_report *r)
{
	const struct key sessions = key_of(r, BEACON_SESSIONS), keep_alives = key_of(r, BEACON_KEEP_ALIVES);

	if (r->portless)
		return;
	if (r->now_opener && r->opener == CONTACT_VICTIM)
		beat(t, &sessions, r->first_ns, 0);
	if (r->keep_alive_ns != 0)
		beat(t, &keep_alives, r->keep_alive_ns, (uint32_t)r->id);
}

static struct beacon_result
result(const struct beacon_table *t, const struct contact_report *r, enum beacon_kind kind)
{
	const struct key key = key_of(r, kind);
	const struct series *s = find(t, &key);
	struct beacon_result known = {0};

	if (s != NULL && beacon_measure(&s->beacon, &known))
		known.of = kind;
	return known;
}

struct beacon_result
beacon_of(const struct beacon_table *t, const struct contact_report *r)
{
	struct beacon_result sessions, keep_alives;

	if (r->portless)
		return (struct beacon_result){0};
	sessions = result(t, r, BEACON_SESSIONS);
	keep_alives = result(t, r, BEACON_KEEP_ALIVES);
	return beacon_is_more_regular(&keep_alives, &sessions) ? keep_alives : sessions;
}
