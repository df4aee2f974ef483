#include "ip.h"

#include <errno.h>

struct ip_addr
ip_last(const struct ip_addr *first, unsigned len)
{
	struct ip_addr last = *first;

	for (unsigned i = 0; i < 16; i++)
		if (i * 8 >= len)
			last.bytes[i] = 0xff;
		else if (len - i * 8 < 8)
			last.bytes[i] |= (uint8_t)(0xff >> (len - i * 8));
	return last;
}

// The widest aligned prefix that begins at a and does not pass b.
static unsigned
widest(const struct ip_addr *a, const struct ip_addr *b)
{
	unsigned shortest = ip_is_v4(a) ? 96 : 0, len = 128;

	for (; len > shortest; len--) {
		struct ip_addr begin = ip_mask(a, len - 1), last = ip_last(a, len - 1);

		if (!ip_equal(&begin, a) || ip_compare(&last, b) > 0)
			break;
	}
	return len;
}

// The first address behind a prefix of this length. false: there is none, in either family.
static bool
step(struct ip_addr *a, unsigned len)
{
	unsigned top = ip_is_v4(a) ? 12 : 0, add = 1u << ((128 - len) % 8);

	for (unsigned byte = (len + 7) / 8; byte-- > top;) {
		unsigned sum = a->bytes[byte] + add;

		a->bytes[byte] = (uint8_t)sum;
		if (sum < 256)
			return true;
		add = 1;
	}
	return false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int
ip_parse_range(const char *text, size_t len, struct ip_range *ret)
{
	const char *dash = memchr(text, '-', len), *end = text + len, *left, *right;
	struct ip_range r;

	if (dash == NULL)
		return -EINVAL;
	left = dash;
	right = dash + 1;
	while (left > text && is_blank(left[-1]))
		left--;
	while (right < end && is_blank(*right))
		right++;
	if (ip_parse(text, (size_t)(left - text), &r.first) < 0 ||
	    ip_parse(right, (size_t)(end - right), &r.last) < 0 || ip_is_v4(&r.first) != ip_is_v4(&r.last) ||
	    ip_compare(&r.first, &r.last) > 0)
		return -EINVAL;
	*ret = r;
	return 0;
}

bool
ip_take_prefix(struct ip_range *r, struct ip_prefix *ret)
{
	*ret = (struct ip_prefix){r->first, (uint8_t)widest(&r->first, &r->last)};
	return step(&r->first, ret->len) && ip_compare(&r->first, &r->last) <= 0;
}
