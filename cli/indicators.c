#include "cli.h"

#include "ask.h"
#include "feed.h"
#include "print.h"
#include "result.h"

#include <jansson.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
	const char *socket, *family, *reason;
	int64_t until; // epoch seconds; 0: for good
	bool json;
};

static int
usage(FILE *to)
{
	fputs("usage: ratwatch indicators [-o table|json] [--socket PATH]\n"
	      "       ratwatch indicators add [--family NAME] [--until TIME] [--reason TEXT] [--socket PATH] "
	      "ADDRESS[:PORT]...\n"
	      "       ratwatch indicators remove [--until TIME] [--reason TEXT] [--socket PATH] ADDRESS...\n"
	      "  TIME is 2026-12-31, 2026-12-31T18:00:00Z (UTC), or as long from now: 7d, 12h, 30m\n",
	      to);
	return to == stdout ? CLI_DONE : CLI_REFUSED;
}

// "7d", "12h", "30m" from now, or a time. false: neither, and standard error says so.
static bool
parse_until(const char *text, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}};
	char *end;
	long n = strtol(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (n > 0 && n < 1000000 && strcmp(end, units[i].unit) == 0) {
			*ret = time(NULL) + n * units[i].seconds;
			return true;
		}
	if ((*ret = feed_time(text, strlen(text))) != 0)
		return true;
	fprintf(stderr, "ratwatch: --until: '%s' is no time; write 2026-12-31, 2026-12-31T18:00:00Z, 7d, 12h or 30m\n",
		text);
	return false;
}

// -1: all was read; else the exit status.
static int
read_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {{"family", required_argument, NULL, 'f'},
					      {"help", no_argument, NULL, 'h'},
					      {"reason", required_argument, NULL, 'r'},
					      {"socket", required_argument, NULL, 's'},
					      {"until", required_argument, NULL, 'u'},
					      {0}};
	int option;

	while ((option = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		bool good = true;

		if (option == 'h')
			return usage(stdout);
		if (option == 'f')
			ret->family = optarg;
		else if (option == 'r')
			ret->reason = optarg;
		else if (option == 's')
			ret->socket = optarg;
		else if (option == 'u')
			good = parse_until(optarg, &ret->until);
		else
			good = option == 'o' && print_form(optarg, &ret->json);
		if (!good)
			return usage(stderr);
	}
	return -1;
}

// List -------------------------------------------------------------------------------------------------------------------------

static void
print_change(const json_t *o)
{
	char change[PRINT_TEXT], prefix[PRINT_TEXT], family[PRINT_TEXT], reason[PRINT_TEXT], since[PRINT_TIME],
		until[PRINT_TIME];
	long long port = print_number(o, "port"), end = print_number(o, "until");

	printf("%-6s %s", print_text(o, "change", change), print_text(o, "prefix", prefix));
	if (port != 0)
		printf(" port %lld", port);
	if (print_text(o, "family", family)[0] != '\0')
		printf(" %s", family);
	printf(", since %s, %s %s", print_time(o, "since", since), end != 0 && end <= time(NULL) ? "ended" : "until",
	       print_time(o, "until", until));
	if (print_text(o, "reason", reason)[0] != '\0')
		printf(": %s", reason);
	putchar('\n');
}

static int
list(const struct options *o)
{
	const json_t *change;
	json_t *answer;
	size_t i;
	int status;

	if ((status = ask(o->socket, json_pack("{s:s}", "command", "changes"), ASK_PATIENCE_S, &answer)) != CLI_DONE)
		return status;
	if (o->json)
		status = print_json(json_object_get(answer, "changes"));
	else if (json_array_size(json_object_get(answer, "changes")) == 0)
		puts("nothing was added and nothing was taken out");
	else
		json_array_foreach (json_object_get(answer, "changes"), i, change)
			print_change(change);
	json_decref(answer);
	return fflush(stdout) != 0 ? CLI_FAILED : status;
}

// Change -----------------------------------------------------------------------------------------------------------------------

// "192.0.2.1:443" and "[2001:db8::1]:443" have a port, everything else is left to ratwatchd to judge.
static json_t *
change_of(const struct options *o, const char *what, const char *text)
{
	char address[IP_TEXT_MAX];
	uint16_t port = 0;
	struct ip_addr a;

	if (ip_parse_endpoint(text, strlen(text), &a, &port) == 0)
		text = ip_format(&a, address);
	return json_pack("{s:s, s:s, s:i, s:s*, s:s*, s:I}", "change", what, "prefix", text, "port", port, "family",
			 o->family, "reason", o->reason, "until", (json_int_t)o->until);
}

static int
change(const struct options *o, const char *what, char **texts, size_t n)
{
	json_t *changes = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(changes, change_of(o, what, texts[i]));
	return result_ask(o->socket, json_pack("{s:s, s:o}", "command", "change", "indicators", changes));
}

int
cli_indicators(int argc, char **argv)
{
	struct options o = {.socket = ASK_SOCKET};
	int status = read_options(argc, argv, &o);
	const char *what;

	if (status != -1)
		return status;
	if (optind == argc)
		return o.family == NULL && o.reason == NULL && o.until == 0 ? list(&o) : usage(stderr);
	what = argv[optind++];
	if (strcmp(what, "add") != 0 && strcmp(what, "remove") != 0) {
		fprintf(stderr, "ratwatch: indicators: '%s' is neither add nor remove\n", what);
		return usage(stderr);
	}
	if (optind == argc || o.json || (o.family != NULL && strcmp(what, "remove") == 0))
		return usage(stderr);
	return change(&o, what, argv + optind, (size_t)(argc - optind));
}
