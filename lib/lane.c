#include "lane.h"

#include "asn.h"
#include "feed.h"
#include "indicator_list.h"
#include "input.h"
#include "lane/as_list.h"
#include "prefix_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[LANES] = {"allowed", "retracted", "scanner",  "research",
					 "hosting", "shared",    "sinkhole", "counted"};

const char *
lane_name(enum lane l)
{
	return names[l];
}

int
lane_parse(const char *text, size_t len, enum lane *ret)
{
	for (int l = 0; l < LANES; l++)
		if (strlen(names[l]) == len && memcmp(names[l], text, len) == 0) {
			*ret = (enum lane)l;
			return 0;
		}
	return -EINVAL;
}

struct lane_set {
	struct prefix_table *tables[LANES]; // NULL: no list for this lane; the values are indexes into reasons
	struct asn_table *systems[LANES];   // the same for lists of AS numbers
	name_id as_list;                    // the first of those; empty: there is none
	name_id *reasons;                   // "scanners.txt:12"
	size_t n_reasons, max_reasons;
};

static int
add_reason(struct lane_set *s, const char *path, uint32_t line, uint32_t *ret)
{
	const char *slash = strrchr(path, '/');
	size_t max = s->max_reasons == 0 ? 64 : s->max_reasons * 2;
	char text[300];
	name_id *grown;

	if (s->n_reasons == s->max_reasons) {
		if ((grown = reallocarray(s->reasons, max, sizeof(*grown))) == NULL)
			return -ENOMEM;
		s->reasons = grown;
		s->max_reasons = max;
	}
	snprintf(text, sizeof(text), "%.255s:%u", slash != NULL ? slash + 1 : path, line);
	*ret = (uint32_t)s->n_reasons;
	s->reasons[s->n_reasons++] = names_of(text);
	return 0;
}

static int
add_feed(struct lane_set *s, enum lane lane, const struct feed *f)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < indicator_list_count(&f->list); i++) {
		struct indicator in;
		uint32_t reason;

		indicator_list_get(&f->list, i, &in);
		if ((err = add_reason(s, f->path, in.line, &reason)) == 0)
			err = prefix_table_add(s->tables[lane], &in.prefix, reason);
	}
	return err;
}

// Lists of C2 addresses are no lists of others.
static int
check_format(const struct feed *f, struct problem_list *problems)
{
	if (f->format == FEED_TEXT || f->format == FEED_MISP_WARNINGLIST)
		return 0;
	problem_add(problems, PROBLEM_ERROR, f->path, 0, NULL,
		    "reads as %s; give a plain list of addresses and networks, or a %s, for a lane",
		    feed_format_name(f->format), feed_format_name(FEED_MISP_WARNINGLIST));
	return -EINVAL;
}

static int
add_addresses(struct lane_set *s, const struct lane_list *list, const struct input *in, struct problem_list *problems)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f;
	int err;

	o.path = list->path;
	o.allow_special = true; // one's own networks may well be private
	o.max_addresses = 0;
	o.min_prefix4 = 8;
	o.min_prefix6 = 16;
	if (s->tables[list->lane] == NULL && (err = prefix_table_build(&s->tables[list->lane])) < 0)
		return err;
	if ((err = feed_read(&o, in, problems, &f)) < 0)
		return err;
	if ((err = check_format(f, problems)) == 0)
		err = add_feed(s, list->lane, f);
	feed_free(f);
	return err;
}

#define MAX_BAD      5 // percent of the lines of a list, as for addresses
#define WARNINGS_MAX 5

// Which network a controller is in is not looked up for lanes: shared infrastructure is a part of an AS at most.
static int
check_lane(const struct lane_list *list, struct problem_list *problems)
{
	if (list->lane == LANE_SCANNER || list->lane == LANE_RESEARCH || list->lane == LANE_HOSTING)
		return 0;
	problem_add(
		problems, PROBLEM_ERROR, list->path, 0, NULL,
		"lists AS numbers, which lane %s does not know, only scanner, research and hosting; list the networks",
		names[list->lane]);
	return -EINVAL;
}

static int
add_system(struct lane_set *s, const struct lane_list *list, unsigned line, uint32_t asn)
{
	uint32_t reason;
	int err = add_reason(s, list->path, line, &reason);

	return err < 0 ? err : asn_table_add(s->systems[list->lane], asn, reason);
}

static int
read_systems(struct lane_set *s, const struct lane_list *list, const struct input *in, struct problem_list *problems)
{
	struct as_list l = as_list_of(in->bytes, in->len);
	size_t good = 0, bad = 0;
	int got, err = 0;
	uint32_t asn;

	while (err == 0 && (got = as_list_next(&l, &asn)) != 0) {
		if (got > 0) {
			good++;
			err = add_system(s, list, l.line, asn);
		} else if (bad++ < WARNINGS_MAX) {
			problem_add(
				problems, PROBLEM_WARNING, list->path, l.line, NULL,
				"'%.*s' is skipped: no AS number; write AS64500, and addresses in a file of their own",
				(int)(l.len < 60 ? l.len : 60), l.text);
		}
	}
	if (err == 0 && bad * 100 > (good + bad) * MAX_BAD) {
		problem_add(problems, PROBLEM_ERROR, list->path, 0, NULL,
			    "%zu of %zu lines are no AS numbers; the warnings say which, write one on each line", bad,
			    good + bad);
		err = -EINVAL;
	}
	return err;
}

static int
add_systems(struct lane_set *s, const struct lane_list *list, const struct input *in, struct problem_list *problems)
{
	int err;

	if ((err = check_lane(list, problems)) < 0)
		return err;
	if (s->systems[list->lane] == NULL && (err = asn_table_build(&s->systems[list->lane])) < 0)
		return err;
	if (s->as_list == 0)
		s->as_list = names_of(list->path);
	return read_systems(s, list, in, problems);
}

static int
add_list(struct lane_set *s, const struct lane_list *list, struct problem_list *problems)
{
	struct input in;
	int err;

	if ((err = input_read(list->path, problems, &in)) < 0)
		return err;
	if (as_list_recognises(in.bytes, in.len))
		err = add_systems(s, list, &in, problems);
	else
		err = add_addresses(s, list, &in, problems);
	input_free(&in);
	return err;
}

static void
seal(struct lane_set *s)
{
	for (int l = 0; l < LANES; l++) {
		if (s->tables[l] != NULL)
			prefix_table_seal(s->tables[l]);
		if (s->systems[l] != NULL)
			asn_table_seal(s->systems[l]);
	}
}

int
lane_build(const struct lane_list *lists, size_t n, struct problem_list *problems, struct lane_set **ret)
{
	struct lane_set *s = calloc(1, sizeof(*s));
	int err = 0;

	if (s == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int failed = add_list(s, &lists[i], problems);

		err = failed < 0 ? failed : err;
	}
	if (err < 0) {
		lane_free(s);
		return err;
	}
	seal(s);
	*ret = s;
	return 0;
}

void
lane_free(struct lane_set *s)
{
	if (s == NULL)
		return;
	for (int l = 0; l < LANES; l++) {
		prefix_table_free(s->tables[l]);
		asn_table_free(s->systems[l]);
	}
	free(s->reasons);
	free(s);
}

bool
lane_has(const struct lane_set *s, enum lane lane)
{
	return s->tables[lane] != NULL;
}

const char *
lane_as_list(const struct lane_set *s)
{
	return s->as_list != 0 ? names_text(s->as_list) : NULL;
}

bool
lane_allows(const struct lane_set *s, const struct ip_prefix *p)
{
	return lane_has(s, LANE_ALLOWED) && prefix_table_meets(s->tables[LANE_ALLOWED], p);
}

struct question { // one contact as seen from one controller
	const struct lane_set *set;
	const struct contact_end *victim, *controller;
	const struct org_facts *org;
};

static bool
is_listed(const struct question *q, enum lane lane, const struct ip_addr *a, name_id *ret_reason)
{
	int64_t i = q->set->tables[lane] != NULL ? prefix_table_find(q->set->tables[lane], a) : -1;

	if (i < 0)
		return false;
	*ret_reason = q->set->reasons[i];
	return true;
}

static bool
is_watchlisted(const struct question *q, enum lane lane, name_id *ret_reason)
{
	char text[300];

	if (q->org->attribution != ORG_WATCHLIST || q->org->lane != lane)
		return false;
	snprintf(text, sizeof(text), "%.255s:%u", names_text(q->org->source), q->org->line);
	*ret_reason = names_of(text);
	return true;
}

// Of the victim, by databases: its AS is listed, or hosts are let there.
static bool
is_of_network(const struct question *q, enum lane lane, name_id *ret_reason)
{
	int64_t i = q->set->systems[lane] != NULL ? asn_table_find(q->set->systems[lane], q->org->asn) : -1;

	if (i >= 0) {
		*ret_reason = q->set->reasons[i];
		return true;
	}
	if (lane != LANE_HOSTING || q->org->hosting == 0)
		return false;
	*ret_reason = q->org->hosting;
	return true;
}

static bool
is_flagged(const struct question *q, uint8_t flag, const char *reason, name_id *ret_reason)
{
	if (!(q->controller->match.flags & flag))
		return false;
	*ret_reason = names_of(reason);
	return true;
}

static bool
is_in(const struct question *q, enum lane lane, name_id *ret)
{
	switch (lane) {
	case LANE_ALLOWED:
		return is_flagged(q, INDICATOR_ALLOWED, "indicator: allowed", ret) ||
		       is_listed(q, lane, &q->controller->addr, ret);
	case LANE_SCANNER:
	case LANE_RESEARCH:
	case LANE_HOSTING:
		return is_listed(q, lane, &q->victim->addr, ret) || is_watchlisted(q, lane, ret) ||
		       is_of_network(q, lane, ret);
	case LANE_SHARED:
		return !q->controller->match.exact && (is_flagged(q, INDICATOR_SHARED, "indicator: shared", ret) ||
						       is_listed(q, lane, &q->controller->addr, ret));
	case LANE_SINKHOLE:
		return is_flagged(q, INDICATOR_SINKHOLE, "indicator: sinkhole", ret) ||
		       is_listed(q, lane, &q->controller->addr, ret);
	default:
		return false;
	}
}

enum lane
lane_of(const struct lane_set *s, const struct contact_report *r, unsigned victim, unsigned controller,
	const struct org_facts *org, name_id *ret_reason)
{
	const struct question q = {.set = s,
				   .victim = &r->ends[victim],
				   .controller = &r->ends[controller],
				   .org = org};

	for (int l = LANE_ALLOWED; l < LANE_COUNTED; l++)
		if (is_in(&q, (enum lane)l, ret_reason))
			return (enum lane)l;
	*ret_reason = 0;
	return LANE_COUNTED;
}

// An address that others use as well, or whose controller listens on a port that this contact did not use, is not enough.
static unsigned
match_objections(const struct flow_match *m)
{
	if (m->exact)
		return 0;
	return (m->has_port ? LANE_OTHER_PORT : 0u) |
	       (m->flags & (INDICATOR_COMPROMISED | INDICATOR_SHARED) ? LANE_OTHERS_HOST : 0u);
}

static bool
opener_suffices(const struct contact_report *r, unsigned victim, unsigned controller)
{
	if (r->opener == CONTACT_UNKNOWN)
		return r->evidence == CONTACT_TWO_WAY;
	if ((r->opener == CONTACT_VICTIM ? 0u : 1u) == victim)
		return true;
	return r->ends[controller].match.connects_in;
}

unsigned
lane_objections(enum lane lane, const struct contact_report *r, unsigned victim, unsigned controller)
{
	unsigned objections = match_objections(&r->ends[controller].match);

	if (lane != LANE_COUNTED && lane != LANE_SINKHOLE)
		objections |= LANE_APART;
	if (r->portless)
		objections |= LANE_NO_CONVERSATION;
	if (r->evidence < CONTACT_ANSWERED)
		objections |= LANE_NOT_ANSWERED;
	if (!opener_suffices(r, victim, controller))
		objections |= LANE_NOT_OPENED;
	return objections;
}

const char *
lane_objection_text(enum lane_objection o)
{
	switch (o) {
	case LANE_APART:
		return "its lane makes nobody suspected";
	case LANE_NO_CONVERSATION:
		return "a fragment without ports is no conversation";
	case LANE_NOT_ANSWERED:
		return "it was not answered";
	case LANE_NOT_OPENED:
		return "the victim did not open it";
	case LANE_OTHER_PORT:
		return "it is not on the port that the indicator names";
	case LANE_OTHERS_HOST:
		return "the address is a hacked third party's or shared, and the contact on no port that the indicator "
		       "names";
	}
	return "";
}

bool
lane_suspects(enum lane lane, const struct contact_report *r, unsigned victim, unsigned controller)
{
	return lane_objections(lane, r, victim, controller) == 0;
}
