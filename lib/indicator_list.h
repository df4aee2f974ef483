// indicator_list: millions of indicators in little memory, sorted by indicator_compare.
//
// One IPv4 address takes 28 bytes with all that a look-up answers, anything else 48: family, feed and protocol are one number, an index into
// the list's own table of sources, and times are 32 bits (until 2106). Readers of lists add, indicator_list_sort sorts and joins repeats, the
// indicator set takes the whole list over. Sorting is in place: a list of ten million must not need its size twice.
//
// A zeroed struct is an empty list; indicator_list_free empties it again. One thread, but for the flags of a published list
// (indicator_row_flags, indicator_row_remove), which are read and written as an atomic.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indicator.h"

struct indicator_row {                           // what is known of one address or prefix, from one line
	uint32_t first_seen, last_seen, expires; // epoch seconds; 0: unknown, unknown, never
	uint32_t line;
	uint32_t source; // index into sources
	uint16_t port;   // host byte order
	uint8_t flags;   // INDICATOR_*
	uint8_t confidence;
};

struct indicator_row4 { // one IPv4 address
	uint32_t addr;  // host byte order, so that it sorts by value
	struct indicator_row row;
};

struct indicator_row6 { // an IPv6 address, or a prefix of either family
	struct ip_prefix prefix;
	struct indicator_row row;
};

struct indicator_source {
	name_id family, feed;
	uint8_t proto;
};

struct indicator_list {
	struct indicator_row4 *rows4;
	struct indicator_row6 *rows6;
	struct indicator_source *sources;
	uint32_t *source_places;            // open addressing: index into sources + 1
	size_t n4, n6, n_sources, n_places; // in use
	size_t max4, max6, max_sources;     // allocated
};

static inline size_t
indicator_list_count(const struct indicator_list *l)
{
	return l->n4 + l->n6;
}

// Both 0 or -ENOMEM, and then the list is as it was. Append copies.
int indicator_list_add(struct indicator_list *, const struct indicator *);
int indicator_list_append(struct indicator_list *, const struct indicator_list *from);
// Only those that this feed names, which is called `as` from now on; only the others. From a set in force: what was taken out of it
// (indicator_row_remove) is as it was before.
int indicator_list_append_feed(struct indicator_list *, const struct indicator_list *from, name_id feed, name_id as);
int indicator_list_append_others(struct indicator_list *, const struct indicator_list *from, name_id feed);

void indicator_list_free(struct indicator_list *);

// Sorts, and joins those that agree in everything but dates, flags and confidence: what both know is kept. Returns how many were joined.
size_t indicator_list_sort(struct indicator_list *);

// Keeps those that have not expired at `now` (epoch seconds). Returns how many went.
size_t indicator_list_prune(struct indicator_list *, int64_t now);

// Number i of the list: IPv4 addresses first, then the others.
void indicator_list_get(const struct indicator_list *, size_t i, struct indicator *ret);

// Of sorted lists: how many addresses and prefixes are in b and not in a, and in a and not in b. What INDICATOR_REMOVED takes out is in neither.
void indicator_list_compare(const struct indicator_list *a, const struct indicator_list *b, size_t *ret_added,
			    size_t *ret_removed);

// Of a sorted list: the distinct addresses and prefixes in it.
size_t indicator_list_entries(const struct indicator_list *);

void indicator_list_flag(struct indicator_list *, size_t i, uint8_t flag, bool set);

static inline const struct indicator_row *
indicator_list_row(const struct indicator_list *l, size_t i)
{
	return i < l->n4 ? &l->rows4[i].row : &l->rows6[i - l->n4].row;
}

// Of a sorted list: whether i and i + 1 are of the same address or prefix.
static inline bool
indicator_list_goes_on(const struct indicator_list *l, size_t i)
{
	const struct indicator_row6 *r;

	if (i + 1 < l->n4)
		return l->rows4[i].addr == l->rows4[i + 1].addr;
	if (i < l->n4 || i + 1 >= l->n4 + l->n6)
		return false;
	r = &l->rows6[i - l->n4];
	return r[0].prefix.len == r[1].prefix.len && ip_equal(&r[0].prefix.addr, &r[1].prefix.addr);
}

static inline bool
indicator_row_expired(const struct indicator_row *r, int64_t now)
{
	return r->expires != 0 && now >= (int64_t)r->expires;
}

// Any thread. Relaxed: the flags alone are wanted, and a packet a moment earlier or later does not matter.
static inline uint8_t
indicator_row_flags(const struct indicator_row *r)
{
	return __atomic_load_n(&r->flags, __ATOMIC_RELAXED);
}

// From now on it takes its address or prefix out, for whoever looks. One thread at a time.
static inline void
indicator_row_remove(struct indicator_row *r)
{
	__atomic_store_n(&r->flags, r->flags | INDICATOR_REMOVED, __ATOMIC_RELAXED);
}
