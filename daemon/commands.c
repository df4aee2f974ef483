#include "commands.h"

#include <jansson.h>

#include <errno.h>

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

static json_t *
problems_of(const struct problem_list *problems)
{
	json_t *list = json_array();
	char text[1024];

	for (size_t i = 0; i < problems->n; i++)
		json_array_append_new(list, control_text(problem_format(&problems->items[i], text, sizeof(text))));
	return list;
}

static json_t *
result_of(const struct reload_result *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "result", json_string(r->err == 0 ? "done" : "refused"));
	json_object_set_new(o, "generation", json_integer((json_int_t)r->generation));
	json_object_set_new(o, "indicators", json_integer((json_int_t)r->indicators));
	json_object_set_new(o, "before", json_integer((json_int_t)r->before));
	json_object_set_new(o, "feeds", json_integer((json_int_t)r->feeds));
	json_object_set_new(o, "milliseconds", json_integer(r->milliseconds));
	json_object_set_new(o, "problems", problems_of(r->problems));
	return o;
}

// In the reload thread.
static void
answer_reload(void *context, const struct reload_result *r)
{
	if (r->err == -ECANCELED)
		control_refuse(context, "ratwatchd ended before the reload; it reads everything anew when it starts");
	else
		control_answer(context, result_of(r));
}

static void
run_reload(void *context, const struct json_t *arguments, struct control_request *request)
{
	const struct commands *c = context;

	(void)arguments;
	if (c->sources.reload_thread == NULL)
		control_refuse(request, "there is no thread that reloads; restart ratwatchd");
	else if (reload_thread_request(c->sources.reload_thread, answer_reload, request) < 0)
		control_refuse(request, "no memory; give the machine more of it");
}

const struct control_command commands_table[] = {
	{"reload", run_reload},
	{"status", run_status},
};

const size_t commands_n = sizeof(commands_table) / sizeof(commands_table[0]);
