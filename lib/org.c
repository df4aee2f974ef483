#include "org.h"

#include "lane.h"
#include "org/sources.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void
look_up(const struct org_set *s, const struct ip_addr *a, struct org_record *ret, name_id *ret_source)
{
	for (size_t i = 0; i < s->n_databases; i++) {
		bool empty = ret->organization[0] == '\0' && ret->isp[0] == '\0' && ret->asn == 0;

		org_mmdb_find(s->databases[i], a, ret);
		if (empty && (ret->organization[0] != '\0' || ret->isp[0] != '\0' || ret->asn != 0))
			*ret_source = s->sources[i];
	}
}

static void
name_by_as(const struct org_record *r, struct org_facts *ret)
{
	char text[24];

	snprintf(text, sizeof(text), "AS%u", r->asn);
	ret->attribution = ORG_ASN;
	ret->id = as_id(r->asn);
	ret->name = names_of(r->as_name[0] != '\0' ? r->as_name : text);
}

static void
name_by_record(const struct org_record *r, struct org_facts *ret)
{
	if (r->organization[0] != '\0') {
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

void
org_find(const struct org_set *s, const struct ip_addr *a, struct org_facts *ret)
{
	int64_t row = prefix_table_find(s->watchlist.networks, a);
	struct org_record r = {0};

	if (row >= 0) {
		*ret = s->watchlist.rows[row].facts;
		return;
	}
	*ret = (struct org_facts){.attribution = ORG_UNKNOWN, .lane = LANE_COUNTED};
	ret->id = ret->name = names_of("unknown");
	if (ip_is_private(a)) {
		ret->attribution = ORG_PRIVATE;
		ret->id = ret->name = names_of("private");
		return;
	}
	look_up(s, a, &r, &ret->source);
	if ((row = asn_table_find(s->watchlist.systems, r.asn)) >= 0)
		*ret = s->watchlist.rows[row].facts;
	else
		name_by_record(&r, ret);
}

void
org_network(const struct org_set *s, const struct ip_addr *a, struct org_network *ret)
{
	int64_t row = prefix_table_find(s->networks.table, a);
	struct org_record r = {0};
	name_id source;
	char text[24];

	if (row >= 0) {
		*ret = s->networks.rows[row];
		return;
	}
	look_up(s, a, &r, &source);
	snprintf(text, sizeof(text), "AS%u", r.asn);
	ret->country = names_of(r.country);
	ret->network = names_of(r.organization[0] != '\0' ? r.organization
				: r.isp[0] != '\0'        ? r.isp
				: r.as_name[0] != '\0'    ? r.as_name
				: r.asn != 0              ? text
							  : "");
}
