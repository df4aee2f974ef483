#include "indicator_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Sources ----------------------------------------------------------------------------------------------------------------------

static uint32_t *
source_place(const struct indicator_list *l, const struct indicator_source *s)
{
	uint64_t h = ((uint64_t)s->family << 32 | s->feed) + s->proto * UINT64_C(0x9E3779B97F4A7C15);
	size_t i;

	h *= UINT64_C(0xD6E8FEB86659FD93);
	for (i = (h >> 32) & (l->n_places - 1); l->source_places[i] != 0; i = (i + 1) & (l->n_places - 1)) {
		const struct indicator_source *there = &l->sources[l->source_places[i] - 1];

		if (there->family == s->family && there->feed == s->feed && there->proto == s->proto)
			break;
	}
	return &l->source_places[i];
}

static int
grow_places(struct indicator_list *l)
{
	size_t n = l->n_places == 0 ? 64 : l->n_places * 2;
	uint32_t *grown = calloc(n, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	free(l->source_places);
	l->source_places = grown;
	l->n_places = n;
	for (size_t i = 0; i < l->n_sources; i++)
		*source_place(l, &l->sources[i]) = (uint32_t)i + 1;
	return 0;
}

static void *
room_for(void *array, size_t n, size_t *max, size_t size)
{
	size_t wanted = *max == 0 ? 64 : *max * 2;
	void *grown;

	if (n < *max)
		return array;
	if ((grown = reallocarray(array, wanted, size)) != NULL)
		*max = wanted;
	return grown;
}

static int
find_source(struct indicator_list *l, const struct indicator_source *s, uint32_t *ret)
{
	struct indicator_source *sources;
	uint32_t *place;

	if (l->n_sources * 2 >= l->n_places && grow_places(l) < 0)
		return -ENOMEM;
	place = source_place(l, s);
	if (*place == 0) {
		if ((sources = room_for(l->sources, l->n_sources, &l->max_sources, sizeof(*sources))) == NULL)
			return -ENOMEM;
		l->sources = sources;
		l->sources[l->n_sources++] = *s;
		*place = (uint32_t)l->n_sources;
	}
	*ret = *place - 1;
	return 0;
}

// Rows -------------------------------------------------------------------------------------------------------------------------

static uint32_t
to_time(int64_t t)
{
	return t < 0 ? 1 : t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

static uint32_t
to_v4(const struct ip_addr *a)
{
	return (uint32_t)a->bytes[12] << 24 | (uint32_t)a->bytes[13] << 16 | (uint32_t)a->bytes[14] << 8 | a->bytes[15];
}

static int
put4(struct indicator_list *l, uint32_t addr, const struct indicator_row *row)
{
	struct indicator_row4 *rows = room_for(l->rows4, l->n4, &l->max4, sizeof(*rows));

	if (rows == NULL)
		return -ENOMEM;
	l->rows4 = rows;
	rows[l->n4++] = (struct indicator_row4){addr, *row};
	return 0;
}

static int
put6(struct indicator_list *l, const struct ip_prefix *p, const struct indicator_row *row)
{
	struct indicator_row6 *rows = room_for(l->rows6, l->n6, &l->max6, sizeof(*rows));

	if (rows == NULL)
		return -ENOMEM;
	l->rows6 = rows;
	rows[l->n6++] = (struct indicator_row6){*p, *row};
	return 0;
}

int
indicator_list_add(struct indicator_list *l, const struct indicator *in)
{
	struct indicator_source source = {.family = in->family, .feed = in->feed, .proto = in->proto};
	struct indicator_row row = {
		.first_seen = to_time(in->first_seen),
		.last_seen = to_time(in->last_seen),
		.expires = to_time(in->expires),
		.line = in->line,
		.port = in->port,
		.flags = in->flags,
		.confidence = in->confidence,
	};

	if (find_source(l, &source, &row.source) < 0)
		return -ENOMEM;
	if (in->prefix.len == 128 && ip_is_v4(&in->prefix.addr))
		return put4(l, to_v4(&in->prefix.addr), &row);
	return put6(l, &in->prefix, &row);
}

void
indicator_list_get(const struct indicator_list *l, size_t i, struct indicator *ret)
{
	const struct indicator_row *row = indicator_list_row(l, i);
	const struct indicator_source *source = &l->sources[row->source];

	*ret = (struct indicator){
		.port = row->port,
		.proto = source->proto,
		.flags = indicator_row_flags(row),
		.confidence = row->confidence,
		.family = source->family,
		.feed = source->feed,
		.line = row->line,
		.first_seen = row->first_seen,
		.last_seen = row->last_seen,
		.expires = row->expires,
	};
	if (i < l->n4) {
		uint32_t addr = __builtin_bswap32(l->rows4[i].addr);

		ret->prefix = (struct ip_prefix){ip_from_v4(&addr), 128};
	} else {
		ret->prefix = l->rows6[i - l->n4].prefix;
	}
}

struct choice { // which rows to append
	enum { ALL, OF_FEED, OF_OTHERS } which;
	name_id feed;
	name_id as; // OF_FEED: its name in the other list
};

static bool
is_chosen(const struct choice *c, const struct indicator_source *s)
{
	return c->which == ALL || (s->feed == c->feed) == (c->which == OF_FEED);
}

// Where each chosen source of `from` stands in l. NULL: no memory.
static uint32_t *
map_sources(struct indicator_list *l, const struct indicator_list *from, const struct choice *choice)
{
	uint32_t *map = calloc(from->n_sources + 1, sizeof(*map));

	for (size_t i = 0; map != NULL && i < from->n_sources; i++) {
		struct indicator_source source = from->sources[i];

		if (!is_chosen(choice, &source))
			continue;
		if (choice->which == OF_FEED)
			source.feed = choice->as;
		if (find_source(l, &source, &map[i]) < 0) {
			free(map);
			return NULL;
		}
	}
	return map;
}

static int
append_rows(struct indicator_list *l, const struct indicator_list *from, const uint32_t *map,
	    const struct choice *choice)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < indicator_list_count(from); i++) {
		struct indicator_row row = *indicator_list_row(from, i);

		if (!is_chosen(choice, &from->sources[row.source]))
			continue;
		row.source = map[row.source];
		if (choice->which != ALL)
			row.flags &= (uint8_t)~INDICATOR_REMOVED;
		err = i < from->n4 ? put4(l, from->rows4[i].addr, &row)
				   : put6(l, &from->rows6[i - from->n4].prefix, &row);
	}
	return err;
}

static int
append(struct indicator_list *l, const struct indicator_list *from, struct choice choice)
{
	uint32_t *map = map_sources(l, from, &choice);
	size_t n4 = l->n4, n6 = l->n6;
	int err;

	if (map == NULL)
		return -ENOMEM;
	if ((err = append_rows(l, from, map, &choice)) < 0) {
		l->n4 = n4;
		l->n6 = n6;
	}
	free(map);
	return err;
}

int
indicator_list_append(struct indicator_list *l, const struct indicator_list *from)
{
	return append(l, from, (struct choice){.which = ALL});
}

int
indicator_list_append_feed(struct indicator_list *l, const struct indicator_list *from, name_id feed, name_id as)
{
	return append(l, from, (struct choice){.which = OF_FEED, .feed = feed, .as = as});
}

int
indicator_list_append_others(struct indicator_list *l, const struct indicator_list *from, name_id feed)
{
	return append(l, from, (struct choice){.which = OF_OTHERS, .feed = feed});
}

void
indicator_list_flag(struct indicator_list *l, size_t i, uint8_t flag, bool set)
{
	struct indicator_row *row = i < l->n4 ? &l->rows4[i].row : &l->rows6[i - l->n4].row;

	row->flags = (uint8_t)(set ? row->flags | flag : row->flags & ~flag);
}

void
indicator_list_free(struct indicator_list *l)
{
	free(l->rows4);
	free(l->rows6);
	free(l->sources);
	free(l->source_places);
	*l = (struct indicator_list){0};
}

// Order ------------------------------------------------------------------------------------------------------------------------

// Of rows of the same address or prefix.
static int
compare_rows(const struct indicator_row *a, const struct indicator_row *b, const struct indicator_source *sources)
{
	const struct indicator_source *x = &sources[a->source], *y = &sources[b->source];

	if (a->port != b->port)
		return a->port - b->port;
	if (a->source == b->source)
		return 0;
	if (x->proto != y->proto)
		return x->proto - y->proto;
	if (x->family != y->family)
		return strcmp(names_text(x->family), names_text(y->family));
	return strcmp(names_text(x->feed), names_text(y->feed));
}

static int
compare4(const void *a, const void *b, void *sources)
{
	const struct indicator_row4 *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return compare_rows(&x->row, &y->row, sources);
}

static int
compare6(const void *a, const void *b, void *sources)
{
	const struct indicator_row6 *x = a, *y = b;
	int order = ip_compare(&x->prefix.addr, &y->prefix.addr);

	if (order != 0)
		return order;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len - y->prefix.len;
	return compare_rows(&x->row, &y->row, sources);
}

#define SMALL 32 // rows that insertion sorts faster

static void
insertion_sort(struct indicator_row4 *rows, size_t n, struct indicator_source *sources)
{
	for (size_t i = 1; i < n; i++) {
		struct indicator_row4 row = rows[i];
		size_t j = i;

		for (; j > 0 && compare4(&rows[j - 1], &row, sources) > 0; j--)
			rows[j] = rows[j - 1];
		rows[j] = row;
	}
}

// American flag sort by the byte at `shift` of the address: each row is swapped into its bucket (McIlroy, Bostic, McIlroy: "Engineering
// Radix Sort", 1993). In place, unlike glibc's qsort, and once over the rows per byte.
static void
radix_sort(struct indicator_row4 *rows, size_t n, int shift, struct indicator_source *sources)
{
	size_t next[256], ends[256], counts[256] = {0}, at = 0;

	if (n <= SMALL) {
		insertion_sort(rows, n, sources);
		return;
	}
	if (shift < 0) { // one address with many ports
		qsort_r(rows, n, sizeof(*rows), compare4, sources);
		return;
	}
	for (size_t i = 0; i < n; i++)
		counts[rows[i].addr >> shift & 255]++;
	for (int b = 0; b < 256; b++) {
		next[b] = at;
		ends[b] = at += counts[b];
	}
	for (int b = 0; b < 256; b++)
		while (next[b] < ends[b]) {
			struct indicator_row4 row = rows[next[b]];
			int home = row.addr >> shift & 255;

			rows[next[b]] = rows[next[home]];
			rows[next[home]++] = row;
		}
	for (int b = 0; b < 256; b++)
		radix_sort(rows + ends[b] - counts[b], counts[b], shift - 8, sources);
}

// How many of the first rows are in order.
static size_t
sorted4(const struct indicator_list *l)
{
	size_t n = l->n4 > 0;

	while (n < l->n4 && compare4(&l->rows4[n - 1], &l->rows4[n], l->sources) <= 0)
		n++;
	return n;
}

// Puts a few rows at the end of many sorted ones into their places, in one pass. false: no memory for the few.
static bool
merge_tail(struct indicator_list *l, size_t sorted)
{
	size_t i = sorted, j = l->n4 - sorted, at = l->n4;
	struct indicator_row4 *tail = malloc(j * sizeof(*tail));

	if (tail == NULL)
		return false;
	memcpy(tail, l->rows4 + sorted, j * sizeof(*tail));
	radix_sort(tail, j, 24, l->sources);
	while (j > 0)
		l->rows4[--at] =
			i > 0 && compare4(&l->rows4[i - 1], &tail[j - 1], l->sources) > 0 ? l->rows4[--i] : tail[--j];
	free(tail);
	return true;
}

static void
sort4(struct indicator_list *l)
{
	size_t sorted = sorted4(l);

	if (sorted == l->n4 || (l->n4 - sorted < l->n4 / 8 && merge_tail(l, sorted)))
		return;
	radix_sort(l->rows4, l->n4, 24, l->sources);
}

static uint32_t
later_expiry(uint32_t a, uint32_t b)
{
	return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

static void
join(struct indicator_row *kept, const struct indicator_row *other)
{
	kept->flags |= other->flags;
	if (other->confidence > kept->confidence)
		kept->confidence = other->confidence;
	if (kept->first_seen == 0 || (other->first_seen != 0 && other->first_seen < kept->first_seen))
		kept->first_seen = other->first_seen;
	if (other->last_seen > kept->last_seen)
		kept->last_seen = other->last_seen;
	kept->expires = later_expiry(kept->expires, other->expires);
	if (other->line < kept->line)
		kept->line = other->line;
}

static size_t
join_repeats(struct indicator_list *l)
{
	size_t n4 = 0, n6 = 0, joined;

	for (size_t i = 0; i < l->n4; i++)
		if (n4 > 0 && compare4(&l->rows4[n4 - 1], &l->rows4[i], l->sources) == 0)
			join(&l->rows4[n4 - 1].row, &l->rows4[i].row);
		else
			l->rows4[n4++] = l->rows4[i];
	for (size_t i = 0; i < l->n6; i++)
		if (n6 > 0 && compare6(&l->rows6[n6 - 1], &l->rows6[i], l->sources) == 0)
			join(&l->rows6[n6 - 1].row, &l->rows6[i].row);
		else
			l->rows6[n6++] = l->rows6[i];
	joined = l->n4 - n4 + l->n6 - n6;
	l->n4 = n4;
	l->n6 = n6;
	return joined;
}

size_t
indicator_list_sort(struct indicator_list *l)
{
	sort4(l);
	if (l->n6 > 0)
		qsort_r(l->rows6, l->n6, sizeof(*l->rows6), compare6, l->sources);
	return join_repeats(l);
}

size_t
indicator_list_prune(struct indicator_list *l, int64_t now)
{
	size_t n4 = 0, n6 = 0, pruned;

	for (size_t i = 0; i < l->n4; i++)
		if (!indicator_row_expired(&l->rows4[i].row, now))
			l->rows4[n4++] = l->rows4[i];
	for (size_t i = 0; i < l->n6; i++)
		if (!indicator_row_expired(&l->rows6[i].row, now))
			l->rows6[n6++] = l->rows6[i];
	pruned = l->n4 - n4 + l->n6 - n6;
	l->n4 = n4;
	l->n6 = n6;
	return pruned;
}

size_t
indicator_list_entries(const struct indicator_list *l)
{
	size_t entries = 0;

	for (size_t i = 0; i < indicator_list_count(l); i++)
		entries += !indicator_list_goes_on(l, i);
	return entries;
}

// The next entry after the one at *i. Whether that one is in the set, and not taken out of it.
static bool
step(const struct indicator_list *l, size_t *i)
{
	uint8_t flags = 0;

	for (bool more = true; more; ++*i) {
		flags |= indicator_row_flags(indicator_list_row(l, *i));
		more = indicator_list_goes_on(l, *i);
	}
	return !(flags & INDICATOR_REMOVED);
}

static int
compare_entries(const struct indicator_list *a, size_t i, const struct indicator_list *b, size_t j)
{
	const struct ip_prefix *x, *y;
	int order;

	if (i < a->n4 && j < b->n4)
		return (a->rows4[i].addr > b->rows4[j].addr) - (a->rows4[i].addr < b->rows4[j].addr);
	if (i < a->n4 || j < b->n4) // IPv4 addresses stand first
		return i < a->n4 ? -1 : 1;
	x = &a->rows6[i - a->n4].prefix;
	y = &b->rows6[j - b->n4].prefix;
	order = ip_compare(&x->addr, &y->addr);
	return order != 0 ? order : x->len - y->len;
}

void
indicator_list_compare(const struct indicator_list *a, const struct indicator_list *b, size_t *ret_added,
		       size_t *ret_removed)
{
	size_t i = 0, j = 0, added = 0, removed = 0;

	while (i < indicator_list_count(a) || j < indicator_list_count(b)) {
		int order = i == indicator_list_count(a)   ? 1
			    : j == indicator_list_count(b) ? -1
							   : compare_entries(a, i, b, j);
		bool before = order <= 0 && step(a, &i), after = order >= 0 && step(b, &j);

		removed += before && !after;
		added += after && !before;
	}
	*ret_added = added;
	*ret_removed = removed;
}
