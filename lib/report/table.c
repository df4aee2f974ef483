#include "region.h"
#include "report/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BAR 10 // characters of the longest bar

struct page {
	FILE *to;
	const struct report *report;
	const struct report_parts *parts;
};

// Text ---------------------------------------------------------------------------------------------------------------------------

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

// Exactly `width` columns and a blank: cut with an ellipsis, or filled. Counts UTF-8 characters; control characters become '?'.
static void
cell(FILE *to, const char *s, unsigned width)
{
	unsigned n = 0, used = 0;

	for (const char *p = s; *p != '\0'; p++)
		n += !is_continuation(*p);
	for (; *s != '\0'; s++) {
		if (!is_continuation(*s) && n > width && used == width - 1)
			break;
		used += !is_continuation(*s);
		fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, to);
	}
	if (n > width) {
		fputs("…", to);
		used++;
	}
	fprintf(to, "%*s ", (int)(width - used), "");
}

static void
cell_number(FILE *to, uint64_t n, unsigned width)
{
	fprintf(to, "%*" PRIu64 " ", (int)width, n);
}

static const char *
day(int64_t ns, char ret[static 16])
{
	time_t s = ns / 1000000000;
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(ret, 16, "%Y-%m-%d", &tm);
	return ret;
}

static void
cell_days(FILE *to, int64_t first_ns, int64_t last_ns)
{
	char first[16], last[16];

	fprintf(to, "%s..%s", day(first_ns, first), day(last_ns, last) + 5);
}

static void
title(const struct page *p, const char *text, size_t n)
{
	fprintf(p->to, "\n%s (%zu)\n", text, n);
	if (p->report->note != NULL)
		fprintf(p->to, "  [%s]\n", p->report->note);
}

// Sections -----------------------------------------------------------------------------------------------------------------------

static void
heading(const struct page *p)
{
	const struct report_capture *c = &p->report->capture;
	char first[16], last[16];

	fprintf(p->to, "ratwatch %s: ", p->report->version);
	for (size_t i = 0; i < c->n_files; i++)
		fprintf(p->to, "%s%s", i > 0 ? ", " : "", c->files[i]);
	fprintf(p->to, "\n%" PRIu64 " packets, %" PRIu64 " bytes", c->packets, c->bytes);
	if (c->packets > 0)
		fprintf(p->to, ", %s to %s (UTC)", day(c->first_ns, first), day(c->last_ns, last));
	fprintf(p->to, "; %zu indicators of %zu lists\n", p->report->indicators.entries, p->report->indicators.n_feeds);
}

static void
org_row(const struct page *p, const struct report_org *o, bool all)
{
	const struct org_facts *f = &o->org->facts;
	char families[128];

	fputs("  ", p->to);
	cell(p->to, names_text(f->name), 30);
	cell(p->to, names_text(f->sector), 22);
	cell(p->to, names_text(f->country), 2);
	cell(p->to, report_families(o, all, ",", families, sizeof(families)), 13);
	cell(p->to, contact_evidence_name(o->evidence), 8);
	cell_number(p->to, all ? o->victims_all : o->victims, 5);
	cell_number(p->to, o->sums.all.n[TALLY_CONTACTS], 8);
	cell_days(p->to, o->org->first_ns, o->org->last_ns);
	fputc('\n', p->to);
}

static void
org_header(const struct page *p)
{
	fprintf(p->to, "  %-30s %-22s %-2s %-13s %-8s %5s %8s %s\n", "organization", "sector", "cc", "families",
		"evidence", "hosts", "contacts", "first..last");
}

static int
by_victims(const void *a, const void *b)
{
	const struct report_org *x = *(const struct report_org *const *)a, *y = *(const struct report_org *const *)b;

	if (x->victims != y->victims)
		return x->victims < y->victims ? 1 : -1;
	return strcmp(names_text(x->org->facts.id), names_text(y->org->facts.id));
}

static void
suspected(const struct page *p, const struct report_org **orgs)
{
	size_t n = 0;

	for (size_t i = 0; i < p->parts->n_orgs; i++)
		if (p->parts->orgs[i].suspected)
			orgs[n++] = &p->parts->orgs[i];
	if (n > 0)
		qsort(orgs, n, sizeof(const struct report_org *), by_victims);
	title(p, "Suspected organizations", n);
	if (n == 0) {
		fputs("  none\n", p->to);
		return;
	}
	org_header(p);
	for (size_t i = 0; i < n; i++)
		org_row(p, orgs[i], false);
}

static size_t
most_victims(const struct report_parts *parts)
{
	size_t most = 1;

	for (size_t i = 0; i < parts->n_controllers; i++)
		most = parts->controllers[i].victims > most ? parts->controllers[i].victims : most;
	return most;
}

static int
by_hosts(const void *a, const void *b)
{
	const struct report_controller *x = a, *y = b;

	if (x->victims != y->victims)
		return x->victims < y->victims ? 1 : -1;
	return ip_compare(&x->controller->addr, &y->controller->addr);
}

// Period and score: "60.0s 97". Longer periods are given in minutes, hours or days.
static void
cell_beacon(FILE *to, const struct beacon_result *b)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
	double period = (double)b->period_ms / 1000;
	char text[32] = "";
	size_t u = 0;

	while (u < 3 && period < 2 * units[u].seconds)
		u++;
	if (b->intervals > 0)
		snprintf(text, sizeof(text), "%5.1f%s %3u", period / units[u].seconds, units[u].name, b->score);
	cell(to, text, 10);
}

static void
controller_row(const struct page *p, const struct report_controller *c, size_t most)
{
	char address[IP_TEXT_MAX], bar[BAR + 1];
	size_t length = (c->victims * BAR + most - 1) / most;

	memset(bar, '#', sizeof(bar));
	bar[length] = '\0';
	fputs("  ", p->to);
	cell(p->to, ip_format(&c->controller->addr, address), 17);
	cell(p->to, names_text(c->controller->network.country), 2);
	cell(p->to, names_text(c->controller->network.network), 32);
	cell(p->to, names_text(c->controller->match.families), 15);
	cell_number(p->to, c->organizations, 4);
	cell_number(p->to, c->victims, 5);
	cell_beacon(p->to, &c->beacon);
	fprintf(p->to, "%s\n", bar);
}

static void
controllers(const struct page *p)
{
	struct report_controller *sorted = calloc(p->parts->n_controllers + 1, sizeof(*sorted));
	size_t most = most_victims(p->parts), n = p->parts->n_controllers;

	title(p, "Controllers", n);
	if (n == 0)
		fputs("  none was seen\n", p->to);
	if (n == 0 || sorted == NULL) {
		free(sorted);
		return;
	}
	memcpy(sorted, p->parts->controllers, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_hosts);
	fprintf(p->to, "  %-17s %-2s %-32s %-15s %4s %5s %s\n", "address", "cc", "network", "families", "orgs", "hosts",
		"beacon");
	for (size_t i = 0; i < n; i++)
		controller_row(p, &sorted[i], most);
	free(sorted);
}

struct group {
	const char *name;
	size_t orgs, hosts;
};

static const char *
sector_of(const struct report_org *o)
{
	const char *s = names_text(o->org->facts.sector);

	return s[0] != '\0' ? s : "unknown";
}

static const char *
region_of_org(const struct report_org *o)
{
	return region_of(names_text(o->org->facts.country));
}

static int
by_orgs(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->orgs != y->orgs)
		return x->orgs < y->orgs ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void
add_to_group(struct group *groups, size_t *n, const char *name, const struct report_org *o)
{
	size_t i = 0;

	while (i < *n && strcmp(groups[i].name, name) != 0)
		i++;
	if (i == *n)
		groups[(*n)++] = (struct group){.name = name};
	groups[i].orgs++;
	groups[i].hosts += o->victims;
}

static void
groups(const struct page *p, const char *what, const char *(*key)(const struct report_org *))
{
	struct group *list = calloc(p->parts->n_orgs + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list != NULL && i < p->parts->n_orgs; i++)
		if (p->parts->orgs[i].suspected)
			add_to_group(list, &n, key(&p->parts->orgs[i]), &p->parts->orgs[i]);
	if (n > 0) {
		qsort(list, n, sizeof(*list), by_orgs);
		title(p, what, n);
		fprintf(p->to, "  %-44s %4s %5s\n", "", "orgs", "hosts");
	}
	for (size_t i = 0; i < n; i++) {
		fputs("  ", p->to);
		cell(p->to, list[i].name, 44);
		cell_number(p->to, list[i].orgs, 4);
		cell_number(p->to, list[i].hosts, 5);
		fputc('\n', p->to);
	}
	free(list);
}

// Pairs of organization and controller that make nobody suspected -------------------------------------------------------------------

static struct tally_counts
pair_counts(const struct report_org *o, const struct tally_pair *pair)
{
	struct report_sums sums = {0};

	for (size_t i = 0; i < o->n_cells; i++)
		if (ip_equal(&o->cells[i].controller, &pair->controller))
			report_sums_add(&sums, &o->cells[i]);
	return sums.all;
}

static size_t
pair_hosts(const struct report_org *o, const struct tally_pair *pair)
{
	size_t first = 0, n = 0;

	while (first < o->n_victim_rows && !ip_equal(&o->victim_rows[first].controller, &pair->controller))
		first++;
	while (first + n < o->n_victim_rows && ip_equal(&o->victim_rows[first + n].controller, &pair->controller))
		n++;
	return report_victims(o->victim_rows + first, n, 0, false);
}

static bool
is_set_aside(const struct tally_pair *pair)
{
	return pair->lane != LANE_COUNTED && pair->lane != LANE_SINKHOLE;
}

// Set aside: by organization and lane, since a scanner touches every controller.
static void
set_aside_row(const struct page *p, const struct report_org *o, enum lane lane)
{
	size_t controllers_seen = 0;
	name_id reason = 0;
	char why[300];

	for (size_t i = 0; i < o->n_pairs; i++)
		if (o->pairs[i].lane == lane) {
			controllers_seen++;
			reason = o->pairs[i].reason;
		}
	fputs("  ", p->to);
	cell(p->to, lane_name(lane), 9);
	cell(p->to, names_text(o->org->facts.name), 32);
	cell_number(p->to, o->victims_all, 5);
	cell_number(p->to, controllers_seen, 11);
	cell_number(p->to, o->sums.lanes[lane].n[TALLY_CONTACTS], 8);
	snprintf(why, sizeof(why), "%s", names_text(reason));
	fprintf(p->to, "%s\n", why);
}

static bool
has_lane(const struct report_org *o, enum lane lane)
{
	for (size_t i = 0; i < o->n_pairs; i++)
		if (o->pairs[i].lane == lane)
			return true;
	return false;
}

static void
set_aside(const struct page *p)
{
	size_t n = 0;

	for (int lane = 0; lane < LANE_SINKHOLE; lane++)
		for (size_t i = 0; i < p->parts->n_orgs; i++)
			n += has_lane(&p->parts->orgs[i], (enum lane)lane);
	if (n == 0)
		return;
	title(p, "Set aside", n);
	fprintf(p->to, "  %-9s %-32s %5s %11s %8s %s\n", "lane", "organization", "hosts", "controllers", "contacts",
		"because of");
	for (int lane = 0; lane < LANE_SINKHOLE; lane++)
		for (size_t i = 0; i < p->parts->n_orgs; i++)
			if (has_lane(&p->parts->orgs[i], (enum lane)lane))
				set_aside_row(p, &p->parts->orgs[i], (enum lane)lane);
}

static const char *
why_not_suspected(const struct tally_pair *pair, const struct tally_counts *n)
{
	if (n->n[TALLY_CONTACTS] > 0 && n->n[TALLY_CONTACTS] == n->n[TALLY_INBOUND])
		return "the controller opened every contact";
	if (pair->evidence == CONTACT_ATTEMPT)
		return "never answered";
	if (!pair->exact)
		return "another port than the list says";
	return "who opened is not known";
}

static void
not_suspected(const struct page *p)
{
	bool any = false;

	for (size_t i = 0; i < p->parts->n_orgs; i++)
		for (size_t j = 0; j < p->parts->orgs[i].n_pairs; j++) {
			const struct report_org *o = &p->parts->orgs[i];
			const struct tally_pair *pair = &o->pairs[j];
			struct tally_counts n;
			char address[IP_TEXT_MAX];

			if (pair->suspected || is_set_aside(pair))
				continue;
			if (!any)
				fputs("\nSeen, but no reason to suspect\n", p->to);
			if (!any && p->report->note != NULL)
				fprintf(p->to, "  [%s]\n", p->report->note);
			any = true;
			n = pair_counts(o, pair);
			fputs("  ", p->to);
			cell(p->to, names_text(o->org->facts.name), 32);
			cell(p->to, ip_format(&pair->controller, address), 17);
			cell_number(p->to, pair_hosts(o, pair), 5);
			cell_number(p->to, n.n[TALLY_CONTACTS], 8);
			fprintf(p->to, "%s\n", why_not_suspected(pair, &n));
		}
}

static void
other_networks(const struct page *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->parts->n_orgs; i++)
		n += p->parts->orgs[i].org->suspected && !p->parts->orgs[i].suspected;
	if (n == 0)
		return;
	title(p, "Other networks with suspected hosts: whose hosts they are is not known", n);
	org_header(p);
	for (size_t i = 0; i < p->parts->n_orgs; i++)
		if (p->parts->orgs[i].org->suspected && !p->parts->orgs[i].suspected)
			org_row(p, &p->parts->orgs[i], true);
}

// Nothing found ------------------------------------------------------------------------------------------------------------------

static void
age(FILE *to, int64_t then, int64_t now)
{
	if (then == 0)
		fputs("of unknown age", to);
	else if (now - then < 2 * 86400)
		fprintf(to, "%" PRId64 " hours old", (now - then) / 3600);
	else
		fprintf(to, "%" PRId64 " days old", (now - then) / 86400);
}

static void
nothing_found(const struct page *p)
{
	const struct report *r = p->report;

	fprintf(p->to,
		"\nNothing was found: %" PRIu64 " packets, the addresses of %" PRIu64 " of them looked up among %zu "
		"indicators.\n",
		r->capture.packets, r->capture.verdicts[PKT_PROBED], r->indicators.entries);
	for (size_t i = 0; i < r->indicators.n_feeds; i++) {
		const struct report_feed *f = &r->indicators.feeds[i];

		fprintf(p->to, "  %s: %zu entries, %zu lines skipped, ", f->path, f->entries, f->skipped);
		age(p->to, f->updated != 0 ? f->updated : f->modified, r->now);
		fputc('\n', p->to);
	}
	if (r->capture.packets == 0)
		fputs("  The capture holds no packets.\n", p->to);
	else if (r->indicators.n_feeds == 0)
		fputs("  No list was given: name one with -f FEED.\n", p->to);
	else if (r->capture.verdicts[PKT_PROBED] == 0)
		fputs("  No packet was IP as far as it could be read: the verdicts below say what they were.\n", p->to);
	else
		fputs("  Do lists and capture belong to the same time? Controllers move within weeks.\n", p->to);
}

static void
one_note(const struct page *p, bool *first, const char *name, uint64_t n)
{
	if (n == 0)
		return;
	fprintf(p->to, "%s%s %" PRIu64, *first ? "Notes:   " : ", ", name, n);
	*first = false;
}

// What is not zero; docs/packets.md says what each means.
static void
notes(const struct page *p)
{
	const struct report_capture *c = &p->report->capture;
	bool first = true;

	for (int n = 0; n < PKT_NOTES; n++)
		one_note(p, &first, pkt_note_name((enum pkt_note)n), c->notes[n]);
	one_note(p, &first, "snap_cut", c->snap_cut);
	one_note(p, &first, "fragments", c->fragments);
	one_note(p, &first, "fragment_unresolved", c->unresolved);
	one_note(p, &first, "fragment_overlap", c->overlaps);
	one_note(p, &first, "portless", c->portless);
	if (!first)
		fputc('\n', p->to);
}

static void
equation(const struct page *p)
{
	const struct report_capture *c = &p->report->capture;

	fprintf(p->to, "\nPackets: received %" PRIu64 " =", c->packets);
	for (int v = 0; v < PKT_VERDICTS; v++)
		fprintf(p->to, "%s%s %" PRIu64, v > 0 ? " + " : " ", pkt_verdict_name((enum pkt_verdict)v),
			c->verdicts[v]);
	fprintf(p->to, ", residual %" PRId64 "\n", c->residual);
	if (c->overflow > 0)
		fprintf(p->to,
			"Bound:   %" PRIu64
			" hits found the contact table full and are in no contact above; use more workers\n",
			c->overflow);
	if (c->evicted > 0)
		fprintf(p->to,
			"Bound:   %" PRIu64
			" unanswered contacts ended early to make room, and may be counted again; use more workers\n",
			c->evicted);
	if (c->beacon_overflow > 0)
		fprintf(p->to,
			"Bound:   the rhythm of %" PRIu64
			" pairs of victim and controller was forgotten to make room for others\n",
			c->beacon_overflow);
	notes(p);
}

int
report_table(const struct report *r, FILE *to)
{
	struct report_parts parts;
	struct page p = {.to = to, .report = r, .parts = &parts};
	const struct report_org **orgs;
	int err;

	if ((err = report_parts_build(r->tally, &parts)) < 0)
		return err;
	if ((orgs = calloc(parts.n_orgs + 1, sizeof(const struct report_org *))) == NULL) {
		report_parts_free(&parts);
		return -ENOMEM;
	}
	heading(&p);
	if (parts.n_controllers == 0) {
		nothing_found(&p);
	} else {
		suspected(&p, orgs);
		controllers(&p);
		groups(&p, "Suspected organizations by sector", sector_of);
		groups(&p, "Suspected organizations by region", region_of_org);
		set_aside(&p);
		not_suspected(&p);
		other_networks(&p);
	}
	equation(&p);
	free(orgs);
	report_parts_free(&parts);
	return ferror(to) ? -EIO : 0;
}
