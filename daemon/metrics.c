#include "metrics.h"

#include "status.h"

#include <inttypes.h>
#include <string.h>

static void
family(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP ratwatch_%s %s\n# TYPE ratwatch_%s %s\n", name, help, name, type);
}

static void
label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			fputs("\\n", to);
		else if (*value == '"' || *value == '\\')
			fprintf(to, "\\%c", *value);
		else
			fputc(*value, to);
	}
	fputc('"', to);
}

static void
sample(FILE *to, const char *name, const char *label_name, const char *value, uint64_t n)
{
	fprintf(to, "ratwatch_%s{", name);
	label(to, label_name, value);
	fprintf(to, "} %" PRIu64 "\n", n);
}

static void
single(FILE *to, const char *name, const char *type, const char *help, int64_t n)
{
	family(to, name, type, help);
	fprintf(to, "ratwatch_%s %" PRId64 "\n", name, n);
}

static void
counts(FILE *to, const char *name, const char *help, const char *label_name, const struct status_count *c, size_t n)
{
	family(to, name, "counter", help);
	for (size_t i = 0; i < n; i++)
		sample(to, name, label_name, c[i].name, c[i].n);
}

static void
write_process(const struct status *s, FILE *to)
{
	family(to, "build_info", "gauge", "1; its label is the version of ratwatchd.");
	sample(to, "build_info", "version", s->version, 1);
	single(to, "start_time_seconds", "gauge", "When ratwatchd started, in seconds since the epoch.", s->started);
}

static void
write_packets(const struct status *s, FILE *to)
{
	single(to, "packets_received_total", "counter", "Packets that the ports delivered.", (int64_t)s->received);
	single(to, "received_bytes_total", "counter", "Bytes of them on the wire.", (int64_t)s->bytes);
	counts(to, "packets_total", "Packets by verdict: their sum is the packets received.", "verdict", s->verdicts,
	       PKT_VERDICTS);
	single(to, "packets_residual", "gauge", "Packets received minus packets by verdict: other than 0 is a bug.",
	       s->residual);
	counts(to, "packet_notes_total", "Packets by note: a packet may have several, or none.", "note",
	       s->packet_notes, STATUS_PACKET_NOTES);
	single(to, "hits_total", "counter", "Packets of which an end is listed.", (int64_t)s->hits);
	counts(to, "hit_notes_total", "Hits by note: a hit may have several, or none.", "note", s->hit_notes,
	       STATUS_HIT_NOTES);
	single(to, "beacon_overflow_total", "counter", "Pairs whose rhythm was forgotten to make room.",
	       (int64_t)s->beacon_overflow);
}

static void
lost(FILE *to, const struct status_port *p, const char *reason, uint64_t n)
{
	fputs("ratwatch_port_lost_packets_total{", to);
	label(to, "port", p->name);
	fputc(',', to);
	label(to, "reason", reason);
	fprintf(to, "} %" PRIu64 "\n", n);
}

static void
write_ports(const struct status *s, FILE *to)
{
	family(to, "port_lost_packets_total", "counter", "Packets that never reached ratwatchd, by port and reason.");
	for (size_t i = 0; i < s->n_ports; i++) {
		lost(to, &s->ports[i], "missed", s->ports[i].loss.missed);
		lost(to, &s->ports[i], "errors", s->ports[i].loss.errors);
		lost(to, &s->ports[i], "no_buffer", s->ports[i].loss.no_buffer);
	}
}

static void
write_feeds(const struct status *s, FILE *to)
{
	family(to, "feed_entries", "gauge", "Addresses and prefixes of a feed that were in force when it was read.");
	for (size_t i = 0; i < s->n_feeds; i++)
		sample(to, "feed_entries", "feed", s->feeds[i].name, s->feeds[i].entries);
	family(to, "feed_skipped_lines", "gauge", "Lines of a feed that were skipped.");
	for (size_t i = 0; i < s->n_feeds; i++)
		sample(to, "feed_skipped_lines", "feed", s->feeds[i].name, s->feeds[i].skipped);
	family(to, "feed_age_seconds", "gauge", "Age of a feed by its own words, else by its file.");
	for (size_t i = 0; i < s->n_feeds; i++)
		if (s->feeds[i].age_seconds >= 0)
			sample(to, "feed_age_seconds", "feed", s->feeds[i].name, (uint64_t)s->feeds[i].age_seconds);
	family(to, "feed_held", "gauge",
	       "1: the last content of a feed was refused, and what it had before is in force.");
	for (size_t i = 0; i < s->n_feeds; i++)
		sample(to, "feed_held", "feed", s->feeds[i].name, s->feeds[i].held);
	family(to, "feed_short", "gauge", "1: fewer entries of a feed are in force than its min_entries, or none.");
	for (size_t i = 0; i < s->n_feeds; i++)
		sample(to, "feed_short", "feed", s->feeds[i].name, s->feeds[i].shortage);
}

static void
write_rules(const struct status *s, FILE *to)
{
	single(to, "generation", "gauge", "Number of the rules in force: 1 at the start, one more with each reload.",
	       (int64_t)s->generation);
	single(to, "indicators", "gauge", "Addresses and prefixes in force.", (int64_t)s->indicators);
	write_feeds(s, to);
	family(to, "reloads_total", "counter", "Reloads by result.");
	sample(to, "reloads_total", "result", "done", s->reload.done);
	sample(to, "reloads_total", "result", "refused", s->reload.refused);
}

static void
write_windows(const struct status *s, FILE *to)
{
	single(to, "waiting_contacts", "gauge", "Contacts below two_way that wait for the end of their scanner window.",
	       (int64_t)s->windows.waiting);
	single(to, "contacts_decided_early_total", "counter", "Of these, contacts that were decided before it.",
	       (int64_t)s->windows.early);
	single(to, "scanner_contacts_total", "counter", "Contacts of victims that behaved like scanners.",
	       (int64_t)s->windows.scanners);
}

static void
write_redis(const struct status *s, FILE *to)
{
	if (s->redis_url == NULL)
		return;
	single(to, "redis_up", "gauge", "1: Redis took the last batch; 0: it did not.", s->redis.error[0] == '\0');
	single(to, "redis_waiting_batches", "gauge", "Batches in memory that Redis does not have yet.",
	       (int64_t)s->redis.waiting);
}

void
metrics_write(const struct status *s, FILE *to)
{
	write_process(s, to);
	write_packets(s, to);
	write_ports(s, to);
	write_rules(s, to);
	write_windows(s, to);
	write_redis(s, to);
}
