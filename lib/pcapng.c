#include "pcapng.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, OLD_PACKET = 2, SIMPLE_PACKET = 3, ENHANCED_PACKET = 6 };
enum { OPTION_END = 0, OPTION_RESOLUTION = 9, OPTION_OFFSET = 14 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define BLOCK_MAX        (16u << 20)
#define INTERFACES_MAX   65536

struct interface {
	uint16_t link_type;
	uint32_t snap_length; // 0: none
	uint8_t resolution;   // as the option says it: a power of ten, or of two with the high bit
	int64_t offset_s;
};

struct pcapng {
	FILE *from;
	bool swapped, in_section;
	struct interface *interfaces;
	size_t n_interfaces, max_interfaces;
	uint8_t *body;
	size_t max_body;
	int64_t last_ns;
};

int
pcapng_open(FILE *from, struct pcapng **ret)
{
	struct pcapng *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->from = from;
	*ret = p;
	return 0;
}

void
pcapng_free(struct pcapng *p)
{
	if (p == NULL)
		return;
	free(p->interfaces);
	free(p->body);
	free(p);
}

static uint32_t
u32(const struct pcapng *p, const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, 4);
	return p->swapped ? __builtin_bswap32(n) : n;
}

static uint16_t
u16(const struct pcapng *p, const uint8_t *at)
{
	uint16_t n;

	memcpy(&n, at, 2);
	return p->swapped ? __builtin_bswap16(n) : n;
}

static int
wrong(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

// Blocks -----------------------------------------------------------------------------------------------------------------------

// 1, 0 at the end of the file, or an error.
static int
get(struct pcapng *p, void *to, size_t n, bool may_end, const char **ret_why)
{
	size_t got = fread(to, 1, n, p->from);

	if (got == n)
		return 1;
	if (ferror(p->from)) {
		*ret_why = "cannot be read to its end (a damaged gzip file, or a failing disk)";
		return -EIO;
	}
	if (got == 0 && may_end)
		return 0;
	return wrong(ret_why, "ends inside a block: it was cut");
}

static bool
grow_body(struct pcapng *p, size_t n)
{
	uint8_t *body;

	if (n <= p->max_body)
		return true;
	if ((body = realloc(p->body, n)) == NULL)
		return false;
	p->body = body;
	p->max_body = n;
	return true;
}

// The byte order of a section stands behind the length that is to be read in it.
static int
learn_byte_order(struct pcapng *p, const uint8_t *magic, const char **ret_why)
{
	p->swapped = false;
	if (u32(p, magic) == BYTE_ORDER_MAGIC)
		return 1;
	p->swapped = true;
	return u32(p, magic) == BYTE_ORDER_MAGIC ? 1 : wrong(ret_why, "has a section without byte-order magic");
}

// Reads one block: *ret_len bytes of body, without the lengths around it.
static int
read_block(struct pcapng *p, uint32_t *ret_type, size_t *ret_len, const char **ret_why)
{
	uint8_t head[12];
	size_t len, have = 0;
	int got = get(p, head, 8, true, ret_why);

	if (got != 1)
		return got;
	*ret_type = u32(p, head);
	if (*ret_type == SECTION) { // the same in both byte orders
		if ((got = get(p, head + 8, 4, false, ret_why)) != 1 ||
		    (got = learn_byte_order(p, head + 8, ret_why)) != 1)
			return got;
		have = 4;
	} else if (!p->in_section) {
		return wrong(ret_why, "does not begin with a section");
	}
	len = u32(p, head + 4);
	if (len < 12 + have || len > BLOCK_MAX || len % 4 != 0)
		return wrong(ret_why, "has a block of an impossible length");
	len -= 8; // the body, and the length again
	if (!grow_body(p, len)) {
		*ret_why = "no memory for a block";
		return -ENOMEM;
	}
	memcpy(p->body, head + 8, have);
	if ((got = get(p, p->body + have, len - have, false, ret_why)) != 1)
		return got;
	if (u32(p, p->body + len - 4) != len + 8)
		return wrong(ret_why, "has a block whose two lengths differ");
	*ret_len = len - 4;
	return 1;
}

// Interfaces -------------------------------------------------------------------------------------------------------------------

static void
read_options(const struct pcapng *p, const uint8_t *at, const uint8_t *end, struct interface *i)
{
	while (end - at >= 4) {
		uint16_t code = u16(p, at), len = u16(p, at + 2);
		const uint8_t *value = at + 4;

		if (code == OPTION_END || end - value < len)
			return;
		if (code == OPTION_RESOLUTION && len >= 1)
			i->resolution = value[0];
		if (code == OPTION_OFFSET && len >= 8) {
			uint32_t words[2] = {u32(p, value), u32(p, value + 4)}; // in the order of the section
			bool little = (*(const uint8_t *)&(const uint16_t){1} == 1) != p->swapped;

			i->offset_s = (int64_t)((uint64_t)words[little] << 32 | words[!little]);
		}
		if (end - value < (len + 3) / 4 * 4)
			return;
		at = value + (len + 3) / 4 * 4;
	}
}

static int
add_interface(struct pcapng *p, size_t len, const char **ret_why)
{
	size_t max = p->max_interfaces == 0 ? 8 : p->max_interfaces * 2;
	struct interface *i;

	if (len < 8)
		return wrong(ret_why, "has an interface block that is too short");
	if (p->n_interfaces == INTERFACES_MAX)
		return wrong(ret_why, "has more than 65,536 interfaces");
	if (p->n_interfaces == p->max_interfaces) {
		if ((i = reallocarray(p->interfaces, max, sizeof(*i))) == NULL) {
			*ret_why = "no memory for its interfaces";
			return -ENOMEM;
		}
		p->interfaces = i;
		p->max_interfaces = max;
	}
	i = &p->interfaces[p->n_interfaces++];
	*i = (struct interface){.link_type = u16(p, p->body), .snap_length = u32(p, p->body + 4), .resolution = 6};
	read_options(p, p->body + 8, p->body + len, i);
	return 1;
}

// Packets ----------------------------------------------------------------------------------------------------------------------

static uint64_t
power_of_ten(unsigned n)
{
	uint64_t p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

// Units of 10^-power seconds, or of 2^-power; finer than 64 bits can count is no time at all.
static void
split(const struct interface *i, uint64_t units, int64_t *ret_s, uint64_t *ret_ns)
{
	unsigned power = i->resolution & 0x7f;
	bool binary = i->resolution & 0x80;
	uint64_t second = binary ? UINT64_C(1) << (power & 63) : power_of_ten(power <= 19 ? power : 0), rest;

	*ret_s = 0;
	*ret_ns = 0;
	if (power > (binary ? 63 : 19))
		return;
	rest = units % second;
	*ret_s = (int64_t)(units / second > INT64_MAX ? INT64_MAX : units / second);
	if (binary)
		*ret_ns = (power > 30 ? rest >> (power - 30) : rest) * 1000000000 >> (power > 30 ? 30 : power);
	else
		*ret_ns = power <= 9 ? rest * power_of_ten(9 - power) : rest / power_of_ten(power - 9);
}

// Nanoseconds since the epoch, within what 64 bits hold.
static int64_t
time_of(const struct interface *i, uint64_t units)
{
	const int64_t most_s = INT64_MAX / 1000000000 - 1;
	int64_t s;
	uint64_t ns;

	split(i, units, &s, &ns);
	if (__builtin_add_overflow(s, i->offset_s, &s))
		s = i->offset_s > 0 ? most_s : 0;
	s = s < 0 ? 0 : s > most_s ? most_s : s;
	return s * 1000000000 + (int64_t)ns;
}

static int
check_packet(struct pcapng *p, size_t len, size_t header, struct pcapng_packet *ret, const char **ret_why)
{
	if (ret->interface >= p->n_interfaces)
		return wrong(ret_why, "has a packet of an interface that it does not describe");
	if (ret->captured > len - header)
		return wrong(ret_why, "has a packet that is longer than its block");
	if (ret->captured > PCAPNG_PACKET_MAX)
		return wrong(ret_why, "has a packet of more than 256 KiB");
	ret->link_type = p->interfaces[ret->interface].link_type;
	ret->bytes = p->body + header;
	if (ret->wire < ret->captured)
		ret->wire = ret->captured;
	return 1;
}

// Enhanced and old packet blocks differ in how the interface is written.
static int
read_packet(struct pcapng *p, size_t len, bool old, struct pcapng_packet *ret, const char **ret_why)
{
	const uint8_t *b = p->body;
	int got;

	if (len < 20)
		return wrong(ret_why, "has a packet block that is too short");
	*ret = (struct pcapng_packet){.interface = old ? u16(p, b) : u32(p, b),
				      .captured = u32(p, b + 12),
				      .wire = u32(p, b + 16)};
	if ((got = check_packet(p, len, 20, ret, ret_why)) != 1)
		return got;
	ret->time_ns = p->last_ns =
		time_of(&p->interfaces[ret->interface], (uint64_t)u32(p, b + 4) << 32 | u32(p, b + 8));
	return 1;
}

static int
read_simple(struct pcapng *p, size_t len, struct pcapng_packet *ret, const char **ret_why)
{
	uint32_t snap;

	if (len < 4 || p->n_interfaces == 0)
		return wrong(ret_why, "has a simple packet before any interface");
	snap = p->interfaces[0].snap_length;
	*ret = (struct pcapng_packet){.wire = u32(p, p->body), .time_ns = p->last_ns};
	ret->captured = snap != 0 && snap < ret->wire ? snap : ret->wire;
	if (ret->captured > len - 4)
		ret->captured = (uint32_t)(len - 4);
	return check_packet(p, len, 4, ret, ret_why);
}

int
pcapng_next(struct pcapng *p, struct pcapng_packet *ret, const char **ret_why)
{
	uint32_t type;
	size_t len;
	int got;

	while ((got = read_block(p, &type, &len, ret_why)) == 1) {
		switch (type) {
		case SECTION:
			if (len < 16 || u16(p, p->body + 4) != 1)
				return wrong(ret_why, "is of a version that is not known (1 is)");
			p->in_section = true;
			p->n_interfaces = 0;
			break;
		case INTERFACE:
			if ((got = add_interface(p, len, ret_why)) != 1)
				return got;
			break;
		case ENHANCED_PACKET:
		case OLD_PACKET:
			return read_packet(p, len, type == OLD_PACKET, ret, ret_why);
		case SIMPLE_PACKET:
			return read_simple(p, len, ret, ret_why);
		default:
			break;
		}
	}
	return got;
}
