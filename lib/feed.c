#include "feed.h"

#include "feed/json_text.h"
#include "feed/reader.h"
#include "input.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES (64u << 10)

// In the order in which a file's content is asked.
static const struct feed_reader *const readers[FEED_FORMATS] = {
	[FEED_TEXT] = &feed_text,
	[FEED_FEODO_CSV] = &feed_feodo_csv,
	[FEED_THREATFOX_CSV] = &feed_threatfox_csv,
	[FEED_SSLBL_CSV] = &feed_sslbl_csv,
	[FEED_C2INTEL_CSV] = &feed_c2intel_csv,
	[FEED_SOPHOS_CSV] = &feed_sophos_csv,
	[FEED_VIRIBACK_CSV] = &feed_viriback_csv,
	[FEED_ZEEK_INTEL] = &feed_zeek_intel,
	[FEED_SURICATA_IPREP] = &feed_suricata_iprep,
	[FEED_CSV] = &feed_csv,
	[FEED_FEODO_JSON] = &feed_feodo_json,
	[FEED_THREATFOX_JSON] = &feed_threatfox_json,
	[FEED_DROP_JSON] = &feed_drop_json,
	[FEED_MISP_EVENT] = &feed_misp_event,
	[FEED_MISP_WARNINGLIST] = &feed_misp_warninglist,
	[FEED_STIX2] = &feed_stix2,
};

static const char *const skip_names[FEED_SKIPS] = {
	"malformed", "special_purpose", "too_wide",       "not_ip",    "offline",
	"expired",   "too_old",         "low_confidence", "withdrawn", "unsupported",
};

const char *
feed_format_name(enum feed_format f)
{
	return f == FEED_AUTO ? "auto" : readers[f]->name;
}

int
feed_format_parse(const char *name, enum feed_format *ret)
{
	for (int f = 0; f < FEED_FORMATS; f++)
		if (strcmp(name, feed_format_name((enum feed_format)f)) == 0) {
			*ret = (enum feed_format)f;
			return 0;
		}
	return -EINVAL;
}

const char *
feed_skip_name(enum feed_skip s)
{
	return skip_names[s];
}

static int __attribute__((format(printf, 3, 4))) refuse(struct feed_pile *pile, unsigned line, const char *format, ...)
{
	va_list args;
	char what[512];

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	problem_add(pile->problems, PROBLEM_ERROR, pile->path, line, NULL, "%s", what);
	return -EINVAL;
}

static bool
begins(const char *bytes, size_t len, const char *with)
{
	return len >= strlen(with) && strncasecmp(bytes, with, strlen(with)) == 0;
}

static bool
is_html(const char *text, size_t len)
{
	return begins(text, len, "<!doctype") || begins(text, len, "<html") || begins(text, len, "<head");
}

// "[2001:db8::1]:443" begins like a JSON array.
static bool
is_json(const char *text, size_t len)
{
	for (; len > 0 && isspace((unsigned char)*text); len--)
		text++;
	if (len == 0 || (*text != '{' && *text != '['))
		return false;
	return *text == '{' || len < 2 || (!isxdigit((unsigned char)text[1]) && text[1] != ':') ||
	       memchr(text, ']', len) == NULL || ((const char *)memchr(text, ']', len))[1] != ':';
}

static int
refuse_strangers(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *text = bytes;
	size_t rest = len;

	while (rest > 0 && isspace((unsigned char)*text)) {
		text++;
		rest--;
	}
	if (begins(text, rest, "<?xml"))
		return refuse(pile, 1, "is XML; give a plain list or a Feodo Tracker CSV");
	if (len >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0)
		return refuse(pile, 0, "is compressed; decompress it (gunzip) before it is named");
	return 0;
}

static unsigned
line_of(const char *bytes, const char *at)
{
	unsigned line = 1;

	for (; bytes < at; bytes++)
		line += *bytes == '\n';
	return line;
}

static int
refuse_json(struct feed_pile *pile, const char *bytes, size_t len)
{
	uint32_t line;
	const char *wrong = json_text_wrong(bytes, len, &line);

	return wrong != NULL ? refuse(pile, line, "%s", wrong) : 0;
}

// What may stand on any line.
static int
refuse_lines(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len, *text;
	size_t n;

	while (feed_line(&at, end, &text, &n)) {
		if (n > LINE_MAX_BYTES)
			return refuse(pile, line_of(bytes, text),
				      "is longer than 64 KiB in one line; one entry per line");
		if (is_html(text, n))
			return refuse(pile, line_of(bytes, text),
				      "is HTML, an error page of a server rather than a list; download it again");
	}
	return 0;
}

static int
refuse_content(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *zero = memchr(bytes, '\0', len);

	if (zero != NULL)
		return refuse(pile, line_of(bytes, zero), "holds a NUL byte, so it is no text; give the list as text");
	return is_json(bytes, len) ? refuse_json(pile, bytes, len) : refuse_lines(pile, bytes, len);
}

// What no reader recognises is text; FEED_AUTO: it is JSON of an unknown shape.
static enum feed_format
recognise(const struct feed_options *o, const char *bytes, size_t len)
{
	bool json = is_json(bytes, len);

	if (o->columns != NULL)
		return FEED_CSV;
	for (int f = FEED_TEXT + 1; f < FEED_FORMATS; f++)
		if (json == (f >= FEED_FEODO_JSON) && readers[f]->recognises(bytes, len))
			return (enum feed_format)f;
	return json ? FEED_AUTO : FEED_TEXT;
}

static int
refuse_shape(struct feed_pile *pile)
{
	char names[256] = "";
	size_t n = 0;

	for (int f = FEED_FEODO_JSON; f < FEED_FORMATS && n < sizeof(names); f++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n > 0 ? ", " : "", readers[f]->name);
	return refuse(pile, 1,
		      "is JSON, but none of %s (or empty); docs/feeds.md shows them: convert it, or give a plain list",
		      names);
}

static int
read_format(struct feed_pile *pile, const char *bytes, size_t len)
{
	enum feed_format wanted = pile->options->format, found = recognise(pile->options, bytes, len);

	if (pile->options->columns != NULL && wanted != FEED_AUTO && wanted != FEED_CSV)
		return refuse(pile, 0, "has both 'columns' and a format that knows its columns; leave one of them out");
	if (found == FEED_CSV && wanted != FEED_AUTO && readers[wanted]->read == readers[found]->read)
		found = wanted; // the reader says which column is missing
	if (found == FEED_AUTO)
		return refuse_shape(pile);
	if (wanted == FEED_TEXT && (found == FEED_CSV || found == FEED_SURICATA_IPREP))
		found = wanted; // their first column may be all that is wanted, as for lanes
	if (wanted != FEED_AUTO && wanted != found)
		return refuse(pile, 0, "is no %s: it reads as %s; set the format to auto or give the right file",
			      feed_format_name(wanted), feed_format_name(found));
	pile->feed->format = found;
	return readers[found]->read(pile, bytes, len);
}

// IPv4 only; an address that two entries hold counts twice.
static uint64_t
addresses(const struct indicator_list *l)
{
	uint64_t n = l->n4;

	for (size_t i = 0; i < l->n6; i++) {
		const struct ip_prefix *p = &l->rows6[i].prefix;

		if (p->len >= 96 && ip_is_v4(&p->addr))
			n += UINT64_C(1) << (128 - p->len);
	}
	return n;
}

static int
judge_size(struct feed_pile *pile)
{
	const struct feed *f = pile->feed;
	unsigned min = pile->options->min_entries;
	size_t in_force = indicator_list_count(&f->list);

	// Feodo Tracker does publish empty lists, and says so above and below.
	if (pile->lines == 0 && !pile->may_be_empty && !(pile->has_banner && pile->has_trailer) &&
	    !pile->options->allow_empty)
		return refuse(pile, 0, "is empty: no entry in it; download it again, leave it out, or set allow_empty");
	if (f->valid == 0 && pile->lines > 0)
		return refuse(pile, 0, "none of its %zu lines can be used; the warnings say why", pile->lines);
	if (pile->options->max_addresses != 0 && addresses(&f->list) > pile->options->max_addresses)
		return refuse(pile, 0,
			      "holds %" PRIu64 " addresses, more than its max_addresses (%u); a list of whole networks "
			      "is no list of controllers",
			      addresses(&f->list), pile->options->max_addresses);
	if (f->valid < min)
		return refuse(pile, 0, "has %zu entries, fewer than its min_entries (%u); download it again", f->valid,
			      min);
	if (f->valid > 0 && (in_force == 0 || in_force < min))
		problem_add(pile->problems, PROBLEM_ERROR, pile->path, 0, NULL,
			    "%zu of its %zu entries are in force, the others are offline or too old; is it still "
			    "downloaded? See its ttl, max_age, offline and min_entries",
			    in_force, f->valid);
	return 0;
}

void
feed_count(const struct feed *f, struct feed_counts *ret)
{
	struct feed_counts c = {0};
	uint16_t last_port = 0;

	for (size_t i = 0; i < indicator_list_count(&f->list); i++) {
		bool same = i > 0 && indicator_list_goes_on(&f->list, i - 1);
		struct indicator in;
		bool whole, v4;

		indicator_list_get(&f->list, i, &in);
		whole = in.prefix.len == 128;
		v4 = ip_is_v4(&in.prefix.addr);
		c.prefixes += !same && !whole;
		c.addresses4 += !same && whole && v4;
		c.addresses6 += !same && whole && !v4;
		c.endpoints += !same || last_port != in.port;
		c.with_port += in.port != 0 && (!same || last_port != in.port);
		last_port = in.port;
	}
	*ret = c;
}

static int
judge(struct feed_pile *pile)
{
	const struct feed *f = pile->feed;
	size_t bad = f->skipped[FEED_SKIP_MALFORMED];

	if (pile->failed)
		return refuse(pile, 0, "does not fit in memory"), -ENOMEM;
	if (pile->has_trailer && pile->trailer != pile->lines)
		return refuse(pile, 0, "is incomplete: it says %zu entries and has %zu; download it again",
			      pile->trailer, pile->lines);
	if (pile->wants_trailer && !pile->has_trailer)
		return refuse(pile, 0,
			      "is incomplete: the last line, which counts the entries, is missing; download it again");
	if (f->skipped[FEED_SKIP_NOT_IP] > 0 && f->skipped[FEED_SKIP_NOT_IP] == pile->lines)
		return refuse(pile, 0,
			      "holds names, URLs, hashes or AS numbers only (%zu lines); ratwatch matches addresses",
			      pile->lines);
	if (bad * 100 > pile->lines * pile->options->max_bad)
		return refuse(pile, 0, "%zu of %zu lines are no addresses, more than max_bad (%u %%); is this a list?",
			      bad, pile->lines, pile->options->max_bad);
	return judge_size(pile);
}

// The file's name without folders and without its last extension.
static const char *
stem(const char *path, size_t *ret_len)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	*ret_len = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
	return base;
}

name_id
feed_name_of_file(const char *path)
{
	size_t len;
	const char *base = stem(path, &len);

	return names_intern(base, len);
}

// One file per family, as C2-Tracker has it: "njRAT Trojan IPs.txt".
static name_id
family_of_file(const char *path)
{
	static const char *const ends[] = {" IPs", " C2", " Trojan"};
	size_t len;
	const char *base = stem(path, &len);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (len > n && strncasecmp(base + len - n, ends[i], n) == 0)
			len -= n;
	}
	return indicator_family(base, len);
}

static uint64_t
digest(const char *bytes, size_t len)
{
	uint64_t h = 0xCBF29CE484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)bytes[i]) * 0x100000001B3u; // FNV-1a
	return h;
}

static int
read_bytes(struct feed_pile *pile, const char *bytes, size_t len)
{
	int err;

	if (begins(bytes, len, "\xef\xbb\xbf")) { // byte order mark
		bytes += 3;
		len -= 3;
	}
	if ((err = refuse_strangers(pile, bytes, len)) < 0 || (err = refuse_content(pile, bytes, len)) < 0 ||
	    (err = read_format(pile, bytes, len)) < 0 || (err = judge(pile)) < 0)
		return err;
	pile->feed->merged = indicator_list_sort(&pile->feed->list);
	pile->feed->entries = indicator_list_entries(&pile->feed->list);
	return 0;
}

int
feed_read(const struct feed_options *o, const struct input *in, struct problem_list *problems, struct feed **ret)
{
	struct feed *f = calloc(1, sizeof(*f));
	struct feed_options options = *o;
	struct feed_pile pile = {.options = &options, .path = o->path, .problems = problems, .feed = f};
	int err;

	if (f == NULL || (f->path = strdup(o->path)) == NULL) {
		free(f);
		return -ENOMEM;
	}
	if (o->family != NULL && strcmp(o->family, FEED_FAMILY_OF_FILE) == 0)
		options.family = names_text(family_of_file(o->path));
	f->name = o->name != NULL ? names_of(o->name) : feed_name_of_file(o->path);
	f->modified = in->modified;
	f->digest = digest(in->bytes, in->len);
	if ((err = read_bytes(&pile, in->bytes, in->len)) < 0) {
		feed_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

int
feed_load(const struct feed_options *o, struct problem_list *problems, struct feed **ret)
{
	struct input in;
	int err;

	if ((err = input_read(o->path, problems, &in)) < 0)
		return err;
	err = feed_read(o, &in, problems, ret);
	input_free(&in);
	return err;
}

// A few lines more or less are no growth worth an alarm, however small the list.
#define FEW 20

// A list that suddenly holds much less or much more is more likely a mistake than news.
bool
feed_changes_too_much(const struct feed *f, const struct feed_options *o, size_t before, struct problem_list *problems)
{
	uint64_t least = (uint64_t)before * (100 - o->max_shrink),
		 most = (uint64_t)before * (100 + (uint64_t)o->max_growth);
	bool shrank = (uint64_t)f->valid * 100 < least,
	     grew = f->valid > before + FEW && (uint64_t)f->valid * 100 > most;

	if (before == 0 || (!shrank && !grew))
		return false;
	problem_add(
		problems, PROBLEM_ERROR, o->path, 0, NULL,
		"has %zu entries after %zu, %s than its %s (%u %%) allows; if that is right: ratwatch reload --force",
		f->valid, before, shrank ? "fewer" : "more", shrank ? "max_shrink" : "max_growth",
		shrank ? o->max_shrink : o->max_growth);
	return true;
}

void
feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	free(f->path);
	indicator_list_free(&f->list);
	free(f);
}
