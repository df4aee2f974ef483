#include "feed/reader.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PLAIN_MAX 128 // bytes of the longest "scheme://[v6]:port/"

static int
parse_endpoint(const char *text, size_t len, struct indicator *ret)
{
	struct ip_addr a;

	if (ip_parse_endpoint(text, len, &a, &ret->port) < 0)
		return -EINVAL;
	ret->prefix = (struct ip_prefix){a, 128};
	return 0;
}

static int
parse(const char *text, size_t len, struct indicator *ret)
{
	int masked = ip_parse_prefix(text, len, &ret->prefix);

	return masked >= 0 ? masked : parse_endpoint(text, len, ret);
}

// "[.]", "(.)" and "[:]" -> what stands between.
static size_t
refang(const char *text, size_t len, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (i + 2 < len && (memcmp(text + i, "[.]", 3) == 0 || memcmp(text + i, "(.)", 3) == 0 ||
				    memcmp(text + i, "[:]", 3) == 0)) {
			ret[n++] = text[i + 1];
			i += 2;
		} else {
			ret[n++] = text[i];
		}
	}
	return n;
}

// scheme://address:port, and a slash at most: what names a port and nothing else is an endpoint.
static int
parse_url(const char *text, size_t len, struct indicator *ret)
{
	const char *at = memmem(text, len, "://", 3), *end = text + len;

	if (at == NULL)
		return -EINVAL;
	at += 3;
	if (end > at && end[-1] == '/')
		end--;
	return parse_endpoint(at, (size_t)(end - at), ret);
}

static int
parse_defanged(const char *text, size_t len, struct indicator *ret)
{
	char plain[PLAIN_MAX];
	int err;

	if (len > sizeof(plain))
		return -EINVAL;
	len = refang(text, len, plain);
	err = parse(plain, len, ret);
	return err >= 0 ? err : parse_url(plain, len, ret);
}

static bool
is_url(const char *text, size_t len)
{
	return len > 0 && (text[0] == '/' || text[len - 1] == '/' || memmem(text, len, "://", 3) != NULL);
}

static bool
is_as_number(const char *text, size_t len)
{
	size_t i = 2;

	if (len < 3 || strncasecmp(text, "AS", 2) != 0)
		return false;
	while (i < len && isdigit((unsigned char)text[i]))
		i++;
	return i == len;
}

// A host name, URL, hash or AS number: somebody else's indicator, no mistake.
static bool
is_foreign(const char *text, size_t len)
{
	size_t letters = 0, dots = 0, colons = 0;

	if (is_url(text, len) || is_as_number(text, len))
		return true;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		letters += isalpha(c) != 0 || c >= 0x80;
		dots += c == '.';
		colons += c == ':';
	}
	if (colons > 1 || (colons == 1 && dots == 0))
		return false; // meant to be IPv6
	return letters > 0 && (dots > 0 || len >= 32);
}

int
feed_parse_address(const struct feed_pile *pile, const char *text, size_t len, struct indicator *ret)
{
	int err = parse(text, len, ret);

	if (err < 0 && pile->options->refang)
		err = parse_defanged(text, len, ret);
	if (err >= 0)
		return err;
	return is_foreign(text, len) ? -ENOTSUP : -EINVAL;
}

static const char *
why_malformed(const char *text, size_t len)
{
	if (memmem(text, len, "[.]", 3) != NULL || memmem(text, len, "(.)", 3) != NULL)
		return "no address as it stands; set refang: true for lists that write 192[.]0[.]2[.]1";
	return "no address; write 192.0.2.1, 192.0.2.0/24, 192.0.2.1:443 or [2001:db8::1]:443";
}

bool
feed_address(struct feed_pile *pile, const char *text, size_t len, struct indicator *ret)
{
	int err = feed_parse_address(pile, text, len, ret);

	if (err == -ENOTSUP)
		feed_skip(pile, FEED_SKIP_NOT_IP, text, len,
			  "a name, URL, hash or AS number; ratwatch matches addresses");
	else if (err < 0)
		feed_skip(pile, FEED_SKIP_MALFORMED, text, len, why_malformed(text, len));
	pile->feed->host_bits += err == 1;
	return err >= 0;
}
