#include "print.h"

#include "cli.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

bool
print_form(const char *text, bool *ret_json)
{
	*ret_json = strcmp(text, "json") == 0;
	if (*ret_json || strcmp(text, "table") == 0)
		return true;
	fprintf(stderr, "ratwatch: -o: '%s' is no form; write table or json\n", text);
	return false;
}

int
print_json(const struct json_t *o)
{
	if (json_dumpf(o, stdout, JSON_INDENT(1)) < 0 || putchar('\n') == EOF)
		return CLI_FAILED;
	return fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

long long
print_number(const struct json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

const char *
print_text(const struct json_t *o, const char *key, char ret[static PRINT_TEXT])
{
	const char *s = json_string_value(json_object_get(o, key));

	snprintf(ret, PRINT_TEXT, "%s", s != NULL ? s : "");
	for (char *p = ret; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return ret;
}

const char *
print_time(const struct json_t *o, const char *key, char ret[static PRINT_TIME])
{
	time_t t = (time_t)print_number(o, key);
	struct tm tm;

	if (t == 0 || gmtime_r(&t, &tm) == NULL)
		return strcpy(ret, "-");
	strftime(ret, PRINT_TIME, "%Y-%m-%d %H:%M:%S", &tm);
	return ret;
}

static void
print_flags(const json_t *flags)
{
	const json_t *flag;
	size_t i;

	json_array_foreach (flags, i, flag)
		printf(", %s", json_string_value(flag));
}

void
print_indicator(const json_t *o)
{
	char path[PRINT_TEXT], family[PRINT_TEXT], prefix[PRINT_TEXT], status[PRINT_TEXT], first[PRINT_TIME],
		last[PRINT_TIME], end[PRINT_TIME];
	long long port = print_number(o, "port");

	printf("  %s", print_text(o, "prefix", prefix));
	if (port != 0)
		printf(" port %lld", port);
	printf(": %s, %s:%lld, confidence %lld", print_text(o, "family", family)[0] != '\0' ? family : "no family",
	       print_text(o, "path", path), print_number(o, "line"), print_number(o, "confidence"));
	if (strcmp(print_text(o, "status", status), "unknown") != 0)
		printf(", %s", status);
	print_flags(json_object_get(o, "flags"));
	printf("\n    first seen %s, last seen %s, %s %s\n", print_time(o, "first_seen", first),
	       print_time(o, "last_seen", last),
	       json_is_true(json_object_get(o, "in_force")) ? "in force until" : "ENDED",
	       print_time(o, "expires", end));
}
