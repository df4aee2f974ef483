#include "feed/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARNINGS_MAX 5 // of each reason
#define MIN_PREFIX4  12
#define MIN_PREFIX6  32

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
