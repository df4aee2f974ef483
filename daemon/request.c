#include "request.h"

#include <jansson.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define EXAMPLE "{\"command\":\"status\"}"

static int fail(char ret_error[static REQUEST_ERROR_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int
fail(char ret_error[static REQUEST_ERROR_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_error, REQUEST_ERROR_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

int
request_parse(const char *line, size_t len, char ret_error[static REQUEST_ERROR_MAX], struct json_t **ret)
{
	json_error_t error;
	json_t *o;

	if (len > REQUEST_MAX)
		return fail(ret_error, "longer than %d bytes; write less into one request", REQUEST_MAX);
	if ((o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error)) == NULL)
		return fail(ret_error, "no JSON: %.100s; write one line such as " EXAMPLE, error.text);
	if (request_command(o) == NULL) {
		json_decref(o);
		return fail(ret_error, "names no command; write an object with a command, such as " EXAMPLE);
	}
	*ret = o;
	return 0;
}

const char *
request_command(const struct json_t *o)
{
	return json_string_value(json_object_get(o, "command"));
}
