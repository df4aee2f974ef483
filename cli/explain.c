#include "cli.h"

#include "print.h"
#include "question.h"

#include <jansson.h>

#include <stdio.h>

static void
print_organization(const json_t *o)
{
	char id[PRINT_TEXT], name[PRINT_TEXT], attribution[PRINT_TEXT], source[PRINT_TEXT];

	print_text(o, "source", source);
	printf("organization: %s (%s), by %s%s%s%s\n", print_text(o, "name", name), print_text(o, "id", id),
	       print_text(o, "attribution", attribution), source[0] != '\0' ? ", " : "", source,
	       json_is_true(json_object_get(o, "can_be_suspected")) ? "" : "; it cannot be named as suspected itself");
}

static void
print_indicators(const json_t *o)
{
	const json_t *indicator;
	char match[PRINT_TEXT], network[PRINT_TEXT], country[PRINT_TEXT];
	size_t i;

	if (print_text(o, "match", match)[0] == '\0')
		printf("match: none\n");
	else if (print_number(o, "port") != 0)
		printf("match: %s, on port %lld\n", match, print_number(o, "port"));
	else
		printf("match: %s, on any port\n", match);
	json_array_foreach (json_object_get(o, "indicators"), i, indicator)
		print_indicator(indicator);
	if (print_text(o, "network", network)[0] != '\0')
		printf("controller's network: %s %s\n", network, print_text(o, "country", country));
}

static void
print_lane(const json_t *o)
{
	const json_t *window = json_object_get(o, "window");
	char lane[PRINT_TEXT], reason[PRINT_TEXT];

	if (print_text(o, "lane", lane)[0] != '\0')
		printf("lane: %s%s%s\n", lane, print_text(o, "reason", reason)[0] != '\0' ? ", because of " : "",
		       reason);
	if (!json_is_object(window))
		return;
	printf("scanner window: %s, %lld controllers in %lld s (a scanner has %lld), %lld contacts wait\n",
	       json_is_true(json_object_get(window, "open")) ? "open" : "closed", print_number(window, "controllers"),
	       print_number(window, "seconds"), print_number(window, "limit"), print_number(window, "waiting"));
}

static int
print(const json_t *o)
{
	const json_t *why;
	size_t i;

	print_organization(json_object_get(o, "organization"));
	print_indicators(o);
	print_lane(o);
	printf("suspected: %s\n", json_is_true(json_object_get(o, "suspected"))
					  ? "yes, when the victim opens the contact and is answered"
					  : "no");
	json_array_foreach (json_object_get(o, "because_not"), i, why)
		printf("  %s\n", json_string_value(why));
	return fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

static json_t *
ask(char **words)
{
	return json_pack("{s:s, s:s, s:s}", "command", "explain", "victim", words[0], "controller", words[1]);
}

int
cli_explain(int argc, char **argv)
{
	static const struct question q = {"ratwatch explain [-o table|json] [--socket PATH] VICTIM CONTROLLER[:PORT]",
					  2, ask, print};

	return question(&q, argc, argv);
}
