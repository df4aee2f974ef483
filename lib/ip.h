// ip: IPv4 and IPv6 addresses and prefixes: parse, print, compare, mask.
//
// One form for both families: sixteen bytes in network byte order, IPv4 as IPv4-mapped IPv6
// (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). So one comparison, one hash and one prefix length (0..128) serve both;
// a v4-mapped address in a list is the IPv4 address. Text is read strictly (no leading zeros, no short forms)
// and written as RFC 5952 asks, so that one address has one spelling.
//
// Plain values: nothing is owned. Every function may be called from any thread.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IP_TEXT_MAX        46 // longest address and its NUL
#define IP_PREFIX_TEXT_MAX 50 // longest prefix and its NUL

struct ip_addr {
	union {
		uint8_t bytes[16]; // network byte order
		uint32_t words[4];
		uint64_t halves[2];
	};
};

struct ip_prefix {
	struct ip_addr addr; // bits beyond len are zero
	uint8_t len;         // 0..128, of the sixteen bytes: IPv4 a.b.c.d/24 has 120
};

// From four bytes in network byte order.
static inline struct ip_addr
ip_from_v4(const void *four)
{
	struct ip_addr a = {.bytes = {[10] = 0xff, [11] = 0xff}};

	memcpy(a.bytes + 12, four, 4);
	return a;
}

// From sixteen bytes in network byte order.
static inline struct ip_addr
ip_from_v6(const void *sixteen)
{
	struct ip_addr a;

	memcpy(a.bytes, sixteen, 16);
	return a;
}

static inline bool
ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static inline bool
ip_is_v4(const struct ip_addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->bytes, mapped, 12) == 0;
}

// Order by bytes; IPv4 sorts by its value.
static inline int
ip_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->bytes, b->bytes, 16);
}

// A mixing hash for tables (not for adversaries who know the seed). Tables may take its low or its high bits: multiplying carries
// upwards only, and the last bytes of an address are the highest, so that the fold and the last product bring them down.
static inline uint64_t
ip_hash(const struct ip_addr *a, uint64_t seed)
{
	uint64_t h = seed;

	h = (h ^ a->halves[0]) * 0x9E3779B97F4A7C15u;
	h = (h ^ (h >> 32) ^ a->halves[1]) * 0xC2B2AE3D27D4EB4Fu;
	h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
	return h ^ (h >> 32);
}

struct ip_addr ip_mask(const struct ip_addr *, unsigned len);

// text[0..len) need not end in NUL. 0, or -EINVAL and *ret untouched.
int ip_parse(const char *text, size_t len, struct ip_addr *ret);

// An address (a whole-length prefix) or address/length. Host bits are masked away: then 1 is returned instead of 0.
int ip_parse_prefix(const char *text, size_t len, struct ip_prefix *ret);

// A port, 1..65535, decimal, no sign, no leading zero. 0 or -EINVAL.
int ip_parse_port(const char *text, size_t len, uint16_t *ret);

// "v4:port" or "[v6]:port". 0 or -EINVAL.
int ip_parse_endpoint(const char *text, size_t len, struct ip_addr *ret, uint16_t *ret_port);

// Returns ret.
char *ip_format(const struct ip_addr *, char ret[static IP_TEXT_MAX]);
// A whole-length prefix prints as a bare address.
char *ip_format_prefix(const struct ip_prefix *, char ret[static IP_PREFIX_TEXT_MAX]);

struct ip_range { // both ends included
	struct ip_addr first, last;
};

// "a-b" or "a - b", both of one family, a not above b. 0 or -EINVAL.
int ip_parse_range(const char *text, size_t len, struct ip_range *ret);

// Gives the first of the fewest prefixes that make up the range, and takes it off. false: that was the last.
bool ip_take_prefix(struct ip_range *, struct ip_prefix *ret);

// The last address of the prefix of this length that begins at `first`.
struct ip_addr ip_last(const struct ip_addr *first, unsigned len);

bool ip_prefix_contains(const struct ip_prefix *, const struct ip_addr *);

// The name of the special-purpose block (RFC 6890 and its registry; also multicast) that the prefix overlaps
// ("private", "loopback", "multicast", "documentation", "shared (CGNAT)", ...), or NULL. A static string.
const char *ip_special(const struct ip_prefix *);

// RFC 1918, RFC 6598 (CGNAT), unique-local, link-local, loopback.
bool ip_is_private(const struct ip_addr *);
