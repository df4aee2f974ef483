// Zeek's intelligence framework: columns between tabs, in the order of "#fields"; "-" is unset. Only Intel::ADDR and Intel::SUBNET are ours.
// A file of nothing but "#fields" is what Zeek itself reads as an empty one.

#include "feed/reader.h"

#include <errno.h>
#include <string.h>

#define FIELDS     "#fields\t"
#define FIELDS_LEN (sizeof(FIELDS) - 1)

struct columns { // -1: there is none
	int indicator, type, remove;
};

struct field {
	const char *text;
	size_t len;
};

// The text up to the next tab; advances *at. false: there is no more.
static bool
take_field(const char **at, const char *end, struct field *ret)
{
	const char *tab;

	if (*at > end)
		return false;
	tab = memchr(*at, '\t', (size_t)(end - *at));
	*ret = (struct field){*at, (size_t)((tab != NULL ? tab : end) - *at)};
	*at = tab != NULL ? tab + 1 : end + 1;
	return true;
}

static bool
is(const struct field *f, const char *text)
{
	return f->len == strlen(text) && memcmp(f->text, text, f->len) == 0;
}

static bool
read_header(const char *text, size_t len, struct columns *ret)
{
	const char *at = text + FIELDS_LEN, *end = text + len;
	struct columns c = {-1, -1, -1};
	struct field f;

	if (len <= FIELDS_LEN || memcmp(text, FIELDS, FIELDS_LEN) != 0)
		return false;
	for (int i = 0; take_field(&at, end, &f); i++) {
		if (is(&f, "indicator"))
			c.indicator = i;
		else if (is(&f, "indicator_type"))
			c.type = i;
		else if (is(&f, "meta.remove"))
			c.remove = i;
	}
	if (c.indicator < 0 || c.type < 0)
		return false;
	*ret = c;
	return true;
}

static bool
recognises(const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	struct columns columns;
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n)) {
		if (read_header(text, n, &columns))
			return true;
		if (n > 0 && text[0] != '#')
			return false;
	}
	return false;
}

static void
read_row(struct feed_pile *pile, const char *text, size_t len, const struct columns *columns)
{
	struct field f, indicator = {"", 0}, type = {"", 0}, removed = {"", 0};
	const char *at = text, *end = text + len;
	struct indicator in = {0};

	for (int i = 0; take_field(&at, end, &f); i++) {
		if (i == columns->indicator)
			indicator = f;
		else if (i == columns->type)
			type = f;
		else if (i == columns->remove)
			removed = f;
	}
	if (type.len == 0)
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len, "no indicator_type; columns are separated by tabs");
	else if (!is(&type, "Intel::ADDR") && !is(&type, "Intel::SUBNET"))
		feed_skip(pile, FEED_SKIP_NOT_IP, indicator.text, indicator.len,
			  "neither Intel::ADDR nor Intel::SUBNET; ratwatch matches addresses");
	else if (is(&removed, "T"))
		feed_skip(pile, FEED_SKIP_WITHDRAWN, indicator.text, indicator.len,
			  "the feed takes it back (meta.remove)");
	else if (feed_address(pile, indicator.text, indicator.len, &in))
		feed_keep(pile, &in);
}

static int
read_zeek(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	struct columns columns = {-1, -1, -1};
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n)) {
		pile->line++;
		if (n == 0)
			continue;
		if (text[0] != '#')
			read_row(pile, text, n, &columns);
		else
			read_header(text, n, &columns); // files put together may have several
	}
	pile->may_be_empty = true;
	return 0;
}

const struct feed_reader feed_zeek_intel = {"zeek-intel", recognises, read_zeek};
