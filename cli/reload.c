#include "cli.h"

#include "ask.h"
#include "result.h"

#include <jansson.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

int
cli_reload(int argc, char **argv)
{
	static const struct option longs[] = {{"force", no_argument, NULL, 'f'},
					      {"socket", required_argument, NULL, 's'},
					      {0}};
	const char *socket = ASK_SOCKET;
	bool force = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", longs, NULL)) == 's' || option == 'f') {
		force |= option == 'f';
		socket = option == 's' ? optarg : socket;
	}
	if (option != -1 || optind < argc) {
		fputs("usage: ratwatch reload [--force] [--socket PATH]\n", stderr);
		return CLI_REFUSED;
	}
	return result_ask(socket, json_pack("{s:s, s:b}", "command", "reload", "force", force));
}
