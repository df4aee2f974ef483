// What the rows of the watchlists say together. Networks may nest, and the inner one wins, as for one customer within a provider's block.
// Networks that are the same, or that overlap without one holding the other, have no such order: of two organizations that is an error.

#include "org/sources.h"

#include <errno.h>
#include <stdlib.h>

struct sealing {
	struct org_watchlist *list;
	struct org_row **rows; // sorted in one way or another
	struct problem_list *problems;
	int err;
};

// About two rows; the line that comes later is the one at fault.
static void
report(struct sealing *s, enum problem_level level, const struct org_row *a, const struct org_row *b, const char *key,
       const char *what, const char *instead)
{
	const struct org_row *first = a < b ? a : b, *second = a < b ? b : a;

	problem_add(s->problems, level, names_text(second->path), second->facts.line, key, "%s, see %s:%u; %s", what,
		    names_text(first->path), first->facts.line, instead);
	if (level == PROBLEM_ERROR)
		s->err = -EINVAL;
}

// One organization ---------------------------------------------------------------------------------------------------------------

static int
compare_ids(const void *a, const void *b)
{
	const struct org_row *x = *(const struct org_row *const *)a, *y = *(const struct org_row *const *)b;

	if (x->facts.id != y->facts.id)
		return x->facts.id < y->facts.id ? -1 : 1;
	return (x > y) - (x < y);
}

// What one row says of its organization holds for all of them, since an organization is counted once.
static void
agree(struct sealing *s, struct org_row **rows, size_t n, int column, const char *key)
{
	const struct org_row *first = NULL;

	for (size_t i = 0; i < n; i++) {
		if (rows[i]->said[column] == 0)
			continue;
		if (first == NULL)
			first = rows[i];
		else if (first->said[column] != rows[i]->said[column])
			report(s, PROBLEM_ERROR, first, rows[i], key, "another row of this id says something else",
			       "make them one, or give another id");
	}
	for (size_t i = 0; first != NULL && i < n; i++)
		rows[i]->said[column] = first->said[column];
}

static void
complete(struct org_row *row)
{
	struct org_facts *f = &row->facts;

	f->name = row->said[ORG_NAME] != 0 ? row->said[ORG_NAME] : names_of(names_text(f->id) + 2);
	f->sector = row->said[ORG_SECTOR];
	f->country = row->said[ORG_COUNTRY];
	f->watched = row->said[ORG_WATCH] != names_of("no");
}

static void
join_organizations(struct sealing *s)
{
	size_t n = s->list->n, end;

	qsort(s->rows, n, sizeof(struct org_row *), compare_ids);
	for (size_t i = 0; i < n; i = end) {
		for (end = i; end < n && s->rows[end]->facts.id == s->rows[i]->facts.id; end++)
			;
		agree(s, s->rows + i, end - i, ORG_NAME, "name");
		agree(s, s->rows + i, end - i, ORG_SECTOR, "sector");
		agree(s, s->rows + i, end - i, ORG_COUNTRY, "country");
		agree(s, s->rows + i, end - i, ORG_WATCH, "watch");
		s->list->ids++;
	}
	for (size_t i = 0; i < n; i++)
		complete(s->rows[i]);
}

// Networks -----------------------------------------------------------------------------------------------------------------------

// AS numbers last; a network behind those that hold it.
static int
compare_networks(const void *a, const void *b)
{
	const struct org_row *x = *(const struct org_row *const *)a, *y = *(const struct org_row *const *)b;
	int order;

	if (x->asn != y->asn)
		return x->asn < y->asn ? -1 : 1;
	if ((order = ip_compare(&x->range.first, &y->range.first)) != 0)
		return order;
	if ((order = ip_compare(&y->range.last, &x->range.last)) != 0)
		return order;
	return (x > y) - (x < y);
}

static bool
is_same(const struct org_row *a, const struct org_row *b)
{
	return a->asn == b->asn && ip_equal(&a->range.first, &b->range.first) &&
	       ip_equal(&a->range.last, &b->range.last);
}

// Two rows that share addresses; the first one begins with the second one or before it.
static void
check_pair(struct sealing *s, const struct org_row *a, const struct org_row *b)
{
	bool same = is_same(a, b);

	if (!same && ip_compare(&b->range.last, &a->range.last) <= 0)
		return; // nested
	if (a->facts.id != b->facts.id)
		report(s, PROBLEM_ERROR, a, b, "network",
		       same ? "is another organization's already" : "overlaps another organization's",
		       "leave out what is not its own");
	else if (a->facts.lane != b->facts.lane)
		report(s, PROBLEM_ERROR, a, b, "lane", "this network has another lane already", "make them one");
	else
		report(s, PROBLEM_WARNING, a, b, "network", same ? "is there twice" : "overlaps another of this id",
		       "leave one out");
}

// `open` holds the rows so far that may reach beyond the current one. Returns how many it holds afterwards.
static size_t
check_row(struct sealing *s, const struct org_row **open, size_t n_open, const struct org_row *row)
{
	bool same = false;
	size_t n = 0;

	for (size_t i = 0; i < n_open; i++) {
		if (open[i]->asn != row->asn || ip_compare(&open[i]->range.last, &row->range.first) < 0)
			continue;
		check_pair(s, open[i], row);
		same |= is_same(open[i], row);
		open[n++] = open[i];
	}
	if (!same)
		open[n++] = row;
	return n;
}

static int
check_networks(struct sealing *s)
{
	const struct org_row **open = calloc(s->list->n + 1, sizeof(*open));
	size_t n_open = 0;

	if (open == NULL)
		return -ENOMEM;
	qsort(s->rows, s->list->n, sizeof(struct org_row *), compare_networks);
	for (size_t i = 0; i < s->list->n; i++)
		n_open = check_row(s, open, n_open, s->rows[i]);
	free(open);
	return 0;
}

static int
add_row(struct org_watchlist *w, const struct org_row *row)
{
	uint32_t index = (uint32_t)(row - w->rows);
	struct ip_range rest = row->range;
	struct ip_prefix p;
	bool more = true;
	int err = 0;

	if (row->asn != 0)
		return asn_table_add(w->systems, row->asn, index);
	while (err == 0 && more) {
		more = ip_take_prefix(&rest, &p);
		err = prefix_table_add(w->networks, &p, index);
	}
	return err;
}

// A range within another may be made of the same prefix, and the first one added stays: so the inner one goes first.
static int
fill_tables(struct sealing *s)
{
	int err = 0;

	for (size_t i = s->list->n; err == 0 && i-- > 0;)
		err = add_row(s->list, s->rows[i]);
	prefix_table_seal(s->list->networks);
	asn_table_seal(s->list->systems);
	return err;
}

int
org_watchlist_seal(struct org_watchlist *w, struct problem_list *problems)
{
	struct sealing s = {.list = w, .problems = problems, .rows = calloc(w->n + 1, sizeof(struct org_row *))};
	int err;

	if (s.rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++)
		s.rows[i] = &w->rows[i];
	join_organizations(&s);
	if ((err = check_networks(&s)) == 0 && (err = s.err) == 0)
		err = fill_tables(&s);
	free(s.rows);
	return err;
}
