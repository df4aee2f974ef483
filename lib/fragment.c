#include "fragment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct datagram {
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t proto;
	bool used;
	bool contradicted;
	bool complete; // only copies of its fragments are still to come
	uint16_t sport, dport;
	uint32_t first_end;  // of the first fragment's bytes
	uint32_t got, whole; // bytes seen; the length when the last fragment was seen
	int64_t seen_ns;
	struct flow_match match[2];
};

struct fragment_cache {
	uint64_t salt, mask; // of sets
	struct datagram *places;
};

int
fragment_build(size_t places, struct fragment_cache **ret)
{
	struct fragment_cache *c = calloc(1, sizeof(*c));
	size_t sets = 1;

	if (c == NULL)
		return -ENOMEM;
	while (sets * FRAGMENT_WAYS < places)
		sets *= 2;
	c->mask = sets - 1;
	c->places = calloc(sets * FRAGMENT_WAYS, sizeof(*c->places));
	if (c->places == NULL || getrandom(&c->salt, sizeof(c->salt), 0) != sizeof(c->salt)) {
		fragment_free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void
fragment_free(struct fragment_cache *c)
{
	if (c == NULL)
		return;
	free(c->places);
	free(c);
}

static struct datagram *
set_of(const struct fragment_cache *c, const struct flow *f)
{
	uint64_t h = ip_hash(&f->src, c->salt ^ f->fragment_id);

	h = ip_hash(&f->dst, h ^ f->proto);
	return &c->places[(h & c->mask) * FRAGMENT_WAYS];
}

static bool
is_of(const struct datagram *d, const struct flow *f)
{
	return d->used && d->id == f->fragment_id && d->proto == f->proto && ip_equal(&d->src, &f->src) &&
	       ip_equal(&d->dst, &f->dst);
}

static bool
makes_room_before(const struct datagram *a, const struct datagram *b)
{
	return a->complete != b->complete ? a->complete : a->seen_ns < b->seen_ns;
}

// The entry of the fragment's datagram, or else the place for a new one: then it is not of this datagram (is_of).
static struct datagram *
find(const struct fragment_cache *c, const struct flow *f)
{
	struct datagram *set = set_of(c, f), *oldest = set;

	for (unsigned i = 0; i < FRAGMENT_WAYS; i++) {
		struct datagram *d = &set[i];

		if (d->used && f->time_ns - d->seen_ns > FRAGMENT_LIFE_NS)
			d->used = false;
		if (is_of(d, f))
			return d;
		if (oldest->used && (!d->used || makes_room_before(d, oldest)))
			oldest = d;
	}
	return oldest;
}

static void
keep(struct datagram *d, const struct flow *f, const struct flow_match match[2])
{
	*d = (struct datagram){
		.src = f->src,
		.dst = f->dst,
		.id = f->fragment_id,
		.proto = f->proto,
		.used = true,
		.sport = f->sport,
		.dport = f->dport,
		.first_end = f->fragment_end,
		.got = f->fragment_end,
		.seen_ns = f->time_ns,
		.match = {match[0], match[1]},
	};
}

// A copy of the first fragment says the same; anything else is a contradiction, or the next datagram with this identification.
static enum fragment_result
meet_first(struct datagram *d, const struct flow *f, const struct flow_match match[2])
{
	if (d->complete) {
		keep(d, f, match);
		return FRAGMENT_FIRST;
	}
	if (d->sport == f->sport && d->dport == f->dport && d->first_end == f->fragment_end)
		return FRAGMENT_FIRST;
	d->contradicted = true;
	return FRAGMENT_OVERLAP;
}

static enum fragment_result
meet_later(struct datagram *d, struct flow *f, struct flow_match match[2])
{
	if (f->fragment_at < d->first_end) {
		d->contradicted = true;
		return FRAGMENT_OVERLAP;
	}
	if (d->contradicted)
		return FRAGMENT_UNRESOLVED;
	f->sport = d->sport;
	f->dport = d->dport;
	f->portless = false;
	memcpy(match, d->match, sizeof(d->match));
	d->got += f->fragment_end - f->fragment_at;
	if (f->fragment_last)
		d->whole = f->fragment_end;
	d->complete |= d->whole != 0 && d->got >= d->whole;
	return FRAGMENT_RESOLVED;
}

enum fragment_result
fragment_follow(struct fragment_cache *c, struct flow *f, struct flow_match match[2])
{
	struct datagram *d = find(c, f);

	if (f->fragment_at == 0 && f->portless)
		return FRAGMENT_UNRESOLVED; // tiny, or not captured
	if (!is_of(d, f)) {
		if (f->fragment_at > 0)
			return FRAGMENT_UNRESOLVED;
		keep(d, f, match);
		return FRAGMENT_FIRST;
	}
	return f->fragment_at == 0 ? meet_first(d, f, match) : meet_later(d, f, match);
}
