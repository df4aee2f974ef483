#include "indicators.h"

#include "clock.h"
#include "names.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_AT_ONCE 1000

// What came of it ----------------------------------------------------------------------------------------------------------------

static json_t *
problems_of(const struct problem_list *problems)
{
	json_t *list = json_array();
	char text[1024];

	for (size_t i = 0; i < problems->n; i++)
		json_array_append_new(list, control_text(problem_format(&problems->items[i], text, sizeof(text))));
	if (problems->lost > 0)
		json_array_append_new(list, json_sprintf("%zu more are not shown", problems->lost));
	return list;
}

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
result_of(const struct reload_result *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "result", json_string(r->err == 0 ? "done" : "refused"));
	json_object_set_new(o, "generation", number(r->generation));
	json_object_set_new(o, "indicators", number(r->indicators));
	json_object_set_new(o, "before", number(r->before));
	json_object_set_new(o, "added", number(r->added));
	json_object_set_new(o, "removed", number(r->removed));
	json_object_set_new(o, "feeds", number(r->feeds));
	json_object_set_new(o, "held", number(r->held));
	json_object_set_new(o, "milliseconds", json_integer(r->milliseconds));
	json_object_set_new(o, "problems", problems_of(r->problems));
	return o;
}

// In the reload thread.
static void
answer(void *context, const struct reload_result *r)
{
	if (r->err == -ECANCELED)
		control_refuse(context, "ratwatchd ended before the reload; it reads everything anew when it starts");
	else
		control_answer(context, result_of(r));
}

void
indicators_request(const struct commands *c, struct reload_request *reload, struct control_request *request)
{
	int err;

	reload->done = answer;
	reload->context = request;
	if (c->sources.reload_thread == NULL)
		control_refuse(request, "there is no thread that reloads; restart ratwatchd");
	else if ((err = reload_thread_request(c->sources.reload_thread, reload)) == -EBUSY)
		control_refuse(request, "%d requests wait already; ask again when they are served", RELOAD_WAITING_MAX);
	else if (err < 0)
		control_refuse(request, "no memory; give the machine more of it");
	else
		return;
	reload_request_free(reload);
}

// Changes ----------------------------------------------------------------------------------------------------------------------

// NULL, or what is wrong with it.
static const char *
parse_change(json_t *from, bool allow_special, struct change *ret)
{
	const char *what, *prefix, *family = NULL, *reason = NULL;
	struct change c = {.since = clock_wall_ns() / 1000000000};
	json_int_t port = 0, until = 0;

	if (json_unpack(from, "{s:s, s:s, s?I, s?s, s?s, s?I !}", "change", &what, "prefix", &prefix, "port", &port,
			"family", &family, "reason", &reason, "until", &until) < 0)
		return "is no change; give change, prefix, and perhaps port, family, reason and until";
	if (ip_parse_prefix(prefix, strlen(prefix), &c.prefix) < 0)
		return "is no address or prefix; write 192.0.2.1, 192.0.2.1:443, 192.0.2.0/24 or 2001:db8::/48";
	if (c.prefix.len < (c.prefix.len >= 96 && ip_is_v4(&c.prefix.addr) ? 96 + 12 : 32))
		return "is wider than /12 (IPv6: /32); write a narrower prefix";
	if (port < 0 || port > UINT16_MAX)
		return "is no port; write one from 1 to 65535, or none";
	if (until != 0 && until <= c.since)
		return "ends in the past; write a later time";
	c.removes = strcmp(what, "remove") == 0;
	if (!c.removes && strcmp(what, "add") != 0)
		return "is no change; write add or remove";
	if (c.removes && port != 0)
		return "is taken out with all its ports; leave the port out";
	if (!c.removes && !allow_special && ip_special(&c.prefix) != NULL)
		return "is special-purpose address space; set indicators.allow_special: true for laboratories";
	c.port = (uint16_t)port;
	c.until = until;
	c.family = family != NULL ? strdup(family) : NULL;
	c.reason = reason != NULL ? strdup(reason) : NULL;
	*ret = c;
	return NULL;
}

static void
refuse_change(struct control_request *request, const json_t *change, size_t i, const char *wrong)
{
	const char *prefix = json_string_value(json_object_get(change, "prefix"));

	if (prefix != NULL)
		control_refuse(request, "'%.60s' %s; nothing was changed", prefix, wrong);
	else
		control_refuse(request, "change %zu %s; nothing was changed", i + 1, wrong);
}

void
indicators_change(void *context, const struct json_t *arguments, struct control_request *request)
{
	json_t *list = json_object_get(arguments, "indicators"), *item;
	struct reload_request reload = {.kind = RELOAD_CHANGE};
	const struct commands *c = context;
	const char *wrong = NULL;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > CHANGES_AT_ONCE) {
		control_refuse(request, "%zu changes; give 1 to %d", json_array_size(list), CHANGES_AT_ONCE);
		return;
	}
	if ((reload.changes = calloc(json_array_size(list), sizeof(*reload.changes))) == NULL) {
		control_refuse(request, "no memory; give the machine more of it");
		return;
	}
	json_array_foreach (list, i, item) {
		if ((wrong = parse_change(item, c->allow_special, &reload.changes[i])) != NULL)
			break;
		reload.n_changes++;
	}
	if (wrong != NULL) {
		refuse_change(request, item, i, wrong);
		reload_request_free(&reload);
		return;
	}
	indicators_request(c, &reload, request);
}

static json_t *
text_or_null(const char *text)
{
	return text == NULL || text[0] == '\0' ? json_null() : control_text(text);
}

static json_t *
time_or_null(int64_t t)
{
	return t == 0 ? json_null() : json_integer(t);
}

static json_t *
prefix_text(const struct ip_prefix *p)
{
	char text[IP_PREFIX_TEXT_MAX];

	return json_string(ip_format_prefix(p, text));
}

static void
show_change(void *context, const struct change *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "change", json_string(c->removes ? "remove" : "add"));
	json_object_set_new(o, "prefix", prefix_text(&c->prefix));
	json_object_set_new(o, "port", c->port != 0 ? json_integer(c->port) : json_null());
	json_object_set_new(o, "family", text_or_null(c->family));
	json_object_set_new(o, "reason", text_or_null(c->reason));
	json_object_set_new(o, "since", time_or_null(c->since));
	json_object_set_new(o, "until", time_or_null(c->until));
	json_array_append_new(context, o);
}

void
indicators_changes(void *context, const struct json_t *arguments, struct control_request *request)
{
	const struct commands *c = context;
	json_t *list = json_array();

	(void)arguments;
	if (c->sources.reload_thread != NULL)
		reload_thread_changes(c->sources.reload_thread, show_change, list);
	control_answer(request, json_pack("{s:o}", "changes", list));
}

// Look-up ----------------------------------------------------------------------------------------------------------------------

static json_t *
flags_of(const struct indicator *in)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {{INDICATOR_ALLOWED, "allowed"},
		     {INDICATOR_COMPROMISED, "compromised"},
		     {INDICATOR_SHARED, "shared"},
		     {INDICATOR_SINKHOLE, "sinkhole"},
		     {INDICATOR_REMOVED, "removed"}};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (in->flags & names[i].flag)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static const char *
status_of(const struct indicator *in)
{
	return in->flags & INDICATOR_ONLINE ? "online" : in->flags & INDICATOR_OFFLINE ? "offline" : "unknown";
}

// Where the list is that names it; its own name when it is no file.
static const char *
path_of(const struct rules *rules, name_id feed)
{
	for (size_t i = 0; i < rules->n_feeds; i++)
		if (rules->feeds[i].id == feed)
			return rules->feeds[i].path;
	return names_text(feed);
}

static json_t *
one_indicator(const struct rules *rules, const struct indicator *in, int64_t now)
{
	json_t *o = json_object();

	json_object_set_new(o, "prefix", prefix_text(&in->prefix));
	json_object_set_new(o, "port", in->port != 0 ? json_integer(in->port) : json_null());
	json_object_set_new(o, "protocol", in->proto != 0 ? json_integer(in->proto) : json_null());
	json_object_set_new(o, "family", text_or_null(names_text(in->family)));
	json_object_set_new(o, "feed", control_text(names_text(in->feed)));
	json_object_set_new(o, "path", control_text(path_of(rules, in->feed)));
	json_object_set_new(o, "line", json_integer(in->line));
	json_object_set_new(o, "confidence", json_integer(in->confidence));
	json_object_set_new(o, "status", json_string(status_of(in)));
	json_object_set_new(o, "flags", flags_of(in));
	json_object_set_new(o, "first_seen", time_or_null(in->first_seen));
	json_object_set_new(o, "last_seen", time_or_null(in->last_seen));
	json_object_set_new(o, "expires", time_or_null(in->expires));
	json_object_set_new(o, "in_force", json_boolean(in->expires == 0 || in->expires > now));
	return o;
}

json_t *
indicators_of(const struct rules *rules, const struct ip_addr *a, int64_t now)
{
	const struct indicator_list *l = c2set_list(rules->c2);
	json_t *o = json_object(), *list = json_array();
	char text[IP_TEXT_MAX];
	struct flow_match match;
	struct indicator in;
	size_t first, n;
	bool removed = false;

	c2set_describe(rules->c2, a, 0, 0, now, &match);
	if ((n = c2set_lookup(rules->c2, a, now, &first)) == 0)
		n = c2set_lookup(rules->c2, a, 0, &first); // what has ended
	for (size_t i = 0; i < n; i++) {
		indicator_list_get(l, first + i, &in);
		removed |= (in.flags & INDICATOR_REMOVED) && (in.expires == 0 || in.expires > now);
		json_array_append_new(list, one_indicator(rules, &in, now));
	}
	json_object_set_new(o, "address", json_string(ip_format(a, text)));
	json_object_set_new(o, "matches", json_boolean(match.listed));
	json_object_set_new(o, "removed", json_boolean(removed));
	json_object_set_new(o, "generation", number(rules->generation));
	json_object_set_new(o, "indicators", list);
	return o;
}

void
indicators_lookup(void *context, const struct json_t *arguments, struct control_request *request)
{
	const char *text = json_string_value(json_object_get(arguments, "address"));
	const struct commands *c = context;
	struct ip_addr a;
	json_t *found;

	if (text == NULL || ip_parse(text, strlen(text), &a) < 0) {
		control_refuse(request, "'%.60s' is no address; write 192.0.2.1 or 2001:db8::1, without a port",
			       text != NULL ? text : "");
		return;
	}
	// The rules cannot go away between online and offline.
	reload_reader_online(c->sources.reload, c->sources.reader);
	found = indicators_of(reload_rules(c->sources.reload), &a, clock_wall_ns() / 1000000000);
	reload_reader_offline(c->sources.reload, c->sources.reader);
	control_answer(request, found);
}
