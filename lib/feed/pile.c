#include "csv.h"
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
	return csv_line(at, end, ret_text, ret_len);
}

int64_t
feed_time(const char *text, size_t len)
{
	struct tm tm = {0};
	char copy[sizeof("2026-07-31 12:00:00")];

	if (len < 10)
		return 0;
	if (len >= sizeof(copy)) // a fraction of the second, a time zone
		len = sizeof(copy) - 1;
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
	return NULL;
}

// Why a line that is valid is not in force, or NULL.
static const char *
obstacle(const struct feed_pile *pile, const struct indicator *in, bool too_old, enum feed_skip *ret)
{
	const struct feed_options *o = pile->options;

	if ((in->flags & INDICATOR_OFFLINE) && !(in->flags & INDICATOR_ONLINE) && !o->offline) {
		*ret = FEED_SKIP_OFFLINE;
		return "the feed says that it is offline; set offline: true to keep such lines";
	}
	if (in->confidence < o->min_confidence) {
		*ret = FEED_SKIP_LOW_CONFIDENCE;
		return "its confidence is below the feed's min_confidence";
	}
	if (o->now != 0 && in->expires != 0 && in->expires <= o->now) {
		*ret = too_old ? FEED_SKIP_TOO_OLD : FEED_SKIP_EXPIRED;
		return too_old ? "it is older than the feed's max_age"
			       : "its time is over (valid until, or last seen and the feed's ttl)";
	}
	return NULL;
}

#define DAY 86400

// The end of its time: as the feed says, else so many days after it was last seen. What a list without dates names ends when the list no
// longer does. Returns whether the feed's max_age ends it earlier.
static bool
set_expiry(const struct feed_pile *pile, struct indicator *in)
{
	const struct feed_options *o = pile->options;
	const struct feed *f = pile->feed;
	int64_t file = f->updated != 0 ? f->updated : f->modified;
	int64_t since = in->last_seen != 0 ? in->last_seen : in->first_seen != 0 ? in->first_seen : file;
	int64_t end = since + (int64_t)o->max_age * DAY;

	if (in->expires == 0 && in->last_seen != 0 && o->ttl > 0)
		in->expires = in->last_seen + (int64_t)o->ttl * DAY;
	if (o->max_age == 0 || (in->expires != 0 && in->expires <= end))
		return false;
	in->expires = end;
	return true;
}

static uint8_t
option_flags(const struct feed_options *o)
{
	return (uint8_t)((o->shared ? INDICATOR_SHARED : 0) | (o->compromised ? INDICATOR_COMPROMISED : 0) |
			 (o->sinkhole ? INDICATOR_SINKHOLE : 0));
}

// What the options know of every indicator of the feed.
static void
complete(struct feed_pile *pile, struct indicator *in)
{
	const struct feed_options *o = pile->options;

	in->feed = pile->feed->name;
	in->line = pile->line;
	in->flags |= option_flags(o);
	if (pile->family == 0 && o->family != NULL)
		pile->family = indicator_family(o->family, strlen(o->family));
	if (in->family == 0)
		in->family = pile->family;
	if (indicator_connects_in(in->family))
		in->flags |= INDICATOR_CONNECTS_IN;
	if (in->confidence == 0)
		in->confidence = o->confidence;
}

bool
feed_keep(struct feed_pile *pile, const struct indicator *in)
{
	struct indicator kept = *in;
	enum feed_skip reason;
	const char *why;
	char text[128];

	if ((why = objection(pile, in, &reason, text, sizeof(text))) != NULL) {
		skip_prefix(pile, reason, &in->prefix, why);
		return false;
	}
	complete(pile, &kept);
	pile->feed->valid++;
	if ((why = obstacle(pile, &kept, set_expiry(pile, &kept), &reason)) != NULL) {
		skip_prefix(pile, reason, &in->prefix, why);
		return false;
	}
	pile->lines++;
	pile->failed |= indicator_list_add(&pile->feed->list, &kept) < 0;
	return !pile->failed;
}

// "# END n entries" or "# END (n) entries", whole; "# Number of entries: n" behind the entries, since above them others write what they count
// in their own way.
static bool
is_trailer(const struct feed_pile *pile, const char *text, unsigned long *ret)
{
	int end = 0;

	if (sscanf(text, "# Number of entries: %lu%n", ret, &end) == 1 && text[end] == '\0')
		return pile->lines > 0 || *ret == 0;
	if (sscanf(text, "# END %lu entries%n", ret, &end) == 1 && end > 0)
		return true;
	return sscanf(text, "# END (%lu) entries%n", ret, &end) == 1 && end > 0;
}

void
feed_comment(struct feed_pile *pile, const char *text, size_t len)
{
	static const char *const with_trailer[] = {"Feodo Tracker Botnet C2 IP Blocklist",
						   "ThreatFox IOCs: ", "SSLBL Botnet C2 IP Blacklist"};
	static const char updated[] = "Last updated: ";
	char copy[160];
	const char *at;
	unsigned long n;

	if (len >= sizeof(copy))
		return;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if ((at = strstr(copy, updated)) != NULL) {
		at += strlen(updated);
		pile->feed->updated =
			feed_time(at, strnlen(at, strlen(at) < 19 ? 10 : 19)); // with the time of day, or without
	}
	if (is_trailer(pile, copy, &n)) {
		pile->has_trailer = true;
		pile->trailer = n;
		return;
	}
	pile->has_banner = true;
	for (size_t i = 0; i < sizeof(with_trailer) / sizeof(with_trailer[0]); i++)
		pile->wants_trailer |= strstr(copy, with_trailer[i]) != NULL;
}
