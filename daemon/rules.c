#include "rules.h"

#include "input.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
digest(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001B3u; // FNV-1a
	return h;
}

// Its problems were reported by the reader of the file already.
static void
digest_file(struct rules *r, const char *path)
{
	struct input in;

	if (input_read(path, NULL, &in) < 0)
		return;
	r->digest = digest(r->digest, in.bytes, in.len);
	input_free(&in);
}

// Lists ------------------------------------------------------------------------------------------------------------------------

struct build {
	const struct rules_options *options;
	struct problem_list *problems;
	struct rules *rules;
	struct indicator_list list; // of all feeds
};

static int
keep_facts(struct build *b, const struct report_feed *facts)
{
	struct report_feed *kept = &b->rules->feeds[b->rules->n_feeds];

	*kept = *facts;
	if ((kept->path = strdup(facts->path)) == NULL)
		return -ENOMEM;
	b->rules->n_feeds++;
	b->rules->digest = digest(b->rules->digest, &facts->digest, sizeof(facts->digest));
	return 0;
}

static struct report_feed
facts_of(const struct feed *f, const struct feed_options *o, size_t bytes)
{
	struct report_feed facts = {
		.path = o->path,
		.name = names_text(f->name),
		.id = f->name,
		.format = feed_format_name(f->format),
		.entries = f->entries,
		.valid = f->valid,
		.merged = f->merged,
		.modified = f->modified,
		.updated = f->updated,
		.digest = f->digest,
		.bytes = bytes,
		.min_entries = o->min_entries,
		.shortage = f->valid > 0 &&
			    (f->entries == 0 || indicator_list_count(&f->list) + f->merged < o->min_entries),
	};

	for (int s = 0; s < FEED_SKIPS; s++)
		facts.skipped += f->skipped[s];
	return facts;
}

static int
take_feed(struct build *b, struct feed *f, const struct report_feed *facts)
{
	int err;

	if (indicator_list_count(&b->list) == 0) { // a large list need not be copied
		indicator_list_free(&b->list);
		b->list = f->list;
		f->list = (struct indicator_list){0};
	} else if ((err = indicator_list_append(&b->list, &f->list)) < 0) {
		return err;
	}
	return keep_facts(b, facts);
}

static const struct report_feed *
previous_facts(const struct rules *previous, const char *path)
{
	for (size_t i = 0; previous != NULL && i < previous->n_feeds; i++)
		if (strcmp(previous->feeds[i].path, path) == 0)
			return &previous->feeds[i];
	return NULL;
}

static const struct history_list *
remembered(const struct history *h, const char *path)
{
	for (size_t i = 0; h != NULL && i < history_count(h); i++) {
		const struct history_list *l = history_list_of(history_set(h, i), path);

		if (l != NULL)
			return l;
	}
	return NULL;
}

// How many valid lines the list had that is in force; 0: none is.
static size_t
valid_before(const struct rules_options *o, const char *path)
{
	const struct report_feed *facts = previous_facts(o->previous, path);
	const struct history_list *l = facts == NULL ? remembered(o->history, path) : NULL;

	return facts != NULL ? facts->valid : l != NULL ? l->valid : 0;
}

static bool
is_refused_change(const struct build *b, const struct feed_options *o, const struct feed *f)
{
	return !b->options->force && feed_changes_too_much(f, o, valid_before(b->options, o->path), b->problems);
}

// The bytes of a list: of its file, or those that the history kept of it, which are as old as the file was.
static int
read_bytes(const struct build *b, const struct feed_options *o, const struct history_list *kept, struct input *ret)
{
	char *where;
	int err;

	if (kept == NULL)
		return input_read(o->path, b->problems, ret);
	if ((where = history_path(b->options->history, kept)) == NULL)
		return -ENOMEM;
	if ((err = input_read(where, b->problems, ret)) == 0)
		ret->modified = kept->modified;
	free(where);
	return err;
}

// Whether it is what was accepted then.
static int
check_kept(const struct build *b, const struct feed_options *o, const struct history_list *kept, const struct feed *f)
{
	if (f->digest == kept->digest)
		return 0;
	problem_add(b->problems, PROBLEM_ERROR, o->path, 0, NULL, "what indicators.state_dir kept of it is damaged");
	return -EIO;
}

static void
keep_bytes(const struct build *b, const struct feed_options *o, const struct feed *f, const struct input *in)
{
	int err = b->options->history != NULL ? history_keep(b->options->history, f->digest, in) : 0;

	if (err < 0)
		problem_add(b->problems, PROBLEM_WARNING, o->path, 0, NULL,
			    "cannot be kept for a restart, and with it nothing else can: %s; is there room where "
			    "indicators.state_dir is?",
			    strerror(-err));
}

// 0, or a negative errno with an error in the list.
static int
read_feed(struct build *b, const struct feed_options *o, const struct history_list *kept, struct report_feed *ret_facts,
	  struct feed **ret)
{
	struct feed *f = NULL;
	struct input in;
	int err;

	if ((err = read_bytes(b, o, kept, &in)) < 0)
		return err;
	if ((err = feed_read(o, &in, b->problems, &f)) == 0)
		err = kept != NULL ? check_kept(b, o, kept, f) : is_refused_change(b, o, f) ? -EDOM : 0;
	if (err == 0) {
		keep_bytes(b, o, f, &in);
		*ret_facts = facts_of(f, o, in.len);
	}
	input_free(&in);
	if (err < 0) {
		feed_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

static int
load_feed(struct build *b, const struct feed_options *o, const struct history_list *kept, bool held)
{
	struct report_feed facts;
	struct feed *f;
	int err;

	if ((err = read_feed(b, o, kept, &facts, &f)) < 0)
		return err;
	facts.held = held;
	err = take_feed(b, f, &facts);
	feed_free(f);
	return err;
}

// The newest that the history has of the list and that can be read. -ENOENT: it has nothing.
static int
hold_kept(struct build *b, const struct feed_options *o)
{
	const struct history *h = b->options->history;
	const struct history_list *l, *tried = NULL;
	int err = -ENOENT;

	for (size_t i = 0; err < 0 && err != -ENOMEM && h != NULL && i < history_count(h); i++) {
		l = history_list_of(history_set(h, i), o->path);
		if (l == NULL || (tried != NULL && l->digest == tried->digest))
			continue;
		err = load_feed(b, o, l, true);
		tried = l;
	}
	return err;
}

// What the list had before stays in force. -ENOENT: it had nothing.
static int
hold_feed(struct build *b, const struct feed_options *o)
{
	const struct report_feed *before = previous_facts(b->options->previous, o->path);
	struct report_feed held;
	int err;

	if (before == NULL)
		return hold_kept(b, o);
	held = *before;
	held.held = true;
	held.id = names_of(o->name); // another list may have its old name now
	held.name = names_text(held.id);
	if ((err = indicator_list_append_feed(&b->list, c2set_list(b->options->previous->c2), before->id, held.id)) < 0)
		return err;
	return keep_facts(b, &held);
}

// A list that is new and broken is left out, so that the others can change; but nobody starts with it.
static int
leave_out(struct build *b, const struct feed_options *o, int err)
{
	if (b->options->previous == NULL)
		return err;
	problem_add(b->problems, PROBLEM_ERROR, o->path, 0, NULL,
		    "is left out, as nothing of it was ever accepted; mend it before ratwatchd starts again, which it "
		    "would "
		    "prevent");
	return 0;
}

static int
add_feed(struct build *b, const struct feed_options *o)
{
	int err = load_feed(b, o, NULL, false), held;

	if (err == 0 || err == -ENOMEM)
		return err;
	if ((held = hold_feed(b, o)) == 0) {
		problem_add(b->problems, PROBLEM_ERROR, o->path, 0, NULL,
			    "keeps what it had, %zu entries; mend what the lines above name and reload",
			    b->rules->feeds[b->rules->n_feeds - 1].entries);
		return 0;
	}
	return held == -ENOMEM ? held : leave_out(b, o, err);
}

// "name" is 1, "name~2" is 2; 0: another name.
static unsigned long
number_of(const char *text, const char *name)
{
	size_t len = strlen(name);
	unsigned long n;
	char *end;

	if (strncmp(text, name, len) != 0 || (text[len] != '~' && text[len] != '\0'))
		return 0;
	if (text[len] == '\0')
		return 1;
	n = strtoul(text + len + 1, &end, 10);
	return *end == '\0' && n < INT_MAX ? n : 0;
}

// Lists of the same name in different folders: the second is called name~2. The operator's changes are a feed, too.
static char *
distinct_name(const struct build *b, const char *name)
{
	unsigned long last = strcmp(name, CHANGES_FEED) == 0;
	char *text;

	for (size_t i = 0; i < b->rules->n_feeds; i++) {
		unsigned long n = number_of(b->rules->feeds[i].name, name);

		last = n > last ? n : last;
	}
	if (last == 0)
		return strdup(name);
	return asprintf(&text, "%s~%lu", name, last + 1) == -1 ? NULL : text;
}

static int
add_named_feed(struct build *b, const struct feed_options *configured)
{
	struct feed_options o = *configured;
	char *name = distinct_name(b, o.name != NULL ? o.name : names_text(feed_name_of_file(o.path)));
	const struct history_set *set = b->options->return_to;
	int err;

	if (name == NULL)
		return -ENOMEM;
	o.name = name;
	o.now = b->options->now;
	err = set != NULL ? load_feed(b, &o, history_list_of(set, o.path), false) : add_feed(b, &o);
	free(name);
	return err;
}

static int
add_expanded(struct build *b, const struct feed_options *items, size_t n)
{
	struct report_feed *grown = reallocarray(b->rules->feeds, b->rules->n_feeds + n, sizeof(*grown));
	int err = 0;

	if (grown == NULL)
		return -ENOMEM;
	b->rules->feeds = grown;
	for (size_t i = 0; i < n; i++) {
		int failed = add_named_feed(b, &items[i]);

		err = failed < 0 ? failed : err;
	}
	return err;
}

// Paths of lists, as rules or a set of the history have them.
struct earlier {
	const struct rules *rules; // NULL: the set
	const struct history_set *set;
	size_t n;
};

static const char *
earlier_path(const struct earlier *e, size_t i)
{
	return e->rules != NULL ? e->rules->feeds[i].path : e->set->lists[i].path;
}

// In force, or at a start what was so last.
static struct earlier
latest(const struct rules_options *o)
{
	const struct history *h = o->history;

	if (o->previous != NULL)
		return (struct earlier){.rules = o->previous, .n = o->previous->n_feeds};
	if (h != NULL && history_count(h) > 0)
		return (struct earlier){.set = history_set(h, 0), .n = history_set(h, 0)->n};
	return (struct earlier){.n = 0};
}

// Two feeds of the configuration may name one file.
static bool
is_repeated(const struct earlier *e, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(earlier_path(e, i), earlier_path(e, j)) == 0)
			return true;
	return false;
}

// The files that the feed's path, or pattern, stood for then.
static int
add_earlier(struct build *b, const struct feed_options *o, const struct earlier *e)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < e->n; i++) {
		struct feed_options one = *o;

		one.path = earlier_path(e, i);
		if ((strcmp(o->path, one.path) == 0 || fnmatch(o->path, one.path, FNM_PATHNAME) == 0) &&
		    !is_repeated(e, i))
			err = add_expanded(b, &one, 1);
	}
	return err;
}

// A pattern that matches no file any more: somebody emptied the folder, or a download failed. The files that it matched keep what they had.
static int
hold_pattern(struct build *b, const struct feed_options *o)
{
	struct earlier e = latest(b->options);
	size_t before = b->rules->n_feeds;
	int err = add_earlier(b, o, &e);

	return err < 0 || b->rules->n_feeds > before ? err : -ENOENT;
}

static int
add_configured(struct build *b, const struct feed_options *o)
{
	const struct history_set *set = b->options->return_to;
	struct feed_options *items;
	size_t n;
	int err, held;

	if (set != NULL)
		return add_earlier(b, o, &(struct earlier){.set = set, .n = set->n});
	if ((err = feed_expand(o, b->problems, &items, &n)) == 0) {
		err = add_expanded(b, items, n);
		feed_expand_free(items, n);
		return err;
	}
	held = hold_pattern(b, o);
	return held != -ENOENT ? held : err == -ENOMEM ? err : leave_out(b, o, err);
}

// Files that a pattern matched before and matches no more: given up by whoever publishes them, or lost. Only people know.
static bool
is_of_pattern(const struct config *c, const char *path)
{
	for (size_t i = 0; i < c->indicators.n_feeds; i++)
		if (fnmatch(c->indicators.feeds[i].path, path, FNM_PATHNAME) == 0)
			return true;
	return false;
}

static bool
is_loaded(const struct rules *r, const char *path, size_t *place)
{
	// Mostly they are the same, in the same order.
	if (*place < r->n_feeds && strcmp(r->feeds[*place].path, path) == 0) {
		++*place;
		return true;
	}
	for (size_t i = 0; i < r->n_feeds; i++)
		if (strcmp(r->feeds[i].path, path) == 0) {
			*place = i + 1;
			return true;
		}
	return false;
}

static void
warn_of_gone(const struct build *b)
{
	struct earlier e = latest(b->options);
	size_t place = 0;

	for (size_t i = 0; i < e.n; i++) {
		const char *path = earlier_path(&e, i);

		if (!is_loaded(b->rules, path, &place) && is_of_pattern(b->options->config, path))
			problem_add(b->problems, PROBLEM_WARNING, path, 0, NULL,
				    "is gone, and with it its %zu entries; if that is wrong, put it back and reload",
				    e.rules != NULL ? e.rules->feeds[i].entries : e.set->lists[i].entries);
	}
}

// Every feed is read, so that all errors come in one go.
static int
add_feeds(struct build *b)
{
	const struct config *c = b->options->config;
	int err = 0;

	for (size_t i = 0; i < c->indicators.n_feeds; i++) {
		int failed = add_configured(b, &c->indicators.feeds[i]);

		err = failed < 0 ? failed : err;
	}
	if (err == 0 && b->options->return_to == NULL)
		warn_of_gone(b);
	return err;
}

// An indicator that the allowlist holds, or that holds a part of it, stays in the set and in lane allowed.
static void
mark_allowed(struct build *b)
{
	struct indicator_list *l = &b->list;
	struct indicator in;

	for (size_t i = 0; i < indicator_list_count(l); i++) {
		indicator_list_get(l, i, &in);
		indicator_list_flag(l, i, INDICATOR_ALLOWED, lane_allows(b->rules->lanes, &in.prefix));
	}
}

static bool
has_allowed(const struct rules *r)
{
	return r != NULL && lane_has(r->lanes, LANE_ALLOWED);
}

static int
build_c2(struct build *b)
{
	const struct rules_options *o = b->options;
	int err = o->without_feeds ? 0 : add_feeds(b);

	if (err == 0 && o->changes != NULL)
		err = changes_apply(o->changes, &b->list);
	if (err == 0 && o->now != 0)
		indicator_list_prune(&b->list, o->now);
	if (err == 0 && b->rules->lanes != NULL &&
	    (lane_has(b->rules->lanes, LANE_ALLOWED) || has_allowed(o->previous)))
		mark_allowed(b);
	if (err == 0)
		err = c2set_build(&b->list, o->generation, &b->rules->c2);
	indicator_list_free(&b->list);
	return err;
}

// The rest ---------------------------------------------------------------------------------------------------------------------

static int
build_orgs(struct rules *r, const struct config *c, struct problem_list *problems)
{
	const struct config_texts *w = &c->organizations.watchlists, *d = &c->organizations.databases;

	for (size_t i = 0; i < w->n; i++)
		digest_file(r, w->items[i]);
	for (size_t i = 0; i < d->n; i++)
		digest_file(r, d->items[i]);
	return org_build((const char *const *)w->items, w->n, (const char *const *)d->items, d->n, problems, &r->orgs);
}

static int
build_lanes(struct rules *r, const struct config *c, struct problem_list *problems)
{
	for (size_t i = 0; i < c->lanes.n_lists; i++)
		digest_file(r, c->lanes.lists[i].path);
	return lane_build(c->lanes.lists, c->lanes.n_lists, problems, &r->lanes);
}

// Nobody sees a list that can match nothing.
static void
check_as_lists(const struct rules *r, struct problem_list *problems)
{
	const char *list = lane_as_list(r->lanes);

	if (list != NULL && !org_has_database(r->orgs))
		problem_add(problems, PROBLEM_WARNING, list, 0, NULL,
			    "AS numbers match no address without a database that knows them; name one in "
			    "organizations.databases");
}

int
rules_build(const struct rules_options *o, struct problem_list *problems, struct rules **ret)
{
	struct rules *r = calloc(1, sizeof(*r));
	struct build b = {.options = o, .problems = problems, .rules = r};
	int families, c2, orgs, lanes;

	if (r == NULL)
		return -ENOMEM;
	r->generation = o->generation;
	r->digest = 0xCBF29CE484222325u;
	families = indicator_families_read(o->config->indicators.families, problems);
	lanes = build_lanes(r, o->config, problems);
	c2 = build_c2(&b);
	orgs = build_orgs(r, o->config, problems);
	if (families < 0 || c2 < 0 || orgs < 0 || lanes < 0) {
		rules_free(r);
		return families < 0 ? families : c2 < 0 ? c2 : orgs < 0 ? orgs : lanes;
	}
	check_as_lists(r, problems);
	*ret = r;
	return 0;
}

int
rules_change(const struct rules *previous, const struct changes *changes, uint64_t generation, struct rules **ret)
{
	struct rules *r = calloc(1, sizeof(*r));
	struct build b = {.rules = r};
	int err;

	if (r == NULL)
		return -ENOMEM;
	*r = *previous;
	r->generation = generation;
	err = indicator_list_append_others(&b.list, c2set_list(previous->c2), names_of(CHANGES_FEED));
	if (err == 0 && (err = changes_apply(changes, &b.list)) == 0) {
		if (lane_has(r->lanes, LANE_ALLOWED))
			mark_allowed(&b);
		err = c2set_build(&b.list, generation, &r->c2);
	}
	indicator_list_free(&b.list);
	if (err < 0) {
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_feeds; i++)
		free((char *)r->feeds[i].path);
	free(r->feeds);
	c2set_free(r->c2);
	org_free(r->orgs);
	lane_free(r->lanes);
	free(r);
}

void
rules_replace(struct rules *old, const struct rules *newer)
{
	if (old->orgs == newer->orgs) { // rules_change
		old->orgs = NULL;
		old->lanes = NULL;
		old->feeds = NULL;
		old->n_feeds = 0;
	}
	rules_free(old);
}

bool
rules_are(const struct rules *r, const struct history_set *set)
{
	if (r->n_feeds != set->n)
		return false;
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(r->feeds[i].path, set->lists[i].path) != 0 || r->feeds[i].digest != set->lists[i].digest)
			return false;
	return true;
}

int
rules_remember(const struct rules *r, struct history *h, int64_t now)
{
	struct history_set set = {.generation = r->generation, .loaded = now};
	struct c2set_facts facts;
	int err;

	c2set_facts(r->c2, &facts);
	set.entries = facts.entries;
	if ((set.lists = calloc(r->n_feeds + 1, sizeof(*set.lists))) == NULL)
		return -ENOMEM;
	for (; set.n < r->n_feeds; set.n++)
		set.lists[set.n] = (struct history_list){
			.path = (char *)(uintptr_t)r->feeds[set.n].path,
			.digest = r->feeds[set.n].digest,
			.bytes = r->feeds[set.n].bytes,
			.valid = r->feeds[set.n].valid,
			.entries = r->feeds[set.n].entries,
			.modified = r->feeds[set.n].modified,
		};
	err = history_add(h, &set);
	free(set.lists);
	return err;
}

const char *
rules_remember_error(int err)
{
	return err == -ENOENT ? "one of its lists could not be kept" : strerror(-err);
}
