#include "status.h"

#include "clock.h"
#include "control.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Collecting --------------------------------------------------------------------------------------------------------------------

static void
collect_packets(const struct workers *workers, struct status *s)
{
	struct stats_sum sum;

	workers_stats(workers, &sum);
	s->received = sum.received;
	s->bytes = sum.bytes;
	s->hits = sum.hits;
	s->residual = sum.residual;
	for (int v = 0; v < PKT_VERDICTS; v++)
		s->verdicts[v] = (struct status_count){pkt_verdict_name((enum pkt_verdict)v), sum.verdicts[v]};
	for (int n = 0; n < PKT_NOTES; n++)
		s->packet_notes[n] = (struct status_count){pkt_note_name((enum pkt_note)n), sum.notes[n]};
	// Of captures only: a port has no snap length.
	s->packet_notes[PKT_NOTES] = (struct status_count){"snap_cut", 0};
	s->hit_notes[0] = (struct status_count){"fragments", sum.fragments};
	s->hit_notes[1] = (struct status_count){"fragment_unresolved", sum.unresolved};
	s->hit_notes[2] = (struct status_count){"fragment_overlap", sum.overlaps};
	s->hit_notes[3] = (struct status_count){"portless", sum.portless};
	s->hit_notes[4] = (struct status_count){"overflow", sum.overflow};
	s->hit_notes[5] = (struct status_count){"coarse", sum.coarse};
	s->hit_notes[6] = (struct status_count){"uncounted", sum.uncounted};
	s->hit_notes[7] = (struct status_count){"evicted", sum.evicted};
	s->hit_notes[8] = (struct status_count){"forwarded", sum.forwarded};
}

static void
collect_ports(const struct status_sources *from, struct status *s)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < from->n_ports; i++) {
		struct port_loss *loss = &s->ports[i].loss;

		s->ports[i].name = from->ports[i].name;
		port_loss(&from->ports[i], loss);
		lost += loss->missed + loss->errors + loss->no_buffer;
	}
	s->n_ports = from->n_ports;
	s->blind_ratio = lost > 0 ? (double)lost / (double)(s->received + lost) : 0;
}

// A name may come from a file's, which may be anything.
static char *
utf8(const char *text)
{
	json_t *j = control_text(text);
	char *copy = j != NULL ? strdup(json_string_value(j)) : NULL;

	json_decref(j);
	return copy;
}

static struct status_feed
feed_of(const struct report_feed *f, int64_t now)
{
	int64_t since = f->updated > 0 ? f->updated : f->modified;

	return (struct status_feed){
		.name = utf8(f->name),
		.format = f->format,
		.entries = f->entries,
		.skipped = f->skipped,
		.held = f->held,
		.shortage = atomic_load_explicit(&f->shortage, memory_order_relaxed),
		.age_seconds = since <= 0    ? -1
			       : since > now ? 0
					     : now - since,
	};
}

static int
collect_feeds(const struct rules *rules, struct status *s)
{
	if ((s->feeds = calloc(rules->n_feeds + 1, sizeof(*s->feeds))) == NULL)
		return -ENOMEM;
	for (; s->n_feeds < rules->n_feeds; s->n_feeds++) {
		struct status_feed *f = &s->feeds[s->n_feeds];

		*f = feed_of(&rules->feeds[s->n_feeds], s->now);
		if (f->name == NULL)
			return -ENOMEM;
	}
	return 0;
}

// The rules cannot go away between online and offline.
static int
collect_rules(const struct status_sources *from, struct status *s)
{
	const struct rules *rules;
	int err;

	reload_reader_online(from->reload, from->reader);
	rules = reload_rules(from->reload);
	s->generation = rules->generation;
	s->indicators = atomic_load_explicit(&from->reload->indicators, memory_order_relaxed);
	err = collect_feeds(rules, s);
	reload_reader_offline(from->reload, from->reader);
	return err;
}

int
status_collect(const struct status_sources *from, struct status *ret)
{
	struct status s = {
		.version = RATWATCH_VERSION,
		.sensor = from->sensor,
		.started = from->started_ns / 1000000000,
		.now = clock_wall_ns() / 1000000000,
		.counting = !collector_failed(from->collector),
		.beacon_overflow = collector_beacon_overflow(from->collector),
		.redis_url = from->redis_url,
	};
	int err;

	if ((err = collect_rules(from, &s)) < 0) {
		status_free(&s);
		return err;
	}
	collector_windows(from->collector, &s.windows);
	collect_packets(from->workers, &s);
	collect_ports(from, &s);
	if (from->reload_thread != NULL)
		reload_thread_facts(from->reload_thread, &s.reload);
	if (from->sender != NULL)
		sender_facts(from->sender, &s.redis);
	*ret = s;
	return 0;
}

void
status_free(struct status *s)
{
	for (size_t i = 0; i < s->n_feeds; i++)
		free(s->feeds[i].name);
	free(s->feeds);
	*s = (struct status){0};
}

const char *
status_trouble(const struct status *s)
{
	if (!s->counting)
		return "collector: no memory; nothing is counted since, restart ratwatchd with more memory or shorter "
		       "lists";
	return s->redis.error[0] != '\0' ? s->redis.error : NULL;
}

// JSON --------------------------------------------------------------------------------------------------------------------------

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

// A text that may be missing.
static json_t *
text_or_null(const char *text)
{
	return text == NULL || text[0] == '\0' ? json_null() : control_text(text);
}

static json_t *
seconds_since(int64_t then, int64_t now)
{
	return then <= 0 ? json_null() : json_integer(then < now ? now - then : 0);
}

static void
add_counts(json_t *o, const struct status_count *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, counts[i].name, number(counts[i].n));
}

static json_t *
indicators(const struct status *s)
{
	json_t *o = json_object(), *feeds = json_array();

	for (size_t i = 0; i < s->n_feeds; i++) {
		const struct status_feed *from = &s->feeds[i];
		json_t *f = json_object();

		json_object_set_new(f, "name", control_text(from->name));
		json_object_set_new(f, "format", control_text(from->format));
		json_object_set_new(f, "entries", number(from->entries));
		json_object_set_new(f, "skipped", number(from->skipped));
		json_object_set_new(f, "held", json_boolean(from->held));
		json_object_set_new(f, "short", json_boolean(from->shortage));
		json_object_set_new(f, "age_seconds",
				    from->age_seconds < 0 ? json_null() : json_integer(from->age_seconds));
		json_array_append_new(feeds, f);
	}
	json_object_set_new(o, "generation", number(s->generation));
	json_object_set_new(o, "entries", number(s->indicators));
	json_object_set_new(o, "feeds", feeds);
	return o;
}

static json_t *
last_reload(const struct status *s)
{
	const struct reload_facts *r = &s->reload;
	json_t *o;

	if (r->ended == 0)
		return json_null();
	o = json_object();
	json_object_set_new(o, "result", json_string(r->last_refused ? "refused" : "done"));
	json_object_set_new(o, "seconds_ago", seconds_since(r->ended, s->now));
	json_object_set_new(o, "milliseconds", json_integer(r->milliseconds));
	json_object_set_new(o, "problem", text_or_null(r->problem));
	return o;
}

// Those that are kept, the newest first.
static json_t *
sets(const struct status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->reload.n_sets; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "generation",
						      (json_int_t)s->reload.sets[i].generation, "entries",
						      (json_int_t)s->reload.sets[i].entries, "loaded",
						      (json_int_t)s->reload.sets[i].loaded));
	return list;
}

static json_t *
reloads(const struct status *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "done", number(s->reload.done));
	json_object_set_new(o, "refused", number(s->reload.refused));
	json_object_set_new(o, "last", last_reload(s));
	json_object_set_new(o, "sets", sets(s));
	return o;
}

static json_t *
ports(const struct status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_ports; i++) {
		const struct port_loss *loss = &s->ports[i].loss;
		json_t *p = json_object();

		json_object_set_new(p, "name", control_text(s->ports[i].name));
		json_object_set_new(p, "missed", number(loss->missed));
		json_object_set_new(p, "errors", number(loss->errors));
		json_object_set_new(p, "no_buffer", number(loss->no_buffer));
		json_array_append_new(list, p);
	}
	return list;
}

static json_t *
capture(const struct status *s)
{
	json_t *o = json_object(), *verdicts = json_object(), *notes = json_object();

	add_counts(verdicts, s->verdicts, PKT_VERDICTS);
	add_counts(notes, s->packet_notes, STATUS_PACKET_NOTES);
	add_counts(notes, s->hit_notes, STATUS_HIT_NOTES);
	json_object_set_new(o, "received", number(s->received));
	json_object_set_new(o, "bytes", number(s->bytes));
	json_object_set_new(o, "verdicts", verdicts);
	json_object_set_new(o, "residual", json_integer(s->residual));
	json_object_set_new(o, "notes", notes);
	json_object_set_new(o, "hits", number(s->hits));
	json_object_set_new(o, "ports", ports(s));
	json_object_set_new(o, "blind_ratio", json_real(s->blind_ratio));
	return o;
}

static json_t *
windows(const struct status *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "waiting", number(s->windows.waiting));
	json_object_set_new(o, "decided_early", number(s->windows.early));
	json_object_set_new(o, "scanners", number(s->windows.scanners));
	return o;
}

static json_t *
redis(const struct status *s)
{
	json_t *o;

	if (s->redis_url == NULL)
		return json_null();
	o = json_object();
	json_object_set_new(o, "url", control_text(s->redis_url));
	json_object_set_new(o, "waiting_batches", number(s->redis.waiting));
	json_object_set_new(o, "delivered_seconds_ago", seconds_since(s->redis.delivered, s->now));
	json_object_set_new(o, "error", text_or_null(s->redis.error));
	return o;
}

struct json_t *
status_json(const struct status *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "version", json_string(s->version));
	json_object_set_new(o, "sensor", control_text(s->sensor));
	json_object_set_new(o, "started", json_integer(s->started));
	json_object_set_new(o, "uptime_seconds", json_integer(s->now - s->started));
	json_object_set_new(o, "trouble", text_or_null(status_trouble(s)));
	json_object_set_new(o, "indicators", indicators(s));
	json_object_set_new(o, "reloads", reloads(s));
	json_object_set_new(o, "capture", capture(s));
	json_object_set_new(o, "beacon_overflow", number(s->beacon_overflow));
	json_object_set_new(o, "windows", windows(s));
	json_object_set_new(o, "redis", redis(s));
	return o;
}
