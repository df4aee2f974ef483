#include "cli.h"

#include "feed.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct options {
	bool json;
	struct feed_options feed; // all but the path
};

struct checked {           // one file
	struct feed *feed; // NULL: refused
	struct problem_list problems;
};

static void
check_file(const char *path, struct feed_options o, struct checked *ret)
{
	o.path = path;
	feed_load(&o, &ret->problems, &ret->feed);
}

static const char *
refusal(const struct checked *c)
{
	for (size_t i = 0; c->feed == NULL && i < c->problems.n; i++)
		if (c->problems.items[i].level == PROBLEM_ERROR)
			return c->problems.items[i].what;
	return c->feed == NULL ? "out of memory" : NULL;
}

static int
print_json(char **paths, const struct checked *files, size_t n)
{
	struct feed_check *checks = calloc(n, sizeof(*checks));
	int err;

	if (checks == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		checks[i] = (struct feed_check){paths[i], files[i].feed, refusal(&files[i])};
	err = feed_check_json(checks, n, stdout);
	free(checks);
	return err;
}

static void
print_file(const char *path, const struct checked *c)
{
	problem_print(&c->problems, stderr);
	if (c->feed == NULL)
		return;
	printf("%s: %s, %zu entries, %zu lines merged", path, feed_format_name(c->feed->format), c->feed->entries,
	       c->feed->merged);
	if (c->feed->host_bits > 0)
		printf(", %zu masked", c->feed->host_bits);
	for (int s = 0; s < FEED_SKIPS; s++)
		if (c->feed->skipped[s] > 0)
			printf(", %zu skipped: %s", c->feed->skipped[s], feed_skip_name((enum feed_skip)s));
	putchar('\n');
}

static int
print(bool json, char **paths, const struct checked *files, size_t n)
{
	if (json)
		return print_json(paths, files, n);
	for (size_t i = 0; i < n; i++)
		print_file(paths[i], &files[i]);
	return ferror(stdout) ? -1 : 0;
}

static int
check(const struct options *o, char **paths, size_t n)
{
	struct checked *files = calloc(n, sizeof(*files));
	int status = CLI_DONE;

	if (files == NULL)
		return CLI_FAILED;
	for (size_t i = 0; i < n; i++) {
		check_file(paths[i], o->feed, &files[i]);
		if (files[i].feed == NULL)
			status = CLI_REFUSED;
	}
	if (print(o->json, paths, files, n) < 0 || fflush(stdout) != 0)
		status = CLI_FAILED;
	for (size_t i = 0; i < n; i++) {
		feed_free(files[i].feed);
		problem_clear(&files[i].problems);
	}
	free(files);
	return status;
}

// false: something in it is wrong.
static bool
read_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {{"columns", required_argument, NULL, 'c'},
					      {"format", required_argument, NULL, 'f'},
					      {"refang", no_argument, NULL, 'r'},
					      {0}};
	struct options o = {.feed = FEED_OPTIONS_DEFAULT};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (option == 'r')
			o.feed.refang = true;
		else if (option == 'c' && feed_columns_check(optarg) == NULL)
			o.feed.columns = optarg;
		else if (option == 'o' && (strcmp(optarg, "json") == 0 || strcmp(optarg, "text") == 0))
			o.json = strcmp(optarg, "json") == 0;
		else if (option != 'f' || feed_format_parse(optarg, &o.feed.format) < 0)
			return false;
	}
	*ret = o;
	return optind < argc;
}

static void
print_usage(void)
{
	fputs("usage: ratwatch check [-o text|json] [--format FORMAT] [--columns MAP] [--refang] FEED...\n  FORMAT is "
	      "one of",
	      stderr);
	for (int f = 0; f < FEED_FORMATS; f++)
		fprintf(stderr, " %s", feed_format_name((enum feed_format)f));
	fputs("\n  MAP is address=COLUMN[,port=COLUMN][,family=COLUMN] ...\n", stderr);
}

int
cli_check(int argc, char **argv)
{
	struct options o;

	if (!read_options(argc, argv, &o)) {
		print_usage();
		return CLI_REFUSED;
	}
	return check(&o, argv + optind, (size_t)(argc - optind));
}
