#include "cli.h"

#include "print.h"
#include "question.h"

#include <jansson.h>

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

static json_t *
ask(char **words)
{
	return json_pack("{s:s, s:s}", "command", "lookup", "address", words[0]);
}

int
cli_lookup(int argc, char **argv)
{
	static const struct question q = {"ratwatch lookup [-o table|json] [--socket PATH] ADDRESS", 1, ask, print};

	return question(&q, argc, argv);
}
