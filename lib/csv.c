#include "csv.h"

#include <string.h>
#include <strings.h>

// The quote that closes a cell: one that is not doubled.
static const char *
closing_quote(const char *at, const char *end)
{
	for (; at < end; at++) {
		if (*at != '"')
			continue;
		if (at + 1 == end || at[1] != '"')
			return at;
		at++;
	}
	return end;
}

size_t
csv_split(const char *line, size_t len, struct csv_cell ret[static CSV_CELLS_MAX])
{
	const char *at = line, *end = line + len;
	size_t n = 0;

	while (n < CSV_CELLS_MAX) {
		const char *stop, *comma;

		while (at < end && *at == ' ')
			at++;
		if (at < end && *at == '"')
			stop = closing_quote(++at, end);
		else if ((stop = memchr(at, ',', (size_t)(end - at))) == NULL)
			stop = end;
		ret[n++] = (struct csv_cell){at, (size_t)(stop - at)};
		if ((comma = memchr(stop, ',', (size_t)(end - stop))) == NULL)
			break;
		at = comma + 1;
	}
	return n;
}

bool
csv_is(const struct csv_cell *c, const char *text)
{
	return c->len == strlen(text) && strncasecmp(c->text, text, c->len) == 0;
}

int
csv_column(const struct csv_cell *header, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (csv_is(&header[i], name))
			return (int)i;
	return -1;
}

struct csv_cell
csv_get(const struct csv_cell *row, size_t n, int column)
{
	return column >= 0 && (size_t)column < n ? row[column] : (struct csv_cell){"", 0};
}

char *
csv_copy(const struct csv_cell *c, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < c->len && n + 1 < size; i++) {
		if (c->text[i] == '"' && i + 1 < c->len && c->text[i + 1] == '"')
			i++;
		if (n > 0 || (c->text[i] != ' ' && c->text[i] != '\t'))
			ret[n++] = c->text[i];
	}
	while (n > 0 && (ret[n - 1] == ' ' || ret[n - 1] == '\t'))
		n--;
	ret[n] = '\0';
	return ret;
}
