#include "ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// "a.b.c.d" is short; everything longer than an IPv6 address with a dotted end is none.
static bool
copy_text(const char *text, size_t len, char ret[static IP_TEXT_MAX])
{
	if (len == 0 || len >= IP_TEXT_MAX || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(ret, text, len);
	ret[len] = '\0';
	return true;
}

int
ip_parse(const char *text, size_t len, struct ip_addr *ret)
{
	char copy[IP_TEXT_MAX];
	uint8_t four[4], sixteen[16];

	if (!copy_text(text, len, copy))
		return -EINVAL;
	// inet_pton refuses short forms and leading zeros.
	if (inet_pton(AF_INET, copy, four) == 1)
		*ret = ip_from_v4(four);
	else if (inet_pton(AF_INET6, copy, sixteen) == 1)
		*ret = ip_from_v6(sixteen);
	else
		return -EINVAL;
	return 0;
}

// Decimal, no sign, no leading zero, at most `max`.
static int
parse_number(const char *text, size_t len, unsigned long max, unsigned long *ret)
{
	unsigned long n = 0;

	if (len == 0 || len > 5 || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		n = n * 10 + (unsigned long)(text[i] - '0');
	}
	if (n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

struct ip_addr
ip_mask(const struct ip_addr *a, unsigned len)
{
	struct ip_addr m = *a;

	for (unsigned i = 0; i < 16; i++)
		if (i * 8 >= len)
			m.bytes[i] = 0;
		else if (len - i * 8 < 8)
			m.bytes[i] &= (uint8_t)(0xff00 >> (len - i * 8));
	return m;
}

int
ip_parse_prefix(const char *text, size_t len, struct ip_prefix *ret)
{
	const char *slash = memchr(text, '/', len);
	struct ip_prefix p = {.len = 128};
	unsigned long bits;
	struct ip_addr a;
	bool v4;

	if (ip_parse(text, slash != NULL ? (size_t)(slash - text) : len, &a) < 0)
		return -EINVAL;
	if (slash != NULL) {
		// By how it is written: ::ffff:a.b.c.d/96 is a prefix of IPv6.
		v4 = memchr(text, ':', (size_t)(slash - text)) == NULL;
		if (parse_number(slash + 1, len - (size_t)(slash + 1 - text), v4 ? 32 : 128, &bits) < 0)
			return -EINVAL;
		p.len = (uint8_t)(v4 ? 96 + bits : bits);
	}
	p.addr = ip_mask(&a, p.len);
	*ret = p;
	return ip_equal(&p.addr, &a) ? 0 : 1;
}

int
ip_parse_port(const char *text, size_t len, uint16_t *ret)
{
	unsigned long n;

	if (parse_number(text, len, 65535, &n) < 0 || n == 0)
		return -EINVAL;
	*ret = (uint16_t)n;
	return 0;
}

int
ip_parse_endpoint(const char *text, size_t len, struct ip_addr *ret, uint16_t *ret_port)
{
	const char *colon = memrchr(text, ':', len);
	size_t host = colon != NULL ? (size_t)(colon - text) : 0;
	struct ip_addr a;
	uint16_t port;

	if (colon == NULL || ip_parse_port(colon + 1, len - host - 1, &port) < 0)
		return -EINVAL;
	if (host > 2 && text[0] == '[' && text[host - 1] == ']') {
		text++;
		host -= 2;
	} else if (memchr(text, ':', host) != NULL) {
		return -EINVAL; // an IPv6 address whose last group looks like a port is an address
	}
	if (ip_parse(text, host, &a) < 0)
		return -EINVAL;
	*ret = a;
	*ret_port = port;
	return 0;
}

char *
ip_format(const struct ip_addr *a, char ret[static IP_TEXT_MAX])
{
	// glibc writes IPv6 as RFC 5952 asks.
	if (ip_is_v4(a))
		inet_ntop(AF_INET, a->bytes + 12, ret, IP_TEXT_MAX);
	else
		inet_ntop(AF_INET6, a->bytes, ret, IP_TEXT_MAX);
	return ret;
}

char *
ip_format_prefix(const struct ip_prefix *p, char ret[static IP_PREFIX_TEXT_MAX])
{
	bool v4 = p->len >= 96 && ip_is_v4(&p->addr);
	char text[IP_TEXT_MAX];

	ip_format(&p->addr, text);
	if (p->len == 128)
		snprintf(ret, IP_PREFIX_TEXT_MAX, "%s", text);
	else
		snprintf(ret, IP_PREFIX_TEXT_MAX, "%s/%d", text, v4 ? p->len - 96 : p->len);
	return ret;
}

static bool
same_bits(const struct ip_addr *a, const struct ip_addr *b, unsigned len)
{
	unsigned whole = len / 8, rest = len % 8;

	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & (uint8_t)(0xff00 >> rest)) == 0;
}

bool
ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	return same_bits(&p->addr, a, p->len);
}

// The IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and multicast (RFC 5771, RFC 4291).
static const struct {
	uint8_t bytes[16];
	uint8_t len;
	bool v4, is_private;
	const char *name;
} blocks[] = {
	// IPv4 first.
	{{0}, 8, true, false, "unspecified"},
	{{10}, 8, true, true, "private"},
	{{100, 64}, 10, true, true, "shared (CGNAT)"},
	{{127}, 8, true, true, "loopback"},
	{{169, 254}, 16, true, true, "link-local"},
	{{172, 16}, 12, true, true, "private"},
	{{192, 0, 0}, 24, true, false, "protocol assignments"},
	{{192, 0, 2}, 24, true, false, "documentation"},
	{{192, 88, 99}, 24, true, false, "6to4 relay"},
	{{192, 168}, 16, true, true, "private"},
	{{198, 18}, 15, true, false, "benchmarking"},
	{{198, 51, 100}, 24, true, false, "documentation"},
	{{203, 0, 113}, 24, true, false, "documentation"},
	{{224}, 4, true, false, "multicast"},
	{{240}, 4, true, false, "reserved"},
	{{0}, 128, false, false, "unspecified"},
	{{[15] = 1}, 128, false, true, "loopback"},
	// As an IPv6 block it meets only prefixes wider than itself: what lies within is IPv4.
	{{[10] = 0xff, [11] = 0xff}, 96, false, false, "IPv4-mapped"},
	{{0, 0x64, 0xff, 0x9b}, 96, false, false, "NAT64"},
	{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, false, false, "NAT64"},
	{{0x01}, 64, false, false, "discard-only"},
	{{0x20, 0x01}, 23, false, false, "protocol assignments"},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, false, false, "documentation"},
	{{0x20, 0x02}, 16, false, false, "6to4"},
	{{0x3f, 0xff}, 20, false, false, "documentation"},
	{{0x5f}, 16, false, false, "segment routing"},
	{{0xfc}, 7, false, true, "unique-local"},
	{{0xfe, 0x80}, 10, false, true, "link-local"},
	{{0xff}, 8, false, false, "multicast"},
};

static struct ip_prefix
block(size_t i)
{
	if (blocks[i].v4)
		return (struct ip_prefix){ip_from_v4(blocks[i].bytes), (uint8_t)(96 + blocks[i].len)};
	return (struct ip_prefix){ip_from_v6(blocks[i].bytes), blocks[i].len};
}

static uint32_t
host32(const uint8_t *four)
{
	uint32_t n;

	memcpy(&n, four, 4);
	return __builtin_bswap32(n);
}

// Lists of millions are asked address by address.
static const char *
special4(uint32_t addr, unsigned len)
{
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]) && blocks[i].v4; i++) {
		unsigned common = blocks[i].len < len ? blocks[i].len : len;

		// In 64 bits, since a shift by 32 is none.
		if ((uint64_t)(addr ^ host32(blocks[i].bytes)) >> (32 - common) == 0)
			return blocks[i].name;
	}
	return NULL;
}

const char *
ip_special(const struct ip_prefix *p)
{
	if (p->len >= 96 && ip_is_v4(&p->addr))
		return special4(host32(p->addr.bytes + 12), p->len - 96u);
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct ip_prefix b = block(i);

		if (!blocks[i].v4 && same_bits(&b.addr, &p->addr, b.len < p->len ? b.len : p->len))
			return blocks[i].name;
	}
	return NULL;
}

bool
ip_is_private(const struct ip_addr *a)
{
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct ip_prefix b = block(i);

		if (blocks[i].is_private && ip_prefix_contains(&b, a))
			return true;
	}
	return false;
}
