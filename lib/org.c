#include "org.h"

#include "lane.h"
#include "org/sources.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SLUG_MAX 62 // "o-" comes before it

struct org_set {
	struct org_watchlist watchlist;
	struct org_networks networks;
	struct org_mmdb **databases;
	name_id *sources; // of the databases
	size_t n_databases;
};

const char *
org_attribution_name(enum org_attribution a)
{
	static const char *const names[] = {"watchlist", "organization", "isp", "asn", "private", "unknown"};

	return names[a];
}

bool
org_can_be_suspected(enum org_attribution a)
{
	return a == ORG_WATCHLIST || a == ORG_ORGANIZATION;
}

static name_id
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return names_of(slash != NULL ? slash + 1 : path);
}

static int
add_database(struct org_set *s, const char *path, struct problem_list *problems)
{
	int got = org_networks_read(&s->networks, path, problems);

	if (got != 0)
		return got < 0 ? got : 0;
	if ((got = org_mmdb_open(path, problems, &s->databases[s->n_databases])) < 0)
		return got;
	s->sources[s->n_databases++] = base_name(path);
	return 0;
}

static int
read_watchlists(struct org_set *s, const char *const *paths, size_t n, struct problem_list *problems)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		int failed = org_watchlist_read(&s->watchlist, paths[i], problems);

		err = failed < 0 ? failed : err;
	}
	if (err == 0)
		err = org_watchlist_seal(&s->watchlist, problems);
	return err;
}

// An AS number of the watchlist says nothing about an address unless a database does.
static void
check_systems(const struct org_set *s, struct problem_list *problems)
{
	for (size_t i = 0; i < s->watchlist.n && s->n_databases == 0; i++)
		if (s->watchlist.rows[i].asn != 0) {
			problem_add(problems, PROBLEM_WARNING, names_text(s->watchlist.rows[i].path),
				    s->watchlist.rows[i].facts.line, "network",
				    "AS%u matches no address without a database of AS numbers; name one in "
				    "organizations.databases",
				    s->watchlist.rows[i].asn);
			return;
		}
}

static int
read_databases(struct org_set *s, const char *const *paths, size_t n, struct problem_list *problems)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		int failed = add_database(s, paths[i], problems);

		err = failed < 0 ? failed : err;
	}
	org_networks_seal(&s->networks);
	return err;
}

static int
init(struct org_set *s, size_t n_databases)
{
	s->databases = calloc(n_databases + 1, sizeof(struct org_mmdb *));
	s->sources = calloc(n_databases + 1, sizeof(*s->sources));
	if (s->databases == NULL || s->sources == NULL || org_watchlist_init(&s->watchlist) < 0 ||
	    org_networks_init(&s->networks) < 0)
		return -ENOMEM;
	return 0;
}

int
org_build(const char *const *watchlists, size_t n_watchlists, const char *const *databases, size_t n_databases,
	  struct problem_list *problems, struct org_set **ret)
{
	struct org_set *s = calloc(1, sizeof(*s));
	int lists, bases;

	if (s == NULL)
		return -ENOMEM;
	if (init(s, n_databases) < 0) {
		org_free(s);
		return -ENOMEM;
	}
	lists = read_watchlists(s, watchlists, n_watchlists, problems);
	bases = read_databases(s, databases, n_databases, problems);
	if (lists < 0 || bases < 0) {
		org_free(s);
		return lists < 0 ? lists : bases;
	}
	check_systems(s, problems);
	*ret = s;
	return 0;
}

void
org_free(struct org_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_databases; i++)
		org_mmdb_close(s->databases[i]);
	free(s->databases);
	free(s->sources);
	org_watchlist_fini(&s->watchlist);
	org_networks_fini(&s->networks);
	free(s);
}

size_t
org_watched(const struct org_set *s)
{
	return s->watchlist.ids;
}

bool
org_has_database(const struct org_set *s)
{
	return s->n_databases > 0;
}

// "ACME Corp. & Sons" -> "o-acme-corp.-sons". What is left of names in other scripts is nothing: those get a hash.
static name_id
slug(const char *name)
{
	char text[SLUG_MAX + 3] = "o-";
	uint64_t hash = 0xCBF29CE484222325u;
	size_t n = 2;

	for (const char *p = name; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		hash = (hash ^ c) * 0x100000001B3u;
		if (n >= sizeof(text) - 1)
			continue;
		if (c < 0x80 && (isalnum(c) || c == '.' || c == '_'))
			text[n++] = (char)tolower(c);
		else if (c < 0x80 && text[n - 1] != '-')
			text[n++] = '-';
	}
	while (n > 2 && text[n - 1] == '-')
		n--;
	text[n] = '\0';
	if (n == 2)
		snprintf(text, sizeof(text), "o-x%08llx", (unsigned long long)(hash & 0xffffffff));
	return names_of(text);
}

static name_id
as_id(uint32_t asn)
{
	char text[24];

	snprintf(text, sizeof(text), "as%u", asn);
	return names_of(text);
}

struct found { // in the databases
	struct org_record record;
	name_id source;  // which knew somebody first; empty: none did
	name_id hosting; // see org_facts
};

static bool
knows_somebody(const struct org_record *r)
{
	return r->organization[0] != '\0' || r->isp[0] != '\0' || r->asn != 0;
}

static name_id
field_of(name_id source, const char *field)
{
	char text[300];

	snprintf(text, sizeof(text), "%.255s: %s", names_text(source), field);
	return names_of(text);
}

static void
look_up(const struct org_set *s, const struct ip_addr *a, struct found *ret)
{
	*ret = (struct found){0};
	for (size_t i = 0; i < s->n_databases; i++) {
		org_mmdb_find(s->databases[i], a, &ret->record);
		if (ret->source == 0 && knows_somebody(&ret->record))
			ret->source = s->sources[i];
		if (ret->hosting == 0 && ret->record.hosting != NULL)
			ret->hosting = field_of(s->sources[i], ret->record.hosting);
	}
}

// A provider's own lines carry its name as their organization, too: that says nobody's but the provider's.
static bool
is_provider(const struct org_record *r)
{
	return strcasecmp(r->organization, r->isp) == 0 ||
	       (r->asn != 0 && strcasecmp(r->organization, r->as_name) == 0);
}

static void
as_text(uint32_t asn, char ret[static 16])
{
	snprintf(ret, 16, "AS%u", asn);
}

static void
name_by_as(const struct org_record *r, struct org_facts *ret)
{
	char text[16];

	as_text(r->asn, text);
	ret->attribution = ORG_ASN;
	ret->id = as_id(r->asn);
	ret->name = names_of(r->as_name[0] != '\0' ? r->as_name : text);
}

static void
name_by_record(const struct org_record *r, struct org_facts *ret)
{
	if (r->organization[0] != '\0' && !is_provider(r)) {
		ret->attribution = ORG_ORGANIZATION;
		ret->id = slug(r->organization);
		ret->name = names_of(r->organization);
	} else if (r->isp[0] != '\0') {
		ret->attribution = ORG_ISP;
		ret->id = r->asn != 0 ? as_id(r->asn) : slug(r->isp);
		ret->name = names_of(r->isp);
	} else if (r->asn != 0) {
		name_by_as(r, ret);
	}
	ret->country = names_of(r->country);
}

// A row that names a lane is the operator's last word on its network.
static void
take_row(const struct org_row *row, const struct found *found, struct org_facts *ret)
{
	*ret = row->facts;
	if (row->said[ORG_LANE] != 0)
		return;
	ret->asn = found->record.asn;
	ret->hosting = found->hosting;
}

static void
take_found(const struct org_set *s, const struct found *found, struct org_facts *ret)
{
	int64_t row = asn_table_find(s->watchlist.systems, found->record.asn);

	if (row >= 0) {
		take_row(&s->watchlist.rows[row], found, ret);
		return;
	}
	*ret = (struct org_facts){.attribution = ORG_UNKNOWN, .lane = LANE_COUNTED};
	ret->id = ret->name = names_of("unknown");
	ret->source = found->source;
	ret->asn = found->record.asn;
	ret->hosting = found->hosting;
	name_by_record(&found->record, ret);
}

void
org_find(const struct org_set *s, const struct ip_addr *a, struct org_facts *ret)
{
	int64_t row = prefix_table_find(s->watchlist.networks, a);
	struct found found;

	if (row < 0 && ip_is_private(a)) {
		*ret = (struct org_facts){.attribution = ORG_PRIVATE, .lane = LANE_COUNTED};
		ret->id = ret->name = names_of("private");
		return;
	}
	look_up(s, a, &found);
	if (row >= 0)
		take_row(&s->watchlist.rows[row], &found, ret);
	else
		take_found(s, &found, ret);
}

static void
add_network(name_id country, name_id network, struct org_network *to)
{
	to->country = to->country != 0 ? to->country : country;
	to->network = to->network != 0 ? to->network : network;
}

static name_id
network_of(const struct org_record *r)
{
	char text[16];

	as_text(r->asn, text);
	return names_of(r->organization[0] != '\0' ? r->organization
			: r->isp[0] != '\0'        ? r->isp
			: r->as_name[0] != '\0'    ? r->as_name
			: r->asn != 0              ? text
						   : "");
}

void
org_network(const struct org_set *s, const struct ip_addr *a, struct org_network *ret)
{
	int64_t own = prefix_table_find(s->networks.table, a), row = prefix_table_find(s->watchlist.networks, a);
	struct found found;

	*ret = own >= 0 ? s->networks.rows[own] : (struct org_network){0};
	look_up(s, a, &found);
	if (row < 0)
		row = asn_table_find(s->watchlist.systems, found.record.asn);
	if (row >= 0)
		add_network(s->watchlist.rows[row].facts.country, s->watchlist.rows[row].facts.name, ret);
	add_network(names_of(found.record.country), network_of(&found.record), ret);
}
