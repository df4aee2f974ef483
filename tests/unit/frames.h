// frames: builders of the frames that tests feed to pkt: each appends one header to a buffer and returns the new length.

#pragma once

#include <stdint.h>
#include <string.h>

struct frame {
	uint8_t bytes[2048];
	size_t len;
};

static inline void
put(struct frame *f, const void *p, size_t n)
{
	memcpy(f->bytes + f->len, p, n);
	f->len += n;
}

static inline void
put_be(struct frame *f, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f->bytes[f->len++] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

static inline struct frame
ethernet(uint16_t type)
{
	struct frame f = {.len = 12};

	put_be(&f, type, 2);
	return f;
}

// After ethernet(tag) or another tag.
static inline void
vlan(struct frame *f, uint16_t id, uint16_t type)
{
	put_be(f, id, 2);
	put_be(f, type, 2);
}

// `payload` bytes will follow. Addresses are last bytes of 192.0.2.0/24.
static inline void
ipv4(struct frame *f, uint8_t src, uint8_t dst, uint8_t proto, size_t payload)
{
	put_be(f, 0x4500, 2);
	put_be(f, 20 + payload, 2);
	put_be(f, 0, 4);
	put_be(f, 64, 1);
	put_be(f, proto, 1);
	put_be(f, 0, 2);
	put_be(f, 0xc0000200u | src, 4);
	put_be(f, 0xc0000200u | dst, 4);
}

// The offset field of the IPv4 header that was just written; units of eight bytes.
static inline void
make_fragment(struct frame *f, uint16_t offset)
{
	f->bytes[f->len - 14] = (uint8_t)(offset >> 8);
	f->bytes[f->len - 13] = (uint8_t)offset;
}

static inline void
ipv6(struct frame *f, uint8_t src, uint8_t dst, uint8_t next, size_t payload)
{
	put_be(f, 0x60000000, 4);
	put_be(f, payload, 2);
	put_be(f, next, 1);
	put_be(f, 64, 1);
	put_be(f, 0x20010db800000000, 8);
	put_be(f, src, 8);
	put_be(f, 0x20010db800000000, 8);
	put_be(f, dst, 8);
}

static inline void
tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags, uint32_t seq, uint32_t ack, size_t payload)
{
	put_be(f, sport, 2);
	put_be(f, dport, 2);
	put_be(f, seq, 4);
	put_be(f, ack, 4);
	put_be(f, 0x50, 1);
	put_be(f, flags, 1);
	put_be(f, 0, 6);
	memset(f->bytes + f->len, 'x', payload);
	f->len += payload;
}

static inline void
udp(struct frame *f, uint16_t sport, uint16_t dport, size_t payload)
{
	put_be(f, sport, 2);
	put_be(f, dport, 2);
	put_be(f, 8 + payload, 2);
	put_be(f, 0, 2);
	memset(f->bytes + f->len, 'x', payload);
	f->len += payload;
}
