// ratwatch: the operator's and analyst's tool. No DPDK in it: it starts at once.

#include "ask.h"
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"check", cli_check},   {"explain", cli_explain}, {"hash", cli_hash},         {"indicators", cli_indicators},
	{"lookup", cli_lookup}, {"reload", cli_reload},   {"rollback", cli_rollback}, {"status", cli_status},
};

static const char usage[] =
	"usage: ratwatch check [OPTION...] FEED...\n"
	"                             what a list would load, what would change, and why lines would be skipped\n"
	"       ratwatch explain [-o table|json] VICTIM CONTROLLER[:PORT]\n"
	"                             in which lane a contact of these two is counted, whether it makes suspected, and "
	"why\n"
	"       ratwatch hash [-c CONFIG] [--key-file FILE] ADDRESS...\n"
	"                             the names of victims in Redis with organizations.privacy: keyed-hash\n"
	"       ratwatch indicators [add|remove ADDRESS...] [--family NAME] [--until TIME] [--reason TEXT]\n"
	"                             what you added to the lists and took out of them; or do so\n"
	"       ratwatch lookup [-o table|json] ADDRESS\n"
	"                             why an address matches, since when, until when\n"
	"       ratwatch reload [--force]\n"
	"                             let ratwatchd read its lists again, and say what came of it\n"
	"       ratwatch rollback [GENERATION]\n"
	"                             go back to an earlier set of lists, until the next reload\n"
	"       ratwatch status [-o table|json]\n"
	"                             what ratwatchd counts, has loaded, and has not seen\n"
	"       ratwatch COMMAND --help | --help | --version\n"
	"\n"
	"Those that ask ratwatchd take --socket PATH (default: " ASK_SOCKET ").\n"
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
		if (strcmp(argv[1], commands[i].name) == 0) {
			argv[1] = argv[0];
			return commands[i].run(argc - 1, argv + 1);
		}
	return refuse_unknown(argv[1]);
}
