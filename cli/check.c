#include "cli.h"

#include "feed.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct checked {           // one file
	struct feed *feed; // NULL: refused
	struct problem_list problems;
};

static void
check_file(const char *path, struct checked *ret)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;

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
check(bool json, char **paths, size_t n)
{
	struct checked *files = calloc(n, sizeof(*files));
	int status = CLI_DONE;

	if (files == NULL)
		return CLI_FAILED;
	for (size_t i = 0; i < n; i++) {
		check_file(paths[i], &files[i]);
		if (files[i].feed == NULL)
			status = CLI_REFUSED;
	}
	if (print(json, paths, files, n) < 0 || fflush(stdout) != 0)
		status = CLI_FAILED;
	for (size_t i = 0; i < n; i++) {
		feed_free(files[i].feed);
		problem_clear(&files[i].problems);
	}
	free(files);
	return status;
}

int
cli_check(int argc, char **argv)
{
	bool json = false, wrong = false;
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "o:")) != -1) {
		wrong |= option != 'o' || (strcmp(optarg, "json") != 0 && strcmp(optarg, "text") != 0);
		json = option == 'o' && strcmp(optarg, "json") == 0;
	}
	if (wrong || optind == argc) {
		fputs("usage: ratwatch check [-o text|json] FEED...\n", stderr);
		return CLI_REFUSED;
	}
	return check(json, argv + optind, (size_t)(argc - optind));
}
