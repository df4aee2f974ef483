#include "cli.h"

#include "print.h"
#include "question.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// printf counts bytes; a column counts characters.
static int
width(const char *utf8, int columns)
{
	for (; *utf8 != '\0'; utf8++)
		columns += ((unsigned char)*utf8 & 0xc0) == 0x80;
	return columns;
}

// "3 h": as exact as people want it. A value that is not there is "?".
static const char *
span(const json_t *o, const char *key, char ret[static 32])
{
	const json_t *value = json_object_get(o, key);
	long long s = (long long)json_integer_value(value);

	if (!json_is_integer(value))
		strcpy(ret, "?");
	else if (s < 120)
		snprintf(ret, 32, "%lld s", s);
	else if (s < 7200)
		snprintf(ret, 32, "%lld min", s / 60);
	else if (s < 172800)
		snprintf(ret, 32, "%lld h", s / 3600);
	else
		snprintf(ret, 32, "%lld d", s / 86400);
	return ret;
}

// Sections ----------------------------------------------------------------------------------------------------------------------

static void
print_heading(const json_t *status)
{
	char version[PRINT_TEXT], sensor[PRINT_TEXT], trouble[PRINT_TEXT], up[32];

	printf("ratwatchd %s, sensor %s, up %s\n", print_text(status, "version", version),
	       print_text(status, "sensor", sensor), span(status, "uptime_seconds", up));
	if (print_text(status, "trouble", trouble)[0] != '\0')
		printf("TROUBLE: %s\n", trouble);
}

static void
print_indicators(const json_t *o)
{
	const json_t *feed;
	size_t i;

	printf("\nIndicators: %lld in force, generation %lld\n", print_number(o, "entries"),
	       print_number(o, "generation"));
	if (json_array_size(json_object_get(o, "feeds")) > 0)
		printf("  %-28s %-14s %9s %9s %8s\n", "feed", "format", "entries", "skipped", "age");
	json_array_foreach (json_object_get(o, "feeds"), i, feed) {
		char name[PRINT_TEXT], format[PRINT_TEXT], age[32];

		print_text(feed, "name", name);
		printf("  %-*s %-14s %9lld %9lld %8s%s%s\n", width(name, 28), name, print_text(feed, "format", format),
		       print_number(feed, "entries"), print_number(feed, "skipped"), span(feed, "age_seconds", age),
		       json_is_true(json_object_get(feed, "held")) ? "  KEEPS WHAT IT HAD" : "",
		       json_is_true(json_object_get(feed, "short")) ? "  TOO FEW IN FORCE" : "");
	}
}

static void
print_sets(const json_t *sets)
{
	const json_t *set;
	char loaded[PRINT_TIME];
	size_t i;

	if (json_array_size(sets) > 0)
		printf("  kept for 'ratwatch rollback':");
	json_array_foreach (sets, i, set)
		printf("%s generation %lld (%lld entries, %s)", i > 0 ? "," : "", print_number(set, "generation"),
		       print_number(set, "entries"), print_time(set, "loaded", loaded));
	if (json_array_size(sets) > 0)
		putchar('\n');
}

static void
print_reloads(const json_t *o)
{
	const json_t *last = json_object_get(o, "last");
	char result[PRINT_TEXT], problem[PRINT_TEXT], ago[32];

	printf("\nReloads: %lld done, %lld refused\n", print_number(o, "done"), print_number(o, "refused"));
	if (json_is_object(last)) {
		printf("  the last one was %s %s ago, after %lld ms", print_text(last, "result", result),
		       span(last, "seconds_ago", ago), print_number(last, "milliseconds"));
		printf("%s%s\n", print_text(last, "problem", problem)[0] != '\0' ? ": " : "", problem);
	}
	print_sets(json_object_get(o, "sets"));
}

static void
print_counts(json_t *counts, const char *first, const char *other)
{
	const char *name;
	json_t *n;

	json_object_foreach (counts, name, n) {
		printf("  %-2s%-24s %20lld\n", first, name, (long long)json_integer_value(n));
		first = other;
	}
}

static void
print_packets(const json_t *o)
{
	printf("\nPackets\n  %-26s %20lld\n", "received", print_number(o, "received"));
	print_counts(json_object_get(o, "verdicts"), "=", "+");
	printf("  %-26s %20lld\n", "residual", print_number(o, "residual"));
	printf("  %-26s %20lld\n", "bytes", print_number(o, "bytes"));
	printf("  %-26s %20lld\n", "hits", print_number(o, "hits"));
	puts("\nNotes");
	print_counts(json_object_get(o, "notes"), "", "");
}

static void
print_ports(const json_t *o)
{
	bool silent = false; // a port that does not tell
	const json_t *port;
	size_t i;

	printf("\nPorts: %.4f %% of the packets not seen\n", 100 * json_real_value(json_object_get(o, "blind_ratio")));
	printf("  %-28s %12s %12s %12s\n", "port", "missed", "errors", "no_buffer");
	json_array_foreach (json_object_get(o, "ports"), i, port) {
		char name[PRINT_TEXT];

		printf("  %-28s %12lld %12lld %12lld\n", print_text(port, "name", name), print_number(port, "missed"),
		       print_number(port, "errors"), print_number(port, "no_buffer"));
		silent = silent || strncmp(name, "af_packet:", strlen("af_packet:")) == 0;
	}
	if (silent)
		puts("  what the kernel drops before a packet socket is not told to it, and not in here");
}

static void
print_windows(const json_t *o)
{
	printf("\nScanner windows: %lld contacts wait, %lld were decided early, %lld were a scanner's by behaviour\n",
	       print_number(o, "waiting"), print_number(o, "decided_early"), print_number(o, "scanners"));
}

static void
print_redis(const json_t *o)
{
	char url[PRINT_TEXT], error[PRINT_TEXT], ago[32];

	if (!json_is_object(o)) {
		puts("\nRedis: none, nothing is delivered");
		return;
	}
	printf("\nRedis: %s\n", print_text(o, "url", url));
	if (json_is_integer(json_object_get(o, "delivered_seconds_ago")))
		printf("  took the last batch %s ago", span(o, "delivered_seconds_ago", ago));
	else
		printf("  has taken no batch yet");
	printf(", %lld wait%s%s\n", print_number(o, "waiting_batches"),
	       print_text(o, "error", error)[0] != '\0' ? "; " : "", error);
}

static int
print(const json_t *status)
{
	print_heading(status);
	print_indicators(json_object_get(status, "indicators"));
	print_reloads(json_object_get(status, "reloads"));
	print_packets(json_object_get(status, "capture"));
	print_ports(json_object_get(status, "capture"));
	print_windows(json_object_get(status, "windows"));
	print_redis(json_object_get(status, "redis"));
	return fflush(stdout) != 0 || ferror(stdout) ? CLI_FAILED : CLI_DONE;
}

static json_t *
ask(char **words)
{
	(void)words;
	return json_pack("{s:s}", "command", "status");
}

int
cli_status(int argc, char **argv)
{
	static const struct question q = {"ratwatch status [-o table|json] [--socket PATH]", 0, ask, print};

	return question(&q, argc, argv);
}
