#include "reference.h"

#include <string.h>

// Bytes that are left, and whether more would be there had the capture not been cut.
struct view {
	const uint8_t *p;
	size_t n;
	bool whole; // a length field ended it, and no more of it comes in later fragments
};

enum end { DONE, NOT_IP, SHORT, BAD, DEEP };

static enum end after_type(struct view, struct reference *, unsigned type, bool may_be_length);
static enum end ethernet(struct view, struct reference *);
static enum end ipv4(struct view, struct reference *);
static enum end ipv6(struct view, struct reference *);
static enum end mpls(struct view, struct reference *);
static enum end ppp(struct view, struct reference *);
static enum end nsh(struct view, struct reference *);
static enum end gre(struct view, struct reference *);

static struct view
skip(struct view v, size_t n)
{
	return (struct view){v.p + n, v.n - n, v.whole};
}

static struct view
first(struct view v, size_t n)
{
	return n < v.n ? (struct view){v.p, n, true} : v;
}

static unsigned
number(const uint8_t *p, int bytes)
{
	unsigned n = 0;

	for (int i = 0; i < bytes; i++)
		n = n * 256 + p[i];
	return n;
}

static enum end
cut(struct view v)
{
	return v.whole ? BAD : SHORT;
}

static bool
too_many(struct reference *r)
{
	return r->headers++ >= PKT_HEADERS_MAX;
}

static void
mark(struct reference *r, enum pkt_note n)
{
	r->notes |= 1u << n;
}

static bool
is_ip(struct view v)
{
	if (v.n >= 20 && v.p[0] / 16 == 4)
		return v.p[0] % 16 >= 5 && number(v.p + 2, 2) >= v.p[0] % 16 * 4u && v.p[8] != 0;
	return v.n >= 40 && v.p[0] / 16 == 6 && v.p[7] != 0;
}

static bool
is_tag(unsigned type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

static bool
is_ethernet(struct view v)
{
	size_t at = 12;

	while (v.n >= at + 2 && is_tag(number(v.p + at, 2)))
		at += 4;
	if (v.n < at + 2)
		return false;
	switch (number(v.p + at, 2)) {
	case 0x0800:
		return is_ip(skip(v, at + 2)) && v.p[at + 2] / 16 == 4;
	case 0x86dd:
		return is_ip(skip(v, at + 2)) && v.p[at + 2] / 16 == 6;
	case 0x8847:
	case 0x8848:
	case 0x8864:
		return true;
	default:
		return false;
	}
}

static enum end
by_version(struct view v, struct reference *r)
{
	if (v.n > 0 && v.p[0] / 16 == 4)
		return ipv4(v, r);
	if (v.n > 0 && v.p[0] / 16 == 6)
		return ipv6(v, r);
	return NOT_IP;
}

// Link -------------------------------------------------------------------------------------------------------------------------

static enum end
ethernet(struct view v, struct reference *r)
{
	if (too_many(r))
		return DEEP;
	return v.n < 14 ? cut(v) : after_type(skip(v, 14), r, number(v.p + 12, 2), true);
}

static enum end
llc(struct view v, struct reference *r)
{
	if (too_many(r))
		return DEEP;
	if (v.n < 3)
		return cut(v);
	if (memcmp(v.p, "\x06\x06\x03", 3) == 0)
		return ipv4(skip(v, 3), r);
	if (memcmp(v.p, "\xaa\xaa\x03", 3) != 0)
		return NOT_IP;
	if (v.n < 8)
		return cut(v);
	if (memcmp(v.p + 3, "\0\0\0", 3) != 0 && memcmp(v.p + 3, "\0\0\xf8", 3) != 0)
		return NOT_IP;
	return after_type(skip(v, 8), r, number(v.p + 6, 2), false);
}

// A header of fixed size with the type of the next at `at`.
static enum end
fixed(struct view v, struct reference *r, size_t size, size_t at, bool may_be_length)
{
	if (too_many(r))
		return DEEP;
	return v.n < size ? cut(v) : after_type(skip(v, size), r, number(v.p + at, 2), may_be_length);
}

static enum end
macsec(struct view v, struct reference *r)
{
	size_t size;

	if (too_many(r))
		return DEEP;
	if (v.n < 6)
		return cut(v);
	if (v.p[0] & 0x0c)
		return NOT_IP;
	size = v.p[0] & 0x20 ? 14 : 6;
	return v.n < size + 2 ? cut(v) : after_type(skip(v, size + 2), r, number(v.p + size, 2), true);
}

static enum end
after_type(struct view v, struct reference *r, unsigned type, bool may_be_length)
{
	if (is_tag(type))
		return fixed(v, r, 4, 2, true);
	switch (type) {
	case 0x0800:
		return ipv4(v, r);
	case 0x86dd:
		return ipv6(v, r);
	case 0x8847:
	case 0x8848:
		return mpls(v, r);
	case 0x6558:
		return ethernet(v, r);
	case 0x8870:
		return llc(v, r);
	case 0x880b:
		return ppp(v, r);
	case 0x894f:
		return nsh(v, r);
	case 0x88e5:
		return macsec(v, r);
	case 0x893f:
		return fixed(v, r, 8, 6, true);
	case 0x8926:
		return fixed(v, r, 6, 4, true);
	case 0x8909:
		return fixed(v, r, 8, v.n > 0 && v.p[0] == 1 ? 6 : 0, false);
	case 0x88e7:
		if (too_many(r))
			return DEEP;
		return v.n < 4 ? cut(v) : ethernet(skip(v, 4), r);
	case 0x8864:
		if (too_many(r))
			return DEEP;
		if (v.n < 6)
			return cut(v);
		if (v.p[0] != 0x11)
			return BAD;
		return v.p[1] != 0 ? NOT_IP : ppp(first(skip(v, 6), number(v.p + 4, 2)), r);
	default:
		return type < 0x600 && may_be_length ? llc(v, r) : NOT_IP;
	}
}

static bool
is_read(unsigned type)
{
	static const unsigned types[] = {0x0800, 0x86dd, 0x8847, 0x8848, 0x6558, 0x880b, 0x894f,
					 0x88e5, 0x893f, 0x8926, 0x8909, 0x88e7, 0x8864, 0x8870};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (type == types[i])
			return true;
	return is_tag(type);
}

static enum end
ppp(struct view v, struct reference *r)
{
	unsigned protocol;

	if (too_many(r))
		return DEEP;
	if (v.n >= 2 && v.p[0] == 0xff && v.p[1] == 3)
		v = skip(v, 2);
	if (v.n < 2)
		return cut(v);
	protocol = v.p[0] % 2 == 1 ? v.p[0] : number(v.p, 2);
	v = skip(v, v.p[0] % 2 == 1 ? 1 : 2);
	if (protocol == 0x31) {
		size_t size = v.n >= 2 && v.p[0] & 0x40 ? 6 : 2;

		if (v.n < size)
			return cut(v);
		return v.p[1] == 1 ? ethernet(skip(v, size), r) : NOT_IP;
	}
	if (protocol == 0x3d) {
		if (v.n < 4)
			return cut(v);
		if ((v.p[0] & 0x40) == 0)
			v.whole = false;
		return v.p[0] >= 0x80 ? ppp(skip(v, 4), r) : NOT_IP;
	}
	return protocol == 0x21                         ? ipv4(v, r)
	       : protocol == 0x57                       ? ipv6(v, r)
	       : protocol == 0x281 || protocol == 0x283 ? mpls(v, r)
							: NOT_IP;
}

static enum end
nsh_payload(struct view v, struct reference *r, unsigned next)
{
	switch (next) {
	case 1:
		return ipv4(v, r);
	case 2:
		return ipv6(v, r);
	case 3:
		return ethernet(v, r);
	case 4:
		return nsh(v, r);
	case 5:
		return mpls(v, r);
	default:
		return NOT_IP;
	}
}

static enum end
nsh(struct view v, struct reference *r)
{
	size_t size;

	if (too_many(r))
		return DEEP;
	if (v.n < 8)
		return cut(v);
	size = v.p[1] % 64 * 4u;
	if (v.n < size)
		return cut(v);
	return size < 8 || v.p[0] / 64 != 0 ? BAD : nsh_payload(skip(v, size), r, v.p[3]);
}

static enum end
mpls(struct view v, struct reference *r)
{
	bool bottom;
	struct view rest;

	if (too_many(r))
		return DEEP;
	if (v.n < 4)
		return cut(v);
	bottom = v.p[2] % 2 == 1;
	rest = skip(v, 4);
	if (!bottom)
		return mpls(rest, r);
	if (rest.n == 0)
		return cut(rest);
	if (rest.p[0] / 16 == 4 || rest.p[0] / 16 == 6)
		return !is_ip(rest) && is_ethernet(rest) ? ethernet(rest, r) : by_version(rest, r);
	if (rest.p[0] / 16 == 0 && rest.n > 4 && is_ethernet(skip(rest, 4)))
		return ethernet(skip(rest, 4), r);
	return is_ethernet(rest) ? ethernet(rest, r) : NOT_IP;
}

// Tunnels ----------------------------------------------------------------------------------------------------------------------

static enum end
gre_payload(struct view v, struct reference *r, unsigned flags, unsigned type)
{
	if (type == 0x88be && (flags & 0x1000) == 0)
		return ethernet(v, r);
	if (type == 0x88be)
		return v.n < 8 ? cut(v) : v.p[0] / 16 != 1 ? BAD : ethernet(skip(v, 8), r);
	if (type == 0x22eb) {
		size_t size = v.n >= 12 && v.p[11] % 2 == 1 ? 20 : 12;

		if (v.n < 12)
			return cut(v);
		if (v.p[0] / 16 != 2)
			return BAD;
		if (v.n < size)
			return cut(v);
		return v.p[10] % 128 / 4 == 2 ? by_version(skip(v, size), r) : ethernet(skip(v, size), r);
	}
	if (type == 0x883e) {
		if (v.n > 0 && (v.p[0] / 16 == 4 || v.p[0] / 16 == 6))
			return by_version(v, r);
		return v.n < 4 ? cut(v) : by_version(skip(v, 4), r);
	}
	return after_type(v, r, type, false);
}

static enum end
gre(struct view v, struct reference *r)
{
	unsigned flags, type;
	size_t size = 4;

	if (too_many(r))
		return DEEP;
	if (v.n < 4)
		return cut(v);
	flags = number(v.p, 2);
	type = number(v.p + 2, 2);
	if (flags % 8 == 1) {
		if (v.n < 8)
			return cut(v);
		if (type == 0x6400)
			return number(v.p + 4, 2) == 0 ? DONE : ethernet(skip(v, 8), r);
		if (type != 0x880b || (flags & 0x2000) == 0)
			return BAD;
		if ((flags & 0x1000) == 0)
			return DONE;
		size = flags & 0x80 ? 16 : 12;
		return v.n < size ? cut(v) : ppp(skip(v, size), r);
	}
	if (flags % 8 != 0)
		return BAD;
	size += flags & 0xc000 ? 4 : 0;
	size += flags & 0x2000 ? 4 : 0;
	size += flags & 0x1000 ? 4 : 0;
	for (bool more = flags & 0x4000; more; size += 4u + v.p[size + 3]) {
		if (v.n < size + 4 || v.n < size + 4 + v.p[size + 3])
			return cut(v);
		more = number(v.p + size, 2) != 0 || v.p[size + 3] != 0;
	}
	return v.n < size ? cut(v) : gre_payload(skip(v, size), r, flags, type);
}

static enum end
l2tp3(struct view v, struct reference *r)
{
	for (size_t n = 0; n <= 12 && n <= v.n; n += 4)
		if (is_ethernet(skip(v, n)))
			return ethernet(skip(v, n), r);
	for (size_t n = 0; n <= 12 && n <= v.n; n += 4)
		if (is_ip(skip(v, n)))
			return by_version(skip(v, n), r);
	return NOT_IP;
}

static enum end
l2tp(struct view v, struct reference *r)
{
	unsigned flags = v.n >= 2 ? number(v.p, 2) : 0x8000;
	size_t size = 6;

	if (flags >= 0x8000)
		return DONE;
	if (flags % 16 == 3)
		return v.n < 8 ? cut(v) : l2tp3(skip(v, 8), r);
	if (flags % 16 != 2)
		return DONE;
	size += flags & 0x4000 ? 2 : 0;
	size += flags & 0x0800 ? 4 : 0;
	if (flags & 0x0200) {
		if (v.n < size + 2)
			return cut(v);
		size += 2 + number(v.p + size, 2);
	}
	return v.n < size ? cut(v) : ppp(skip(v, size), r);
}

static enum end
gtpu(struct view v, struct reference *r)
{
	unsigned next = 0;

	if (v.n < 8 || v.p[0] / 16 != 3 || v.p[1] != 255 || (v.whole && number(v.p + 2, 2) > v.n - 8))
		return DONE;
	next = v.p[0] % 8;
	v = first(skip(v, 8), number(v.p + 2, 2));
	if (next != 0) {
		bool extended = next >= 4;

		if (v.n < 4)
			return v.whole ? DONE : SHORT;
		next = extended ? v.p[3] : 0;
		v = skip(v, 4);
	}
	while (next != 0) {
		size_t size = v.n > 0 ? v.p[0] * 4u : 0;

		if (size == 0 || v.n < size)
			return v.whole ? DONE : SHORT;
		next = v.p[size - 1];
		v = skip(v, size);
	}
	return by_version(v, r);
}

static enum end
teredo(struct view v, struct reference *r)
{
	if (v.n >= 4 && v.p[0] == 0 && v.p[1] == 1) {
		size_t size = 13u + v.p[2] + v.p[3];

		if (v.n < size)
			return DONE;
		v = skip(v, size);
	}
	if (v.n >= 8 && v.p[0] == 0 && v.p[1] == 0)
		v = skip(v, 8);
	if (v.n < 40 || v.p[0] / 16 != 6 || !is_ip(v) || (v.whole && number(v.p + 4, 2) + 40 > v.n))
		return DONE;
	return ipv6(v, r);
}

static enum end
geneve(struct view v, struct reference *r)
{
	unsigned type = v.n >= 8 ? number(v.p + 2, 2) : 0;
	size_t size;

	if (v.n < 8 || v.p[0] / 64 != 0 || !is_read(type))
		return DONE;
	size = 8 + v.p[0] % 64 * 4u;
	if (v.n < size)
		return v.whole ? DONE : SHORT;
	return after_type(skip(v, size), r, type, false);
}

static enum end
by_port(struct view v, struct reference *r, unsigned port)
{
	switch (port) {
	case 1701:
		return l2tp(v, r);
	case 2152:
		return gtpu(v, r);
	case 3544:
		return teredo(v, r);
	case 4754:
		return gre(v, r);
	case 4789:
	case 8472:
		if (v.n < 8 || ((v.p[0] % 128 != 8 || v.p[7] != 0) && !is_ethernet(skip(v, 8))))
			return DONE;
		return ethernet(skip(v, 8), r);
	case 4790:
		if (v.n < 8 || (v.p[0] & 0x38) != 8 || v.p[7] != 0)
			return DONE;
		return v.p[0] & 4 ? nsh_payload(skip(v, 8), r, v.p[3]) : ethernet(skip(v, 8), r);
	case 6081:
		return geneve(v, r);
	case 6635:
		return mpls(v, r);
	default:
		return DONE;
	}
}

static bool
is_known(unsigned port)
{
	static const unsigned ports[] = {1701, 2152, 3544, 4754, 4789, 4790, 6081, 6635, 8472};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (port == ports[i])
			return true;
	return false;
}

static enum end
udp(struct view v, struct reference *r)
{
	unsigned sport, dport, len;

	if (v.n < 8)
		return DONE;
	sport = number(v.p, 2);
	dport = number(v.p + 2, 2);
	len = number(v.p + 4, 2);
	v = skip(v, 8);
	if (len >= 8)
		v = first(v, len - 8);
	return by_port(v, r, is_known(dport) ? dport : sport);
}

// IP ---------------------------------------------------------------------------------------------------------------------------

static void
ports(struct view v, struct reference_layer *l)
{
	bool has = l->proto == 6 || l->proto == 17 || l->proto == 33 || l->proto == 132 || l->proto == 136;

	if (!has || l->portless)
		return;
	if (v.n < 4) {
		l->portless = true;
		return;
	}
	l->sport = (uint16_t)number(v.p, 2);
	l->dport = (uint16_t)number(v.p + 2, 2);
}

static enum end
transport(struct view v, struct reference *r, struct reference_layer *l)
{
	unsigned type = v.n > 0 ? v.p[0] : 0;

	ports(v, l);
	if (l->portless)
		return DONE;
	switch (l->proto) {
	case 4:
		return ipv4(v, r);
	case 41:
		return ipv6(v, r);
	case 47:
		return gre(v, r);
	case 137:
		return mpls(v, r);
	case 97:
		if (too_many(r))
			return DEEP;
		return v.n < 2 ? cut(v) : v.p[0] / 16 != 3 ? BAD : ethernet(skip(v, 2), r);
	case 143:
		return ethernet(v, r);
	case 115:
		if (too_many(r))
			return DEEP;
		return v.n < 4 ? cut(v) : number(v.p, 4) == 0 ? DONE : l2tp3(skip(v, 4), r);
	case 17:
		return udp(v, r);
	case 1:
		if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
			mark(r, PKT_QUOTED);
		return DONE;
	case 58:
		if (type >= 1 && type <= 4)
			mark(r, PKT_QUOTED);
		return DONE;
	default:
		return DONE;
	}
}

struct part { // of a datagram
	bool is, later;
	unsigned at, end;
};

static bool
is_tiny(const struct part *f, unsigned proto)
{
	unsigned least = proto == 6 ? 20 : 8;

	return f->is && (f->later ? f->at : f->end) < least;
}

static bool
is_chained(unsigned proto, bool v4)
{
	if (v4)
		return proto == 51;
	return proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60 || proto == 135 || proto == 139 ||
	       proto == 140;
}

// `payload`: what the length field leaves behind the fixed header; -1: unknown.
static enum end
chain(struct view v, struct reference *r, struct reference_layer *l, struct part f, bool v4, long payload)
{
	for (int n = 0; is_chained(l->proto, v4) && !f.later; n++) {
		size_t size = v.n < 8 ? 0 : l->proto == 44 ? 8 : l->proto == 51 ? v.p[1] * 4u + 8 : v.p[1] * 8u + 8;

		if (n == PKT_EXTENSIONS_MAX || v.n < 8 || v.n < size) {
			l->portless = true;
			mark(r, n == PKT_EXTENSIONS_MAX ? PKT_INNER_TOO_DEEP
				: v.whole               ? PKT_INNER_MALFORMED
							: PKT_INNER_TRUNCATED);
			return DONE;
		}
		payload = payload < 0 ? -1 : payload > (long)size ? payload - (long)size : 0;
		if (l->proto == 44 && (number(v.p + 2, 2) & 0xfff9) != 0) {
			f = (struct part){.is = true, .at = number(v.p + 2, 2) & 0xfff8};
			f.end = f.at + (unsigned)(payload < 0 ? 0 : payload);
			f.later = f.at > 0;
		}
		l->proto = v.p[0];
		v = skip(v, size);
	}
	if (is_tiny(&f, l->proto)) {
		mark(r, PKT_FRAGMENT_TINY);
		l->portless = true;
	}
	if (f.later)
		l->portless = true;
	if (f.is)
		v.whole = false;
	return l->portless ? DONE : transport(v, r, l);
}

static enum end
ipv4(struct view v, struct reference *r)
{
	static const uint8_t mapped[12] = {[10] = 255, [11] = 255};
	struct reference_layer *l = &r->layers[r->n];
	unsigned header, total, field;
	struct part f = {0};

	if (too_many(r) || r->n == PKT_LAYERS_MAX)
		return DEEP;
	if (v.n > 0 && v.p[0] / 16 != 4)
		return BAD;
	if (v.n < 20)
		return cut(v);
	header = v.p[0] % 16 * 4u;
	total = number(v.p + 2, 2);
	if (header < 20 || (total != 0 && total < header))
		return BAD;
	*l = (struct reference_layer){.proto = v.p[9]};
	memcpy(l->src, mapped, 12);
	memcpy(l->dst, mapped, 12);
	memcpy(l->src + 12, v.p + 12, 4);
	memcpy(l->dst + 12, v.p + 16, 4);
	r->n++;
	field = number(v.p + 6, 2) & 0x3fff;
	if (field != 0)
		f = (struct part){.is = true, .later = (field & 0x1fff) != 0, .at = (field & 0x1fff) * 8};
	f.end = f.at + (total > header ? total - header : 0);
	if (total != 0)
		v = first(v, total);
	if (v.n < header) {
		l->portless = true;
		mark(r, v.whole ? PKT_INNER_MALFORMED : PKT_INNER_TRUNCATED);
		return DONE;
	}
	return chain(skip(v, header), r, l, f, true, total != 0 ? (long)(total - header) : -1);
}

static bool
is_jumbo(struct view v)
{
	size_t at = 2;

	while (v.n >= 2 && at + 1 < v.n && at + 1 < (v.p[1] + 1u) * 8) {
		if (v.p[at] == 0xc2)
			return true;
		at += v.p[at] == 0 ? 1 : 2u + v.p[at + 1];
	}
	return false;
}

static enum end
ipv6(struct view v, struct reference *r)
{
	struct reference_layer *l = &r->layers[r->n];
	unsigned payload;
	bool unknown;

	if (too_many(r) || r->n == PKT_LAYERS_MAX)
		return DEEP;
	if (v.n > 0 && v.p[0] / 16 != 6)
		return BAD;
	if (v.n < 40)
		return cut(v);
	payload = number(v.p + 4, 2);
	*l = (struct reference_layer){.proto = v.p[6]};
	memcpy(l->src, v.p + 8, 16);
	memcpy(l->dst, v.p + 24, 16);
	r->n++;
	v = skip(v, 40);
	unknown = payload == 0 && l->proto != 59;
	if (payload == 0 && l->proto == 0 && is_jumbo(v))
		mark(r, PKT_JUMBOGRAM);
	if (!unknown)
		v = first(v, payload);
	return chain(v, r, l, (struct part){0}, false, unknown ? -1 : (long)payload);
}

// Whole frames ------------------------------------------------------------------------------------------------------------------

void
reference_parse(const uint8_t *frame, size_t captured, struct reference *ret)
{
	static const enum pkt_verdict verdicts[] = {PKT_NOT_IP, PKT_NOT_IP, PKT_TRUNCATED, PKT_MALFORMED, PKT_TOO_DEEP};
	static const int notes[] = {-1, PKT_INNER_NOT_IP, PKT_INNER_TRUNCATED, PKT_INNER_MALFORMED, PKT_INNER_TOO_DEEP};
	enum end end;

	*ret = (struct reference){0};
	end = ethernet((struct view){frame, captured, false}, ret);
	ret->verdict = ret->n > 0 ? PKT_PROBED : verdicts[end];
	if (ret->n > 0 && notes[end] >= 0)
		mark(ret, (enum pkt_note)notes[end]);
}

static const char *
layer_disagrees(const struct reference_layer *want, const struct flow *got)
{
	if (memcmp(want->src, &got->src, 16) != 0 || memcmp(want->dst, &got->dst, 16) != 0)
		return "addresses";
	if (want->portless != got->portless)
		return "portless";
	if (!want->portless && (want->proto != got->proto || want->sport != got->sport || want->dport != got->dport))
		return "protocol or ports";
	return NULL;
}

const char *
reference_disagrees(const uint8_t *frame, size_t captured)
{
	struct reference want;
	struct pkt got;
	enum pkt_verdict verdict = pkt_locate(frame, captured, &got);
	const char *why = NULL;

	reference_parse(frame, captured, &want);
	if (verdict != want.verdict)
		return "verdict";
	if (verdict != PKT_PROBED)
		return NULL;
	if (got.notes != want.notes)
		return "notes";
	if (got.n != want.n)
		return "number of layers";
	for (unsigned i = 0; i < got.n && why == NULL; i++) {
		struct flow f;

		pkt_flow(frame, captured, captured, &got, i, &f);
		why = layer_disagrees(&want.layers[i], &f);
	}
	return why;
}
