#include "commands.h"

#include "explain.h"
#include "indicators.h"

#include <jansson.h>

static void
run_status(void *context, const struct json_t *arguments, struct control_request *request)
{
	const struct commands *c = context;
	struct status s;

	(void)arguments;
	if (status_collect(&c->sources, &s) < 0) {
		control_refuse(request, "no memory; give the machine more of it");
		return;
	}
	control_answer(request, status_json(&s));
	status_free(&s);
}

static void
run_reload(void *context, const struct json_t *arguments, struct control_request *request)
{
	const json_t *force = json_object_get(arguments, "force");
	struct reload_request reload = {.kind = RELOAD_AGAIN, .force = json_is_true(force)};

	if (force != NULL && !json_is_boolean(force))
		control_refuse(request, "force is no truth value; write true or false, or leave it out");
	else
		indicators_request(context, &reload, request);
}

static void
run_rollback(void *context, const struct json_t *arguments, struct control_request *request)
{
	const json_t *generation = json_object_get(arguments, "generation");
	struct reload_request reload = {.kind = RELOAD_RETURN, .generation = (uint64_t)json_integer_value(generation)};

	if (generation != NULL && json_integer_value(generation) < 1)
		control_refuse(request,
			       "generation is no number of a set; 'ratwatch status' names those that are kept");
	else
		indicators_request(context, &reload, request);
}

const struct control_command commands_table[] = {
	{"change", indicators_change}, {"changes", indicators_changes}, {"explain", explain_contact},
	{"lookup", indicators_lookup}, {"reload", run_reload},          {"rollback", run_rollback},
	{"status", run_status},
};

const size_t commands_n = sizeof(commands_table) / sizeof(commands_table[0]);
