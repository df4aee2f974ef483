#include "generate.h"

#include <stdbool.h>
#include <string.h>

// What the bytes so far are, as each kind of header outside would name them; -1: it cannot carry them.
struct names {
	int ethertype, proto, port, ppp, nsh;
	bool ethernet; // with addresses
	bool mpls;
	bool plain; // IP, MPLS or PPPoE, perhaps behind tags: what an Ethernet pseudowire is recognised by
};

struct frame {
	uint8_t bytes[GENERATE_MAX]; // grows towards the front
	size_t at;
	struct names is;
	uint64_t state, kinds;
	unsigned headers, n;
	uint8_t src[GENERATE_LAYERS][16]; // the innermost first
};

uint32_t
generate_dice(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static uint32_t
dice(struct frame *f, uint32_t n)
{
	return generate_dice(&f->state) % n;
}

static const struct names nothing = {-1, -1, -1, -1, -1, false, false, false};

static size_t
length(const struct frame *f)
{
	return sizeof(f->bytes) - f->at;
}

static uint8_t *
prepend(struct frame *f, size_t n)
{
	f->at -= n;
	memset(f->bytes + f->at, 0, n);
	return f->bytes + f->at;
}

static void
put(uint8_t *p, uint32_t value, int bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static void
fill(struct frame *f, uint8_t *p, size_t n)
{
	while (n-- > 0)
		*p++ = (uint8_t)dice(f, 256);
}

// Wrappers: each returns whether it could ------------------------------------------------------------------------------------------

static bool
ethernet(struct frame *f)
{
	uint8_t *p;

	if (f->is.ethertype < 0)
		return false;
	p = prepend(f, 14);
	fill(f, p, 12);
	p[0] = 0x02;
	put(p + 12, (uint32_t)f->is.ethertype, 2);
	f->is = (struct names){0x6558, 143, -1, -1, 3, true, false, f->is.plain && !f->is.ethernet};
	f->headers++;
	return true;
}

static bool
snap(struct frame *f)
{
	uint8_t *p;

	if (f->is.ethertype < 0)
		return false;
	p = prepend(f, 22);
	p[0] = 0x02;
	put(p + 12, dice(f, 4) == 0 ? 0x8870 : (uint32_t)(length(f) - 14) & 0x3ff, 2);
	memcpy(p + 14, dice(f, 4) == 0 ? "\xaa\xaa\x03\0\0\xf8" : "\xaa\xaa\x03\0\0\0", 6);
	put(p + 20, (uint32_t)f->is.ethertype, 2);
	f->is = (struct names){0x6558, 143, -1, -1, 3, true, false, false};
	f->headers += 2;
	return true;
}

static bool
tag(struct frame *f)
{
	static const uint16_t types[] = {0x8100, 0x88a8, 0x9100, 0x9200};
	bool plain = f->is.plain && !f->is.ethernet;
	uint8_t *p;

	if (f->is.ethertype < 0)
		return false;
	p = prepend(f, 4);
	put(p, dice(f, 65536), 2);
	put(p + 2, (uint32_t)f->is.ethertype, 2);
	f->is = nothing;
	f->is.ethertype = types[dice(f, 4)];
	f->is.plain = plain;
	f->headers++;
	return true;
}

// E-tag, VN-tag, Cisco MetaData: a type at their end.
static bool
other_tag(struct frame *f)
{
	static const struct {
		uint16_t type;
		uint8_t size;
	} kinds[] = {{0x893f, 8}, {0x8926, 6}, {0x8909, 8}, {0x88e5, 8}};
	unsigned k = dice(f, 4);
	uint8_t *p;

	if (f->is.ethertype < 0)
		return false;
	p = prepend(f, kinds[k].size);
	if (k == 2)
		p[0] = p[1] = 1;
	put(p + kinds[k].size - 2, (uint32_t)f->is.ethertype, 2);
	f->is = nothing;
	f->is.ethertype = kinds[k].type;
	f->headers++;
	return true;
}

static bool
pbb(struct frame *f)
{
	if (!f->is.ethernet)
		return false;
	put(prepend(f, 4), dice(f, 1u << 24), 4);
	f->is = nothing;
	f->is.ethertype = 0x88e7;
	f->headers++;
	return true;
}

static bool
label(struct frame *f)
{
	bool ip = f->is.ethertype == 0x0800 || f->is.ethertype == 0x86dd;

	if (!ip && !(f->is.ethernet && f->is.plain) && !f->is.mpls)
		return false;
	if (f->is.ethernet && dice(f, 2))
		prepend(f, 4); // control word
	put(prepend(f, 4), dice(f, 1u << 20) << 12 | !f->is.mpls << 8 | 64, 4);
	f->is = (struct names){0x8847, 137, 6635, 0x281, 5, false, true, true};
	f->headers++;
	return true;
}

// PPP, with or without address and control, and what carries it.
static bool
ppp(struct frame *f, struct names outside)
{
	uint8_t *p;

	if (f->is.ethernet) { // bridged, perhaps with the number of its LAN
		unsigned lan = dice(f, 2);

		p = prepend(f, 2 + 4 * lan);
		put(p, lan << 14 | 1, 2);
		f->is.ppp = 0x31;
	}
	if (f->is.ppp < 0)
		return false;
	p = prepend(f, 2);
	put(p, (uint32_t)f->is.ppp, 2);
	if (dice(f, 4) == 0) { // multilink: the whole, or its first part
		p = prepend(f, 6);
		put(p, 0x3d80 | dice(f, 2) << 6, 3);
		f->headers++;
	}
	if (dice(f, 2))
		put(prepend(f, 2), 0xff03, 2);
	f->is = outside;
	f->headers++;
	return true;
}

static bool
pppoe(struct frame *f)
{
	uint8_t *p;
	struct names outside = nothing;

	outside.ethertype = 0x8864;
	outside.plain = true;
	if (!ppp(f, outside))
		return false;
	p = prepend(f, 6);
	p[0] = 0x11;
	put(p + 2, dice(f, 65536), 2);
	put(p + 4, (uint32_t)length(f) - 6, 2);
	f->headers++;
	return true;
}

static bool
pptp(struct frame *f)
{
	struct names outside = nothing;
	unsigned ack = dice(f, 2);
	size_t payload;
	uint8_t *p;

	outside.proto = 47;
	if (!ppp(f, outside))
		return false;
	payload = length(f);
	p = prepend(f, 12 + 4 * ack);
	put(p, 0x3001 | ack << 7, 2);
	put(p + 2, 0x880b, 2);
	put(p + 4, (uint32_t)payload, 2);
	put(p + 6, dice(f, 65536), 2);
	f->headers++;
	return true;
}

static bool
eoip(struct frame *f)
{
	size_t payload = length(f);
	uint8_t *p;

	if (!f->is.ethernet)
		return false;
	p = prepend(f, 8);
	put(p, 0x20016400, 4);
	put(p + 4, (uint32_t)payload, 2);
	put(p + 6, dice(f, 65536), 2);
	f->is = nothing;
	f->is.proto = 47;
	f->headers++;
	return true;
}

static bool
l2tp(struct frame *f)
{
	struct names outside = nothing;
	unsigned flags = dice(f, 8), size = 6;
	uint8_t *p;

	outside.port = 1701;
	if (!ppp(f, outside))
		return false;
	size += (flags & 1 ? 2u : 0) + (flags & 2 ? 4u : 0) + (flags & 4 ? 4u : 0);
	p = prepend(f, size);
	put(p, 2 | (flags & 1 ? 0x4000 : 0) | (flags & 2 ? 0x0800 : 0) | (flags & 4 ? 0x0200 : 0), 2);
	if (flags & 4)
		put(p + size - 4, 2, 2); // and two bytes of padding
	return true;
}

// Ethernet or IP behind a session and perhaps a cookie; in IP or UDP.
static bool
l2tp3(struct frame *f)
{
	unsigned cookie = dice(f, 3) * 4;
	uint8_t *p;

	if (!f->is.ethernet || !f->is.plain)
		return false;
	p = prepend(f, cookie);
	memset(p, 0xc0, cookie);
	put(prepend(f, 4), 1 + dice(f, 1000), 4);
	f->is = nothing;
	if (dice(f, 2)) {
		put(prepend(f, 4), 0x00030000, 4);
		f->is.port = 1701;
	} else {
		f->is.proto = 115;
		f->headers++;
	}
	return true;
}

static bool
gre(struct frame *f)
{
	unsigned flags = dice(f, 8) << 13 & 0xa000;
	uint8_t *p;

	if (f->is.ethertype < 0 || f->is.ethertype == 0x8864)
		return false;
	flags |= dice(f, 2) << 12;
	p = prepend(f, 4u + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0));
	put(p, flags, 2);
	put(p + 2, (uint32_t)f->is.ethertype, 2);
	f->is = nothing;
	f->is.proto = 47;
	f->is.port = 4754;
	f->headers++;
	return true;
}

// Checksum field and source routes (RFC 1701).
static bool
gre_routed(struct frame *f)
{
	uint8_t *p;

	if (f->is.ethertype < 0)
		return false;
	p = prepend(f, 20);
	put(p, 0x4000, 2);
	put(p + 2, (uint32_t)f->is.ethertype, 2);
	put(p + 8, 0x0800, 2);
	p[11] = 4;
	f->is = nothing;
	f->is.proto = 47;
	f->headers++;
	return true;
}

// Type III carries IP without Ethernet too, by its frame type.
static bool
erspan(struct frame *f)
{
	bool ip = f->is.ethertype == 0x0800 || f->is.ethertype == 0x86dd;
	unsigned version = ip ? 3 : 1 + dice(f, 3);
	uint8_t *p;

	if (!f->is.ethernet && !ip)
		return false;
	if (version == 2) {
		p = prepend(f, 8);
		p[0] = 0x10;
	} else if (version == 3) {
		unsigned more = dice(f, 2);

		p = prepend(f, 12 + 8 * more);
		p[0] = 0x20;
		p[10] = (uint8_t)(dice(f, 2) << 7 | (ip ? 2 : 0) << 2 | dice(f, 4));
		p[11] = (uint8_t)more;
	}
	p = prepend(f, version == 1 ? 4 : 8);
	put(p, version == 1 ? 0 : 0x1000, 2);
	put(p + 2, version == 3 ? 0x22eb : 0x88be, 2);
	f->is = nothing;
	f->is.proto = 47;
	f->headers++;
	return true;
}

static bool
wccp(struct frame *f)
{
	if (f->is.ethertype != 0x0800)
		return false;
	if (dice(f, 2))
		prepend(f, 4);
	put(prepend(f, 4), 0x883e, 4);
	f->is = nothing;
	f->is.proto = 47;
	f->headers++;
	return true;
}

static bool
vxlan(struct frame *f)
{
	uint8_t *p;

	if (!f->is.ethernet)
		return false;
	p = prepend(f, 8);
	p[0] = dice(f, 2) ? 0x88 : 0x08;
	put(p + 4, dice(f, 1u << 24) << 8, 4);
	if (f->is.plain && dice(f, 4) == 0) // what is reserved is ignored
		fill(f, p, 8);
	f->is = nothing;
	f->is.port = dice(f, 2) ? 4789 : 8472;

	return true;
}

static bool
vxlan_gpe(struct frame *f)
{
	uint8_t *p;

	if (f->is.nsh < 0)
		return false;
	p = prepend(f, 8);
	p[0] = 0x0c;
	p[3] = (uint8_t)f->is.nsh;
	f->is = nothing;
	f->is.port = 4790;
	return true;
}

static bool
geneve(struct frame *f)
{
	unsigned options = dice(f, 5);
	uint8_t *p;

	if (f->is.ethertype < 0)
		return false;
	p = prepend(f, 8 + 4 * options);
	p[0] = (uint8_t)options;
	put(p + 2, (uint32_t)f->is.ethertype, 2);
	f->is = nothing;
	f->is.port = 6081;
	return true;
}

static bool
gtpu(struct frame *f)
{
	unsigned kind = dice(f, 3);
	size_t payload;
	uint8_t *p;

	if (f->is.ethertype != 0x0800 && f->is.ethertype != 0x86dd)
		return false;
	if (kind == 2) { // one extension header
		p = prepend(f, 8);
		p[0] = 2;
	}
	if (kind > 0) {
		p = prepend(f, 4);
		p[3] = kind == 2 ? 0x85 : 0;
	}
	payload = length(f);
	p = prepend(f, 8);
	p[0] = (uint8_t)(0x30 | (kind == 2 ? 4 : kind == 1 ? 2 : 0));
	p[1] = 0xff;
	put(p + 2, (uint32_t)payload, 2);
	put(p + 4, dice(f, 1u << 30), 4);
	f->is = nothing;
	f->is.port = 2152;
	return true;
}

static bool
teredo(struct frame *f)
{
	unsigned kind = dice(f, 4);
	uint8_t *p;

	if (f->is.ethertype != 0x86dd)
		return false;
	if (kind & 1)
		prepend(f, 8);
	if (kind & 2) {
		p = prepend(f, 13 + 3);
		p[1] = 1;
		p[2] = 1;
		p[3] = 2;
	}
	f->is = nothing;
	f->is.port = 3544;
	return true;
}

static bool
nsh(struct frame *f)
{
	unsigned words = 2 + dice(f, 5);
	uint8_t *p;

	if (f->is.nsh < 0)
		return false;
	p = prepend(f, 4 * words);
	p[1] = (uint8_t)words;
	p[3] = (uint8_t)f->is.nsh;
	f->is = nothing;
	f->is.ethertype = 0x894f;
	f->is.nsh = 4;
	f->headers++;
	return true;
}

static bool
etherip(struct frame *f)
{
	if (!f->is.ethernet)
		return false;
	put(prepend(f, 2), 0x3000, 2);
	f->is = nothing;
	f->is.proto = 97;
	f->headers++;
	return true;
}

static bool
udp(struct frame *f)
{
	uint8_t *p;

	if (f->is.port < 0)
		return false;
	p = prepend(f, 8);
	put(p, 49152 + dice(f, 16000), 2);
	put(p + 2, (uint32_t)f->is.port, 2);
	put(p + 4, (uint32_t)length(f), 2);
	f->is = nothing;
	f->is.proto = 17;
	return true;
}

static void
keep_address(struct frame *f, const uint8_t *src, size_t n)
{
	uint8_t *to = f->src[f->n++];

	memset(to, 0, 16);
	if (n == 4)
		to[10] = to[11] = 0xff;
	memcpy(to + 16 - n, src, n);
}

// Some are first fragments: what they lack of their last bytes, never of a header, comes later; here it follows as a trailer would.
static unsigned
lacking(struct frame *f)
{
	return dice(f, 8) == 0 ? 1 + dice(f, 16) : 0;
}

static bool
ipv4(struct frame *f)
{
	unsigned options = dice(f, 4) == 0 ? 4 * dice(f, 11) : 0, later = lacking(f);
	uint8_t *p, proto = (uint8_t)f->is.proto;

	if (f->is.proto < 0 || f->n == GENERATE_LAYERS)
		return false;
	if (dice(f, 8) == 0) { // authentication header
		p = prepend(f, 24);
		p[0] = proto;
		p[1] = 4;
		proto = 51;
	}
	p = prepend(f, 20 + options);
	p[0] = (uint8_t)(0x45 + options / 4);
	put(p + 2, (uint32_t)length(f) - later, 2);
	p[6] = later > 0 ? 0x20 : 0;
	p[8] = 64;
	p[9] = proto;
	fill(f, p + 12, 8);
	keep_address(f, p + 12, 4);
	f->is = (struct names){0x0800, 4, -1, 0x21, 1, false, false, true};
	f->headers++;
	return true;
}

static bool
ipv6(struct frame *f)
{
	static const uint8_t chained[] = {0, 43, 60, 135, 139, 140};
	unsigned n = dice(f, 3) == 0 ? dice(f, 5) : 0, later = lacking(f);
	uint8_t *p, proto = (uint8_t)f->is.proto;
	size_t payload;

	if (f->is.proto < 0 || f->n == GENERATE_LAYERS)
		return false;
	while (n-- > 0) {
		p = prepend(f, 8);
		p[0] = proto;
		proto = chained[dice(f, sizeof(chained))];
	}
	if (later > 0) {
		p = prepend(f, 8);
		p[0] = proto;
		p[3] = 1;
		proto = 44;
	}
	payload = length(f) - later;
	p = prepend(f, 40);
	p[0] = 0x60;
	put(p + 4, (uint32_t)payload, 2);
	p[6] = proto;
	p[7] = 64;
	fill(f, p + 8, 32);
	keep_address(f, p + 8, 16);
	f->is = (struct names){0x86dd, 41, -1, 0x57, 2, false, false, true};
	f->headers++;
	return true;
}

// Frames ------------------------------------------------------------------------------------------------------------------------

static bool (*const wrappers[GENERATE_KINDS])(struct frame *) = {
	ethernet, snap,  tag,       other_tag, pbb,  label,  pppoe, pptp,    l2tp, l2tp3, gre,  gre_routed, erspan,
	wccp,     vxlan, vxlan_gpe, geneve,    gtpu, teredo, nsh,   etherip, udp,  ipv4,  ipv6, eoip,
};

static void
innermost(struct frame *f)
{
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 132, 136, 1, 58, 50, 33};
	uint8_t *p;

	f->is = nothing;
	f->is.proto = protos[dice(f, sizeof(protos))];
	p = prepend(f, 20 + dice(f, 30));
	fill(f, p, length(f));
	put(p, 10000 + dice(f, 30000), 2);
	put(p + 2, 20 + dice(f, 400), 2);
	if (dice(f, 2))
		ipv4(f);
	else
		ipv6(f);
}

// What must come next for the frame to be whole: UDP around its payload, IP around a transport, Ethernet around the rest.
static void
close_frame(struct frame *f)
{
	while (!f->is.ethernet) {
		if (f->is.ethertype >= 0)
			ethernet(f);
		else if (f->is.proto >= 0 && f->n < GENERATE_LAYERS)
			dice(f, 2) ? ipv4(f) : ipv6(f);
		else
			udp(f);
	}
}

void
generate(uint64_t seed, unsigned depth, struct generated *ret)
{
	static struct frame f;

	f.state = seed * 0x9E3779B97F4A7C15u + 1;
	f.at = sizeof(f.bytes);
	f.kinds = 0;
	f.n = f.headers = 0;
	innermost(&f);
	while (f.headers < depth && f.at > 1024 && f.n < GENERATE_LAYERS - 2) {
		unsigned k = dice(&f, GENERATE_KINDS);

		if (wrappers[k](&f))
			f.kinds |= UINT64_C(1) << k;
	}
	close_frame(&f);
	ret->len = length(&f);
	ret->n = f.n;
	ret->headers = f.headers;
	ret->kinds = f.kinds;
	memcpy(ret->bytes, f.bytes + f.at, ret->len);
	for (unsigned i = 0; i < f.n; i++)
		memcpy(ret->src[i], f.src[f.n - 1 - i], 16);
}
