#include "cli.h"

#include "config.h"
#include "problem.h"
#include "victim.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct options {
	const char *config;   // NULL: that of the sensor here, unless a key is named
	const char *key_file; // NULL: what the configuration names
	char **addresses;
};

struct namer {
	struct privacy_key key;
	unsigned prefix6;
};

static bool
read_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {{"key-file", required_argument, NULL, 'k'}, {0}};
	struct options o = {0};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (option == 'c')
			o.config = optarg;
		else if (option == 'k')
			o.key_file = optarg;
		else
			return false;
	}
	if (o.config == NULL && o.key_file == NULL)
		o.config = CLI_CONFIG;
	o.addresses = argv + optind;
	*ret = o;
	return optind < argc;
}

// 0, or a negative errno with a problem.
static int
build(const struct options *o, struct problem_list *problems, struct namer *ret)
{
	struct config *c = NULL;
	const char *key_file;
	int err;

	if ((err = config_load(o->config, NULL, 0, problems, &c)) < 0)
		return err;
	key_file = o->key_file != NULL ? o->key_file : c->organizations.privacy_key_file;
	ret->prefix6 = c->organizations.victim_prefix6;
	if (key_file != NULL) {
		err = privacy_read_key(key_file, problems, &ret->key);
	} else {
		problem_add(problems, PROBLEM_ERROR, o->config, 0, "organizations.privacy_key_file",
			    "is not there; name the key with --key-file FILE");
		err = -EINVAL;
	}
	config_free(c);
	return err;
}

static int
print_name(const struct namer *n, const char *text)
{
	char name[IP_PREFIX_TEXT_MAX];
	struct ip_prefix victim;
	struct ip_addr a;

	if (ip_parse(text, strlen(text), &a) < 0) {
		fprintf(stderr, "ratwatch: %s: is no address; write 192.0.2.1 or 2001:db8::1\n", text);
		return CLI_REFUSED;
	}
	victim = victim_identity(&a, n->prefix6);
	return puts(privacy_pseudonym(&n->key, &victim, name)) == EOF ? CLI_FAILED : CLI_DONE;
}

int
cli_hash(int argc, char **argv)
{
	struct problem_list problems = {0};
	struct options o;
	struct namer n;
	int status = CLI_DONE;

	if (!read_options(argc, argv, &o)) {
		fputs("usage: ratwatch hash [-c CONFIG] [--key-file FILE] ADDRESS...\n", stderr);
		return CLI_REFUSED;
	}
	if (build(&o, &problems, &n) < 0) {
		problem_print(&problems, stderr);
		problem_clear(&problems);
		return CLI_REFUSED;
	}
	problem_clear(&problems);
	for (; *o.addresses != NULL && status == CLI_DONE; o.addresses++)
		status = print_name(&n, *o.addresses);
	return fflush(stdout) != 0 ? CLI_FAILED : status;
}
