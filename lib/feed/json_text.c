#include "feed/json_text.h"

#include <ctype.h>
#include <string.h>

#define CUT           "is incomplete: the JSON ends before its last bracket; download it again"
#define NO_JSON(what) "is no JSON: " what "; download it again"

// Members that may be longer than JSON_STRING_MAX, since no reader looks at them: samples of malware and reports in prose of MISP, artifacts of STIX.
static const char *const samples[] = {"data", "content", "payload_bin"};

static bool skip_value(struct json_walk *);

static bool
fail(struct json_walk *w, const char *wrong)
{
	w->wrong = wrong;
	return false;
}

static void
skip_blank(struct json_walk *w)
{
	for (; w->at < w->end && (*w->at == ' ' || *w->at == '\t' || *w->at == '\n' || *w->at == '\r'); w->at++)
		w->line += *w->at == '\n';
}

static bool
take(struct json_walk *w, char c)
{
	if (w->at == w->end || *w->at != c)
		return false;
	w->at++;
	return true;
}

static bool
is_sample(const struct json_walk *w)
{
	for (size_t i = 0; w->close == '}' && i < sizeof(samples) / sizeof(samples[0]); i++)
		if (json_text_is(w->key, samples[i]))
			return true;
	return false;
}

static bool
skip_string(struct json_walk *w, bool sample)
{
	const char *begin = ++w->at;

	for (; w->at < w->end && *w->at != '"'; w->at++) {
		if (*w->at == '\\' && ++w->at == w->end)
			break;
		if ((unsigned char)*w->at < ' ')
			return fail(w, NO_JSON("a string does not end on its line"));
	}
	if (w->at - begin > JSON_STRING_MAX && !sample)
		return fail(w, "has a string longer than 64 KiB; is this a list?");
	return take(w, '"') || fail(w, CUT);
}

static bool
is_word(const char *text, size_t len)
{
	if (len > 0 && (text[0] == '-' || isdigit((unsigned char)text[0])))
		return true; // json_record knows what numbers are
	return (len == 4 && (memcmp(text, "true", 4) == 0 || memcmp(text, "null", 4) == 0)) ||
	       (len == 5 && memcmp(text, "false", 5) == 0);
}

static bool
skip_word(struct json_walk *w)
{
	const char *begin = w->at;

	while (w->at < w->end && (isalnum((unsigned char)*w->at) || memchr("+-.", *w->at, 3) != NULL))
		w->at++;
	return is_word(begin, (size_t)(w->at - begin)) ||
	       fail(w, w->at == w->end ? CUT : NO_JSON("a value is missing"));
}

static bool
skip_key(struct json_walk *w)
{
	w->key = (struct json_text){.at = w->at, .line = w->line};
	if (w->at == w->end)
		return fail(w, CUT);
	if (*w->at != '"')
		return fail(w, NO_JSON("a key in quotes is missing"));
	if (!skip_string(w, false))
		return false;
	w->key.end = w->at;
	skip_blank(w);
	if (!take(w, ':'))
		return fail(w, w->at == w->end ? CUT : NO_JSON("a colon is missing"));
	skip_blank(w);
	return true;
}

// To the next value of the container; false: it is closed, or something is wrong.
static bool
step(struct json_walk *w)
{
	skip_blank(w);
	if (w->close == '\0')
		return w->at < w->end;
	if (w->at == w->end)
		return fail(w, CUT);
	if (take(w, w->close))
		return false;
	if (w->steps++ > 0) {
		if (!take(w, ','))
			return fail(w, NO_JSON("a comma or a bracket is missing"));
		skip_blank(w);
	}
	return w->close == ']' || skip_key(w);
}

static struct json_walk
enter(const struct json_walk *from)
{
	return (struct json_walk){.at = from->at + 1,
				  .end = from->end,
				  .line = from->line,
				  .depth = from->depth + 1,
				  .close = *from->at == '{' ? '}' : ']'};
}

static bool
skip_container(struct json_walk *w)
{
	struct json_walk in = enter(w);

	if (in.depth > JSON_DEPTH_MAX)
		return fail(w, "has more than 32 brackets in each other; is this a list?");
	while (step(&in) && skip_value(&in))
		;
	w->at = in.at;
	w->line = in.line;
	w->wrong = in.wrong;
	return w->wrong == NULL;
}

static bool
skip_value(struct json_walk *w)
{
	if (w->at == w->end)
		return fail(w, CUT);
	if (*w->at == '{' || *w->at == '[')
		return skip_container(w);
	if (*w->at == '"')
		return skip_string(w, is_sample(w));
	return skip_word(w);
}

struct json_walk
json_walk_text(const char *bytes, size_t len)
{
	return (struct json_walk){.at = bytes, .end = bytes + len, .line = 1};
}

struct json_walk
json_walk_into(struct json_text t)
{
	struct json_walk w = {.at = t.at, .end = t.end, .line = t.line};

	if (t.at < t.end && (*t.at == '{' || *t.at == '['))
		return enter(&w);
	w.at = t.end;
	return w;
}

bool
json_walk_next(struct json_walk *w, struct json_text *ret)
{
	struct json_text found;

	if (w->wrong != NULL || !step(w))
		return false;
	found = (struct json_text){.at = w->at, .line = w->line};
	if (!skip_value(w))
		return false;
	found.end = w->at;
	*ret = found;
	return true;
}

const char *
json_text_wrong(const char *bytes, size_t len, uint32_t *ret_line)
{
	struct json_walk w = json_walk_text(bytes, len);
	struct json_text value;

	if (len > JSON_TEXT_MAX) {
		*ret_line = 0;
		return "is more than 64 MiB of JSON; split it";
	}
	while (json_walk_next(&w, &value))
		;
	if (w.wrong != NULL)
		*ret_line = w.line;
	return w.wrong;
}

bool
json_text_whole(const char *bytes, size_t len, struct json_text *ret)
{
	struct json_walk w = json_walk_text(bytes, len);
	struct json_text whole, more;

	if (!json_walk_next(&w, &whole) || json_walk_next(&w, &more))
		return false;
	*ret = whole;
	return true;
}

bool
json_text_first(struct json_text array, struct json_text *ret)
{
	struct json_walk w = json_walk_into(array);

	return w.close == ']' && json_walk_next(&w, ret);
}

bool
json_text_find(struct json_text object, const char *key, struct json_text *ret)
{
	struct json_walk w = json_walk_into(object);
	struct json_text value;
	bool found = false;

	while (w.close == '}' && json_walk_next(&w, &value))
		if (json_text_is(w.key, key)) {
			*ret = value;
			found = true;
		}
	return found;
}

bool
json_text_is(struct json_text t, const char *string)
{
	size_t len = strlen(string);

	return (size_t)(t.end - t.at) == len + 2 && t.at[0] == '"' && memcmp(t.at + 1, string, len) == 0;
}
