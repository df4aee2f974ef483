#include "cli.h"

#include "ask.h"
#include "result.h"

#include <jansson.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static int
usage(FILE *to)
{
	fputs("usage: ratwatch rollback [--socket PATH] [GENERATION]\n"
	      "  'ratwatch status' names the generations that are kept; default: the one before\n",
	      to);
	return to == stdout ? CLI_DONE : CLI_REFUSED;
}

int
cli_rollback(int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"socket", required_argument, NULL, 's'},
					      {0}};
	const char *socket = ASK_SOCKET;
	long long generation = 0;
	char *end = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) == 's')
		socket = optarg;
	if (option == 'h')
		return usage(stdout);
	if (option != -1 || argc - optind > 1)
		return usage(stderr);
	if (optind < argc) {
		errno = 0;
		generation = strtoll(argv[optind], &end, 10);
		if (errno != 0 || *end != '\0' || generation < 1)
			return usage(stderr);
	}
	if (generation == 0)
		return result_ask(socket, json_pack("{s:s}", "command", "rollback"));
	return result_ask(socket, json_pack("{s:s, s:I}", "command", "rollback", "generation", (json_int_t)generation));
}
