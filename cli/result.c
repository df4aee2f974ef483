#include "result.h"

#include "ask.h"
#include "cli.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

#define PATIENCE_S 600 // large lists on a busy machine

static long long
number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void
print_problems(const json_t *o)
{
	const json_t *problem;
	size_t i;

	json_array_foreach (json_object_get(o, "problems"), i, problem)
		fprintf(stderr, "%s\n", json_string_value(problem));
}

// A list that keeps what it had is no failure of the others, but whoever reloads wants to know.
static int
print_done(const json_t *o)
{
	print_problems(o);
	printf("generation %lld: %lld indicators (+%lld -%lld) from %lld feeds in %lld ms", number(o, "generation"),
	       number(o, "indicators"), number(o, "added"), number(o, "removed"), number(o, "feeds"),
	       number(o, "milliseconds"));
	if (number(o, "held") > 0)
		printf("; %lld feeds keep what they had", number(o, "held"));
	return putchar('\n') == EOF || fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

static int
print_refused(const json_t *o)
{
	print_problems(o);
	fprintf(stderr, "ratwatch: refused, generation %lld with %lld indicators stays in force\n",
		number(o, "generation"), number(o, "indicators"));
	return CLI_FAILED;
}

int
result_ask(const char *socket, struct json_t *question)
{
	const char *result;
	json_t *answer;
	int status;

	if ((status = ask(socket, question, PATIENCE_S, &answer)) != CLI_DONE)
		return status;
	result = json_string_value(json_object_get(answer, "result"));
	status = result != NULL && strcmp(result, "done") == 0 ? print_done(answer) : print_refused(answer);
	json_decref(answer);
	return status;
}
