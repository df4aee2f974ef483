#include "feed.h"

#include "feed/reader.h"
#include "input.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LINE_MAX_BYTES (64u << 10)
#define WARNINGS_MAX   5 // of each reason
#define MIN_PREFIX4    12
#define MIN_PREFIX6    32

static const char *const format_names[FEED_FORMATS] = {"auto", "text", "feodo-csv"};
static const char *const skip_names[FEED_SKIPS] = {"malformed", "special_purpose", "too_wide", "not_ip", "offline"};

const char *
feed_format_name(enum feed_format f)
{
	return format_names[f];
}

int
feed_format_parse(const char *name, enum feed_format *ret)
{
	for (int f = 0; f < FEED_FORMATS; f++)
		if (strcmp(name, format_names[f]) == 0) {
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

bool
feed_line(const char **at, const char *end, const char **ret_text, size_t *ret_len)
{
	const char *text = *at, *stop;

	if (text >= end)
		return false;
	for (stop = text; stop < end && *stop != '\n' && *stop != '\r';)
		stop++;
	*at = stop < end ? stop + 1 : end;
	if (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n')
		*at = stop + 2;
	while (text < stop && (*text == ' ' || *text == '\t'))
		text++;
	while (stop > text && (stop[-1] == ' ' || stop[-1] == '\t'))
		stop--;
	*ret_text = text;
	*ret_len = (size_t)(stop - text);
	return true;
}

int64_t
feed_time(const char *text, size_t len)
{
	struct tm tm = {0};
	char copy[32];

	if (len < 10 || len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sscanf(copy, "%4d-%2d-%2d%*[ T]%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec) < 3)
		return 0;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm);
}

// What the pile does with lines ------------------------------------------------------------------------------------------------

void
feed_skip(struct feed_pile *pile, enum feed_skip reason, const char *text, size_t len, const char *why)
{
	pile->lines++;
	pile->feed->skipped[reason]++;
	if (pile->warned[reason]++ >= WARNINGS_MAX)
		return;
	problem_add(pile->problems, PROBLEM_WARNING, pile->path, pile->line, NULL, "'%.*s' is skipped: %s",
		    (int)(len < 60 ? len : 60), text, why);
}

static void
skip_prefix(struct feed_pile *pile, enum feed_skip reason, const struct ip_prefix *p, const char *why)
{
	char text[IP_PREFIX_TEXT_MAX];

	ip_format_prefix(p, text);
	feed_skip(pile, reason, text, strlen(text), why);
}

// Why the options do not want it, or NULL.
static const char *
objection(const struct feed_pile *pile, const struct indicator *in, enum feed_skip *ret, char *why, size_t size)
{
	bool v4 = in->prefix.len >= 96 && ip_is_v4(&in->prefix.addr);
	unsigned min4 = pile->options->min_prefix4 > 0 ? pile->options->min_prefix4 : MIN_PREFIX4;
	unsigned min6 = pile->options->min_prefix6 > 0 ? pile->options->min_prefix6 : MIN_PREFIX6;
	const char *special = pile->options->allow_special ? NULL : ip_special(&in->prefix);

	if (v4 ? in->prefix.len < 96 + min4 : in->prefix.len < min6) {
		*ret = FEED_SKIP_TOO_WIDE;
		snprintf(why, size, "wider than /%u; list narrower prefixes, or lower the feed's min_prefix%d",
			 v4 ? min4 : min6, v4 ? 4 : 6);
		return why;
	}
	if (special != NULL) {
		*ret = FEED_SKIP_SPECIAL;
		snprintf(why, size, "%s address space; set allow_special: true for laboratories", special);
		return why;
	}
	if ((in->flags & INDICATOR_OFFLINE) && !pile->options->offline) {
		*ret = FEED_SKIP_OFFLINE;
		return "the feed says that it is offline; set offline: true to keep such lines";
	}
	return NULL;
}

static bool
make_room(struct feed_pile *pile)
{
	struct feed *f = pile->feed;
	struct indicator *grown;
	size_t places = pile->places == 0 ? 256 : pile->places * 2;

	if (f->n < pile->places)
		return true;
	if ((grown = reallocarray(f->indicators, places, sizeof(*grown))) == NULL) {
		pile->failed = true;
		return false;
	}
	f->indicators = grown;
	pile->places = places;
	return true;
}

static uint8_t
option_flags(const struct feed_options *o)
{
	return (uint8_t)((o->shared ? INDICATOR_SHARED : 0) | (o->compromised ? INDICATOR_COMPROMISED : 0) |
			 (o->sinkhole ? INDICATOR_SINKHOLE : 0));
}

bool
feed_keep(struct feed_pile *pile, const struct indicator *in)
{
	enum feed_skip reason;
	char text[128];
	const char *why = objection(pile, in, &reason, text, sizeof(text));
	struct indicator kept = *in;

	if (why != NULL) {
		skip_prefix(pile, reason, &in->prefix, why);
		return false;
	}
	pile->lines++;
	if (!make_room(pile))
		return false;
	kept.feed = pile->feed->name;
	kept.line = pile->line;
	kept.flags |= option_flags(pile->options);
	if (kept.family == 0 && pile->options->family != NULL)
		kept.family = indicator_family(pile->options->family, strlen(pile->options->family));
	if (kept.confidence == 0)
		kept.confidence = pile->options->confidence;
	pile->feed->indicators[pile->feed->n++] = kept;
	return true;
}

// "# END n entries" or "# END (n) entries", whole.
static bool
is_trailer(const char *text, unsigned long *ret)
{
	int end = 0;

	if (sscanf(text, "# END %lu entries%n", ret, &end) == 1 && end > 0)
		return true;
	return sscanf(text, "# END (%lu) entries%n", ret, &end) == 1 && end > 0;
}

void
feed_comment(struct feed_pile *pile, const char *text, size_t len)
{
	static const char updated[] = "Last updated: ";
	char copy[160];
	const char *at;
	unsigned long n;

	if (len >= sizeof(copy))
		return;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if ((at = strstr(copy, updated)) != NULL)
		pile->feed->updated = feed_time(at + strlen(updated), 19 <= strlen(at + strlen(updated)) ? 19 : 10);
	if (is_trailer(copy, &n)) {
		pile->has_trailer = true;
		pile->trailer = n;
		return;
	}
	pile->has_banner = true;
	pile->wants_trailer |= strstr(copy, "Feodo Tracker Botnet C2 IP Blocklist") != NULL;
}

// The file as a whole --------------------------------------------------------------------------------------------------------------

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
	if (is_json(text, rest))
		return refuse(pile, 1, "is JSON, which is not read yet; give a plain list or a Feodo Tracker CSV");
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

// What may stand on any line.
static int
refuse_lines(struct feed_pile *pile, const char *bytes, size_t len)
{
	const char *zero = memchr(bytes, '\0', len), *at = bytes, *end = bytes + len, *text;
	size_t n;

	if (zero != NULL)
		return refuse(pile, line_of(bytes, zero), "holds a NUL byte, so it is no text; give the list as text");
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
read_format(struct feed_pile *pile, const char *bytes, size_t len)
{
	enum feed_format wanted = pile->options->format;
	bool feodo = feed_is_feodo(bytes, len);

	if (wanted == FEED_FEODO_CSV && !feodo)
		return refuse(pile, 0, "is no Feodo Tracker CSV (no header line with dst_ip); set the format to auto");
	if (wanted == FEED_TEXT && feodo)
		return refuse(pile, 0, "is a Feodo Tracker CSV, not a plain list; set the format to auto");
	pile->feed->format = feodo ? FEED_FEODO_CSV : FEED_TEXT;
	return feodo ? feed_read_feodo(pile, bytes, len) : feed_read_text(pile, bytes, len);
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
			      "is incomplete: the last line, '# END n entries', is missing; download it again");
	if (bad * 100 > pile->lines * pile->options->max_bad)
		return refuse(pile, 0, "%zu of %zu lines are no addresses, more than max_bad (%u %%); is this a list?",
			      bad, pile->lines, pile->options->max_bad);
	// Feodo Tracker does publish empty lists, and says so above and below.
	if (pile->lines == 0 && !(pile->has_banner && pile->has_trailer))
		return refuse(pile, 0, "is empty: no entry in it; download it again, or leave it out");
	if (f->n == 0 && pile->lines > 0)
		return refuse(pile, 0, "none of its %zu lines can be used; the warnings say why", pile->lines);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return indicator_compare(a, b);
}

// The later line gives way; what both know is joined.
static void
join(struct indicator *kept, const struct indicator *other)
{
	kept->flags |= other->flags;
	if (other->confidence > kept->confidence)
		kept->confidence = other->confidence;
	if (kept->first_seen == 0 || (other->first_seen != 0 && other->first_seen < kept->first_seen))
		kept->first_seen = other->first_seen;
	if (other->last_seen > kept->last_seen)
		kept->last_seen = other->last_seen;
	if (other->line < kept->line)
		kept->line = other->line;
}

static void
merge(struct feed *f)
{
	size_t n = 0;

	if (f->n > 0)
		qsort(f->indicators, f->n, sizeof(*f->indicators), compare);
	for (size_t i = 0; i < f->n; i++) {
		if (n > 0 && compare(&f->indicators[n - 1], &f->indicators[i]) == 0) {
			join(&f->indicators[n - 1], &f->indicators[i]);
			continue;
		}
		f->indicators[n++] = f->indicators[i];
	}
	f->merged = f->n - n;
	f->n = n;
	for (size_t i = 0; i < n; i++)
		f->entries += i == 0 || f->indicators[i - 1].prefix.len != f->indicators[i].prefix.len ||
			      !ip_equal(&f->indicators[i - 1].prefix.addr, &f->indicators[i].prefix.addr);
}

static name_id
name_of_file(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return names_intern(base, dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base));
}

static int
read_bytes(struct feed_pile *pile, const char *bytes, size_t len)
{
	int err;

	if (begins(bytes, len, "\xef\xbb\xbf")) { // byte order mark
		bytes += 3;
		len -= 3;
	}
	if ((err = refuse_strangers(pile, bytes, len)) < 0 || (err = refuse_lines(pile, bytes, len)) < 0 ||
	    (err = read_format(pile, bytes, len)) < 0 || (err = judge(pile)) < 0)
		return err;
	merge(pile->feed);
	return 0;
}

int
feed_load(const struct feed_options *o, struct problem_list *problems, struct feed **ret)
{
	struct feed *f = calloc(1, sizeof(*f));
	struct feed_pile pile = {.options = o, .path = o->path, .problems = problems, .feed = f};
	struct input in;
	int err;

	if (f == NULL || (f->path = strdup(o->path)) == NULL) {
		free(f);
		return -ENOMEM;
	}
	f->name = o->name != NULL ? names_of(o->name) : name_of_file(o->path);
	if ((err = input_read(o->path, problems, &in)) == 0) {
		f->modified = in.modified;
		err = read_bytes(&pile, in.bytes, in.len);
		input_free(&in);
	}
	if (err < 0) {
		feed_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

void
feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	free(f->path);
	free(f->indicators);
	free(f);
}
