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

// "[v6]:port" or "v4:port".
static int
parse_endpoint(const char *text, size_t len, struct indicator *ret)
{
	const char *colon = memrchr(text, ':', len);
	size_t host = colon != NULL ? (size_t)(colon - text) : 0;
	struct ip_addr a;

	if (colon == NULL || ip_parse_port(colon + 1, len - host - 1, &ret->port) < 0)
		return -EINVAL;
	if (host > 2 && text[0] == '[' && text[host - 1] == ']') {
		text++;
		host -= 2;
	} else if (memchr(text, ':', host) != NULL) {
		return -EINVAL; // an IPv6 address whose last group looks like a port is an address
	}
	if (ip_parse(text, host, &a) < 0)
		return -EINVAL;
	ret->prefix = (struct ip_prefix){a, 128};
	return 0;
}

static int
parse_single(const char *text, size_t len, struct indicator *ret)
{
	if (ip_parse_prefix(text, len, &ret->prefix) >= 0)
		return 0;
	return parse_endpoint(text, len, ret);
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

// "a-b", IPv4: kept as the prefixes that make it up.
static int
keep_range(struct feed_pile *pile, const char *text, size_t len)
{
	const char *dash = memchr(text, '-', len);
	size_t lines = pile->lines;
	struct indicator in = {0};
	struct ip_addr a, b;

	if (dash == NULL || ip_parse(text, (size_t)(dash - text), &a) < 0 ||
	    ip_parse(dash + 1, len - (size_t)(dash + 1 - text), &b) < 0 || !ip_is_v4(&a) || !ip_is_v4(&b) ||
	    ip_compare(&a, &b) > 0)
		return -EINVAL;
	do {
		in.prefix = (struct ip_prefix){a, (uint8_t)widest(&a, &b)};
		feed_keep(pile, &in);
	} while (step(&a, in.prefix.len) && ip_compare(&a, &b) <= 0);
	pile->lines = lines + 1;
	return 0;
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

static void
read_line(struct feed_pile *pile, const char *text, size_t len)
{
	struct indicator in = {0};
	size_t n = token(text, len);

	if (parse_single(text, n, &in) == 0)
		feed_keep(pile, &in);
	else if (keep_range(pile, text, n) == 0)
		;
	else if (is_foreign(text, n))
		feed_skip(pile, FEED_SKIP_NOT_IP, text, len, "a name, URL or hash; ratwatch matches addresses");
	else
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len,
			  "no address; write 192.0.2.1, 192.0.2.0/24, 192.0.2.1:443 or [2001:db8::1]:443");
}

int
feed_read_text(struct feed_pile *pile, const char *bytes, size_t len)
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
