#include "explain.h"

#include "clock.h"
#include "indicators.h"
#include "names.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

// What is asked: a contact that the victim would open and that would be answered.
struct question {
	struct contact_report report;
	struct org_facts org;
	struct org_network network;
	enum lane lane;
	name_id reason;
	bool scanner; // by behaviour, right now
};

static json_t *
name(name_id id)
{
	return id == 0 ? json_null() : control_text(names_text(id));
}

static json_t *
source(const struct org_facts *f)
{
	char text[300];

	if (f->line == 0)
		return name(f->source);
	snprintf(text, sizeof(text), "%.255s:%u", names_text(f->source), f->line);
	return control_text(text);
}

static json_t *
organization(const struct org_facts *f)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", name(f->id));
	json_object_set_new(o, "name", name(f->name));
	json_object_set_new(o, "sector", name(f->sector));
	json_object_set_new(o, "country", name(f->country));
	json_object_set_new(o, "attribution", json_string(org_attribution_name(f->attribution)));
	json_object_set_new(o, "source", source(f));
	json_object_set_new(o, "watched", json_boolean(f->watched));
	json_object_set_new(o, "can_be_suspected", json_boolean(org_can_be_suspected(f->attribution)));
	return o;
}

// The collector knows what time it is from packets, which is now.
static json_t *
window(const struct commands *c, struct question *q)
{
	const struct victim_options *scanner = collector_scanner(c->sources.collector);
	struct victim_window w;
	json_t *o;

	if (!collector_window(c->sources.collector, &q->report.ends[0].addr, clock_wall_ns(), &w))
		return json_null();
	q->scanner = w.controllers >= scanner->controllers;
	o = json_object();
	json_object_set_new(o, "open", json_boolean(w.open));
	json_object_set_new(o, "controllers", json_integer((json_int_t)w.controllers));
	json_object_set_new(o, "waiting", json_integer((json_int_t)w.waiting));
	json_object_set_new(o, "limit", json_integer(scanner->controllers));
	json_object_set_new(o, "seconds", json_integer(scanner->window_s));
	json_object_set_new(o, "scanner", json_boolean(q->scanner));
	return o;
}

static json_t *
objections(const struct question *q)
{
	unsigned found = lane_objections(q->lane, &q->report, 0, 1);
	json_t *list = json_array();

	if (!q->report.ends[1].match.listed)
		json_array_append_new(list, json_string("no indicator in force names the controller"));
	for (unsigned i = 0; i < LANE_OBJECTIONS; i++)
		if (found & 1u << i)
			json_array_append_new(list, json_string(lane_objection_text((enum lane_objection)(1u << i))));
	if (q->scanner && q->lane > LANE_SCANNER)
		json_array_append_new(
			list,
			json_string("the victim behaves like a scanner: only two_way is not counted in lane scanner"));
	return list;
}

static json_t *
answer(const struct commands *c, const struct rules *rules, struct question *q)
{
	const struct contact_end *victim = &q->report.ends[0], *controller = &q->report.ends[1];
	const struct flow_match *m = &controller->match;
	json_t *o = indicators_of(rules, &controller->addr, clock_wall_ns() / 1000000000), *why;
	char text[IP_TEXT_MAX];

	json_object_del(o, "address");
	json_object_set_new(o, "victim", json_string(ip_format(&victim->addr, text)));
	json_object_set_new(o, "controller", json_string(ip_format(&controller->addr, text)));
	json_object_set_new(o, "port", controller->port != 0 ? json_integer(controller->port) : json_null());
	json_object_set_new(o, "match", !m->listed ? json_null() : json_string(m->exact ? "exact" : "address"));
	json_object_set_new(o, "family", name(m->family));
	json_object_set_new(o, "organization", organization(&q->org));
	json_object_set_new(o, "country", name(q->network.country));
	json_object_set_new(o, "network", name(q->network.network));
	json_object_set_new(o, "lane", m->listed ? json_string(lane_name(q->lane)) : json_null());
	json_object_set_new(o, "reason", name(q->reason));
	json_object_set_new(o, "window", window(c, q));
	why = objections(q);
	json_object_set_new(o, "suspected", json_boolean(json_array_size(why) == 0));
	json_object_set_new(o, "because_not", why);
	return o;
}

// The port that an indicator names, and its protocol, when the question names none.
static void
choose_port(const struct rules *rules, int64_t now, struct contact_end *controller, uint8_t *proto)
{
	size_t first, n = c2set_lookup(rules->c2, &controller->addr, now, &first);
	struct indicator in;

	for (size_t i = 0; i < n; i++) {
		indicator_list_get(c2set_list(rules->c2), first + i, &in);
		if (in.port == 0 || (controller->port != 0 && controller->port != in.port))
			continue;
		controller->port = in.port;
		*proto = in.proto != 0 ? in.proto : FLOW_TCP;
		return;
	}
}

static void
judge(const struct rules *rules, struct question *q)
{
	struct contact_report *r = &q->report;
	int64_t now = clock_wall_ns() / 1000000000;

	r->proto = FLOW_TCP;
	r->opener = CONTACT_VICTIM;
	r->evidence = CONTACT_ANSWERED;
	choose_port(rules, now, &r->ends[1], &r->proto);
	c2set_describe(rules->c2, &r->ends[0].addr, 0, r->proto, now, &r->ends[0].match);
	c2set_describe(rules->c2, &r->ends[1].addr, r->ends[1].port, r->proto, now, &r->ends[1].match);
	org_find(rules->orgs, &r->ends[0].addr, &q->org);
	org_network(rules->orgs, &r->ends[1].addr, &q->network);
	q->lane = lane_of(rules->lanes, r, 0, 1, &q->org, &q->reason);
}

static bool
read_ends(const char *victim, const char *controller, struct contact_report *ret)
{
	struct contact_end *c = &ret->ends[1];

	return victim != NULL && controller != NULL && ip_parse(victim, strlen(victim), &ret->ends[0].addr) == 0 &&
	       (ip_parse(controller, strlen(controller), &c->addr) == 0 ||
		ip_parse_endpoint(controller, strlen(controller), &c->addr, &c->port) == 0);
}

void
explain_contact(void *context, const struct json_t *arguments, struct control_request *request)
{
	const struct commands *c = context;
	const struct rules *rules;
	struct question q = {0};
	json_t *found;

	if (!read_ends(json_string_value(json_object_get(arguments, "victim")),
		       json_string_value(json_object_get(arguments, "controller")), &q.report)) {
		control_refuse(request,
			       "no two addresses; write 192.0.2.1 198.51.100.7, the second perhaps with a port");
		return;
	}
	// The rules cannot go away between online and offline.
	reload_reader_online(c->sources.reload, c->sources.reader);
	rules = reload_rules(c->sources.reload);
	judge(rules, &q);
	found = answer(c, rules, &q);
	reload_reader_offline(c->sources.reload, c->sources.reader);
	control_answer(request, found);
}
