#include "options.h"

#include "feed.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char options_usage[] =
	"usage: ratwatchd -c FILE                      watch the ports of the configuration\n"
	"       ratwatchd -n -c FILE                   check configuration, feeds and databases\n"
	"       ratwatchd -r CAPTURE [-r ...] [-f FEED ...] [-w WATCHLIST ...] [-d DATABASE ...] [-c FILE]\n"
	"                 [-o table|json] [--contacts] [--redis URL]\n"
	"\n"
	"  -c FILE          configuration (YAML; see ratwatch.yaml(5))\n"
	"  -d DATABASE      MaxMind-format database, or a CSV address,country,network; repeat for more\n"
	"  -f FEED          list of known C2 addresses; repeat for more\n"
	"  -n               check and print what would be loaded\n"
	"  -o table|json    form of the report (default: table)\n"
	"  -r CAPTURE       replay a capture (pcap, pcapng; - is standard input) and report; repeat for more\n"
	"  -w WATCHLIST     CSV of the organizations to watch; repeat for more\n"
	"  --as-of TIME     judge the age of indicators at this time (2024-04-30 or 2024-04-30T12:00:00Z; default: at "
	"that of each packet)\n"
	"  --contacts       list each contact in the JSON report\n"
	"  --note TEXT      a line under the title of each table\n"
	"  --prefix PREFIX  of the Redis keys (default: ratwatch: live, ratwatch-replay: in a replay)\n"
	"  --redis URL      redis://host[:port][/db] or unix:///path\n"
	"  --run-id ID      name of this replay in Redis (default: a hash of captures and lists)\n"
	"  --set KEY=VALUE  override a configuration key, such as --set indicators.allow_special=true\n"
	"  --workers N      packet workers (default: 1)\n"
	"  --help, --version\n"
	"\n"
	"exit status: 0 done; 1 failed while running; 2 usage, configuration or input error\n";

enum {
	OPT_AS_OF = 256,
	OPT_CONTACTS,
	OPT_NOTE,
	OPT_PREFIX,
	OPT_REDIS,
	OPT_RUN_ID,
	OPT_SET,
	OPT_WORKERS,
	OPT_HELP,
	OPT_VERSION
};

static const struct option longs[] = {
	{"as-of", required_argument, NULL, OPT_AS_OF},
	{"contacts", no_argument, NULL, OPT_CONTACTS},
	{"help", no_argument, NULL, OPT_HELP},
	{"note", required_argument, NULL, OPT_NOTE},
	{"prefix", required_argument, NULL, OPT_PREFIX},
	{"redis", required_argument, NULL, OPT_REDIS},
	{"run-id", required_argument, NULL, OPT_RUN_ID},
	{"set", required_argument, NULL, OPT_SET},
	{"version", no_argument, NULL, OPT_VERSION},
	{"workers", required_argument, NULL, OPT_WORKERS},
	{0},
};

static int
append(const char ***list, size_t *n, const char *item)
{
	const char **grown = reallocarray(*list, *n + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	grown[(*n)++] = item;
	*list = grown;
	return 0;
}

// "a" and "b" with something between them; owned. NULL: no memory.
static char *
join(struct options *o, const char *a, char between, const char *b)
{
	char **grown = reallocarray(o->owned, o->n_owned + 1, sizeof(*grown));
	char *text;

	if (grown == NULL)
		return NULL;
	o->owned = grown;
	if (asprintf(&text, "%s%c%s", a, between, b) == -1)
		return NULL;
	return o->owned[o->n_owned++] = text;
}

// An option that is a configuration key in short: "-f x" is "--set indicators.feeds=x".
static int
set(struct options *o, const char *key, const char *value)
{
	char *text = join(o, key, '=', value);

	return text == NULL ? -ENOMEM : append(&o->sets, &o->n_sets, text);
}

// Accepted lists are kept by their paths, which begin as that of the configuration: they must not depend on where we were started.
static int
make_absolute(struct options *o)
{
	const char *relative = o->config + (strncmp(o->config, "./", 2) == 0 ? 2 : 0);
	char *folder;

	if (o->config[0] == '/' || (folder = getcwd(NULL, 0)) == NULL)
		return 0;
	o->config = join(o, folder, '/', relative);
	free(folder);
	return o->config == NULL ? -ENOMEM : 0;
}

static int
usage(struct problem_list *problems, const char *option, const char *what)
{
	problem_add(problems, PROBLEM_ERROR, "ratwatchd", 0, option, "%s", what);
	return -EINVAL;
}

static int
take_form(struct options *o, struct problem_list *problems)
{
	if (strcmp(optarg, "json") != 0 && strcmp(optarg, "table") != 0)
		return usage(problems, "-o", "unknown form; write table or json");
	o->json = strcmp(optarg, "json") == 0;
	return 0;
}

static int
take_as_of(struct options *o, struct problem_list *problems)
{
	o->as_of = feed_time(optarg, strlen(optarg));
	return o->as_of != 0 ? 0
			     : usage(problems, "--as-of", "no time; write 2024-04-30 or 2024-04-30T12:00:00Z (UTC)");
}

static int
take(struct options *o, int option, struct problem_list *problems)
{
	switch (option) {
	case 'c':
		o->config = optarg;
		return 0;
	case 'd':
		return set(o, "organizations.databases", optarg);
	case 'f':
		return set(o, "indicators.feeds", optarg);
	case 'n':
		o->mode = OPTIONS_CHECK;
		return 0;
	case 'o':
		return take_form(o, problems);
	case 'r':
		return append(&o->captures, &o->n_captures, optarg);
	case 'w':
		return set(o, "organizations.watchlists", optarg);
	case OPT_AS_OF:
		return take_as_of(o, problems);
	case OPT_CONTACTS:
		o->contacts = true;
		return 0;
	case OPT_NOTE:
		o->note = optarg;
		return 0;
	case OPT_PREFIX:
		return set(o, "redis.prefix", optarg);
	case OPT_REDIS:
		return set(o, "redis.url", optarg);
	case OPT_RUN_ID:
		o->run_id = optarg;
		return 0;
	case OPT_SET:
		return append(&o->sets, &o->n_sets, optarg);
	case OPT_WORKERS:
		return set(o, "capture.workers", optarg);
	case OPT_HELP:
		o->mode = OPTIONS_HELP;
		return 0;
	case OPT_VERSION:
		o->mode = OPTIONS_VERSION;
		return 0;
	}
	return -EINVAL;
}

static bool
run_id_is_valid(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n >= 1 && n <= 48 && id[n] == '\0';
}

// The first option given that only a replay heeds; NULL: none.
static const char *
replays_option(const struct options *o)
{
	return o->as_of != 0       ? "--as-of"
	       : o->contacts       ? "--contacts"
	       : o->json           ? "-o"
	       : o->note != NULL   ? "--note"
	       : o->run_id != NULL ? "--run-id"
				   : NULL;
}

static int
settle_mode(struct options *o, struct problem_list *problems)
{
	const char *misplaced = replays_option(o);

	if (o->mode == OPTIONS_HELP || o->mode == OPTIONS_VERSION)
		return 0;
	if (o->run_id != NULL && !run_id_is_valid(o->run_id))
		return usage(problems, "--run-id", "not a name; write 1 to 48 of A-Z a-z 0-9 . _ -");
	if (o->n_captures > 0 && o->mode == OPTIONS_CHECK)
		return usage(problems, "-n", "checks a configuration, not a capture; leave out -n or -r");
	if (o->n_captures > 0)
		o->mode = OPTIONS_REPLAY;
	else if (o->config == NULL)
		return usage(problems, NULL, "nothing to do; write -c FILE to watch ports or -r CAPTURE to replay");
	else if (misplaced != NULL)
		return usage(problems, misplaced, "belongs to a replay; write -r CAPTURE, or leave it out");
	else
		return make_absolute(o);
	return 0;
}

int
options_parse(int argc, char **argv, struct problem_list *problems, struct options *ret)
{
	struct options o = {.mode = OPTIONS_LIVE};
	int option, err = 0;

	opterr = 0;
	while (err == 0 && (option = getopt_long(argc, argv, ":c:d:f:no:r:w:", longs, NULL)) != -1) {
		if (option == '?' || option == ':') {
			problem_add(problems, PROBLEM_ERROR, "ratwatchd", 0, argv[optind - 1],
				    option == ':' ? "wants an argument; see ratwatchd --help"
						  : "unknown option; see ratwatchd --help");
			err = -EINVAL;
		} else {
			err = take(&o, option, problems);
		}
	}
	if (err == 0 && optind < argc) {
		problem_add(problems, PROBLEM_ERROR, "ratwatchd", 0, argv[optind],
			    "stands alone; write -r before a capture, -f before a list");
		err = -EINVAL;
	}
	if (err == 0)
		err = settle_mode(&o, problems);
	if (err < 0) {
		options_free(&o);
		return err;
	}
	*ret = o;
	return 0;
}

void
options_free(struct options *o)
{
	for (size_t i = 0; i < o->n_owned; i++)
		free(o->owned[i]);
	free(o->owned);
	free(o->sets);
	free(o->captures);
	*o = (struct options){0};
}
