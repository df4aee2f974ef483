#include "feed.h"

#include <jansson.h>

#include <errno.h>

// A path may be no UTF-8; then it is left out rather than the whole answer.
static json_t *
text(const char *s)
{
	json_t *j = s != NULL ? json_string(s) : NULL;

	return j != NULL ? j : json_null();
}

static json_t *
skipped(const struct feed *f)
{
	json_t *o = json_object();

	for (int s = 0; f != NULL && s < FEED_SKIPS; s++)
		if (f->skipped[s] > 0)
			json_object_set_new(o, feed_skip_name((enum feed_skip)s),
					    json_integer((json_int_t)f->skipped[s]));
	return o;
}

static void
put(json_t *o, const char *key, size_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

// Of a file that would be refused all are zero.
static void
put_counts(json_t *o, const struct feed *f)
{
	struct feed_counts counts = {0};

	if (f != NULL)
		feed_count(f, &counts);
	put(o, "entries", f != NULL ? f->entries : 0);
	put(o, "addresses4", counts.addresses4);
	put(o, "addresses6", counts.addresses6);
	put(o, "prefixes", counts.prefixes);
	put(o, "indicators", f != NULL ? indicator_list_count(&f->list) : 0);
	put(o, "endpoints", counts.endpoints);
	put(o, "with_port", counts.with_port);
	put(o, "merged", f != NULL ? f->merged : 0);
	put(o, "masked", f != NULL ? f->host_bits : 0);
}

static json_t *
one(const struct feed_check *c)
{
	const struct feed *f = c->feed;
	json_t *o = json_object();

	json_object_set_new(o, "path", text(c->path));
	json_object_set_new(o, "format", f != NULL ? text(feed_format_name(f->format)) : json_null());
	put_counts(o, f);
	json_object_set_new(o, "skipped", skipped(f));
	json_object_set_new(o, "refused", text(c->refused));
	return o;
}

int
feed_check_json(const struct feed_check *checks, size_t n, FILE *to)
{
	json_t *o = json_object(), *feeds = json_array();
	int err;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(feeds, one(&checks[i]));
	json_object_set_new(o, "feeds", feeds);
	err = json_dumpf(o, to, JSON_COMPACT) == 0 && fputc('\n', to) != EOF ? 0 : -EIO;
	json_decref(o);
	return err;
}
