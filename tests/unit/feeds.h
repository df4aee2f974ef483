// feeds: what the tests of the readers of lists share. Include behind test.h.

#pragma once

#include "feed.h"
#include "listed.h"
#include "temporary.h"

static struct problem_list problems; // of the last list

// Loads a text with the options; NULL when it is refused.
static inline struct feed *
load_with(const char *content, size_t len, struct feed_options o)
{
	char *path = temporary(content, len, ".txt");
	struct feed *f = NULL;

	problem_clear(&problems);
	o.path = path;
	if (feed_load(&o, &problems, &f) < 0) {
		assert_true(problems.errors > 0);
		assert_null(f);
	}
	temporary_remove(path);
	return f;
}

static inline struct feed *
load(const char *content)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;

	o.offline = true; // what is in the file, whether or not it is in force
	return load_with(content, strlen(content), o);
}

static inline bool
is_said(const char *words)
{
	char text[1024];

	for (size_t i = 0; i < problems.n; i++)
		if (strstr(problem_format(&problems.items[i], text, sizeof(text)), words) != NULL)
			return true;
	return false;
}

static inline void
refused(const char *content, struct feed_options o, const char *words)
{
	assert_null(load_with(content, strlen(content), o));
	if (!is_said(words))
		fail_msg("refused, but not with '%s'", words);
}

// The indicator for this prefix and port, until the next call; fails when there is none.
static inline const struct indicator *
indicator_of(const struct feed *f, const char *prefix, uint16_t port)
{
	static struct indicator in;
	struct ip_prefix p;

	assert_non_null(f);
	assert_true(ip_parse_prefix(prefix, strlen(prefix), &p) >= 0);
	for (size_t i = 0; i < count(f); i++) {
		in = at(f, i);
		if (in.port == port && in.prefix.len == p.len && ip_equal(&in.prefix.addr, &p.addr))
			return &in;
	}
	fail_msg("%s port %u is missing", prefix, port);
	return NULL;
}

static inline const char *
family_of(const struct feed *f, const char *prefix, uint16_t port)
{
	return names_text(indicator_of(f, prefix, port)->family);
}
