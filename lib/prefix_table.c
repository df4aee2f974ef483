#include "prefix_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct row {
	struct ip_prefix prefix;
	uint32_t value;
	uint32_t order; // as added
	int64_t parent; // the next shorter prefix around this one; -1: none
};

struct prefix_table {
	struct row *rows; // sorted by address, shorter prefixes first
	size_t n, max;
};

int
prefix_table_build(struct prefix_table **ret)
{
	struct prefix_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	*ret = t;
	return 0;
}

void
prefix_table_free(struct prefix_table *t)
{
	if (t == NULL)
		return;
	free(t->rows);
	free(t);
}

int
prefix_table_add(struct prefix_table *t, const struct ip_prefix *p, uint32_t value)
{
	size_t max = t->max == 0 ? 64 : t->max * 2;
	struct row *grown;

	if (t->n == t->max) {
		if ((grown = reallocarray(t->rows, max, sizeof(*grown))) == NULL)
			return -ENOMEM;
		t->rows = grown;
		t->max = max;
	}
	t->rows[t->n] = (struct row){.prefix = *p, .value = value, .order = (uint32_t)t->n, .parent = -1};
	t->n++;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = ip_compare(&x->prefix.addr, &y->prefix.addr);

	if (order != 0)
		return order;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len - y->prefix.len;
	return (x->order > y->order) - (x->order < y->order);
}

static bool
same(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(&a->addr, &b->addr);
}

// Sorted like this, whatever holds a row stands before it: walk up from the row before.
static void
link_parents(struct prefix_table *t)
{
	for (size_t i = 1; i < t->n; i++) {
		int64_t p = (int64_t)i - 1;

		while (p >= 0 && !ip_prefix_contains(&t->rows[p].prefix, &t->rows[i].prefix.addr))
			p = t->rows[p].parent;
		t->rows[i].parent = p;
	}
}

void
prefix_table_seal(struct prefix_table *t)
{
	size_t n = 0;

	if (t->n > 0)
		qsort(t->rows, t->n, sizeof(*t->rows), compare);
	for (size_t i = 0; i < t->n; i++)
		if (n == 0 || !same(&t->rows[n - 1].prefix, &t->rows[i].prefix))
			t->rows[n++] = t->rows[i];
	t->n = n;
	link_parents(t);
}

// The number of rows whose address is not above a.
static size_t
rows_up_to(const struct prefix_table *t, const struct ip_addr *a)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_compare(&t->rows[middle].prefix.addr, a) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t
prefix_table_find(const struct prefix_table *t, const struct ip_addr *a)
{
	for (int64_t i = (int64_t)rows_up_to(t, a) - 1; i >= 0; i = t->rows[i].parent)
		if (ip_prefix_contains(&t->rows[i].prefix, a))
			return t->rows[i].value;
	return -1;
}

bool
prefix_table_meets(const struct prefix_table *t, const struct ip_prefix *p)
{
	size_t next = rows_up_to(t, &p->addr);

	// Those that begin within it stand next to its address in the order; of those that begin before, one that holds its first address holds
	// all of it, or it would lie within.
	return (next < t->n && ip_prefix_contains(p, &t->rows[next].prefix.addr)) ||
	       prefix_table_find(t, &p->addr) >= 0;
}
