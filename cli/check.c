#include "cli.h"

#include "check.h"
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
	bool json;
	const char *state_dir;
	int64_t now;              // epoch seconds
	struct feed_options feed; // all but the path
};

static int
print(const struct options *o, const struct check *files, size_t n)
{
	if (o->json)
		return check_json(files, n, o->now, stdout);
	for (size_t i = 0; i < n; i++)
		check_print(&files[i], o->now, stdout, stderr);
	return ferror(stdout) ? -1 : 0;
}

static int
check_all(const struct options *o, const struct history *h, char **paths, size_t n, struct check *files)
{
	int status = CLI_DONE;

	for (size_t i = 0; i < n; i++) {
		struct feed_options one = o->feed;

		one.path = paths[i];
		if (check_file(&one, h, &files[i]) < 0)
			return CLI_FAILED;
		if (check_refusal(&files[i]) != NULL)
			status = CLI_REFUSED;
	}
	if (print(o, files, n) < 0 || fflush(stdout) != 0)
		status = CLI_FAILED;
	return status;
}

// What is in force is compared with where it can be read, and nothing is said where it cannot.
static int
check(const struct options *o, char **paths, size_t n)
{
	struct check *files = calloc(n, sizeof(*files));
	struct problem_list ignored = {0};
	struct history *h = NULL;
	int status;

	if (files == NULL)
		return CLI_FAILED;
	history_open(o->state_dir, false, &ignored, &h);
	problem_clear(&ignored);
	status = check_all(o, h, paths, n, files);
	for (size_t i = 0; i < n; i++)
		check_fini(&files[i]);
	history_close(h);
	free(files);
	return status;
}

enum { COLUMNS = 256, FORMAT, HELP, REFANG, SET, STATE_DIR, AS_OF };

// Options that are keys of a feed in short.
static bool
set(struct feed_options *feed, const char *key, const char *value)
{
	struct problem_list problems = {0};
	char *text;

	if (asprintf(&text, "%s%s%s", key, key[0] != '\0' ? "=" : "", value) == -1)
		return false;
	config_feed_set(feed, text, &problems);
	problem_print(&problems, stderr);
	free(text);
	text = NULL;
	if (problems.n == 0)
		return true;
	problem_clear(&problems);
	return false;
}

static bool
complain(const char *option, const char *what)
{
	fprintf(stderr, "ratwatch: %s: '%s' is no %s\n", option, optarg, what);
	return false;
}

static bool
take(struct options *o, int option)
{
	switch (option) {
	case 'o':
		o->json = strcmp(optarg, "json") == 0;
		return o->json || strcmp(optarg, "text") == 0 || complain("-o", "form; write text or json");
	case COLUMNS:
		return set(&o->feed, "columns", optarg);
	case FORMAT:
		return set(&o->feed, "format", optarg);
	case REFANG:
		return set(&o->feed, "refang", "true");
	case SET:
		return set(&o->feed, "", optarg);
	case STATE_DIR:
		o->state_dir = optarg;
		return true;
	case AS_OF:
		o->now = feed_time(optarg, strlen(optarg));
		return o->now != 0 || complain("--as-of", "time; write 2024-04-30 or 2024-04-30T12:00:00Z (UTC)");
	default:
		return false;
	}
}

static int
usage(FILE *to)
{
	fputs("usage: ratwatch check [-o text|json] [--as-of TIME] [--format FORMAT] [--columns MAP] [--refang] [--set "
	      "KEY=VALUE]\n"
	      "                      [--state-dir DIR] FEED...\n  FORMAT is one of",
	      to);
	for (int f = 0; f < FEED_FORMATS; f++)
		fprintf(to, " %s", feed_format_name((enum feed_format)f));
	fputs("\n  MAP is address=COLUMN[,port=COLUMN][,family=COLUMN] ...\n"
	      "  KEY is a key of indicators.feeds (ratwatch.yaml(5)), such as --set ttl=7 --set allow_special=true\n"
	      "  DIR is the daemon's indicators.state_dir (default: " CONFIG_STATE_DIR ")\n",
	      to);
	return to == stdout ? CLI_DONE : CLI_REFUSED;
}

// -1: all was read; else the exit status.
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"as-of", required_argument, NULL, AS_OF},
		{"columns", required_argument, NULL, COLUMNS},
		{"format", required_argument, NULL, FORMAT},
		{"help", no_argument, NULL, HELP},
		{"refang", no_argument, NULL, REFANG},
		{"set", required_argument, NULL, SET},
		{"state-dir", required_argument, NULL, STATE_DIR},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (option == HELP)
			return usage(stdout);
		if (!take(o, option))
			return usage(stderr);
	}
	o->feed.now = o->now;
	return optind < argc ? -1 : usage(stderr);
}

int
cli_check(int argc, char **argv)
{
	struct options o = {.state_dir = CONFIG_STATE_DIR, .now = time(NULL), .feed = FEED_OPTIONS_DEFAULT};
	int status = read_options(argc, argv, &o);

	if (status == -1)
		status = check(&o, argv + optind, (size_t)(argc - optind));
	config_feed_forget(&o.feed);
	return status;
}
