#include "cli.h"

#include "ask.h"

#include <jansson.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_S 600 // large lists on a busy machine

static long long
number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static int
print_done(const json_t *o)
{
	size_t warnings = json_array_size(json_object_get(o, "problems"));

	printf("generation %lld: %lld indicators (before: %lld) from %lld feeds in %lld ms", number(o, "generation"),
	       number(o, "indicators"), number(o, "before"), number(o, "feeds"), number(o, "milliseconds"));
	if (warnings > 0)
		printf("; %zu warnings in the log", warnings);
	return putchar('\n') == EOF || fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

static int
print_refused(const json_t *o)
{
	const json_t *problem;
	size_t i;

	json_array_foreach(json_object_get(o, "problems"), i, problem)
		fprintf(stderr, "%s\n", json_string_value(problem));
	fprintf(stderr, "ratwatch: reload: refused, generation %lld with %lld indicators stays in force\n",
		number(o, "generation"), number(o, "indicators"));
	return CLI_FAILED;
}

static int
reload(const char *socket)
{
	const char *result;
	json_t *answer;
	int status;

	if ((status = ask(socket, json_pack("{s:s}", "command", "reload"), PATIENCE_S, &answer)) != CLI_DONE)
		return status;
	result = json_string_value(json_object_get(answer, "result"));
	status = result != NULL && strcmp(result, "done") == 0 ? print_done(answer) : print_refused(answer);
	json_decref(answer);
	return status;
}

int
cli_reload(int argc, char **argv)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'}, {0}};
	const char *socket = ASK_SOCKET;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", longs, NULL)) == 's')
		socket = optarg;
	if (option != -1 || optind < argc) {
		fputs("usage: ratwatch reload [--socket PATH]\n", stderr);
		return CLI_REFUSED;
	}
	return reload(socket);
}
