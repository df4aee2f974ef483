// ratwatch: the operator's and analyst's tool. No DPDK in it: it starts at once.

#include "cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"check", cli_check},
	{"reload", cli_reload},
	{"status", cli_status},
};

static const char usage[] = "usage: ratwatch check [-o text|json] [--format auto|text|feodo-csv] FEED...\n"
			    "                             what a list would load, and why lines would be skipped\n"
			    "       ratwatch reload [--socket PATH]\n"
			    "                             let ratwatchd read its lists again, and say what came of it\n"
			    "       ratwatch status [-o table|json] [--socket PATH]\n"
			    "                             what ratwatchd counts, has loaded, and has not seen\n"
			    "       ratwatch --help | --version\n"
			    "\n"
			    "exit status: 0 done; 1 failed while running; 2 usage or input error\n";

// Misspelt commands mostly begin as they should.
static int
refuse_unknown(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strncmp(name, commands[i].name, 2) == 0) {
			fprintf(stderr, "ratwatch: %s: unknown command; did you mean '%s'?\n", name, commands[i].name);
			return CLI_REFUSED;
		}
	fprintf(stderr, "ratwatch: %s: unknown command; see ratwatch --help\n", name);
	return CLI_REFUSED;
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		fputs(usage, stderr);
		return CLI_REFUSED;
	}
	if (strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) == EOF ? CLI_FAILED : CLI_DONE;
	if (strcmp(argv[1], "--version") == 0)
		return puts("ratwatch " RATWATCH_VERSION) == EOF ? CLI_FAILED : CLI_DONE;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return refuse_unknown(argv[1]);
}
