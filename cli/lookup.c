#include "cli.h"

#include "ask.h"
#include "print.h"

#include <jansson.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int
print(const json_t *o)
{
	const json_t *indicator, *list = json_object_get(o, "indicators");
	char address[PRINT_TEXT];
	size_t i;

	print_text(o, "address", address);
	if (json_is_true(json_object_get(o, "matches")))
		printf("%s matches, in generation %lld:\n", address, print_number(o, "generation"));
	else if (json_is_true(json_object_get(o, "removed")))
		printf("%s matches nothing: it was taken out by 'ratwatch indicators remove':\n", address);
	else
		printf("%s matches nothing%s\n", address, json_array_size(list) > 0 ? " any more:" : "");
	json_array_foreach (list, i, indicator)
		print_indicator(indicator);
	return fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

static int
usage(FILE *to)
{
	fputs("usage: ratwatch lookup [-o table|json] [--socket PATH] ADDRESS\n", to);
	return to == stdout ? CLI_DONE : CLI_REFUSED;
}

int
cli_lookup(int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"socket", required_argument, NULL, 's'},
					      {0}};
	const char *socket = ASK_SOCKET;
	bool json = false, wrong = false;
	json_t *answer;
	int option, status;

	while ((option = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout);
		if (option == 's')
			socket = optarg;
		else
			wrong |= option != 'o' || !print_form(optarg, &json);
	}
	if (wrong || argc - optind != 1)
		return usage(stderr);
	status = ask(socket, json_pack("{s:s, s:s}", "command", "lookup", "address", argv[optind]), ASK_PATIENCE_S,
		     &answer);
	if (status != CLI_DONE)
		return status;
	status = json ? print_json(answer) : print(answer);
	json_decref(answer);
	return status;
}
