// Suricata's IP reputation: "address or prefix,category,score". Categories are explained in a file of their own, by numbers of the operator's
// choice; so the number is not the family. The score (1..127) becomes the confidence.

#include "csv.h"
#include "feed/reader.h"

#include <stdlib.h>
#include <string.h>

#define CATEGORY_MAX 59
#define SCORE_MAX    127

enum { ADDRESS, CATEGORY, SCORE, COLUMNS };

static bool
parse_number(const struct csv_cell *c, unsigned max, unsigned *ret)
{
	unsigned n;

	if (c->len == 0 || c->len > 3 || strspn(c->text, "0123456789") != c->len)
		return false;
	n = (unsigned)atoi(c->text);
	if (n <= max)
		*ret = n;
	return n <= max;
}

static bool
parse_row(const struct csv_row *row, unsigned *ret_score)
{
	unsigned category;

	return row->n == COLUMNS && parse_number(&row->cells[CATEGORY], CATEGORY_MAX, &category) &&
	       parse_number(&row->cells[SCORE], SCORE_MAX, ret_score);
}

// By the first row: it must be one.
static bool
recognises(const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	struct ip_prefix p;
	struct csv_row row;
	unsigned score;
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n))
		if (n > 0 && text[0] != '#')
			return csv_split(text, n, &row) == 0 && parse_row(&row, &score) &&
			       ip_parse_prefix(row.cells[ADDRESS].text, row.cells[ADDRESS].len, &p) >= 0;
	return false;
}

static void
read_row(struct feed_pile *pile, const char *text, size_t len)
{
	struct indicator in = {0};
	struct csv_row row;
	unsigned score;

	if (csv_split(text, len, &row) < 0 || !parse_row(&row, &score)) {
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len,
			  "no address,category,score with a category up to 59 and a score up to 127");
		return;
	}
	if (!feed_address(pile, row.cells[ADDRESS].text, row.cells[ADDRESS].len, &in))
		return;
	in.confidence = (uint8_t)((score * 100 + SCORE_MAX - 1) / SCORE_MAX); // 0 only where it says nothing
	feed_keep(pile, &in);
}

static int
read_iprep(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n)) {
		pile->line++;
		if (n == 0)
			continue;
		if (text[0] == '#')
			feed_comment(pile, text, n);
		else
			read_row(pile, text, n);
	}
	return 0;
}

const struct feed_reader feed_suricata_iprep = {"suricata-iprep", recognises, read_iprep};
