#include "c2set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// Bits of the filter per key, at least; at most twice as many: 0.3 to 0.7 % of the addresses that are not in the set pass it, at any size.
#define BITS_PER_KEY 20
#define WORDS_LOG2   10 // of the smallest filter

// Places of the exact table per key: 5/3. Linear probing then looks at 1.8 places on a hit.
#define PLACES(keys) ((keys) / 3 * 5 + 16)

// A prefix is in the filter as the blocks of this length that it covers or lies in, under a salt of its own; so one further look
// at the filter tells whether any prefix, of whatever length, may hold an address.
#define BLOCK4     (96 + 24)
#define BLOCK6     32
#define BLOCKS_MAX (1u << 20) // beyond, every address is looked up in the table of prefixes

#define NOWHERE SIZE_MAX

// The families, feeds and ports of an entry of several indicators, each as one name joined by '|'.
struct joined {
	size_t first; // in the list
	name_id families, feeds, ports;
};

struct port_name {
	uint16_t port;
	name_id text;
};

struct c2set {
	uint32_t *filter;
	uint32_t shift; // 32 - log2(words of the filter)
	bool has_prefixes;
	bool blocks_full; // too many blocks: the filter says nothing about prefixes
	uint64_t salt, block_salt;
	uint32_t *table; // open addressing: the first indicator of an entry + 1; addresses and prefixes
	uint32_t n_places;
	uint8_t lengths[129]; // of the prefixes there are, longest first
	unsigned n_lengths;
	struct indicator_list list; // sorted
	size_t n_entries, n_prefixes, words;
	size_t n_removed;      // of the entries, those that the operator took out
	struct joined *joined; // sorted by first
	size_t n_joined;
	struct port_name *ports; // every port of an entry of one indicator, sorted
	size_t n_ports;
	uint64_t generation;
};

static uint32_t
filter_bits(uint32_t h)
{
	uint32_t g = (h ^ h >> 15) * 0x85EBCA6Bu;

	return UINT32_C(1) << (g >> 27) | UINT32_C(1) << (g >> 22 & 31) | UINT32_C(1) << (g >> 17 & 31);
}

static inline bool
may_hold(const struct c2set *s, uint64_t hash)
{
	uint32_t h = (uint32_t)(hash >> 32), bits = filter_bits(h);

	return (s->filter[h >> s->shift] & bits) == bits;
}

static void
put(struct c2set *s, uint64_t hash)
{
	uint32_t h = (uint32_t)(hash >> 32);

	s->filter[h >> s->shift] |= filter_bits(h);
}

static struct ip_addr
block_of(const struct ip_addr *a)
{
	return ip_mask(a, ip_is_v4(a) ? BLOCK4 : BLOCK6);
}

static uint64_t
place_hash(const struct c2set *s, const struct ip_addr *a, unsigned len)
{
	return ip_hash(a, s->salt + len);
}

static inline uint32_t
first_place(const struct c2set *s, uint64_t hash)
{
	return (uint32_t)((uint64_t)(uint32_t)hash * s->n_places >> 32);
}

static inline bool
is_at(const struct c2set *s, size_t i, const struct ip_addr *a, unsigned len)
{
	const struct indicator_row6 *r;
	uint32_t v4;

	if (i < s->list.n4) {
		memcpy(&v4, a->bytes + 12, 4);
		return len == 128 && s->list.rows4[i].addr == __builtin_bswap32(v4) && ip_is_v4(a);
	}
	r = &s->list.rows6[i - s->list.n4];
	return r->prefix.len == len && ip_equal(&r->prefix.addr, a);
}

// The first indicator of exactly this address or prefix, or NOWHERE.
static size_t
find(const struct c2set *s, const struct ip_addr *a, unsigned len)
{
	uint32_t i = first_place(s, place_hash(s, a, len));

	for (; s->table[i] != 0; i = i + 1 < s->n_places ? i + 1 : 0)
		if (is_at(s, s->table[i] - 1, a, len))
			return s->table[i] - 1;
	return NOWHERE;
}

// A prefix around the address of at most s->lengths[*length] bits; *length is moved behind it.
static size_t
find_prefix(const struct c2set *s, const struct ip_addr *a, unsigned *length)
{
	// An IPv6 prefix so short that it holds ::ffff:0:0/96 means IPv6 all the same.
	unsigned shortest = ip_is_v4(a) ? 96 : 0;

	while (*length < s->n_lengths && s->lengths[*length] >= shortest) {
		unsigned len = s->lengths[(*length)++];
		struct ip_addr masked = ip_mask(a, len);
		size_t i = find(s, &masked, len);

		if (i != NOWHERE)
			return i;
	}
	return NOWHERE;
}

static inline bool
may_hold_block(const struct c2set *s, const struct ip_addr *a)
{
	struct ip_addr block;

	if (!s->has_prefixes)
		return false;
	if (s->blocks_full)
		return true;
	block = block_of(a);
	return may_hold(s, ip_hash(&block, s->block_salt));
}

static bool
is_in(const struct c2set *s, const struct ip_addr *a)
{
	unsigned length = 0;

	if (may_hold(s, place_hash(s, a, 128)) && find(s, a, 128) != NOWHERE)
		return true;
	return may_hold_block(s, a) && find_prefix(s, a, &length) != NOWHERE;
}

uint64_t
c2set_match(const struct c2set *s, const struct ip_addr *addrs, unsigned n)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < n; i++)
		if (is_in(s, &addrs[i]))
			hits |= UINT64_C(1) << i;
	return hits;
}

// Build ------------------------------------------------------------------------------------------------------------------

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The distinct texts, sorted, as one interned name joined by '|'.
static name_id
join(const char **texts, size_t n)
{
	size_t len = 0, distinct = 0;
	char *joined, *end;
	name_id id;

	if (n == 0)
		return 0;
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (texts[i][0] != '\0' && (distinct == 0 || strcmp(texts[distinct - 1], texts[i]) != 0)) {
			texts[distinct++] = texts[i];
			len += strlen(texts[i]) + 1;
		}
	if (distinct == 0 || (joined = malloc(len + 1)) == NULL)
		return 0;
	end = joined;
	for (size_t i = 0; i < distinct; i++)
		end += sprintf(end, "%s%s", i > 0 ? "|" : "", texts[i]);
	id = names_intern(joined, (size_t)(end - joined));
	free(joined);
	return id;
}

// The distinct ports, as text; 0 or -ENOMEM.
static int
join_ports(const struct indicator_list *l, size_t first, size_t n, name_id *ret)
{
	char *text = malloc(n * sizeof("65535|") + 1);
	size_t len = 0;
	uint16_t last = 0; // sorted by port

	if (text == NULL)
		return -ENOMEM;
	for (size_t i = first; i < first + n; i++) {
		uint16_t port = indicator_list_row(l, i)->port;

		if (port == last)
			continue;
		len += (size_t)sprintf(text + len, "%s%u", len > 0 ? "|" : "", port);
		last = port;
	}
	*ret = names_intern(text, len);
	free(text);
	return 0;
}

static const struct indicator_source *
source_of(const struct c2set *s, size_t i)
{
	return &s->list.sources[indicator_list_row(&s->list, i)->source];
}

static size_t
entry_end(const struct c2set *s, size_t first)
{
	size_t end = first + 1;

	while (indicator_list_goes_on(&s->list, end - 1))
		end++;
	return end;
}

static int
add_joined(struct c2set *s, size_t first, size_t n)
{
	const char **texts = calloc(n, sizeof(*texts));
	struct joined *j = &s->joined[s->n_joined++];

	if (texts == NULL)
		return -ENOMEM;
	j->first = first;
	for (size_t i = 0; i < n; i++)
		texts[i] = names_text(source_of(s, first + i)->family);
	j->families = join(texts, n);
	for (size_t i = 0; i < n; i++)
		texts[i] = names_text(source_of(s, first + i)->feed);
	j->feeds = join(texts, n);
	free(texts);
	return join_ports(&s->list, first, n, &j->ports);
}

static size_t
count_joined(const struct c2set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < indicator_list_count(&s->list); i++)
		n += indicator_list_goes_on(&s->list, i) && (i == 0 || !indicator_list_goes_on(&s->list, i - 1));
	return n;
}

static int
join_entries(struct c2set *s)
{
	int err = 0;

	if ((s->joined = calloc(count_joined(s) + 1, sizeof(*s->joined))) == NULL)
		return -ENOMEM;
	for (size_t i = 0, end; err == 0 && i < indicator_list_count(&s->list); i = end) {
		end = entry_end(s, i);
		if (end - i > 1)
			err = add_joined(s, i, end - i);
	}
	return err;
}

// The name of every port that an entry of one indicator has, so that a hit has nothing to intern.
static int
name_ports(struct c2set *s)
{
	static const size_t words = (UINT16_MAX + 1) / 64;
	uint64_t *used = calloc(words, sizeof(*used));
	size_t n = 0;

	if (used == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < indicator_list_count(&s->list); i++) {
		uint16_t port = indicator_list_row(&s->list, i)->port;

		used[port / 64] |= UINT64_C(1) << port % 64;
	}
	for (size_t w = 0; w < words; w++)
		n += (size_t)__builtin_popcountll(used[w]);
	s->ports = calloc(n + 1, sizeof(*s->ports));
	for (unsigned port = 1; s->ports != NULL && port <= UINT16_MAX; port++) {
		char text[8];

		if ((used[port / 64] >> port % 64 & 1) == 0)
			continue;
		snprintf(text, sizeof(text), "%u", port);
		s->ports[s->n_ports++] = (struct port_name){(uint16_t)port, names_of(text)};
	}
	free(used);
	return s->ports == NULL ? -ENOMEM : 0;
}

static void
count_entries(struct c2set *s)
{
	const struct indicator_list *l = &s->list;

	s->n_entries = indicator_list_entries(l);
	for (size_t i = 0; i < indicator_list_count(l); i++)
		s->n_removed += (indicator_row_flags(indicator_list_row(l, i)) & INDICATOR_REMOVED) != 0;
	for (size_t i = 0; i < l->n6; i++)
		s->n_prefixes += l->rows6[i].prefix.len < 128 && !indicator_list_goes_on(l, l->n4 + i);
}

static unsigned
block_length(const struct ip_prefix *p)
{
	return p->len >= 96 && ip_is_v4(&p->addr) ? BLOCK4 : BLOCK6;
}

// How many blocks a prefix covers: 1 when it lies within one.
static uint64_t
blocks_of(const struct ip_prefix *p)
{
	unsigned block = block_length(p);

	if (p->len >= block)
		return 1;
	return block - p->len > 20 ? BLOCKS_MAX + UINT64_C(1) : UINT64_C(1) << (block - p->len);
}

static void
put_blocks(struct c2set *s, const struct ip_prefix *p)
{
	struct ip_addr block = ip_mask(&p->addr, block_length(p));
	unsigned last = block_length(p) / 8 - 1; // the byte that counts blocks

	for (uint64_t n = blocks_of(p); n > 0; n--) {
		put(s, ip_hash(&block, s->block_salt));
		for (unsigned i = last; ++block.bytes[i] == 0 && i > 0; i--)
			;
	}
}

static uint64_t
count_blocks(const struct c2set *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->list.n6 && n <= BLOCKS_MAX; i++)
		if (s->list.rows6[i].prefix.len < 128)
			n += blocks_of(&s->list.rows6[i].prefix);
	return n;
}

static int
make_filter(struct c2set *s)
{
	uint64_t blocks = count_blocks(s), keys;
	unsigned log2 = WORDS_LOG2;

	s->has_prefixes = s->n_prefixes > 0;
	s->blocks_full = blocks > BLOCKS_MAX;
	keys = s->n_entries - s->n_prefixes + (s->blocks_full ? 0 : blocks);
	while ((UINT64_C(32) << log2) < keys * BITS_PER_KEY && log2 < 28)
		log2++;
	s->words = (size_t)1 << log2;
	s->shift = 32 - log2;
	s->filter = aligned_alloc(64, s->words * sizeof(*s->filter));
	if (s->filter == NULL)
		return -ENOMEM;
	memset(s->filter, 0, s->words * sizeof(*s->filter));
	return 0;
}

static int
make_table(struct c2set *s)
{
	s->n_places = (uint32_t)PLACES(s->n_entries);
	s->table = calloc(s->n_places, sizeof(*s->table));
	return s->table == NULL ? -ENOMEM : 0;
}

static void
place(struct c2set *s, size_t first)
{
	struct indicator in;
	uint64_t hash;
	uint32_t i;

	indicator_list_get(&s->list, first, &in);
	hash = place_hash(s, &in.prefix.addr, in.prefix.len);
	i = first_place(s, hash);
	while (s->table[i] != 0)
		i = i + 1 < s->n_places ? i + 1 : 0;
	s->table[i] = (uint32_t)first + 1;
	if (in.prefix.len == 128)
		put(s, hash);
	else if (!s->blocks_full)
		put_blocks(s, &in.prefix);
}

static void
place_all(struct c2set *s)
{
	for (size_t i = 0; i < indicator_list_count(&s->list); i++)
		if (i == 0 || !indicator_list_goes_on(&s->list, i - 1))
			place(s, i);
}

static void
list_lengths(struct c2set *s)
{
	bool there[129] = {false};

	for (size_t i = 0; i < s->list.n6; i++)
		there[s->list.rows6[i].prefix.len] = true;
	for (int len = 127; len >= 0; len--)
		if (there[len])
			s->lengths[s->n_lengths++] = (uint8_t)len;
}

static int
draw_salts(struct c2set *s)
{
	uint64_t salts[2];

	if (getrandom(salts, sizeof(salts), 0) != sizeof(salts))
		return -EIO;
	s->salt = salts[0];
	s->block_salt = salts[1];
	return 0;
}

static int
build(struct c2set *s)
{
	int err;

	count_entries(s);
	if ((err = draw_salts(s)) < 0 || (err = join_entries(s)) < 0 || (err = name_ports(s)) < 0 ||
	    (err = make_filter(s)) < 0 || (err = make_table(s)) < 0)
		return err;
	place_all(s);
	list_lengths(s);
	return 0;
}

int
c2set_build(struct indicator_list *list, uint64_t generation, struct c2set **ret)
{
	struct c2set *s;
	int err;

	if (indicator_list_count(list) > UINT32_MAX / 4 || (s = calloc(1, sizeof(*s))) == NULL)
		return -ENOMEM;
	indicator_list_sort(list);
	s->generation = generation;
	s->list = *list;
	if ((err = build(s)) < 0) {
		s->list = (struct indicator_list){0}; // still the caller's
		c2set_free(s);
		return err;
	}
	*list = (struct indicator_list){0};
	*ret = s;
	return 0;
}

void
c2set_free(struct c2set *s)
{
	if (s == NULL)
		return;
	free(s->filter);
	free(s->table);
	free(s->joined);
	free(s->ports);
	indicator_list_free(&s->list);
	free(s);
}

void
c2set_facts(const struct c2set *s, struct c2set_facts *ret)
{
	*ret = (struct c2set_facts){
		.generation = s->generation,
		.entries = s->n_entries - s->n_removed,
		.prefixes = s->n_prefixes,
		.indicators = indicator_list_count(&s->list),
		.bytes = s->words * sizeof(*s->filter) + s->n_places * sizeof(*s->table) +
			 s->list.n4 * sizeof(*s->list.rows4) + s->list.n6 * sizeof(*s->list.rows6) +
			 s->n_joined * sizeof(*s->joined),
	};
}

const struct indicator_list *
c2set_list(const struct c2set *s)
{
	return &s->list;
}

// Look up -----------------------------------------------------------------------------------------------------------------

// Whether any indicator of an entry is in force. One that takes the address out of the set is, too: then the search ends here.
static bool
is_in_force(const struct c2set *s, size_t first, int64_t now)
{
	for (size_t i = first, end = entry_end(s, first); i < end; i++)
		if (!indicator_row_expired(indicator_list_row(&s->list, i), now))
			return true;
	return false;
}

// The first indicator of the longest entry around the address that is in force, or NOWHERE.
static size_t
find_in_force(const struct c2set *s, const struct ip_addr *a, int64_t now)
{
	size_t first = find(s, a, 128);
	unsigned length = 0;

	while (first == NOWHERE || !is_in_force(s, first, now))
		if ((first = find_prefix(s, a, &length)) == NOWHERE)
			return NOWHERE;
	return first;
}

static bool
is_removed(const struct c2set *s, size_t first, int64_t now)
{
	for (size_t i = first, end = entry_end(s, first); i < end; i++) {
		const struct indicator_row *row = indicator_list_row(&s->list, i);

		if ((indicator_row_flags(row) & INDICATOR_REMOVED) && !indicator_row_expired(row, now))
			return true;
	}
	return false;
}

void
c2set_in_force(const struct c2set *s, int64_t now, struct c2set_force *ret)
{
	struct c2set_force f = {0};

	for (size_t i = 0, end; i < indicator_list_count(&s->list); i = end) {
		end = entry_end(s, i);
		f.entries += is_in_force(s, i, now) && !is_removed(s, i, now);
		for (; i < end; i++) {
			int64_t expires = indicator_list_row(&s->list, i)->expires;

			if (expires > now && (f.changes == 0 || expires < f.changes))
				f.changes = expires;
		}
	}
	*ret = f;
}

void
c2set_sources_in_force(const struct c2set *s, int64_t now, size_t *counts)
{
	for (size_t i = 0; i < indicator_list_count(&s->list); i++) {
		const struct indicator_row *row = indicator_list_row(&s->list, i);

		counts[row->source] += !indicator_row_expired(row, now);
	}
}

size_t
c2set_lookup(const struct c2set *s, const struct ip_addr *a, int64_t now, size_t *ret_first)
{
	size_t first = find_in_force(s, a, now);

	if (first == NOWHERE)
		return 0;
	*ret_first = first;
	return entry_end(s, first) - first;
}

size_t
c2set_remove(struct c2set *s, const struct ip_prefix *p)
{
	size_t first = find(s, &p->addr, p->len), end;

	if (first == NOWHERE)
		return 0;
	end = entry_end(s, first);
	for (size_t i = first; i < end; i++)
		indicator_row_remove((struct indicator_row *)(uintptr_t)indicator_list_row(&s->list, i));
	return end - first;
}

static bool
is_of_others(const struct c2set *s, size_t first, name_id feed)
{
	for (size_t i = first, end = entry_end(s, first); i < end; i++)
		if (source_of(s, i)->feed != feed)
			return true;
	return false;
}

bool
c2set_is_listed(const struct c2set *s, const struct ip_prefix *p, name_id but)
{
	size_t first = find(s, &p->addr, p->len);
	unsigned length = 0;

	while (length < s->n_lengths && s->lengths[length] >= p->len)
		length++;
	while (first == NOWHERE || !is_of_others(s, first, but))
		if ((first = find_prefix(s, &p->addr, &length)) == NOWHERE)
			return false;
	return true;
}

static bool
is_exact(const struct c2set *s, size_t i, uint16_t port, uint8_t proto)
{
	uint8_t named = source_of(s, i)->proto;
	uint16_t named_port = indicator_list_row(&s->list, i)->port;

	if (named != 0 && named != proto)
		return false;
	if (named_port != 0)
		return named_port == port;
	// Without a port only a protocol that has none can agree in full.
	return named != 0 && named != FLOW_TCP && named != FLOW_UDP && named != FLOW_SCTP;
}

// Whether a is the better primary indicator: exact port > confidence > last seen > name.
static bool
is_better(const struct c2set *s, size_t a, size_t b, uint16_t port, uint8_t proto)
{
	const struct indicator_row *x = indicator_list_row(&s->list, a), *y = indicator_list_row(&s->list, b);
	bool exact_a = is_exact(s, a, port, proto), exact_b = is_exact(s, b, port, proto);

	if (exact_a != exact_b)
		return exact_a;
	if (x->confidence != y->confidence)
		return x->confidence > y->confidence;
	if (x->last_seen != y->last_seen)
		return x->last_seen > y->last_seen;
	return strcmp(names_text(source_of(s, a)->family), names_text(source_of(s, b)->family)) < 0;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

// What one more indicator of the entry adds.
static void
add_up(const struct c2set *s, size_t i, struct flow_match *m)
{
	const struct indicator_row *row = indicator_list_row(&s->list, i);
	uint8_t proto = source_of(s, i)->proto;

	m->has_port |= row->port != 0;
	m->icmp |= proto == FLOW_ICMP || proto == FLOW_ICMP6;
	m->flags |= indicator_row_flags(row);
	m->listed_since = earlier(m->listed_since, row->first_seen);
	m->listed_until = row->last_seen > m->listed_until ? row->last_seen : m->listed_until;
}

static int
compare_joined(const void *first, const void *joined)
{
	size_t a = *(const size_t *)first, b = ((const struct joined *)joined)->first;

	return (a > b) - (a < b);
}

static int
compare_ports(const void *port, const void *name)
{
	return *(const uint16_t *)port - ((const struct port_name *)name)->port;
}

// All that the entry says, those of its indicators included that have ended since the set was built.
static void
name_all(const struct c2set *s, size_t first, struct flow_match *m)
{
	const struct joined *j = bsearch(&first, s->joined, s->n_joined, sizeof(*s->joined), compare_joined);
	const struct port_name *p;

	if (j != NULL) {
		m->families = j->families;
		m->feeds = j->feeds;
		m->ports = j->ports;
		return;
	}
	p = bsearch(&indicator_list_row(&s->list, first)->port, s->ports, s->n_ports, sizeof(*s->ports), compare_ports);
	m->families = source_of(s, first)->family;
	m->feeds = source_of(s, first)->feed;
	m->ports = p != NULL ? p->text : 0;
}

void
c2set_describe(const struct c2set *s, const struct ip_addr *a, uint16_t port, uint8_t proto, int64_t now,
	       struct flow_match *ret)
{
	size_t first = find_in_force(s, a, now), best = NOWHERE;
	struct flow_match m = {.listed = true, .generation = s->generation};

	*ret = (struct flow_match){.listed = false};
	if (first == NOWHERE)
		return;
	for (size_t i = first, end = entry_end(s, first); i < end; i++) {
		if (indicator_row_expired(indicator_list_row(&s->list, i), now))
			continue;
		add_up(s, i, &m);
		if (best == NOWHERE || is_better(s, i, best, port, proto))
			best = i;
	}
	if (m.flags & INDICATOR_REMOVED)
		return;
	name_all(s, first, &m);
	m.exact = is_exact(s, best, port, proto);
	m.family = source_of(s, best)->family;
	m.confidence = indicator_list_row(&s->list, best)->confidence;
	m.connects_in = indicator_row_flags(indicator_list_row(&s->list, best)) & INDICATOR_CONNECTS_IN;
	*ret = m;
}
