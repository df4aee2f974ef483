#include "report/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
report_sums_add(struct report_sums *s, const struct tally_cell *c)
{
	s->there[c->lane] = true;
	for (int i = 0; i < TALLY_COUNTERS; i++) {
		s->lanes[c->lane].n[i] += c->counts.n[i];
		s->all.n[i] += c->counts.n[i];
	}
}

// Distinct victims ---------------------------------------------------------------------------------------------------------------

struct seat { // a victim somewhere: equal seats count once
	uint32_t group;
	struct ip_addr addr;
};

static int
compare_seats(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return ip_compare(&x->addr, &y->addr);
}

// Calls count(context, group) once for each distinct seat.
static void
each_distinct(struct seat *seats, size_t n, void (*count)(void *context, uint32_t group), void *context)
{
	if (n > 0)
		qsort(seats, n, sizeof(*seats), compare_seats);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || compare_seats(&seats[i - 1], &seats[i]) != 0)
			count(context, seats[i].group);
}

static void
count_one(void *context, uint32_t group)
{
	(void)group;
	(*(size_t *)context)++;
}

size_t
report_victims(const struct tally_victim *rows, size_t n, name_id family, bool only_suspected)
{
	struct seat *seats = calloc(n + 1, sizeof(*seats));
	size_t taken = 0, distinct = 0;

	if (seats == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((family == 0 || rows[i].family == family) && (!only_suspected || rows[i].suspected))
			seats[taken++] = (struct seat){.addr = rows[i].victim.addr};
	each_distinct(seats, taken, count_one, &distinct);
	free(seats);
	return distinct;
}

// Beacons ------------------------------------------------------------------------------------------------------------------------

static void
keep_more_regular(struct beacon_result *kept, const struct beacon_result *other)
{
	if (beacon_is_more_regular(other, kept))
		*kept = *other;
}

// Organizations ------------------------------------------------------------------------------------------------------------------

// Lists that are sorted by organization, of which each takes its part.
struct lists {
	const struct tally_cell *cells;
	const struct tally_pair *pairs;
	const struct tally_victim *victims;
	size_t n_cells, n_pairs, n_victims;
};

static void
take_cells(struct report_org *o, struct lists *l)
{
	o->cells = l->cells;
	for (; l->n_cells > 0 && l->cells->org == o->org->facts.id; l->cells++, l->n_cells--, o->n_cells++)
		report_sums_add(&o->sums, l->cells);
}

static void
take_pairs(struct report_org *o, struct lists *l)
{
	o->pairs = l->pairs;
	for (; l->n_pairs > 0 && l->pairs->org == o->org->facts.id; l->pairs++, l->n_pairs--, o->n_pairs++)
		if (l->pairs->evidence > o->evidence)
			o->evidence = l->pairs->evidence;
}

static void
take_victims(struct report_org *o, struct lists *l)
{
	o->victim_rows = l->victims;
	for (; l->n_victims > 0 && l->victims->org == o->org->facts.id; l->victims++, l->n_victims--) {
		o->n_victim_rows++;
		keep_more_regular(&o->beacon, &l->victims->beacon);
	}
	o->victims = report_victims(o->victim_rows, o->n_victim_rows, 0, true);
	o->victims_all = report_victims(o->victim_rows, o->n_victim_rows, 0, false);
}

static int
build_orgs(struct tally *t, struct lists lists, struct report_parts *p)
{
	const struct tally_org *orgs;
	size_t n = tally_orgs(t, &orgs);

	if ((p->orgs = calloc(n + 1, sizeof(*p->orgs))) == NULL)
		return -ENOMEM;
	p->n_orgs = n;
	for (size_t i = 0; i < n; i++) {
		struct report_org *o = &p->orgs[i];

		o->org = &orgs[i];
		o->suspected = orgs[i].suspected && org_can_be_suspected(orgs[i].facts.attribution);
		take_cells(o, &lists);
		take_pairs(o, &lists);
		take_victims(o, &lists);
	}
	return 0;
}

// Controllers --------------------------------------------------------------------------------------------------------------------

static int
compare_controller(const void *key, const void *item)
{
	return ip_compare(key, &((const struct report_controller *)item)->controller->addr);
}

static struct report_controller *
find_controller(const struct report_parts *p, const struct ip_addr *a)
{
	return bsearch(a, p->controllers, p->n_controllers, sizeof(*p->controllers), compare_controller);
}

static void
count_victim(void *context, uint32_t group)
{
	((struct report_parts *)context)->controllers[group].victims++;
}

static void
count_any_victim(void *context, uint32_t group)
{
	((struct report_parts *)context)->controllers[group].victims_all++;
}

static size_t
seat_victims(const struct report_parts *p, const struct lists *l, bool only_suspected, bool grouped, struct seat *seats)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_victims; i++) {
		const struct tally_victim *v = &l->victims[i];
		uint32_t group = 0;

		if (only_suspected && !v->suspected)
			continue;
		if (grouped)
			group = (uint32_t)(find_controller(p, &v->controller) - p->controllers);
		seats[n++] = (struct seat){.group = group, .addr = v->victim.addr};
	}
	return n;
}

static int
count_victims(struct report_parts *p, const struct lists *l)
{
	struct seat *seats = calloc(l->n_victims + 1, sizeof(*seats));

	if (seats == NULL)
		return -ENOMEM;
	each_distinct(seats, seat_victims(p, l, true, true, seats), count_victim, p);
	each_distinct(seats, seat_victims(p, l, false, true, seats), count_any_victim, p);
	each_distinct(seats, seat_victims(p, l, true, false, seats), count_one, &p->victims);
	each_distinct(seats, seat_victims(p, l, false, false, seats), count_one, &p->victims_all);
	free(seats);
	return 0;
}

static void
count_organizations(struct report_parts *p)
{
	for (size_t i = 0; i < p->n_orgs; i++)
		for (size_t j = 0; p->orgs[i].suspected && j < p->orgs[i].n_pairs; j++)
			if (p->orgs[i].pairs[j].suspected)
				find_controller(p, &p->orgs[i].pairs[j].controller)->organizations++;
}

static int
build_controllers(struct tally *t, const struct lists *l, struct report_parts *p)
{
	const struct tally_controller *controllers;
	size_t n = tally_controllers(t, &controllers);

	if ((p->controllers = calloc(n + 1, sizeof(*p->controllers))) == NULL)
		return -ENOMEM;
	p->n_controllers = n;
	for (size_t i = 0; i < n; i++)
		p->controllers[i].controller = &controllers[i];
	for (size_t i = 0; i < l->n_cells; i++)
		report_sums_add(&find_controller(p, &l->cells[i].controller)->sums, &l->cells[i]);
	for (size_t i = 0; i < l->n_victims; i++)
		keep_more_regular(&find_controller(p, &l->victims[i].controller)->beacon, &l->victims[i].beacon);
	count_organizations(p);
	return count_victims(p, l);
}

int
report_parts_build(struct tally *t, struct report_parts *ret)
{
	struct report_parts p = {0};
	struct lists l = {0};
	int err;

	l.n_cells = tally_cells(t, &l.cells);
	l.n_pairs = tally_pairs(t, &l.pairs);
	l.n_victims = tally_victims(t, &l.victims);
	if ((err = build_orgs(t, l, &p)) < 0 || (err = build_controllers(t, &l, &p)) < 0) {
		report_parts_free(&p);
		return err;
	}
	*ret = p;
	return 0;
}

void
report_parts_free(struct report_parts *p)
{
	free(p->orgs);
	free(p->controllers);
	*p = (struct report_parts){0};
}

static bool
seen_before(const struct report_org *o, size_t i, bool all)
{
	for (size_t j = 0; j < i; j++)
		if ((all || o->pairs[j].suspected) && o->pairs[j].family == o->pairs[i].family)
			return true;
	return false;
}

char *
report_families(const struct report_org *o, bool all, const char *separator, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < o->n_pairs && len < size - 1; i++) {
		if ((!all && !o->pairs[i].suspected) || seen_before(o, i, all))
			continue;
		len += (size_t)snprintf(ret + len, size - len, "%s%s", len > 0 ? separator : "",
					names_text(o->pairs[i].family));
	}
	return ret;
}
