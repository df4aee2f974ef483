#include "lane/as_list.h"

#include "asn.h"
#include "csv.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct as_list
as_list_of(const char *bytes, size_t len)
{
	struct as_list l = {.at = bytes, .end = bytes + len};

	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		l.at += 3; // byte order mark
	return l;
}

// The first cell: up to a comma, a blank or a comment; quotes around it do not belong to it.
static const char *
first_cell(const struct as_list *l, size_t *ret_len)
{
	const char *text = l->text, *end = l->text + l->len;
	size_t n = 0;

	if (text < end && *text == '"')
		text++;
	while (text + n < end && strchr(" \t,;#\"", text[n]) == NULL)
		n++;
	*ret_len = n;
	return text;
}

int
as_list_next(struct as_list *l, uint32_t *ret)
{
	bool first = l->line == 0;

	while (csv_line(&l->at, l->end, &l->text, &l->len)) {
		const char *cell;
		size_t n;

		l->line++;
		if (l->len == 0 || l->text[0] == '#' || l->text[0] == ';')
			continue;
		cell = first_cell(l, &n);
		if (first && n == 3 && strncasecmp(cell, "ASN", 3) == 0) {
			first = false;
			continue;
		}
		return asn_parse(cell, n, ret) < 0 ? -EINVAL : 1;
	}
	return 0;
}

bool
as_list_recognises(const char *bytes, size_t len)
{
	struct as_list l = as_list_of(bytes, len);
	uint32_t asn;

	return as_list_next(&l, &asn) > 0;
}
