#include "feed/json_record.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_t *
refuse(struct feed_pile *pile, struct json_text t, unsigned line, const char *why)
{
	if (pile == NULL)
		return NULL;
	pile->line = line;
	feed_skip(pile, FEED_SKIP_MALFORMED, t.at, (size_t)(t.end - t.at), why);
	return NULL;
}

struct json_t *
json_record_read(struct feed_pile *pile, struct json_text t)
{
	char why[sizeof(((json_error_t *)0)->text) + 32];
	json_error_t error;
	json_t *tree;

	if (t.end - t.at > JSON_RECORD_MAX)
		return refuse(pile, t, t.line, "a record of more than 1 MiB");
	if ((tree = json_loadb(t.at, (size_t)(t.end - t.at), JSON_DECODE_ANY, &error)) == NULL) {
		snprintf(why, sizeof(why), "no JSON: %s", error.text);
		return refuse(pile, t, t.line + (error.line > 0 ? (unsigned)error.line - 1 : 0), why);
	}
	if (pile != NULL)
		pile->line = t.line;
	return tree;
}

void
json_record_free(struct json_t *tree)
{
	json_decref(tree);
}

static const json_t *
member(const json_t *tree, const char *key)
{
	return key != NULL ? json_object_get(tree, key) : tree;
}

const char *
json_record_text(const struct json_t *tree, const char *key)
{
	const char *text = json_string_value(member(tree, key));

	return text != NULL ? text : "";
}

int64_t
json_record_number(const struct json_t *tree, const char *key)
{
	const json_t *value = member(tree, key);
	const char *text = json_record_text(value, NULL);
	char *end;
	int64_t n;

	if (json_is_integer(value))
		return json_integer_value(value);
	n = strtoll(text, &end, 10);
	return *end == '\0' ? n : 0;
}

uint8_t
json_record_percent(const struct json_t *tree, const char *key)
{
	int64_t n = json_record_number(tree, key);

	return n < 0 ? 0 : n > 100 ? 100 : (uint8_t)n;
}

// To the second, so without what follows: " UTC", ".000Z", "+00:00".
int64_t
json_record_time(const struct json_t *tree, const char *key)
{
	const char *text = json_record_text(tree, key);

	return feed_time(text, strnlen(text, strlen("2026-07-24 12:50:57")));
}

int64_t
json_record_seconds(const struct json_t *tree, const char *key)
{
	int64_t n = json_record_number(tree, key);

	return n > 0 && n < INT64_C(253402300800) ? n : 0; // beyond, it counts in something else
}

bool
json_record_bool(const struct json_t *tree, const char *key, bool absent)
{
	const json_t *value = member(tree, key);
	const char *text = json_record_text(value, NULL);

	if (json_is_boolean(value))
		return json_is_true(value);
	if (json_is_integer(value))
		return json_integer_value(value) != 0;
	if (text[0] != '\0')
		return strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0;
	return absent;
}

int
json_record_port(const struct json_t *tree, const char *key, uint16_t *ret)
{
	const json_t *value = member(tree, key);
	const char *text = json_record_text(value, NULL);
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value))
		return ip_parse_port(text, strlen(text), ret);
	if (n < 1 || n > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)n;
	return 0;
}

const struct json_t *
json_record_item(const struct json_t *tree, const char *key, size_t i)
{
	return json_array_get(member(tree, key), i);
}

int
json_record_endpoint(const char *text, char between, struct indicator *ret)
{
	const char *port = strrchr(text, between);
	size_t host = port != NULL ? (size_t)(port - text) : 0;
	struct ip_addr a;
	uint16_t n;

	if (port == NULL || ip_parse_port(port + 1, strlen(port + 1), &n) < 0)
		return -EINVAL;
	if (host > 2 && text[0] == '[' && text[host - 1] == ']') {
		text++;
		host -= 2;
	} else if (between == ':' && memchr(text, ':', host) != NULL) {
		return -EINVAL; // an IPv6 address whose last group looks like a port is an address
	}
	if (ip_parse(text, host, &a) < 0)
		return -EINVAL;
	ret->prefix = (struct ip_prefix){a, 128};
	ret->port = n;
	return 0;
}

name_id
json_record_family(const char *text)
{
	static const char *const ends[] = {" (", " - ", " variant"};
	size_t len = strlen(text);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *end = strcasestr(text, ends[i]);

		if (end != NULL && (size_t)(end - text) < len)
			len = (size_t)(end - text);
	}
	return indicator_family_known(text, len);
}

struct json_t *
json_record_dictionary(void)
{
	return json_object();
}

int
json_record_set(struct json_t *dictionary, const char *key, const char *text)
{
	return json_object_set_new(dictionary, key, json_string(text));
}
