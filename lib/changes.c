#include "changes.h"

#include "input.h"
#include "output.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
free_change(struct change *c)
{
	free(c->family);
	free(c->reason);
}

void
changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free_change(&c->items[i]);
	free(c->items);
	*c = (struct changes){0};
}

static bool
same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(&a->addr, &b->addr);
}

// Keeps those for which `goes` is false.
static size_t
sieve(struct changes *c, bool (*goes)(const struct change *, const void *), const void *context)
{
	size_t n = 0, gone;

	for (size_t i = 0; i < c->n; i++)
		if (goes(&c->items[i], context))
			free_change(&c->items[i]);
		else
			c->items[n++] = c->items[i];
	gone = c->n - n;
	c->n = n;
	return gone;
}

static bool
gives_way(const struct change *old, const void *context)
{
	const struct change *new = context;

	return same_prefix(&old->prefix, &new->prefix) && (old->removes != new->removes || old->port == new->port);
}

static bool
adds(const struct change *c, const void *context)
{
	return !c->removes && same_prefix(&c->prefix, context);
}

static bool
has_ended(const struct change *c, const void *context)
{
	return c->until != 0 && c->until <= *(const int64_t *)context;
}

size_t
changes_drop(struct changes *c, const struct ip_prefix *p)
{
	return sieve(c, adds, p);
}

size_t
changes_expire(struct changes *c, int64_t now)
{
	return sieve(c, has_ended, &now);
}

static int
copy_change(const struct change *from, struct change *ret)
{
	struct change c = *from;

	c.family = from->family != NULL ? strdup(from->family) : NULL;
	c.reason = from->reason != NULL ? strdup(from->reason) : NULL;
	if ((from->family != NULL && c.family == NULL) || (from->reason != NULL && c.reason == NULL)) {
		free_change(&c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

static int
make_room(struct changes *c)
{
	size_t max = c->max == 0 ? 16 : c->max * 2;
	struct change *grown;

	if (c->n < c->max)
		return 0;
	if ((grown = reallocarray(c->items, max, sizeof(*grown))) == NULL)
		return -ENOMEM;
	c->items = grown;
	c->max = max;
	return 0;
}

static bool
is_full(const struct changes *c, const struct change *change)
{
	size_t stay = 0;

	for (size_t i = 0; c->n >= CHANGES_MAX && i < c->n; i++)
		stay += !gives_way(&c->items[i], change);
	return stay >= CHANGES_MAX;
}

int
changes_put(struct changes *c, const struct change *change)
{
	struct change copy;
	int err;

	if (is_full(c, change))
		return -ENOSPC;
	if ((err = make_room(c)) < 0 || (err = copy_change(change, &copy)) < 0)
		return err;
	sieve(c, gives_way, change);
	c->items[c->n++] = copy;
	return 0;
}

int
changes_copy(const struct changes *from, struct changes *ret)
{
	struct changes c = {.generation = from->generation};
	int err;

	for (; c.n < from->n; c.n++)
		if ((err = make_room(&c)) < 0 || (err = copy_change(&from->items[c.n], &c.items[c.n])) < 0) {
			changes_free(&c);
			return err;
		}
	*ret = c;
	return 0;
}

int
changes_apply(const struct changes *c, struct indicator_list *list)
{
	name_id feed = names_of(CHANGES_FEED);
	int err = 0;

	for (size_t i = 0; err == 0 && i < c->n; i++) {
		const struct change *change = &c->items[i];
		struct indicator in = {
			.prefix = change->prefix,
			.port = change->port,
			.flags = change->removes ? INDICATOR_REMOVED : 0,
			.confidence = 100,
			.feed = feed,
			.line = (uint32_t)i + 1,
			.first_seen = change->since,
			.last_seen = change->since,
			.expires = change->until,
		};

		if (change->family != NULL)
			in.family = indicator_family(change->family, strlen(change->family));
		if (indicator_connects_in(in.family))
			in.flags |= INDICATOR_CONNECTS_IN;
		err = indicator_list_add(list, &in);
	}
	return err;
}

// JSON -------------------------------------------------------------------------------------------------------------------------

static json_t *
to_json(const struct change *c)
{
	char prefix[IP_PREFIX_TEXT_MAX];

	return json_pack("{s:s, s:s, s:i, s:s*, s:s*, s:I, s:I}", "change", c->removes ? "remove" : "add", "prefix",
			 ip_format_prefix(&c->prefix, prefix), "port", c->port, "family", c->family, "reason",
			 c->reason, "since", (json_int_t)c->since, "until", (json_int_t)c->until);
}

static int
from_json(json_t *j, struct change *ret)
{
	const char *change, *prefix, *family = NULL, *reason = NULL;
	json_int_t port, since, until;
	struct change c = {0};

	if (json_unpack(j, "{s:s, s:s, s:I, s?s, s?s, s:I, s:I}", "change", &change, "prefix", &prefix, "port", &port,
			"family", &family, "reason", &reason, "since", &since, "until", &until) < 0 ||
	    port < 0 || port > UINT16_MAX || ip_parse_prefix(prefix, strlen(prefix), &c.prefix) < 0)
		return -EINVAL;
	c.removes = strcmp(change, "remove") == 0;
	if (!c.removes && strcmp(change, "add") != 0)
		return -EINVAL;
	c.port = (uint16_t)port;
	c.since = since;
	c.until = until;
	c.family = (char *)(uintptr_t)family;
	c.reason = (char *)(uintptr_t)reason;
	*ret = c;
	return 0;
}

static int
read_all(const struct input *in, struct changes *ret)
{
	json_t *all = json_loadb(in->bytes, in->len, JSON_REJECT_DUPLICATES, NULL);
	json_t *list = json_object_get(all, "changes"), *one;
	json_int_t generation = json_integer_value(json_object_get(all, "generation"));
	int err = json_is_array(list) && generation >= 0 ? 0 : -EINVAL;
	struct change change; // borrows the texts of `one`
	size_t i;

	ret->generation = (uint64_t)generation;
	json_array_foreach (list, i, one) {
		if (err == 0 && (err = from_json(one, &change)) == 0)
			err = changes_put(ret, &change);
	}
	json_decref(all);
	return err;
}

int
changes_read(const char *path, struct problem_list *problems, struct changes *ret)
{
	struct changes c = {0};
	struct input in;
	int err;

	if (access(path, F_OK) == -1 && (errno == ENOENT || errno == ENOTDIR)) {
		*ret = c;
		return 0;
	}
	if ((err = input_read(path, problems, &in)) < 0)
		return err;
	if ((err = read_all(&in, &c)) < 0) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL,
			    "is damaged: what 'ratwatch indicators' changed cannot be read; mend it, or remove it to "
			    "start without");
		changes_free(&c);
	} else {
		*ret = c;
	}
	input_free(&in);
	return err;
}

int
changes_write(const char *path, const struct changes *c)
{
	json_t *list = json_array(),
	       *all = json_pack("{s:I, s:o}", "generation", (json_int_t)c->generation, "changes", list);
	char *text;
	int err = -ENOMEM;

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(list, to_json(&c->items[i]));
	if ((text = json_dumps(all, JSON_INDENT(1))) != NULL)
		err = output_write(path, text, strlen(text), true);
	json_decref(all);
	free(text);
	return err;
}
