#include "report/parts.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// RFC 3339, UTC; the fraction only as long as it is.
static json_t *
when(int64_t ns, bool fraction)
{
	time_t s = ns / 1000000000;
	char text[64], digits[16];
	struct tm tm;
	size_t n;

	if (ns == 0)
		return json_null();
	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction && ns % 1000000000 != 0) {
		size_t d = (size_t)snprintf(digits, sizeof(digits), ".%09lld", (long long)(ns % 1000000000));

		while (d > 1 && digits[d - 1] == '0')
			d--;
		memcpy(text + n, digits, d);
		n += d;
	}
	strcpy(text + n, "Z");
	return json_string(text);
}

// Text from feeds and captures' names may be no UTF-8: what is not is replaced.
static json_t *
text(const char *s)
{
	json_t *j = json_string(s);
	char copy[512];
	size_t n = 0;

	if (j != NULL)
		return j;
	for (; s[n] != '\0' && n < sizeof(copy) - 1; n++)
		copy[n] = (unsigned char)s[n] < 0x80 ? s[n] : '?';
	copy[n] = '\0';
	return json_string(copy);
}

static json_t *
name(name_id id)
{
	return text(names_text(id));
}

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

// "a|b" -> ["a","b"]
static json_t *
names_list(name_id joined)
{
	json_t *list = json_array();
	const char *at = names_text(joined);

	while (*at != '\0') {
		size_t n = strcspn(at, "|");
		char item[256];

		snprintf(item, sizeof(item), "%.*s", (int)n, at);
		json_array_append_new(list, text(item));
		at += n + (at[n] == '|');
	}
	return list;
}

static json_t *
counts(const struct tally_counts *c)
{
	json_t *o = json_object();

	for (int i = 0; i < TALLY_COUNTERS; i++)
		json_object_set_new(o, tally_counter_name((enum tally_counter)i), number(c->n[i]));
	return o;
}

static json_t *
lanes(const struct report_sums *s)
{
	json_t *o = json_object();

	for (int l = 0; l < LANES; l++)
		if (s->there[l])
			json_object_set_new(o, lane_name((enum lane)l), counts(&s->lanes[l]));
	return o;
}

static json_t *
capture(const struct report_capture *c)
{
	json_t *o = json_object(), *files = json_array(), *verdicts = json_object(), *notes = json_object();

	for (size_t i = 0; i < c->n_files; i++)
		json_array_append_new(files, text(c->files[i]));
	for (int v = 0; v < PKT_VERDICTS; v++)
		json_object_set_new(verdicts, pkt_verdict_name((enum pkt_verdict)v), number(c->verdicts[v]));
	for (int n = 0; n < PKT_NOTES; n++)
		json_object_set_new(notes, pkt_note_name((enum pkt_note)n), number(c->notes[n]));
	json_object_set_new(notes, "snap_cut", number(c->snap_cut));
	json_object_set_new(notes, "fragments", number(c->fragments));
	json_object_set_new(notes, "fragment_unresolved", number(c->unresolved));
	json_object_set_new(notes, "fragment_overlap", number(c->overlaps));
	json_object_set_new(notes, "portless", number(c->portless));
	json_object_set_new(notes, "overflow", number(c->overflow));
	json_object_set_new(notes, "coarse", number(c->coarse));
	json_object_set_new(notes, "uncounted", number(c->uncounted));
	json_object_set_new(notes, "evicted", number(c->evicted));
	json_object_set_new(o, "files", files);
	json_object_set_new(o, "first", when(c->first_ns, true));
	json_object_set_new(o, "last", when(c->last_ns, true));
	json_object_set_new(o, "packets", number(c->packets));
	json_object_set_new(o, "bytes", number(c->bytes));
	json_object_set_new(o, "verdicts", verdicts);
	json_object_set_new(o, "residual", json_integer(c->residual));
	json_object_set_new(o, "notes", notes);
	json_object_set_new(o, "beacon_overflow", number(c->beacon_overflow));
	return o;
}

static json_t *
indicators(const struct report_indicators *in)
{
	json_t *o = json_object(), *feeds = json_array();

	for (size_t i = 0; i < in->n_feeds; i++) {
		json_t *f = json_object();

		json_object_set_new(f, "path", text(in->feeds[i].path));
		json_object_set_new(f, "format", text(in->feeds[i].format));
		json_object_set_new(f, "entries", number(in->feeds[i].entries));
		json_object_set_new(f, "skipped", number(in->feeds[i].skipped));
		json_array_append_new(feeds, f);
	}
	json_object_set_new(o, "generation", number(in->generation));
	json_object_set_new(o, "entries", number(in->entries));
	json_object_set_new(o, "feeds", feeds);
	return o;
}

static json_t *
totals(const struct report *r, const struct report_parts *p)
{
	json_t *o = counts(tally_totals(r->tally));

	json_object_set_new(o, "victims", number(p->victims));
	json_object_set_new(o, "victims_all", number(p->victims_all));
	json_object_set_new(o, "victims_left_out", number(tally_victims_left_out(r->tally)));
	return o;
}

// Seconds with the milliseconds that there are: JSON_REAL_PRECISION below keeps them short.
static json_t *
beacon(const struct beacon_result *b)
{
	json_t *o;

	if (b->intervals == 0)
		return json_null();
	o = json_object();
	json_object_set_new(o, "of", text(beacon_kind_name(b->of)));
	json_object_set_new(o, "period_seconds", json_real((double)b->period_ms / 1000));
	json_object_set_new(o, "score", number(b->score));
	json_object_set_new(o, "intervals", number(b->intervals));
	return o;
}

static json_t *
controller(const struct report_controller *c)
{
	const struct tally_controller *t = c->controller;
	json_t *o = json_object();
	char address[IP_TEXT_MAX];

	json_object_set_new(o, "address", text(ip_format(&t->addr, address)));
	json_object_set_new(o, "families", names_list(t->match.families));
	json_object_set_new(o, "feeds", names_list(t->match.feeds));
	json_object_set_new(o, "country", name(t->network.country));
	json_object_set_new(o, "network", name(t->network.network));
	json_object_set_new(o, "organizations", number(c->organizations));
	json_object_set_new(o, "victims", number(c->victims));
	json_object_set_new(o, "victims_all", number(c->victims_all));
	json_object_set_new(o, "beacon", beacon(&c->beacon));
	json_object_set_new(o, "lanes", lanes(&c->sums));
	json_object_set_new(o, "first", when(t->first_ns, false));
	json_object_set_new(o, "last", when(t->last_ns, false));
	return o;
}

// One family of an organization: its cells are not together, since they are sorted by controller first.
static json_t *
family(const struct report_org *org, name_id id)
{
	struct report_sums sums = {0};
	int64_t first = INT64_MAX, last = INT64_MIN;
	json_t *o = json_object();

	for (size_t i = 0; i < org->n_cells; i++)
		if (org->cells[i].family == id)
			report_sums_add(&sums, &org->cells[i]);
	for (size_t i = 0; i < org->n_victim_rows; i++) {
		const struct tally_victim *v = &org->victim_rows[i];

		if (v->family != id)
			continue;
		first = v->first_ns < first ? v->first_ns : first;
		last = v->last_ns > last ? v->last_ns : last;
	}
	json_object_set_new(o, "victims", number(report_victims(org->victim_rows, org->n_victim_rows, id, true)));
	json_object_set_new(o, "first", when(first, false));
	json_object_set_new(o, "last", when(last, false));
	json_object_set_new(o, "lanes", lanes(&sums));
	return o;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(names_text(*(const name_id *)a), names_text(*(const name_id *)b));
}

static json_t *
by_family(const struct report_org *org)
{
	name_id *ids = calloc(org->n_cells + 1, sizeof(*ids));
	json_t *o = json_object();

	if (ids == NULL)
		return o;
	for (size_t i = 0; i < org->n_cells; i++)
		ids[i] = org->cells[i].family;
	qsort(ids, org->n_cells, sizeof(*ids), compare_texts);
	for (size_t i = 0; i < org->n_cells; i++)
		if (i == 0 || ids[i] != ids[i - 1])
			json_object_set_new(o, names_text(ids[i]), family(org, ids[i]));
	free(ids);
	return o;
}

static json_t *
organization(const struct report_org *org)
{
	const struct org_facts *f = &org->org->facts;
	json_t *o = json_object();

	json_object_set_new(o, "id", name(f->id));
	json_object_set_new(o, "name", name(f->name));
	json_object_set_new(o, "sector", name(f->sector));
	json_object_set_new(o, "country", name(f->country));
	json_object_set_new(o, "attribution", text(org_attribution_name(f->attribution)));
	json_object_set_new(o, "watched", json_boolean(f->watched));
	json_object_set_new(o, "suspected", json_boolean(org->suspected));
	json_object_set_new(o, "evidence", text(contact_evidence_name(org->evidence)));
	json_object_set_new(o, "victims", number(org->victims));
	json_object_set_new(o, "victims_all", number(org->victims_all));
	json_object_set_new(o, "beacon", beacon(&org->beacon));
	json_object_set_new(o, "by_family", by_family(org));
	json_object_set_new(o, "first", when(org->org->first_ns, false));
	json_object_set_new(o, "last", when(org->org->last_ns, false));
	return o;
}

static const char *
protocol(uint8_t proto, char ret[static 8])
{
	switch (proto) {
	case FLOW_TCP:
		return "tcp";
	case FLOW_UDP:
		return "udp";
	case FLOW_ICMP:
		return "icmp";
	case FLOW_ICMP6:
		return "icmp6";
	case FLOW_SCTP:
		return "sctp";
	default:
		snprintf(ret, 8, "%u", proto);
		return ret;
	}
}

static json_t *
tunnel(const struct flow_tunnel *t)
{
	char text_of[FLOW_TUNNEL_TEXT_MAX];

	return t->n > 0 ? text(flow_tunnel_format(t, text_of)) : json_null();
}

// Only TCP shows how a conversation began.
static json_t *
start(const struct contact_report *r)
{
	if (r->proto != FLOW_TCP || r->portless)
		return json_null();
	return text(r->start_missed ? "missed" : "seen");
}

static json_t *
contact(const struct report_contact *c)
{
	const struct contact_end *victim = &c->last.ends[0], *controller_end = &c->last.ends[1];
	char address[IP_TEXT_MAX], other[IP_TEXT_MAX], proto[8];
	json_t *o = json_object();

	json_object_set_new(o, "victim", text(ip_format(&victim->addr, address)));
	json_object_set_new(o, "victim_port", number(victim->port));
	json_object_set_new(o, "controller", text(ip_format(&controller_end->addr, other)));
	json_object_set_new(o, "controller_port", number(controller_end->port));
	json_object_set_new(o, "protocol", text(protocol(c->last.proto, proto)));
	json_object_set_new(o, "match", text(controller_end->match.exact ? "exact" : "address"));
	json_object_set_new(o, "both_listed", json_boolean(victim->match.listed));
	json_object_set_new(o, "opener", text(contact_opener_name(c->last.opener)));
	json_object_set_new(o, "evidence", text(contact_evidence_name(c->last.evidence)));
	json_object_set_new(o, "start", start(&c->last));
	json_object_set_new(o, "view", text(c->last.one_way ? "one-way" : "both"));
	json_object_set_new(o, "portless", json_boolean(c->last.portless));
	json_object_set_new(o, "suspected", json_boolean(c->suspected));
	json_object_set_new(o, "lane", text(lane_name(c->lane)));
	json_object_set_new(o, "reason", name(c->reason));
	json_object_set_new(o, "family", name(controller_end->match.family));
	json_object_set_new(o, "feeds", names_list(controller_end->match.feeds));
	json_object_set_new(o, "organization", name(c->org));
	json_object_set_new(o, "tunnel", tunnel(&c->last.tunnels[c->packets[0] > 0 ? 0 : 1]));
	json_object_set_new(o, "tunnel_in", c->packets[1] > 0 ? tunnel(&c->last.tunnels[1]) : json_null());
	json_object_set_new(o, "beacon", beacon(&c->beacon));
	json_object_set_new(o, "packets_out", number(c->packets[0]));
	json_object_set_new(o, "packets_in", number(c->packets[1]));
	json_object_set_new(o, "bytes_out", number(c->bytes[0]));
	json_object_set_new(o, "bytes_in", number(c->bytes[1]));
	json_object_set_new(o, "payload_out", number(c->payload[0]));
	json_object_set_new(o, "payload_in", number(c->payload[1]));
	json_object_set_new(o, "first", when(c->last.first_ns, true));
	json_object_set_new(o, "last", when(c->last.last_ns, true));
	return o;
}

static int
compare_contacts(const void *a, const void *b)
{
	const struct contact_report *x = &(*(const struct report_contact *const *)a)->last;
	const struct contact_report *y = &(*(const struct report_contact *const *)b)->last;
	int order;

	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	for (int e = 0; e < 2; e++) {
		if ((order = ip_compare(&x->ends[e].addr, &y->ends[e].addr)) != 0)
			return order;
		if (x->ends[e].port != y->ends[e].port)
			return x->ends[e].port - y->ends[e].port;
	}
	if (x->proto != y->proto || x->portless != y->portless)
		return x->proto != y->proto ? x->proto - y->proto : x->portless - y->portless;
	return (x->id > y->id) - (x->id < y->id); // of one tuple, hence of one worker: in the order of their birth
}

static json_t *
contacts(const struct report *r)
{
	const struct report_contact **sorted = calloc(r->n_contacts + 1, sizeof(*sorted));
	json_t *list = json_array();

	if (sorted == NULL)
		return list;
	for (size_t i = 0; i < r->n_contacts; i++)
		sorted[i] = &r->contacts[i];
	qsort(sorted, r->n_contacts, sizeof(*sorted), compare_contacts);
	for (size_t i = 0; i < r->n_contacts; i++)
		json_array_append_new(list, contact(sorted[i]));
	free(sorted);
	return list;
}

static json_t *
whole(const struct report *r, const struct report_parts *p)
{
	json_t *o = json_object(), *controllers = json_array(), *organizations = json_array();

	for (size_t i = 0; i < p->n_controllers; i++)
		json_array_append_new(controllers, controller(&p->controllers[i]));
	for (size_t i = 0; i < p->n_orgs; i++)
		json_array_append_new(organizations, organization(&p->orgs[i]));
	json_object_set_new(o, "version", text(r->version));
	json_object_set_new(o, "capture", capture(&r->capture));
	json_object_set_new(o, "indicators", indicators(&r->indicators));
	json_object_set_new(o, "totals", totals(r, p));
	json_object_set_new(o, "controllers", controllers);
	json_object_set_new(o, "organizations", organizations);
	if (r->with_contacts)
		json_object_set_new(o, "contacts", contacts(r));
	return o;
}

int
report_json(const struct report *r, FILE *to)
{
	struct report_parts p;
	json_t *o;
	int err;

	if ((err = report_parts_build(r->tally, &p)) < 0)
		return err;
	o = whole(r, &p);
	err = json_dumpf(o, to, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) == 0 && fputc('\n', to) != EOF ? 0 : -EIO;
	json_decref(o);
	report_parts_free(&p);
	return err;
}
