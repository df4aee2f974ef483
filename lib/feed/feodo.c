#include "csv.h"
#include "feed/reader.h"

#include <errno.h>
#include <string.h>

enum { FIRST_SEEN, ADDRESS, PORT, STATUS, LAST_ONLINE, MALWARE, COLUMNS };

static const char *const names[COLUMNS] = {"first_seen_utc", "dst_ip",      "dst_port",
					   "c2_status",      "last_online", "malware"};

// Which cell holds which column; -1: absent. false: no header of this format.
static bool
read_header(const char *text, size_t len, int columns[static COLUMNS])
{
	struct csv_row row;

	csv_split(text, len, &row);
	for (int c = 0; c < COLUMNS; c++)
		columns[c] = csv_column(&row, names[c]);
	return columns[ADDRESS] >= 0 && columns[PORT] >= 0;
}

static bool
recognises(const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	int columns[COLUMNS];
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n))
		if (n > 0 && text[0] != '#')
			return read_header(text, n, columns);
	return false;
}

static int
parse(const struct csv_row *row, const int columns[static COLUMNS], struct indicator *ret)
{
	struct csv_cell address = csv_get(row, columns[ADDRESS]), port = csv_get(row, columns[PORT]);
	struct csv_cell family = csv_get(row, columns[MALWARE]), status = csv_get(row, columns[STATUS]);
	struct csv_cell first = csv_get(row, columns[FIRST_SEEN]), last = csv_get(row, columns[LAST_ONLINE]);
	struct ip_addr a;

	if (ip_parse(address.text, address.len, &a) < 0 || ip_parse_port(port.text, port.len, &ret->port) < 0)
		return -EINVAL;
	ret->prefix = (struct ip_prefix){a, 128};
	ret->family = indicator_family(family.text, family.len);
	ret->flags = csv_is(&status, "offline") ? INDICATOR_OFFLINE : 0;
	ret->first_seen = feed_time(first.text, first.len);
	ret->last_seen = feed_time(last.text, last.len);
	return 0;
}

static void
read_row(struct feed_pile *pile, const char *text, size_t len, const int columns[static COLUMNS])
{
	struct indicator in = {0};
	struct csv_row row;

	csv_split(text, len, &row);
	if (parse(&row, columns, &in) == 0)
		feed_keep(pile, &in);
	else
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len, "no address in dst_ip, or no port in dst_port");
}

static int
read_feodo(struct feed_pile *pile, const char *bytes, size_t len)
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

const struct feed_reader feed_feodo_csv = {"feodo-csv", recognises, read_feodo};
