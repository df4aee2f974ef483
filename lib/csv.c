#include "csv.h"

#include <csv.h>

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool
csv_line(const char **at, const char *end, const char **ret_text, size_t *ret_len)
{
	const char *text = *at, *stop;

	if (text >= end)
		return false;
	for (stop = text; stop < end && *stop != '\n' && *stop != '\r';)
		stop++;
	*at = stop < end ? stop + 1 : end;
	if (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n')
		*at = stop + 2;
	while (text < stop && is_blank(*text))
		text++;
	while (stop > text && is_blank(stop[-1]))
		stop--;
	*ret_text = text;
	*ret_len = (size_t)(stop - text);
	return true;
}

struct splitting {
	struct csv_row *row;
	size_t used; // of row->text
	bool ended;
	int err;
};

static void
take_cell(void *bytes, size_t len, void *context)
{
	struct splitting *s = context;
	struct csv_row *row = s->row;
	const char *text = bytes;

	for (; len > 0 && is_blank(text[0]); len--)
		text++;
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	if (s->ended)
		s->err = -EINVAL;
	else if (len >= sizeof(row->text) - s->used)
		s->err = -EMSGSIZE;
	if (s->err < 0 || row->n == CSV_CELLS_MAX)
		return;
	row->cells[row->n++] = (struct csv_cell){row->text + s->used, len};
	if (len > 0) // libcsv has no buffer before the first byte
		memcpy(row->text + s->used, text, len);
	row->text[s->used + len] = '\0';
	s->used += len + 1;
}

static void
take_end(int byte, void *context)
{
	(void)byte;
	((struct splitting *)context)->ended = true;
}

int
csv_split(const char *line, size_t len, struct csv_row *ret)
{
	struct splitting s = {.row = ret};
	struct csv_parser parser;

	ret->n = 0;
	csv_init(&parser, memchr(line, '\n', len) != NULL ? CSV_STRICT : 0);
	if (csv_parse(&parser, line, len, take_cell, take_end, &s) != len ||
	    csv_parse(&parser, "\n", 1, take_cell, take_end, &s) != 1)
		s.err = csv_error(&parser) == CSV_EPARSE ? -EINVAL : -ENOMEM;
	s.ended = true; // a cell that is still to come has an open quote
	csv_fini(&parser, take_cell, take_end, &s);
	csv_free(&parser);
	if (s.err < 0)
		ret->n = 0;
	return s.err;
}

#define SPAN_MAX (64u << 10) // bytes

size_t
csv_row_length(const char *text, size_t len)
{
	bool open = false;

	for (size_t i = 0; i < len && i < SPAN_MAX; i++) {
		open ^= text[i] == '"';
		if (!open && (text[i] == '\n' || text[i] == '\r'))
			return i;
	}
	return open || len > SPAN_MAX ? 0 : len;
}

bool
csv_is(const struct csv_cell *c, const char *text)
{
	return c->len == strlen(text) && strncasecmp(c->text, text, c->len) == 0;
}

int
csv_column(const struct csv_row *header, const char *name)
{
	for (size_t i = 0; i < header->n; i++)
		if (csv_is(&header->cells[i], name))
			return (int)i;
	return -1;
}

struct csv_cell
csv_get(const struct csv_row *row, int column)
{
	return column >= 0 && (size_t)column < row->n ? row->cells[column] : (struct csv_cell){"", 0};
}
