#include "feed/reader.h"

#include <ctype.h>
#include <string.h>

static bool
is_comment(char c)
{
	return c == '#' || c == ';';
}

// Up to the first blank, comma or a comment behind a blank; ipsum's and iprep's further columns are left out.
static size_t
token(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] != ' ' && text[n] != '\t' && text[n] != ',')
		n++;
	return n;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// How much of a line is "a-b", perhaps with blanks around the dash; what follows is left out.
static size_t
range_length(const char *text, size_t len)
{
	const char *dash = memchr(text, '-', len), *last = dash, *stop = text + len;

	if (dash == NULL)
		return len;
	for (last++; last < stop && is_blank(*last);)
		last++;
	return (size_t)(last - text) + token(last, (size_t)(stop - last));
}

static struct ip_prefix
widest_prefix(struct ip_range r)
{
	struct ip_prefix p, found = {.len = 129};
	bool more;

	do {
		more = ip_take_prefix(&r, &p);
		if (p.len < found.len)
			found = p;
	} while (more);
	return found;
}

// One line, whatever number of prefixes make it up. All or nothing: when the widest is not wanted, its ends are not either.
static void
keep_range(struct feed_pile *pile, struct ip_range r, name_id family)
{
	struct indicator in = {.prefix = widest_prefix(r), .family = family};
	struct ip_prefix kept = in.prefix;
	size_t lines = pile->lines;
	bool more = feed_keep(pile, &in);

	while (more) {
		more = ip_take_prefix(&r, &in.prefix);
		if (!ip_equal(&in.prefix.addr, &kept.addr))
			feed_keep(pile, &in);
	}
	pile->lines = lines + 1;
}

struct reading {
	struct feed_pile *pile;
	bool maltrail;  // one of its trails, whose comments name the family
	name_id family; // that they name; 0: none
};

// Where a second address follows the first, or the length of a prefix behind a blank, reading the first alone would be a guess: a table of
// ranges, several on a line.
static const char *
find_more(const struct reading *r, const char *text, size_t len)
{
	struct indicator in;
	size_t n = token(text, len);

	while (n < len && (is_blank(text[n]) || text[n] == ',' || text[n] == '-'))
		n++;
	if (n + 1 < len && text[n] == '/' && isdigit((unsigned char)text[n + 1]))
		return "a blank before the length of the prefix; write 192.0.2.0/24";
	if (n < len && feed_parse_address(r->pile, text + n, token(text + n, len - n), &in) >= 0)
		return "two addresses on one line; one on each, or a-b for a range";
	return NULL;
}

static void
read_line(const struct reading *r, const char *text, size_t len)
{
	struct indicator in = {.family = r->family};
	struct ip_range range;
	const char *more;

	// Most lines of most lists are an address and nothing else.
	if (ip_parse(text, len, &in.prefix.addr) == 0) {
		in.prefix.len = 128;
		feed_keep(r->pile, &in);
	} else if (ip_parse_range(text, range_length(text, len), &range) == 0)
		keep_range(r->pile, range, r->family);
	else if ((more = find_more(r, text, len)) != NULL)
		feed_skip(r->pile, FEED_SKIP_MALFORMED, text, len, more);
	else if (feed_address(r->pile, text, token(text, len), &in))
		feed_keep(r->pile, &in);
}

// "Emotet, Heodo, Geodo": the first that the table of families knows, else the first.
static name_id
family_of_aliases(const char *text, size_t len)
{
	const char *end = text + len;
	name_id first = 0, known;

	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text)), *stop = comma != NULL ? comma : end;

		while (text < stop && *text == ' ')
			text++;
		if ((known = indicator_family_known(text, (size_t)(stop - text))) != 0)
			return known;
		if (first == 0)
			first = indicator_family(text, (size_t)(stop - text));
		text = comma != NULL ? comma + 1 : end;
	}
	return first;
}

// A family in the configuration is the operator's word, and stronger than a comment.
static void
read_comment(struct reading *r, const char *text, size_t len)
{
	static const char aliases[] = "# Aliases:";
	size_t n = sizeof(aliases) - 1;

	feed_comment(r->pile, text, len);
	r->maltrail |= memmem(text, len, "Maltrail developers", 19) != NULL;
	if (r->maltrail && r->pile->options->family == NULL && len > n && memcmp(text, aliases, n) == 0)
		r->family = family_of_aliases(text + n, len - n);
}

static int
read_text(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	struct reading r = {.pile = pile};
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n)) {
		pile->line++;
		if (n == 0)
			continue;
		if (is_comment(text[0]))
			read_comment(&r, text, n);
		else
			read_line(&r, text, n);
	}
	return 0;
}

// Whatever no other format recognises.
static bool
recognises(const char *bytes, size_t len)
{
	(void)bytes;
	(void)len;
	return true;
}

const struct feed_reader feed_text = {"text", recognises, read_text};
