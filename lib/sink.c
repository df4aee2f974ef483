#include "sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SCHEMA         "1"
#define REDIS_MIN      7          // major version with functions
#define VALKEY_MIN     7002       // 7.2
#define SIGHTINGS_MOST "100000"   // entries of the stream
#define KEEP_SHORT     "3024000"  // 35 days
#define KEEP_LONG      "34560000" // 400 days

extern const char sink_library[];

struct sink {
	struct sink_options options; // texts owned
	struct redis *redis;
	bool checked; // since the last loss of the connection
	char error[768];
};

// Words --------------------------------------------------------------------------------------------------------------------------

static int __attribute__((format(printf, 3, 4))) fail(struct sink *s, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return err;
}

// The connection is gone: what it promised must be asked again.
static int
lost(struct sink *s, int err)
{
	s->checked = false;
	return fail(s, err, "%s", redis_error(s->redis));
}

static int
refused(struct sink *s, const struct redis_reply *reply, const char *doing)
{
	return fail(s, -EPROTO, "%s: %s is refused: %.400s", redis_where(s->redis), doing, reply->text);
}

const char *
sink_error(const struct sink *s)
{
	return s->error;
}

static bool
is_text(const struct redis_reply *reply, const char *text)
{
	return (reply->kind == REDIS_STRING || reply->kind == REDIS_STATUS) && strcmp(reply->text, text) == 0;
}

// "ratwatch:" + "meta"
static const char *
key(const struct sink *s, const char *name, char ret[static 256])
{
	snprintf(ret, 256, "%.120s%.130s", s->options.prefix, name);
	return ret;
}

// A command whose reply matters only when it is an error.
#define DO(s, doing, ...) do_words(s, doing, (const char *const[]){__VA_ARGS__, NULL})

static int
do_words(struct sink *s, const char *doing, const char *const *words)
{
	struct redis_reply *reply;
	size_t n = 0, len[64];
	int err;

	for (; words[n] != NULL; n++)
		len[n] = strlen(words[n]);
	if ((err = redis_call(s->redis, n, words, len, &reply)) < 0)
		return lost(s, err);
	if (reply->kind == REDIS_ERROR)
		err = refused(s, reply, doing);
	redis_reply_free(reply);
	return err;
}

// Check --------------------------------------------------------------------------------------------------------------------------

// The number after "name:" in INFO's text as major * 1000 + minor; 0 when it is not there.
static unsigned
version_in(const char *info, const char *name)
{
	const char *at = strstr(info, name);
	unsigned major = 0, minor = 0;

	if (at == NULL || sscanf(at + strlen(name), ":%u.%u", &major, &minor) != 2)
		return 0;
	return major * 1000 + minor;
}

static int
check_version(struct sink *s)
{
	struct redis_reply *reply;
	unsigned redis, valkey;
	int err;

	if ((err = redis_command(s->redis, &reply, "INFO", "server", NULL)) < 0)
		return lost(s, err);
	redis = version_in(reply->text, "redis_version");
	valkey = version_in(reply->text, "valkey_version");
	redis_reply_free(reply);
	if (valkey != 0 ? valkey < VALKEY_MIN : redis / 1000 < REDIS_MIN)
		return fail(s, -EPROTO,
			    "%s: the server is Redis %u.%u; ratwatch needs Redis 7.0 or Valkey 7.2 or newer "
			    "(functions): upgrade it, or "
			    "name another server in redis.url",
			    redis_where(s->redis), redis / 1000, redis % 1000);
	return 0;
}

// A server that evicts would lose counters silently. One that does not let us ask is taken at its word.
static int
check_eviction(struct sink *s)
{
	struct redis_reply *reply;
	int err;

	if ((err = redis_command(s->redis, &reply, "CONFIG", "GET", "maxmemory-policy", NULL)) < 0)
		return lost(s, err);
	if (reply->kind == REDIS_ARRAY && reply->n == 2 && strcmp(reply->items[1]->text, "noeviction") != 0)
		err = fail(
			s, -EPROTO,
			"%s: maxmemory-policy is %s, which deletes counters when memory runs out; set it to noeviction "
			"(redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf)",
			redis_where(s->redis), reply->items[1]->text);
	redis_reply_free(reply);
	return err;
}

static int
load_library(struct sink *s)
{
	struct redis_reply *reply;
	const char *text = s->options.library != NULL ? s->options.library : sink_library;
	int err;

	if ((err = redis_command(s->redis, &reply, "FUNCTION", "LIST", "LIBRARYNAME", "ratwatch1", NULL)) < 0)
		return lost(s, err);
	if (reply->kind == REDIS_ERROR)
		err = refused(s, reply, "FUNCTION LIST");
	else if (reply->n == 0)
		err = 1;
	redis_reply_free(reply);
	if (err <= 0)
		return err;
	// Without REPLACE: another sensor may be using it.
	return DO(s, "FUNCTION LOAD", "FUNCTION", "LOAD", text);
}

static int
check_library(struct sink *s)
{
	char keys[6][256];
	static const char *const names[6] = {"h", "s", "z", "l", "t", "x"};

	for (int i = 0; i < 6; i++)
		snprintf(keys[i], sizeof(keys[i]), "%s{canary:%s}:%s", s->options.prefix, s->options.sensor, names[i]);
	return DO(s, "a write", "FCALL", "ratwatch1_canary", "6", keys[0], keys[1], keys[2], keys[3], keys[4], keys[5]);
}

static int
check_schema(struct sink *s)
{
	struct redis_reply *reply;
	char meta[256];
	int err;

	if ((err = redis_command(s->redis, &reply, "HGET", key(s, "meta", meta), "schema", NULL)) < 0)
		return lost(s, err);
	if (reply->kind == REDIS_ERROR)
		err = refused(s, reply, "HGET");
	else if (reply->kind != REDIS_NIL && !is_text(reply, SCHEMA))
		err = fail(s, -EPROTO,
			   "%s: %s says schema %.20s, this ratwatch writes schema %s; use another redis.prefix",
			   redis_where(s->redis), meta, reply->text, SCHEMA);
	redis_reply_free(reply);
	return err;
}

// Written once in the life of a database; its epoch betrays that Redis was wiped or restored.
static int
write_meta(struct sink *s)
{
	char meta[256], epoch[20], now[24];
	uint64_t random = 0;
	int err;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(s, -EIO, "no random numbers from the system");
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, random);
	snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	key(s, "meta", meta);
	if ((err = DO(s, "HSETNX", "HSETNX", meta, "schema", SCHEMA)) < 0 ||
	    (err = DO(s, "HSETNX", "HSETNX", meta, "epoch", epoch)) < 0 ||
	    (err = DO(s, "HSETNX", "HSETNX", meta, "created", now)) < 0)
		return err;
	return DO(s, "EXPIRE", "EXPIRE", meta, KEEP_LONG);
}

int
sink_check(struct sink *s)
{
	int err;

	if ((err = check_version(s)) < 0 || (err = check_eviction(s)) < 0 || (err = load_library(s)) < 0 ||
	    (err = check_library(s)) < 0 || (err = check_schema(s)) < 0 || (err = write_meta(s)) < 0)
		return err;
	s->checked = true;
	return 0;
}

// Apply --------------------------------------------------------------------------------------------------------------------------

// "name\tvalue\tname\tvalue" -> XADD. At least once: `key` tells repeats.
static int
add_sighting(struct sink *s, const struct redis_reply *news)
{
	const char *words[64] = {"XADD", NULL, "MAXLEN", "~", SIGHTINGS_MOST, "*", "event"};
	char stream[256], *text, *rest, *word;
	size_t n = 7;
	int err;

	if (news->kind != REDIS_ARRAY || news->n != 2)
		return 0;
	if ((text = strdup(news->items[1]->text)) == NULL)
		return fail(s, -ENOMEM, "no memory for a sighting");
	words[1] = key(s, "sightings", stream);
	words[n++] = news->items[0]->text;
	rest = text;
	while (n < 62 && (word = strsep(&rest, "\t")) != NULL)
		words[n++] = word;
	err = do_words(s, "XADD", words);
	free(text);
	if (err == 0)
		err = DO(s, "EXPIRE", "EXPIRE", stream, KEEP_SHORT);
	return err;
}

static int
index_at(struct sink *s, const char *name, const char *direction, const char *member, int64_t score)
{
	char k[256], text[24];
	int err;

	snprintf(text, sizeof(text), "%" PRId64, score);
	key(s, name, k);
	if ((err = DO(s, "ZADD", "ZADD", k, direction, text, member)) < 0)
		return err;
	return DO(s, "EXPIRE", "EXPIRE", k, KEEP_LONG);
}

static int
index_families(struct sink *s, const struct batch_part *p, const char *id)
{
	char name[300];
	int err = 0;

	for (size_t i = 0; err == 0 && i < p->n_families; i++) {
		snprintf(name, sizeof(name), "family:%s", names_text(p->families[i]));
		err = index_at(s, name, "GT", id, p->last_s);
	}
	return err;
}

static int
index_org(struct sink *s, const struct batch_part *p, const char *changed_ms)
{
	const char *id = p->entity + strlen("org:");
	int err;

	if (p->suspected && ((err = index_at(s, "suspected", "GT", id, p->last_s)) < 0 ||
			     (err = index_at(s, "suspected:since", "LT", id, p->suspected_first_s)) < 0 ||
			     (err = index_families(s, p, id)) < 0))
		return err;
	if (p->watched && (err = index_at(s, "watched", "GT", id, p->last_s)) < 0)
		return err;
	if ((err = index_at(s, "orgs", "GT", id, p->last_s)) < 0)
		return err;
	return index_at(s, "changed", "GT", id, strtoll(changed_ms, NULL, 10));
}

// Keys of other slots: written after the part, with values that may be written twice.
static int
write_indexes(struct sink *s, const struct batch_part *p, const char *changed_ms)
{
	if (p->org != 0)
		return index_org(s, p, changed_ms);
	if (strncmp(p->entity, "c2:", 3) == 0)
		return index_at(s, "controllers", "GT", p->entity + 3, p->last_s);
	return 0;
}

static int
take_answer(struct sink *s, struct batch_part *p, const struct redis_reply *r)
{
	int err;

	if (r->kind == REDIS_ERROR)
		return refused(s, r, p->entity);
	if (r->kind != REDIS_ARRAY || r->n < 6)
		return fail(s, -EPROTO,
			    "%s: ratwatch1_apply gives an unknown answer; is the library ratwatch1 another program's?",
			    redis_where(s->redis));
	if (is_text(r->items[0], "behind"))
		return fail(s, -ESTALE,
			    "%s: %s is at part %.20s of this sensor, before %" PRIu64
			    ": Redis lost what came between (a restore or failover); restart ratwatchd to begin a new "
			    "chain",
			    redis_where(s->redis), p->entity, r->items[1]->text, p->prev);
	for (size_t i = 0; i < r->items[3]->n; i++)
		if ((err = add_sighting(s, r->items[3]->items[i])) < 0)
			return err;
	return write_indexes(s, p, r->items[2]->text);
}

static int
apply_part(struct sink *s, struct batch_part *p)
{
	size_t n = p->apply.n + 3;
	const char **argv = calloc(n, sizeof(char *));
	size_t *len = calloc(n, sizeof(*len));
	struct redis_reply *reply;
	char keys[24];
	int err = -ENOMEM;

	if (argv != NULL && len != NULL) {
		snprintf(keys, sizeof(keys), "%zu", p->apply.n_keys);
		argv[0] = "FCALL";
		argv[1] = "ratwatch1_apply";
		argv[2] = keys;
		for (size_t i = 0; i < 3; i++)
			len[i] = strlen(argv[i]);
		memcpy(argv + 3, p->apply.argv, p->apply.n * sizeof(char *));
		memcpy(len + 3, p->apply.len, p->apply.n * sizeof(*len));
		err = redis_call(s->redis, n, argv, len, &reply);
	}
	free(argv);
	free(len);
	if (err == -ENOMEM)
		return fail(s, err, "no memory to send a part");
	if (err < 0)
		return lost(s, err);
	err = take_answer(s, p, reply);
	redis_reply_free(reply);
	return err;
}

int
sink_apply(struct sink *s, struct batch *b)
{
	int err;

	if (!s->checked && (err = sink_check(s)) < 0)
		return err;
	for (size_t i = 0; i < b->n; i++) {
		if (b->parts[i].applied)
			continue;
		if ((err = apply_part(s, &b->parts[i])) < 0)
			return err;
		b->parts[i].applied = true;
	}
	return index_at(s, "sensors", "GT", s->options.sensor, time(NULL));
}

// Status -------------------------------------------------------------------------------------------------------------------------

struct line { // the words of ratwatch1_sensor
	const char *words[96];
	char texts[48][32];
	size_t n, n_texts;
};

static void
add(struct line *l, const char *word)
{
	if (l->n < 95)
		l->words[l->n++] = word;
}

static void
add_number(struct line *l, int64_t n)
{
	char *text;

	if (l->n_texts == 48)
		return;
	text = l->texts[l->n_texts++];
	snprintf(text, sizeof(l->texts[0]), "%" PRId64, n);
	add(l, text);
}

static void
add_total(struct line *l, const char *name, uint64_t n)
{
	add(l, name);
	add_number(l, (int64_t)n);
}

// What part of the packets was not seen.
static void
add_ratio(struct line *l, uint64_t part, uint64_t whole)
{
	if (l->n_texts == 48)
		return;
	snprintf(l->texts[l->n_texts], sizeof(l->texts[0]), "%.6f", whole > 0 ? (double)part / (double)whole : 0.0);
	add(l, l->texts[l->n_texts++]);
}

static void
add_plain(struct line *l, const struct sink *s, const struct sink_status *st)
{
	add(l, "8");
	add(l, "version");
	add(l, s->options.version);
	add(l, "generation");
	add_number(l, (int64_t)st->generation);
	add(l, "indicators");
	add_number(l, (int64_t)st->indicators);
	add(l, "last_batch");
	add_number(l, time(NULL));
	add(l, "complete_until");
	add_number(l, st->complete_until);
	add(l, "lag_seconds");
	add_number(l, st->lag_seconds);
	add(l, "view");
	add(l, st->one_way ? "one-way" : "both");
	add(l, "blind_ratio");
	add_ratio(l, st->missed, st->received + st->missed);
}

int
sink_status(struct sink *s, const struct sink_status *st)
{
	time_t now = (time_t)st->hour * 3600;
	char hash[256], hours[300], hour[8];
	struct line l = {0};
	struct tm tm;

	gmtime_r(&now, &tm);
	snprintf(hash, sizeof(hash), "%s{sensor:%s}", s->options.prefix, s->options.sensor);
	snprintf(hours, sizeof(hours), "%s:h:%04d%02d%02d", hash, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	snprintf(hour, sizeof(hour), "%02d", tm.tm_hour);
	add(&l, "FCALL");
	add(&l, "ratwatch1_sensor");
	add(&l, "2");
	add(&l, hash);
	add(&l, hours);
	add_number(&l, st->started);
	add(&l, hour);
	add(&l, KEEP_SHORT);
	add_plain(&l, s, st);
	add_total(&l, "received", st->received);
	add_total(&l, "missed", st->missed);
	for (size_t i = 0; i < st->n_verdicts; i++)
		add_total(&l, st->verdict_names[i], st->verdicts[i]);
	return do_words(s, "the sensor's figures", l.words);
}

// Life ---------------------------------------------------------------------------------------------------------------------------

int
sink_build(const struct sink_options *o, char *error, size_t error_size, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->options = *o;
	s->options.prefix = strdup(o->prefix);
	s->options.sensor = strdup(o->sensor);
	if ((err = redis_build(&o->redis, error, error_size, &s->redis)) < 0 || s->options.prefix == NULL ||
	    s->options.sensor == NULL) {
		sink_free(s);
		return err < 0 ? err : -ENOMEM;
	}
	*ret = s;
	return 0;
}

void
sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	redis_free(s->redis);
	free((char *)s->options.prefix);
	free((char *)s->options.sensor);
	free(s);
}
