#include "asn.h"

#include <errno.h>
#include <stdlib.h>

struct row {
	uint32_t asn, value;
	size_t order; // as added
};

struct asn_table {
	struct row *rows; // sorted by asn
	size_t n, max;
};

int
asn_parse(const char *text, size_t len, uint32_t *ret)
{
	size_t at = len >= 2 && (text[0] | 0x20) == 'a' && (text[1] | 0x20) == 's' ? 2 : 0;
	uint64_t asn = 0;

	if (at == len || len - at > 10 || text[at] == '0')
		return -EINVAL;
	for (; at < len; at++) {
		if (text[at] < '0' || text[at] > '9')
			return -EINVAL;
		asn = asn * 10 + (uint64_t)(text[at] - '0');
	}
	if (asn > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)asn;
	return 0;
}

int
asn_table_build(struct asn_table **ret)
{
	struct asn_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	*ret = t;
	return 0;
}

void
asn_table_free(struct asn_table *t)
{
	if (t == NULL)
		return;
	free(t->rows);
	free(t);
}

int
asn_table_add(struct asn_table *t, uint32_t asn, uint32_t value)
{
	size_t max = t->max == 0 ? 64 : t->max * 2;
	struct row *grown;

	if (t->n == t->max) {
		if ((grown = reallocarray(t->rows, max, sizeof(*grown))) == NULL)
			return -ENOMEM;
		t->rows = grown;
		t->max = max;
	}
	t->rows[t->n] = (struct row){.asn = asn, .value = value, .order = t->n};
	t->n++;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->asn != y->asn)
		return x->asn < y->asn ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

void
asn_table_seal(struct asn_table *t)
{
	size_t n = 0;

	if (t->n > 0)
		qsort(t->rows, t->n, sizeof(*t->rows), compare);
	for (size_t i = 0; i < t->n; i++)
		if (n == 0 || t->rows[n - 1].asn != t->rows[i].asn)
			t->rows[n++] = t->rows[i];
	t->n = n;
}

int64_t
asn_table_find(const struct asn_table *t, uint32_t asn)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->rows[middle].asn == asn)
			return t->rows[middle].value;
		if (t->rows[middle].asn < asn)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}
