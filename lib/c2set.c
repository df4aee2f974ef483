#include "c2set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// Bits of the filter per key: 0.3 to 0.5 % of the addresses that are not in the set pass it, at any size.
#define BITS_PER_KEY 28
#define WORDS_MIN    1024

// A prefix is in the filter as the blocks of this length that it covers or lies in, under a salt of its own; so one further look
// at the filter tells whether any prefix, of whatever length, may hold an address.
#define BLOCK4     (96 + 24)
#define BLOCK6     32
#define BLOCKS_MAX (1u << 20) // beyond, every address is looked up in the table of prefixes

struct entry { // all indicators of one address or prefix
	struct ip_prefix prefix;
	uint32_t first, n;       // in indicators
	struct flow_match match; // what does not depend on the port of a flow
};

struct c2set {
	uint32_t *filter;
	uint32_t shift; // 32 - log2(words of the filter)
	bool has_prefixes;
	bool blocks_full; // too many blocks: the filter says nothing about prefixes
	uint64_t salt, block_salt;
	uint32_t *table; // open addressing: index into entries + 1; addresses and prefixes
	uint32_t mask;
	uint8_t lengths[129]; // of the prefixes there are, longest first
	unsigned n_lengths;
	struct entry *entries; // sorted
	size_t n_entries;
	struct indicator *indicators; // sorted
	size_t n_indicators;
	size_t n_prefixes, words;
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

static const struct entry *
find(const struct c2set *s, const struct ip_addr *a, unsigned len)
{
	for (uint32_t i = (uint32_t)place_hash(s, a, len) & s->mask; s->table[i] != 0; i = (i + 1) & s->mask) {
		const struct entry *e = &s->entries[s->table[i] - 1];

		if (e->prefix.len == len && ip_equal(&e->prefix.addr, a))
			return e;
	}
	return NULL;
}

static const struct entry *
find_prefix(const struct c2set *s, const struct ip_addr *a)
{
	// An IPv6 prefix so short that it holds ::ffff:0:0/96 means IPv6 all the same.
	unsigned shortest = ip_is_v4(a) ? 96 : 0;

	for (unsigned i = 0; i < s->n_lengths && s->lengths[i] >= shortest; i++) {
		struct ip_addr masked = ip_mask(a, s->lengths[i]);
		const struct entry *e = find(s, &masked, s->lengths[i]);

		if (e != NULL)
			return e;
	}
	return NULL;
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

static const struct entry *
find_any(const struct c2set *s, const struct ip_addr *a)
{
	const struct entry *e = NULL;

	if (may_hold(s, place_hash(s, a, 128)))
		e = find(s, a, 128);
	if (e == NULL && may_hold_block(s, a))
		e = find_prefix(s, a);
	return e;
}

uint64_t
c2set_match(const struct c2set *s, const struct ip_addr *addrs, unsigned n)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < n; i++)
		if (find_any(s, &addrs[i]) != NULL)
			hits |= UINT64_C(1) << i;
	return hits;
}

// Build ------------------------------------------------------------------------------------------------------------------

static int
compare(const void *a, const void *b)
{
	return indicator_compare(a, b);
}

static bool
same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(&a->addr, &b->addr);
}

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
join_ports(const struct indicator *in, size_t n, name_id *ret)
{
	char *text = malloc(n * sizeof("65535|") + 1);
	size_t len = 0;
	uint16_t last = 0; // sorted by port

	if (text == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (in[i].port == last)
			continue;
		len += (size_t)sprintf(text + len, "%s%u", len > 0 ? "|" : "", in[i].port);
		last = in[i].port;
	}
	*ret = names_intern(text, len);
	free(text);
	return 0;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void
sum_up(const struct indicator *in, size_t n, struct flow_match *m)
{
	m->listed = true;
	for (size_t i = 0; i < n; i++) {
		m->has_port |= in[i].port != 0;
		m->icmp |= in[i].proto == FLOW_ICMP || in[i].proto == FLOW_ICMP6;
		m->flags |= in[i].flags;
		m->listed_since = earlier(m->listed_since, in[i].first_seen);
		m->listed_until = in[i].last_seen > m->listed_until ? in[i].last_seen : m->listed_until;
	}
}

static int
describe_entry(const struct c2set *s, struct entry *e)
{
	const struct indicator *in = s->indicators + e->first;
	const char **texts = calloc(e->n, sizeof(*texts));

	if (texts == NULL)
		return -ENOMEM;
	e->match.generation = s->generation;
	sum_up(in, e->n, &e->match);
	for (uint32_t i = 0; i < e->n; i++)
		texts[i] = names_text(in[i].family);
	e->match.families = join(texts, e->n);
	for (uint32_t i = 0; i < e->n; i++)
		texts[i] = names_text(in[i].feed);
	e->match.feeds = join(texts, e->n);
	free(texts);
	return join_ports(in, e->n, &e->match.ports);
}

static size_t
count_entries(const struct indicator *in, size_t n)
{
	size_t entries = 0;

	for (size_t i = 0; i < n; i++)
		entries += i == 0 || !same_prefix(&in[i - 1].prefix, &in[i].prefix);
	return entries;
}

static int
group(struct c2set *s)
{
	s->n_entries = count_entries(s->indicators, s->n_indicators);
	if ((s->entries = calloc(s->n_entries + 1, sizeof(*s->entries))) == NULL)
		return -ENOMEM;
	for (size_t i = 0, e = 0; i < s->n_indicators; e++) {
		struct entry *entry = &s->entries[e];

		entry->prefix = s->indicators[i].prefix;
		entry->first = (uint32_t)i;
		while (i < s->n_indicators && same_prefix(&s->indicators[i].prefix, &entry->prefix))
			i++;
		entry->n = (uint32_t)i - entry->first;
		if (describe_entry(s, entry) < 0)
			return -ENOMEM;
		s->n_prefixes += entry->prefix.len < 128;
	}
	return 0;
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

	for (size_t i = 0; i < s->n_entries && n <= BLOCKS_MAX; i++)
		if (s->entries[i].prefix.len < 128)
			n += blocks_of(&s->entries[i].prefix);
	return n;
}

static int
make_filter(struct c2set *s)
{
	uint64_t blocks = count_blocks(s), keys;
	unsigned log2 = 10;

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
	size_t places = 16;

	while (places < s->n_entries * 2)
		places *= 2;
	s->mask = (uint32_t)(places - 1);
	s->table = calloc(places, sizeof(*s->table));
	return s->table == NULL ? -ENOMEM : 0;
}

static void
place(struct c2set *s, size_t index)
{
	const struct ip_prefix *p = &s->entries[index].prefix;
	uint32_t i = (uint32_t)place_hash(s, &p->addr, p->len) & s->mask;

	while (s->table[i] != 0)
		i = (i + 1) & s->mask;
	s->table[i] = (uint32_t)index + 1;
	if (p->len == 128)
		put(s, place_hash(s, &p->addr, 128));
	else if (!s->blocks_full)
		put_blocks(s, p);
}

static void
list_lengths(struct c2set *s)
{
	bool there[129] = {false};

	for (size_t i = 0; i < s->n_entries; i++)
		there[s->entries[i].prefix.len] = true;
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
build(struct c2set *s, const struct indicator *in, size_t n)
{
	int err;

	if ((s->indicators = calloc(n + 1, sizeof(*in))) == NULL)
		return -ENOMEM;
	if (n > 0)
		memcpy(s->indicators, in, n * sizeof(*in));
	s->n_indicators = n;
	qsort(s->indicators, n, sizeof(*in), compare);
	if ((err = draw_salts(s)) < 0 || (err = group(s)) < 0 || (err = make_filter(s)) < 0 ||
	    (err = make_table(s)) < 0)
		return err;
	for (size_t i = 0; i < s->n_entries; i++)
		place(s, i);
	list_lengths(s);
	return 0;
}

int
c2set_build(const struct indicator *in, size_t n, uint64_t generation, struct c2set **ret)
{
	struct c2set *s;
	int err;

	if (n > UINT32_MAX / 4 || (s = calloc(1, sizeof(*s))) == NULL)
		return -ENOMEM;
	s->generation = generation;
	if ((err = build(s, in, n)) < 0) {
		c2set_free(s);
		return err;
	}
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
	free(s->entries);
	free(s->indicators);
	free(s);
}

void
c2set_facts(const struct c2set *s, struct c2set_facts *ret)
{
	*ret = (struct c2set_facts){
		.generation = s->generation,
		.entries = s->n_entries,
		.prefixes = s->n_prefixes,
		.indicators = s->n_indicators,
		.bytes = s->words * sizeof(*s->filter) + ((size_t)s->mask + 1) * sizeof(*s->table) +
			 s->n_entries * sizeof(*s->entries) + s->n_indicators * sizeof(*s->indicators),
	};
}

// Describe -----------------------------------------------------------------------------------------------------------------

static bool
is_exact(const struct indicator *in, uint16_t port, uint8_t proto)
{
	if (in->proto != 0 && in->proto != proto)
		return false;
	if (in->port != 0)
		return in->port == port;
	// Without a port only a protocol that has none can agree in full.
	return in->proto != 0 && in->proto != FLOW_TCP && in->proto != FLOW_UDP && in->proto != FLOW_SCTP;
}

// Whether a is the better primary indicator: exact port > confidence > last seen > name.
static bool
is_better(const struct indicator *a, const struct indicator *b, uint16_t port, uint8_t proto)
{
	bool exact_a = is_exact(a, port, proto), exact_b = is_exact(b, port, proto);

	if (exact_a != exact_b)
		return exact_a;
	if (a->confidence != b->confidence)
		return a->confidence > b->confidence;
	if (a->last_seen != b->last_seen)
		return a->last_seen > b->last_seen;
	return strcmp(names_text(a->family), names_text(b->family)) < 0;
}

void
c2set_describe(const struct c2set *s, const struct ip_addr *a, uint16_t port, uint8_t proto, struct flow_match *ret)
{
	const struct entry *e = find_any(s, a);
	const struct indicator *best;

	if (e == NULL) {
		*ret = (struct flow_match){.listed = false};
		return;
	}
	best = &s->indicators[e->first];
	for (uint32_t i = 1; i < e->n; i++)
		if (is_better(&s->indicators[e->first + i], best, port, proto))
			best = &s->indicators[e->first + i];
	*ret = e->match;
	ret->exact = is_exact(best, port, proto);
	ret->family = best->family;
	ret->confidence = best->confidence;
	ret->connects_in = indicator_connects_in(best->family);
}

size_t
c2set_lookup(const struct c2set *s, const struct ip_addr *a, const struct indicator **ret)
{
	const struct entry *e = find_any(s, a);

	if (e == NULL)
		return 0;
	*ret = &s->indicators[e->first];
	return e->n;
}
