#include "feed/reader.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define COLUMNS_MAX 32

struct cell {
	const char *text;
	size_t len;
};

enum { FIRST_SEEN, ADDRESS, PORT, STATUS, LAST_ONLINE, MALWARE, COLUMNS };

static const char *const names[COLUMNS] = {"first_seen_utc", "dst_ip",      "dst_port",
					   "c2_status",      "last_online", "malware"};

// Cells of one line (RFC 4180 without line breaks in cells, which no Feodo file has); quotes are taken off. Returns the count.
static size_t
split(const char *text, size_t len, struct cell ret[static COLUMNS_MAX])
{
	const char *end = text + len;
	size_t n = 0;

	while (n < COLUMNS_MAX) {
		const char *stop;

		while (text < end && *text == ' ')
			text++;
		if (text < end && *text == '"') {
			stop = memchr(text + 1, '"', (size_t)(end - text - 1));
			if (stop == NULL)
				stop = end;
			ret[n++] = (struct cell){text + 1, (size_t)(stop - text - 1)};
			stop = memchr(stop, ',', (size_t)(end - stop));
		} else {
			stop = memchr(text, ',', (size_t)(end - text));
			ret[n++] = (struct cell){text, (size_t)((stop != NULL ? stop : end) - text)};
		}
		if (stop == NULL)
			break;
		text = stop + 1;
	}
	return n;
}

static bool
is(const struct cell *c, const char *text)
{
	return c->len == strlen(text) && strncasecmp(c->text, text, c->len) == 0;
}

// Which cell holds which column; -1: absent. false: no header of this format.
static bool
read_header(const char *text, size_t len, int columns[static COLUMNS])
{
	struct cell cells[COLUMNS_MAX];
	size_t n = split(text, len, cells);

	for (int c = 0; c < COLUMNS; c++) {
		columns[c] = -1;
		for (size_t i = 0; i < n; i++)
			if (is(&cells[i], names[c]))
				columns[c] = (int)i;
	}
	return columns[ADDRESS] >= 0 && columns[PORT] >= 0;
}

bool
feed_is_feodo(const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	int columns[COLUMNS];
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n))
		if (n > 0 && text[0] != '#')
			return read_header(text, n, columns);
	return false;
}

static struct cell
cell(const struct cell *cells, size_t n, int column)
{
	return column >= 0 && (size_t)column < n ? cells[column] : (struct cell){"", 0};
}

static int
parse(const struct cell *cells, size_t n, const int columns[static COLUMNS], struct indicator *ret)
{
	struct cell address = cell(cells, n, columns[ADDRESS]), port = cell(cells, n, columns[PORT]);
	struct cell family = cell(cells, n, columns[MALWARE]), status = cell(cells, n, columns[STATUS]);
	struct cell first = cell(cells, n, columns[FIRST_SEEN]), last = cell(cells, n, columns[LAST_ONLINE]);
	struct ip_addr a;

	if (ip_parse(address.text, address.len, &a) < 0 || ip_parse_port(port.text, port.len, &ret->port) < 0)
		return -EINVAL;
	ret->prefix = (struct ip_prefix){a, 128};
	ret->family = indicator_family(family.text, family.len);
	ret->flags = is(&status, "offline") ? INDICATOR_OFFLINE : 0;
	ret->first_seen = feed_time(first.text, first.len);
	ret->last_seen = feed_time(last.text, last.len);
	return 0;
}

static void
read_row(struct feed_pile *pile, const char *text, size_t len, const int columns[static COLUMNS])
{
	struct cell cells[COLUMNS_MAX];
	size_t n = split(text, len, cells);
	struct indicator in = {0};

	if (parse(cells, n, columns, &in) == 0)
		feed_keep(pile, &in);
	else
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len, "no address in dst_ip, or no port in dst_port");
}

int
feed_read_feodo(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	int columns[COLUMNS];
	bool header = false;
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n)) {
		pile->line++;
		if (n == 0)
			continue;
		if (text[0] == '#')
			feed_comment(pile, text, n);
		else if (!header)
			header = read_header(text, n, columns);
		else
			read_row(pile, text, n, columns);
	}
	return header ? 0 : -EINVAL;
}
