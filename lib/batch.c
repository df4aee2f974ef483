#include "batch.h"

#include "indicator.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S       86400
#define KEEP_SHORT  "3024000"  // 35 days
#define KEEP_LONG   "34560000" // 400 days
#define KEEP_HOSTS  "2678400"  // 31 days
#define KEEP_SEEN   "691200"   // 8 days
#define NAMES_MOST  "512"      // controllers of an organization, organizations of a controller, on one day
#define RECENT_MOST "1000"     // members of a sorted set
#define SEEN_MOST   "10000"
#define EVIDENCE    "attempt|answered|two_way"
#define MATCHES     "address|exact"
#define LANE_SCALE  "allowed|retracted|scanner|research|hosting|shared|sinkhole|counted"

static const char *const prefixed_entities[] = {"org:", "c2:"};

struct batch_chain {
	struct batch_options options; // texts owned
	uint64_t number;              // of the last batch
	uint64_t *last;               // by the interned entity: the last part's number; 0: none
	size_t n_last;
};

// Words of one part --------------------------------------------------------------------------------------------------------------

struct words {
	char **items;
	size_t *len;
	size_t n, max;
};

struct part { // being written
	struct batch_chain *chain;
	char entity[128];
	struct words keys, args;
	uint32_t *places; // open addressing over keys: index + 1
	size_t n_places;
	bool failed; // out of memory
};

static bool
add_word(struct words *w, char *text)
{
	size_t max = w->max == 0 ? 64 : w->max * 2;
	char **items;
	size_t *len;

	if (text == NULL)
		return false;
	if (w->n == w->max) {
		if ((items = reallocarray(w->items, max, sizeof(*items))) == NULL)
			return false;
		w->items = items;
		if ((len = reallocarray(w->len, max, sizeof(*len))) == NULL)
			return false;
		w->len = len;
		w->max = max;
	}
	w->items[w->n] = text;
	w->len[w->n++] = strlen(text);
	return true;
}

static void
free_words(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->items[i]);
	free(w->items);
	free(w->len);
	*w = (struct words){0};
}

static void
word(struct part *p, const char *text)
{
	char *copy = strdup(text);

	if (!add_word(&p->args, copy)) {
		free(copy);
		p->failed = true;
	}
}

static void
number(struct part *p, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	word(p, text);
}

static uint64_t
hash(const char *text)
{
	uint64_t h = 0xCBF29CE484222325u;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001B3u; // FNV-1a
	return h ^ (h >> 29);
}

static uint32_t *
place_of(const struct part *p, const char *key)
{
	size_t i = hash(key) & (p->n_places - 1);

	while (p->places[i] != 0 && strcmp(p->keys.items[p->places[i] - 1], key) != 0)
		i = (i + 1) & (p->n_places - 1);
	return &p->places[i];
}

static bool
grow_places(struct part *p)
{
	size_t n = p->n_places == 0 ? 64 : p->n_places * 2;
	uint32_t *places = calloc(n, sizeof(*places));

	if (places == NULL)
		return false;
	free(p->places);
	p->places = places;
	p->n_places = n;
	for (size_t i = 0; i < p->keys.n; i++)
		*place_of(p, p->keys.items[i]) = (uint32_t)i + 1;
	return true;
}

// The word that names a key of this entity: its place among KEYS, where it is put when it is new. `format` is what follows the
// entity, such as ":d:20190109".
static void __attribute__((format(printf, 2, 3))) key(struct part *p, const char *format, ...)
{
	char rest[256], text[512];
	uint32_t *place;
	va_list args;
	char *copy;

	va_start(args, format);
	vsnprintf(rest, sizeof(rest), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s{%s}%s", p->chain->options.prefix, p->entity, rest);
	if (p->keys.n * 2 >= p->n_places && !grow_places(p)) {
		p->failed = true;
		return;
	}
	place = place_of(p, text);
	if (*place == 0) {
		copy = strdup(text);
		if (!add_word(&p->keys, copy)) {
			free(copy);
			p->failed = true;
			return;
		}
		*place = (uint32_t)p->keys.n;
	}
	number(p, *place);
}

// Names from lists and databases, as they may stand in a field: '|' joins fields, tabs part a sighting.
static const char *
clean(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	for (; text[n] != '\0' && n < size - 1; n++)
		ret[n] = text[n] == '|' || (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '_' : text[n];
	ret[n] = '\0';
	return ret;
}

static const char *
family_of(name_id id, char *ret, size_t size)
{
	const char *text = names_text(id);

	return clean(text[0] != '\0' ? text : "unnamed", ret, size);
}

static int64_t
seconds(int64_t ns)
{
	return ns / 1000000000;
}

static void
format_day(uint32_t day, char ret[static 16])
{
	time_t s = (time_t)day * DAY_S;
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(ret, 16, "%Y%m%d", &tm);
}

// Operations of ratwatch1_apply ------------------------------------------------------------------------------------------------------

static void
expire(struct part *p, const char *suffix, const char *for_seconds)
{
	word(p, "expire");
	key(p, "%s", suffix);
	word(p, for_seconds);
}

static void
set(struct part *p, const char *suffix, const char *field, const char *value)
{
	word(p, "set");
	key(p, "%s", suffix);
	word(p, field);
	word(p, value);
}

static void
incr(struct part *p, const char *suffix, const char *field, uint64_t n)
{
	if (n == 0)
		return;
	word(p, "incr");
	key(p, "%s", suffix);
	word(p, field);
	number(p, n);
}

static void
least(struct part *p, const char *suffix, const char *field, int64_t n)
{
	word(p, "least");
	key(p, "%s", suffix);
	word(p, field);
	number(p, (uint64_t)(n > 0 ? n : 0));
}

static void
most(struct part *p, const char *suffix, const char *field, int64_t n)
{
	word(p, "most");
	key(p, "%s", suffix);
	word(p, field);
	number(p, (uint64_t)(n > 0 ? n : 0));
}

static void
join(struct part *p, const char *suffix, const char *field, const char *names)
{
	if (names[0] == '\0')
		return;
	word(p, "union");
	key(p, "%s", suffix);
	word(p, field);
	word(p, names);
}

static void
rank(struct part *p, const char *suffix, const char *field, const char *value, const char *scale, const char *other,
     const char *other_value)
{
	word(p, "rank");
	key(p, "%s", suffix);
	word(p, field);
	word(p, value);
	word(p, scale);
	word(p, other);
	word(p, other_value);
}

static void
recent(struct part *p, const char *suffix, const char *member, int64_t score)
{
	word(p, "recent");
	key(p, "%s", suffix);
	word(p, RECENT_MOST);
	word(p, member);
	number(p, (uint64_t)(score > 0 ? score : 0));
}

static void
pfadd(struct part *p, const char *suffix, const char *element)
{
	word(p, "pfadd");
	key(p, "%s", suffix);
	word(p, element);
}

// A counter of the day under a name of its own, or under '*' when the day has its number of names.
static void
count_named(struct part *p, const char *day, const char *name, const char *rest, uint64_t n)
{
	if (n == 0)
		return;
	word(p, "count");
	key(p, ":d:%s", day);
	key(p, ":n:%s", day);
	word(p, NAMES_MOST);
	word(p, name);
	word(p, rest);
	number(p, n);
}

static void
expire_day(struct part *p, const char *day)
{
	char suffix[32];

	snprintf(suffix, sizeof(suffix), ":d:%s", day);
	expire(p, suffix, KEEP_LONG);
	snprintf(suffix, sizeof(suffix), ":n:%s", day);
	expire(p, suffix, KEEP_LONG);
}

// The distinct victims of a day: into the HyperLogLog, and their number beside the counters.
static void
victim_of_day(struct part *p, const char *day, const char *victim)
{
	char suffix[32];

	snprintf(suffix, sizeof(suffix), ":v:%s", day);
	pfadd(p, suffix, victim);
	expire(p, suffix, KEEP_LONG);
	word(p, "victims");
	key(p, ":d:%s", day);
	key(p, ":v:%s", day);
}

// Organizations --------------------------------------------------------------------------------------------------------------------

struct slice { // of a list that is sorted by organization
	const struct tally_cell *cells;
	const struct tally_pair *pairs;
	const struct tally_victim *victims;
	size_t n_cells, n_pairs, n_victims;
};

static void
org_base(struct part *p, const struct tally_org *o, bool suspected)
{
	const struct org_facts *f = &o->facts;

	set(p, "", "name", names_text(f->name));
	set(p, "", "sector", names_text(f->sector));
	set(p, "", "country", names_text(f->country));
	set(p, "", "attribution", org_attribution_name(f->attribution));
	set(p, "", "watched", f->watched ? "1" : "0");
	least(p, "", "first_seen", seconds(o->first_ns));
	most(p, "", "last_seen", seconds(o->last_ns));
	if (suspected) {
		least(p, "", "suspected_since", seconds(o->suspected_first_ns));
		most(p, "", "suspected_last", seconds(o->suspected_last_ns));
	}
	incr(p, "", "rev", 1);
	expire(p, "", KEEP_LONG);
}

static void
org_family(struct part *p, const struct tally_victim *v)
{
	char family[256], field[300];

	family_of(v->family, family, sizeof(family));
	snprintf(field, sizeof(field), "%s|first", family);
	least(p, ":families", field, seconds(v->first_ns));
	snprintf(field, sizeof(field), "%s|last", family);
	most(p, ":families", field, seconds(v->last_ns));
	snprintf(field, sizeof(field), "%s|evidence", family);
	rank(p, ":families", field, contact_evidence_name(v->evidence), EVIDENCE, "", "");
	join(p, "", "families", family);
}

static void
org_pair(struct part *p, const struct tally_pair *pair)
{
	char address[IP_TEXT_MAX], suffix[80], reason[300];

	ip_format(&pair->controller, address);
	recent(p, ":c2", address, seconds(pair->last_ns));
	snprintf(suffix, sizeof(suffix), ":c2:%s", address);
	join(p, suffix, "families", names_text(pair->families));
	join(p, suffix, "feeds", names_text(pair->feeds));
	rank(p, suffix, "match", pair->exact ? "exact" : "address", MATCHES, "", "");
	rank(p, suffix, "evidence", contact_evidence_name(pair->evidence), EVIDENCE, "", "");
	rank(p, suffix, "lane", lane_name(pair->lane), LANE_SCALE, "reason",
	     clean(names_text(pair->reason), reason, sizeof(reason)));
	least(p, suffix, "first_seen", seconds(pair->first_ns));
	most(p, suffix, "last_seen", seconds(pair->last_ns));
	expire(p, suffix, KEEP_LONG);
	rank(p, "", "evidence", contact_evidence_name(pair->evidence), EVIDENCE, "", "");
}

static void
org_cell_hour(struct part *p, const struct tally_cell *c, const char *family)
{
	static const enum tally_counter shown[] = {TALLY_CONTACTS, TALLY_ANSWERED, TALLY_TWO_WAY, TALLY_ACTIVE};
	char day[16], suffix[32], field[400];

	format_day(c->hour / 24, day);
	snprintf(suffix, sizeof(suffix), ":h:%s%02u", day, c->hour % 24);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		snprintf(field, sizeof(field), "%s|%s|%s", family, lane_name(c->lane), tally_counter_name(shown[i]));
		incr(p, suffix, field, c->counts.n[shown[i]]);
	}
	// An hour of packets only has no field, hence no key.
	if (c->counts.n[TALLY_ACTIVE] + c->counts.n[TALLY_CONTACTS] + c->counts.n[TALLY_ANSWERED] > 0)
		expire(p, suffix, KEEP_SHORT);
}

static void
org_cell_sensor(struct part *p, const struct tally_cell *c, const char *day)
{
	const char *sensor = p->chain->options.sensor;
	char suffix[32], field[128];

	snprintf(suffix, sizeof(suffix), ":s:%s", day);
	snprintf(field, sizeof(field), "%s|contacts", sensor);
	incr(p, suffix, field, c->counts.n[TALLY_CONTACTS]);
	snprintf(field, sizeof(field), "%s|two_way", sensor);
	incr(p, suffix, field, c->counts.n[TALLY_TWO_WAY]);
	snprintf(field, sizeof(field), "%s|last", sensor);
	most(p, suffix, field, (int64_t)c->hour * 3600);
	expire(p, suffix, KEEP_SHORT);
}

static void
org_cell(struct part *p, const struct tally_cell *c)
{
	char family[256], address[IP_TEXT_MAX], suffix[80], day[16], field[400];

	family_of(c->family, family, sizeof(family));
	ip_format(&c->controller, address);
	format_day(c->hour / 24, day);
	snprintf(suffix, sizeof(suffix), ":c2:%s", address);
	for (int i = 0; i < TALLY_COUNTERS; i++) {
		const char *counter = tally_counter_name((enum tally_counter)i);

		snprintf(field, sizeof(field), "%s|%s", lane_name(c->lane), counter);
		incr(p, suffix, field, c->counts.n[i]);
		snprintf(field, sizeof(field), "%s|%s|%s", family, lane_name(c->lane), counter);
		count_named(p, day, address, field, c->counts.n[i]);
	}
	expire_day(p, day);
	org_cell_hour(p, c, family);
	org_cell_sensor(p, c, day);
}

static const char *
protocol(uint8_t proto, char ret[static 8])
{
	if (proto == FLOW_TCP)
		return "tcp";
	if (proto == FLOW_UDP)
		return "udp";
	snprintf(ret, 8, "%u", proto);
	return ret;
}

// The sighting as it will stand in the stream: fields and values, parted by tabs.
static void
sighting(const struct part *p, const struct tally_victim *v, const char *controller, const char *victim, char *ret,
	 size_t size)
{
	char family[256], feeds[256], reason[256], proto[8], day[16], tunnel[FLOW_TUNNEL_TEXT_MAX];
	size_t len;

	format_day(v->day, day);
	len = (size_t)snprintf(
		ret, size,
		"key\t%s/%s/%s/%s/"
		"%s\torg\t%s\tcontroller\t%s\tcontroller_port\t%u\tprotocol\t%s\tvictim\t%s\tfamily\t%s\tfeed\t%"
		"s\tmatch"
		"\t%s\tevidence\t%s\topener\t%s\tlane\t%s\treason\t%s\ttunnel\t%s\tsensor\t%s\tgeneration\t%"
		"llu\tfirst\t%"
		"lld\tlast\t%lld",
		names_text(v->org), controller, victim, day, contact_evidence_name(v->evidence), names_text(v->org),
		controller, v->controller_port, protocol(v->proto, proto), victim,
		family_of(v->family, family, sizeof(family)), clean(names_text(v->feeds), feeds, sizeof(feeds)),
		v->exact ? "exact" : "address", contact_evidence_name(v->evidence), contact_opener_name(v->opener),
		lane_name(v->lane), clean(names_text(v->reason), reason, sizeof(reason)),
		victim[0] != '\0' ? flow_tunnel_format(&v->tunnel, tunnel) : "", p->chain->options.sensor,
		(unsigned long long)v->generation, (long long)seconds(v->first_ns), (long long)seconds(v->last_ns));
	if (v->both_listed && len < size)
		len += (size_t)snprintf(ret + len, size - len, "\tboth_listed\t1");
	if (v->beacon.intervals > 0 && len < size)
		snprintf(ret + len, size - len, "\tbeacon_period\t%lld.%03d\tbeacon_score\t%u",
			 (long long)(v->beacon.period_ms / 1000), (int)(v->beacon.period_ms % 1000), v->beacon.score);
}

// What stands for a victim where only distinct ones are counted.
static const char *
member_of(const struct part *p, const struct tally_victim *v, char ret[static IP_PREFIX_TEXT_MAX])
{
	const struct batch_options *o = &p->chain->options;

	return o->privacy == PRIVACY_UNSET || o->privacy == PRIVACY_PLAIN ? ip_format_prefix(&v->victim, ret)
									  : privacy_pseudonym(&o->key, &v->victim, ret);
}

// Its name where one can be read; "": none may be.
static const char *
name_of(const struct part *p, const struct tally_victim *v, char ret[static IP_PREFIX_TEXT_MAX])
{
	return p->chain->options.privacy == PRIVACY_NONE ? "" : member_of(p, v, ret);
}

static void
org_host(struct part *p, const struct tally_victim *v, const char *day)
{
	char victim[IP_PREFIX_TEXT_MAX], member[IP_PREFIX_TEXT_MAX], suffix[300], family[256];

	if (name_of(p, v, victim)[0] != '\0')
		recent(p, ":hosts", victim, seconds(v->last_ns));
	member_of(p, v, member);
	snprintf(suffix, sizeof(suffix), ":v:%s:%s", day, family_of(v->family, family, sizeof(family)));
	pfadd(p, suffix, member);
	expire(p, suffix, KEEP_LONG);
	victim_of_day(p, day, member);
}

static void
org_victim(struct part *p, const struct tally_victim *v)
{
	char name[IP_PREFIX_TEXT_MAX], address[IP_TEXT_MAX], day[16], suffix[32], field[128], text[2048];
	const char *victim = name_of(p, v, name);

	ip_format(&v->controller, address);
	format_day(v->day, day);
	org_family(p, v);
	if (v->suspected)
		org_host(p, v, day);
	sighting(p, v, address, victim, text, sizeof(text));
	snprintf(suffix, sizeof(suffix), ":seen:%s", day);
	snprintf(field, sizeof(field), "%s|%s", address, victim);
	word(p, "seen");
	key(p, "%s", suffix);
	word(p, SEEN_MOST);
	word(p, field);
	word(p, contact_evidence_name(v->evidence));
	word(p, v->suspected ? "1" : "0");
	word(p, text);
	expire(p, suffix, KEEP_SEEN);
}

static void
write_org(struct part *p, const struct tally_org *o, const struct slice *s, bool suspected)
{
	bool hosts = false;

	org_base(p, o, suspected);
	for (size_t i = 0; i < s->n_pairs; i++)
		org_pair(p, &s->pairs[i]);
	for (size_t i = 0; i < s->n_cells; i++)
		org_cell(p, &s->cells[i]);
	for (size_t i = 0; i < s->n_victims; i++) {
		org_victim(p, &s->victims[i]);
		hosts |= s->victims[i].suspected;
	}
	expire(p, ":families", KEEP_LONG);
	expire(p, ":c2", KEEP_LONG);
	if (hosts && p->chain->options.privacy != PRIVACY_NONE)
		expire(p, ":hosts", KEEP_HOSTS);
}

// Controllers ----------------------------------------------------------------------------------------------------------------------

static void
flags_text(uint8_t flags, char *ret, size_t size)
{
	static const char *const names[] = {"allowed", "compromised", "shared", "sinkhole", "offline"};
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & 1u << i)
			len += (size_t)snprintf(ret + len, size - len, "%s%s", len > 0 ? "|" : "", names[i]);
}

static void
controller_base(struct part *p, const struct tally_controller *c)
{
	char flags[64];

	flags_text(c->match.flags, flags, sizeof(flags));
	join(p, "", "ports", names_text(c->match.ports));
	join(p, "", "families", names_text(c->match.families));
	join(p, "", "feeds", names_text(c->match.feeds));
	most(p, "", "confidence", c->match.confidence);
	set(p, "", "flags", flags);
	set(p, "", "country", names_text(c->network.country));
	set(p, "", "network", names_text(c->network.network));
	if (c->match.listed_since != 0)
		least(p, "", "listed_since", c->match.listed_since);
	if (c->match.listed_until != 0)
		most(p, "", "listed_until", c->match.listed_until);
	least(p, "", "first_seen", seconds(c->first_ns));
	most(p, "", "last_seen", seconds(c->last_ns));
	incr(p, "", "rev", 1);
	expire(p, "", KEEP_LONG);
}

static void
controller_cell(struct part *p, const struct tally_cell *c)
{
	char family[256], day[16], field[400];

	family_of(c->family, family, sizeof(family));
	format_day(c->hour / 24, day);
	for (int i = 0; i < TALLY_COUNTERS; i++) {
		snprintf(field, sizeof(field), "%s|%s|%s", family, lane_name(c->lane),
			 tally_counter_name((enum tally_counter)i));
		count_named(p, day, names_text(c->org), field, c->counts.n[i]);
	}
	expire_day(p, day);
}

static void
controller_victim(struct part *p, const struct tally_victim *v)
{
	char victim[IP_PREFIX_TEXT_MAX], day[16];

	if (!v->suspected)
		return;
	format_day(v->day, day);
	victim_of_day(p, day, member_of(p, v, victim));
}

// The lists are sorted by organization: a controller's rows are all over them.
static void
write_controller(struct part *p, const struct tally_controller *c, const struct slice *all)
{
	controller_base(p, c);
	for (size_t i = 0; i < all->n_cells; i++)
		if (ip_equal(&all->cells[i].controller, &c->addr))
			controller_cell(p, &all->cells[i]);
	for (size_t i = 0; i < all->n_pairs; i++)
		if (ip_equal(&all->pairs[i].controller, &c->addr))
			recent(p, ":orgs", names_text(all->pairs[i].org), seconds(all->pairs[i].last_ns));
	for (size_t i = 0; i < all->n_victims; i++)
		if (ip_equal(&all->victims[i].controller, &c->addr))
			controller_victim(p, &all->victims[i]);
	expire(p, ":orgs", KEEP_LONG);
}

// The network ----------------------------------------------------------------------------------------------------------------------

static void
write_all(struct part *p, const struct slice *all)
{
	for (size_t i = 0; i < all->n_cells; i++) {
		const struct tally_cell *c = &all->cells[i];
		char family[256], day[16], suffix[32], field[400];

		family_of(c->family, family, sizeof(family));
		format_day(c->hour / 24, day);
		snprintf(suffix, sizeof(suffix), ":h:%s", day);
		for (int j = 0; j < TALLY_COUNTERS; j++) {
			snprintf(field, sizeof(field), "%02u|%s|%s|%s", c->hour % 24, family, lane_name(c->lane),
				 tally_counter_name((enum tally_counter)j));
			incr(p, suffix, field, c->counts.n[j]);
		}
		expire(p, suffix, KEEP_SHORT);
	}
}

// Parts and batches ------------------------------------------------------------------------------------------------------------------

static void
drop(struct part *p)
{
	free_words(&p->keys);
	free_words(&p->args);
	free(p->places);
}

// Begins with what every part begins with: the fence, and what ratwatch1_apply wants to know first.
static void
begin(struct part *p, struct batch_chain *chain, const char *entity_prefix, const char *entity, uint64_t prev)
{
	const struct batch_options *o = &chain->options;

	*p = (struct part){.chain = chain};
	snprintf(p->entity, sizeof(p->entity), "%s%s", entity_prefix, entity);
	key(p, ":seq:%s", o->sensor); // it is number 1, and that word is not wanted
	if (p->args.n > 0)
		free(p->args.items[--p->args.n]);
	word(p, o->incarnation);
	number(p, chain->number + 1);
	number(p, prev);
	word(p, o->sensor);
}

static uint64_t
previous(const struct batch_chain *chain, name_id entity)
{
	return entity < chain->n_last ? chain->last[entity] : 0;
}

static bool
reserve(struct batch_chain *chain, name_id entity)
{
	size_t n = ((size_t)entity + 1024) & ~(size_t)1023;
	uint64_t *grown;

	if (entity < chain->n_last)
		return true;
	if ((grown = reallocarray(chain->last, n, sizeof(*grown))) == NULL)
		return false;
	memset(grown + chain->n_last, 0, (n - chain->n_last) * sizeof(*grown));
	chain->last = grown;
	chain->n_last = n;
	return true;
}

// KEYS and ARGV become one vector of words.
static int
finish(struct part *p, struct batch_part *ret)
{
	struct batch_args *a = &ret->apply;
	size_t n = p->keys.n + p->args.n;

	if (p->failed || (a->argv = calloc(n, sizeof(char *))) == NULL ||
	    (a->len = calloc(n, sizeof(*a->len))) == NULL || (ret->entity = strdup(p->entity)) == NULL) {
		free(a->argv);
		free(a->len);
		drop(p);
		*ret = (struct batch_part){0};
		return -ENOMEM;
	}
	memcpy(a->argv, p->keys.items, p->keys.n * sizeof(char *));
	memcpy(a->len, p->keys.len, p->keys.n * sizeof(*a->len));
	memcpy(a->argv + p->keys.n, p->args.items, p->args.n * sizeof(char *));
	memcpy(a->len + p->keys.n, p->args.len, p->args.n * sizeof(*a->len));
	a->n_keys = p->keys.n;
	a->n = n;
	p->keys.n = p->args.n = 0; // the words have moved
	drop(p);
	return 0;
}

static name_id
entity_id(const char *prefix, const char *text)
{
	char entity[128];

	snprintf(entity, sizeof(entity), "%s%s", prefix, text);
	return names_of(entity);
}

static struct slice
take_slice(struct slice *rest, name_id org)
{
	struct slice s = {.cells = rest->cells, .pairs = rest->pairs, .victims = rest->victims};

	for (; rest->n_cells > 0 && rest->cells->org == org; rest->cells++, rest->n_cells--)
		s.n_cells++;
	for (; rest->n_pairs > 0 && rest->pairs->org == org; rest->pairs++, rest->n_pairs--)
		s.n_pairs++;
	for (; rest->n_victims > 0 && rest->victims->org == org; rest->victims++, rest->n_victims--)
		s.n_victims++;
	return s;
}

static int
make_org(struct batch_chain *chain, const struct tally_org *o, const struct slice *s, struct batch_part *ret)
{
	bool suspected = o->suspected && org_can_be_suspected(o->facts.attribution);
	name_id id = entity_id(prefixed_entities[0], names_text(o->facts.id));
	struct part p;
	int err;

	if (!reserve(chain, id))
		return -ENOMEM;
	begin(&p, chain, prefixed_entities[0], names_text(o->facts.id), previous(chain, id));
	write_org(&p, o, s, suspected);
	if ((err = finish(&p, ret)) < 0)
		return err;
	ret->prev = previous(chain, id);
	ret->org = o->facts.id;
	ret->watched = o->facts.watched;
	ret->suspected = suspected;
	ret->suspected_first_s = seconds(o->suspected_first_ns);
	ret->last_s = seconds(suspected ? o->suspected_last_ns : o->last_ns);
	for (size_t i = 0; suspected && i < s->n_pairs && ret->n_families < BATCH_FAMILIES; i++)
		if (s->pairs[i].suspected)
			ret->families[ret->n_families++] = s->pairs[i].family;
	return 0;
}

static int
make_controller(struct batch_chain *chain, const struct tally_controller *c, const struct slice *all,
		struct batch_part *ret)
{
	char address[IP_TEXT_MAX];
	struct part p;
	name_id id;
	int err;

	ip_format(&c->addr, address);
	id = entity_id(prefixed_entities[1], address);
	if (!reserve(chain, id))
		return -ENOMEM;
	begin(&p, chain, prefixed_entities[1], address, previous(chain, id));
	write_controller(&p, c, all);
	if ((err = finish(&p, ret)) < 0)
		return err;
	ret->prev = previous(chain, id);
	ret->suspected = c->suspected;
	ret->last_s = seconds(c->last_ns);
	return 0;
}

static int
make_all(struct batch_chain *chain, const struct slice *all, struct batch_part *ret)
{
	name_id id = names_of("all");
	struct part p;
	int err;

	if (!reserve(chain, id))
		return -ENOMEM;
	begin(&p, chain, "", "all", previous(chain, id));
	write_all(&p, all);
	if ((err = finish(&p, ret)) < 0)
		return err;
	ret->prev = previous(chain, id);
	return 0;
}

static int
make_parts(struct batch_chain *chain, struct tally *t, struct batch *b)
{
	const struct tally_controller *controllers;
	const struct tally_org *orgs;
	struct slice all, rest;
	size_t n_orgs = tally_orgs(t, &orgs), n_controllers = tally_controllers(t, &controllers);
	int err;

	all.n_cells = tally_cells(t, &all.cells);
	all.n_pairs = tally_pairs(t, &all.pairs);
	all.n_victims = tally_victims(t, &all.victims);
	if (n_orgs == 0)
		return 0;
	if ((b->parts = calloc(n_orgs + n_controllers + 1, sizeof(*b->parts))) == NULL)
		return -ENOMEM;
	rest = all;
	for (size_t i = 0; i < n_orgs; i++) {
		struct slice s = take_slice(&rest, orgs[i].facts.id);

		if ((err = make_org(chain, &orgs[i], &s, &b->parts[b->n])) < 0)
			return err;
		b->n++;
	}
	for (size_t i = 0; i < n_controllers; i++, b->n++)
		if ((err = make_controller(chain, &controllers[i], &all, &b->parts[b->n])) < 0)
			return err;
	if ((err = make_all(chain, &all, &b->parts[b->n])) < 0)
		return err;
	b->n++;
	return 0;
}

int
batch_make(struct batch_chain *chain, struct tally *t, struct batch **ret)
{
	const uint64_t *n = tally_totals(t)->n;
	struct batch *b = calloc(1, sizeof(*b));
	int err;

	if (b == NULL)
		return -ENOMEM;
	if ((err = make_parts(chain, t, b)) < 0) {
		batch_free(b);
		return err;
	}
	b->number = ++chain->number;
	b->contacts = n[TALLY_CONTACTS];
	b->made_s = time(NULL);
	b->one_way = (n[TALLY_PACKETS_OUT] == 0) != (n[TALLY_PACKETS_IN] == 0);
	for (size_t i = 0; i < b->n; i++) {
		b->parts[i].seq = b->number;
		chain->last[names_of(b->parts[i].entity)] = b->number;
	}
	*ret = b;
	return 0;
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++) {
		for (size_t w = 0; w < b->parts[i].apply.n; w++)
			free(b->parts[i].apply.argv[w]);
		free(b->parts[i].apply.argv);
		free(b->parts[i].apply.len);
		free(b->parts[i].entity);
	}
	free(b->parts);
	free(b);
}

int
batch_chain_build(const struct batch_options *o, struct batch_chain **ret)
{
	struct batch_chain *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->options = *o;
	c->options.prefix = strdup(o->prefix);
	c->options.sensor = strdup(o->sensor);
	c->options.incarnation = strdup(o->incarnation);
	if (c->options.prefix == NULL || c->options.sensor == NULL || c->options.incarnation == NULL) {
		batch_chain_free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void
batch_chain_free(struct batch_chain *c)
{
	if (c == NULL)
		return;
	free((char *)c->options.prefix);
	free((char *)c->options.sensor);
	free((char *)c->options.incarnation);
	free(c->last);
	free(c);
}
