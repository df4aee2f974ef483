#include "feed/reader.h"

#include <ctype.h>
#include <errno.h>
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

static int
parse_single(const char *text, size_t len, struct indicator *ret)
{
	struct ip_addr a;

	if (ip_parse_prefix(text, len, &ret->prefix) >= 0)
		return 0;
	if (ip_parse_endpoint(text, len, &a, &ret->port) < 0)
		return -EINVAL;
	ret->prefix = (struct ip_prefix){a, 128};
	return 0;
}

// The widest aligned prefix that begins at a and does not pass b.
static unsigned
widest(const struct ip_addr *a, const struct ip_addr *b)
{
	unsigned len = 128;

	while (len > 96) {
		struct ip_addr begin = ip_mask(a, len - 1), end = begin;
		unsigned host = 128 - (len - 1);

		if (!ip_equal(&begin, a))
			break;
		for (unsigned bit = 0; bit < host; bit++)
			end.bytes[15 - bit / 8] |= (uint8_t)(1 << bit % 8);
		if (ip_compare(&end, b) > 0)
			break;
		len--;
	}
	return len;
}

static bool
step(struct ip_addr *a, unsigned len)
{
	unsigned byte = (len - 1) / 8, add = 1u << (7 - (len - 1) % 8);

	for (;;) {
		unsigned sum = a->bytes[byte] + add;

		a->bytes[byte] = (uint8_t)sum;
		if (sum < 256)
			return true;
		if (byte == 12)
			return false; // past 255.255.255.255
		byte--;
		add = 1;
	}
}

struct range { // both ends included
	struct ip_addr first, last;
};

// "a-b", IPv4.
static int
parse_range(const char *text, size_t len, struct range *ret)
{
	const char *dash = memchr(text, '-', len);
	struct range r;

	if (dash == NULL || ip_parse(text, (size_t)(dash - text), &r.first) < 0 ||
	    ip_parse(dash + 1, len - (size_t)(dash + 1 - text), &r.last) < 0 || !ip_is_v4(&r.first) ||
	    !ip_is_v4(&r.last) || ip_compare(&r.first, &r.last) > 0)
		return -EINVAL;
	*ret = r;
	return 0;
}

// Gives the next prefix of those that make up the range, and takes it off. false: that was the last.
static bool
take_prefix(struct range *r, struct ip_prefix *ret)
{
	*ret = (struct ip_prefix){r->first, (uint8_t)widest(&r->first, &r->last)};
	return step(&r->first, ret->len) && ip_compare(&r->first, &r->last) <= 0;
}

static struct ip_prefix
widest_prefix(struct range r)
{
	struct ip_prefix p, found = {.len = 129};
	bool more;

	do {
		more = take_prefix(&r, &p);
		if (p.len < found.len)
			found = p;
	} while (more);
	return found;
}

// One line, whatever number of prefixes make it up. All or nothing: when the widest is not wanted, its ends are not either.
static void
keep_range(struct feed_pile *pile, struct range r)
{
	struct indicator in = {.prefix = widest_prefix(r)};
	struct ip_prefix kept = in.prefix;
	size_t lines = pile->lines;
	bool more = feed_keep(pile, &in);

	while (more) {
		more = take_prefix(&r, &in.prefix);
		if (!ip_equal(&in.prefix.addr, &kept.addr))
			feed_keep(pile, &in);
	}
	pile->lines = lines + 1;
}

// A host name, URL or hash: somebody else's indicator, no mistake.
static bool
is_foreign(const char *text, size_t len)
{
	size_t letters = 0, dots = 0;

	if (memchr(text, '/', len) != NULL && (memmem(text, len, "://", 3) != NULL || text[0] == '/'))
		return true;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		letters += isalpha(c) != 0 || c >= 0x80;
		dots += c == '.';
	}
	if (memchr(text, ':', len) != NULL && dots == 0)
		return false; // meant to be IPv6
	return (letters > 0 && dots > 0) || (letters > 0 && len >= 32);
}

// "a - b" -> "a-b"; false: something else.
static bool
join_range(const char *text, size_t len, char *ret, size_t size, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < size; i++)
		if (text[i] != ' ' && text[i] != '\t')
			ret[n++] = text[i];
	*ret_len = n;
	return n < size;
}

// Where a second address follows the first, reading the first alone would be a guess: a table of ranges, several on a line.
static bool
is_followed_by_address(const char *text, size_t len)
{
	struct indicator in;
	size_t n = token(text, len);

	while (n < len && (text[n] == ' ' || text[n] == '\t' || text[n] == ','))
		n++;
	return n < len && parse_single(text + n, token(text + n, len - n), &in) == 0;
}

static void
read_line(struct feed_pile *pile, const char *text, size_t len)
{
	struct indicator in = {0};
	size_t n = token(text, len), joined_len;
	char joined[2 * IP_TEXT_MAX];
	struct range r;

	if (parse_range(text, n, &r) == 0 ||
	    (join_range(text, len, joined, sizeof(joined), &joined_len) && parse_range(joined, joined_len, &r) == 0))
		keep_range(pile, r);
	else if (is_followed_by_address(text, len))
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len,
			  "two addresses on one line; one on each, or a-b for a range");
	else if (parse_single(text, n, &in) == 0)
		feed_keep(pile, &in);
	else if (is_foreign(text, n))
		feed_skip(pile, FEED_SKIP_NOT_IP, text, len, "a name, URL or hash; ratwatch matches addresses");
	else
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len,
			  "no address; write 192.0.2.1, 192.0.2.0/24, 192.0.2.1:443 or [2001:db8::1]:443");
}

static int
read_text(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n)) {
		pile->line++;
		if (n == 0)
			continue;
		if (is_comment(text[0]))
			feed_comment(pile, text, n);
		else
			read_line(pile, text, n);
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
