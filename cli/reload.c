#include "cli.h"

#include "ask.h"
#include "result.h"

#include <jansson.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static int
usage(FILE *to)
{
	fputs("usage: ratwatch reload [--force] [--socket PATH]\n"
	      "  --force takes lists that shrank or grew more than their max_shrink and max_growth allow\n",
	      to);
	return to == stdout ? CLI_DONE : CLI_REFUSED;
}

int
cli_reload(int argc, char **argv)
{
	static const struct option longs[] = {{"force", no_argument, NULL, 'f'},
					      {"help", no_argument, NULL, 'h'},
					      {"socket", required_argument, NULL, 's'},
					      {0}};
	const char *socket = ASK_SOCKET;
	bool force = false;
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) == 's' || option == 'f') {
		force |= option == 'f';
		socket = option == 's' ? optarg : socket;
	}
	if (option == 'h')
		return usage(stdout);
	if (option != -1 || optind < argc)
		return usage(stderr);
	return result_ask(socket, json_pack("{s:s, s:b}", "command", "reload", "force", force));
}
