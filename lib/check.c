#include "check.h"

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What the history has of the path, read in the same way.
static int
compare(const struct feed_options *o, const struct history *h, const struct history_list *before, struct check *c)
{
	char *where = history_path(h, before);
	struct problem_list ignored = {0};
	struct feed *old = NULL;
	struct input in;

	if (where == NULL)
		return -ENOMEM;
	if (input_read(where, NULL, &in) == 0) {
		in.modified = before->modified; // the copy's own date says nothing
		if (feed_read(o, &in, &ignored, &old) == 0) {
			indicator_list_compare(&old->list, &c->feed->list, &c->added, &c->removed);
			c->compared = true;
		}
		input_free(&in);
	}
	problem_clear(&ignored);
	feed_free(old);
	free(where);
	return 0;
}

// What is in force of the path, which ratwatchd knows from the root.
static const struct history_list *
in_force(const struct history *h, const char *path)
{
	const struct history_list *l;
	char *folder, *whole = NULL;

	if (h == NULL || history_count(h) == 0)
		return NULL;
	l = history_list_of(history_set(h, 0), path);
	if (l != NULL || path[0] == '/' || (folder = getcwd(NULL, 0)) == NULL)
		return l;
	if (asprintf(&whole, "%s/%s", folder, path + (strncmp(path, "./", 2) == 0 ? 2 : 0)) != -1) {
		l = history_list_of(history_set(h, 0), whole);
		free(whole);
	}
	free(folder);
	return l;
}

int
check_file(const struct feed_options *o, const struct history *h, struct check *ret)
{
	const struct history_list *before = in_force(h, o->path);
	struct check c = {.path = strdup(o->path)};
	int err;

	if (c.path == NULL)
		return -ENOMEM;
	err = feed_load(o, &c.problems, &c.feed);
	if (err == 0 && before != NULL)
		err = compare(o, h, before, &c);
	if (err == -ENOMEM) {
		check_fini(&c);
		return err;
	}
	c.changes_too_much =
		c.feed != NULL && before != NULL && feed_changes_too_much(c.feed, o, before->valid, &c.problems);
	*ret = c;
	return 0;
}

void
check_fini(struct check *c)
{
	feed_free(c->feed);
	problem_clear(&c->problems);
	free(c->path);
	*c = (struct check){0};
}

const char *
check_refusal(const struct check *c)
{
	const char *why = "for a reason that was not kept";

	if (c->feed != NULL && !c->changes_too_much)
		return NULL;
	for (size_t i = 0; i < c->problems.n; i++)
		if (c->problems.items[i].level == PROBLEM_ERROR)
			why = c->problems.items[i].what;
	return why;
}

// Seconds since the list says that it was made, else since its file was written.
static int64_t
age(const struct check *c, int64_t now)
{
	int64_t since = c->feed->updated != 0 ? c->feed->updated : c->feed->modified;

	return now > since ? now - since : 0;
}

static void
print_age(int64_t seconds, FILE *to)
{
	if (seconds < 2 * 86400)
		fprintf(to, ", %" PRId64 " hours old", seconds / 3600);
	else
		fprintf(to, ", %" PRId64 " days old", seconds / 86400);
}

void
check_print(const struct check *c, int64_t now, FILE *to, FILE *problems)
{
	const struct feed *f = c->feed;

	problem_print(&c->problems, problems);
	if (f == NULL)
		return;
	fprintf(to, "%s: %s, %zu entries, %zu lines merged", c->path, feed_format_name(f->format), f->entries,
		f->merged);
	if (f->host_bits > 0)
		fprintf(to, ", %zu masked", f->host_bits);
	for (int s = 0; s < FEED_SKIPS; s++)
		if (f->skipped[s] > 0)
			fprintf(to, ", %zu skipped: %s", f->skipped[s], feed_skip_name((enum feed_skip)s));
	print_age(age(c, now), to);
	if (c->compared)
		fprintf(to, "; against what is in force: +%zu -%zu", c->added, c->removed);
	fputc('\n', to);
}

// JSON -------------------------------------------------------------------------------------------------------------------------

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

// Of a file that cannot be loaded all are zero.
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
change(const struct check *c)
{
	if (!c->compared)
		return json_null();
	return json_pack("{s:I, s:I}", "added", (json_int_t)c->added, "removed", (json_int_t)c->removed);
}

static json_t *
one(const struct check *c, int64_t now)
{
	const struct feed *f = c->feed;
	json_t *o = json_object();

	json_object_set_new(o, "path", text(c->path));
	json_object_set_new(o, "format", f != NULL ? text(feed_format_name(f->format)) : json_null());
	put_counts(o, f);
	json_object_set_new(o, "skipped", skipped(f));
	json_object_set_new(o, "age_seconds", f != NULL ? json_integer(age(c, now)) : json_null());
	json_object_set_new(o, "change", change(c));
	json_object_set_new(o, "refused", text(check_refusal(c)));
	return o;
}

int
check_json(const struct check *checks, size_t n, int64_t now, FILE *to)
{
	json_t *o = json_object(), *feeds = json_array();
	int err;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(feeds, one(&checks[i], now));
	json_object_set_new(o, "feeds", feeds);
	err = json_dumpf(o, to, JSON_COMPACT) == 0 && fputc('\n', to) != EOF ? 0 : -EIO;
	json_decref(o);
	return err;
}
