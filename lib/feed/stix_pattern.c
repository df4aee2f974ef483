#include "feed/stix_pattern.h"

#include "ip.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

struct word {
	const char *text;
	size_t len;
};

enum kind { ADDRESS, PORT, PROTOCOL, KIND_OF_ADDRESS, FOREIGN };

static const struct {
	const char *path;
	enum kind kind;
} paths[] = {
	{"ipv4-addr:value", ADDRESS},
	{"ipv6-addr:value", ADDRESS},
	{"network-traffic:dst_ref.value", ADDRESS},
	{"network-traffic:src_ref.value", ADDRESS},
	{"network-traffic:dst_ref.type", KIND_OF_ADDRESS},
	{"network-traffic:src_ref.type", KIND_OF_ADDRESS},
	{"network-traffic:dst_port", PORT},
	{"network-traffic:protocols[*]", PROTOCOL},
};

static bool
is(struct word w, const char *text)
{
	return w.len == strlen(text) && memcmp(w.text, text, w.len) == 0;
}

static void
skip_blank(struct stix_pattern *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static bool
take(struct stix_pattern *p, char c)
{
	skip_blank(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

// Letters and what paths and numbers hold besides: object:property.'quoted property'[*].
static struct word
take_word(struct stix_pattern *p)
{
	struct word w;
	bool path = false;

	skip_blank(p);
	w.text = p->at;
	for (; *p->at != '\0'; p->at++) {
		if (path && (*p->at == '\'' || *p->at == '[')) {
			const char *end = strchr(p->at + 1, *p->at == '[' ? ']' : '\'');

			if (end == NULL)
				break;
			p->at = end;
		} else if (!isalnum((unsigned char)*p->at) && strchr(":._-", *p->at) == NULL) {
			break;
		}
		path |= *p->at == ':';
	}
	w.len = (size_t)(p->at - w.text);
	return w;
}

static bool
take_keyword(struct stix_pattern *p, const char *keyword)
{
	struct stix_pattern ahead = *p;

	if (!is(take_word(&ahead), keyword))
		return false;
	*p = ahead;
	return true;
}

static struct word
take_operator(struct stix_pattern *p)
{
	struct word w;

	skip_blank(p);
	w = (struct word){p->at, strspn(p->at, "=!<>")};
	if (w.len == 0)
		return take_word(p);
	p->at += w.len;
	return w;
}

static bool
take_string(struct stix_pattern *p, struct word *ret)
{
	const char *end = p->at + 1;

	while (*end != '\0' && *end != '\'')
		end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
	if (*end == '\0')
		return false;
	*ret = (struct word){p->at + 1, (size_t)(end - p->at - 1)};
	p->at = end + 1;
	return true;
}

// 'text', 443, true, t'2026-01-01T00:00:00Z'.
static bool
take_literal(struct stix_pattern *p, struct word *ret)
{
	*ret = take_word(p);
	return *p->at == '\'' ? take_string(p, ret) : ret->len > 0;
}

static bool
take_value(struct stix_pattern *p, struct word *ret)
{
	if (!take(p, '('))
		return take_literal(p, ret);
	do
		if (!take_literal(p, ret))
			return false;
	while (take(p, ','));
	return take(p, ')');
}

static enum kind
kind_of(struct word path)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (is(path, paths[i].path))
			return paths[i].kind;
	return FOREIGN;
}

// What a term has been found to say so far.
struct found {
	struct stix_term term;
	bool ours, foreign; // some comparison is of `paths`; some other is not
	bool name;          // its "address" is a host name
};

static bool
add_protocol(struct found *f, struct word value)
{
	if (is(value, "tcp"))
		f->term.proto = IPPROTO_TCP;
	else if (is(value, "udp"))
		f->term.proto = IPPROTO_UDP;
	else
		return is(value, "ipv4") || is(value, "ipv6");
	return true;
}

static bool
add_address(struct found *f, struct word value)
{
	if (f->term.address)
		return false; // both ends of a flow
	f->term.address = true;
	f->term.text = value.text;
	f->term.len = value.len;
	return true;
}

static bool
add(struct found *f, struct word path, struct word operator, struct word value)
{
	enum kind kind = kind_of(path);

	f->foreign |= kind == FOREIGN;
	f->ours |= kind != FOREIGN;
	if (kind == FOREIGN)
		return true;
	if (!is(operator, "=") && !(kind == ADDRESS && is(operator, "ISSUBSET")))
		return false;
	if (kind == ADDRESS)
		return add_address(f, value);
	if (kind == PORT)
		return ip_parse_port(value.text, value.len, &f->term.port) == 0;
	if (kind == PROTOCOL)
		return add_protocol(f, value);
	f->name |= !is(value, "ipv4-addr") && !is(value, "ipv6-addr");
	return true;
}

static bool
take_comparison(struct stix_pattern *p, struct found *f)
{
	struct word path = take_word(p), operator, value;

	if (memchr(path.text, ':', path.len) == NULL)
		return false; // NOT, EXISTS, a bracket
	operator= take_operator(p);
	return operator.len> 0 && !is(operator, "NOT") && take_value(p, &value) && add(f, path, operator, value);
}

static int
take_term(struct stix_pattern *p, struct stix_term *ret)
{
	struct found f = {0};
	const char *begin = p->at;

	do
		if (!take_comparison(p, &f))
			return -ENOTSUP;
	while (take_keyword(p, "AND"));
	if ((f.ours && f.foreign) || (f.ours && !f.term.address))
		return -ENOTSUP;
	if (f.foreign || f.name)
		f.term = (struct stix_term){.text = begin, .len = (size_t)(p->at - begin)};
	*ret = f.term;
	return 1;
}

// Behind a term. 1: another follows; 0: the end.
static int
go_on(struct stix_pattern *p)
{
	while (p->parens > 0 && take(p, ')'))
		p->parens--;
	if (p->parens == 0 && take(p, ']'))
		p->open = false;
	skip_blank(p);
	if (*p->at == '\0' && !p->open)
		return 0;
	return take_keyword(p, "OR") ? 1 : -ENOTSUP;
}

struct stix_pattern
stix_pattern_of(const char *text)
{
	return (struct stix_pattern){.at = text};
}

int
stix_pattern_next(struct stix_pattern *p, struct stix_term *ret)
{
	int more = p->begun ? go_on(p) : 1;

	if (more != 1)
		return more;
	p->begun = true;
	if (!p->open && !take(p, '['))
		return -ENOTSUP;
	p->open = true;
	while (take(p, '('))
		p->parens++;
	skip_blank(p);
	return take_term(p, ret);
}
