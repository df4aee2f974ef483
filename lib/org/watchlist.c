#include "csv.h"
#include "input.h"
#include "lane.h"
#include "org/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX         62 // "w-" comes before it
#define NAME_MAX_BYTES 255

static const char *const names[ORG_COLUMNS] = {"network", "id", "name", "sector", "country", "lane", "watch"};

struct reading { // of one file
	struct org_watchlist *list;
	const char *path;
	name_id source; // its name without folders
	struct problem_list *problems;
	int columns[ORG_COLUMNS];
	unsigned line;
	int err;
};

int
org_watchlist_init(struct org_watchlist *w)
{
	*w = (struct org_watchlist){0};
	if (prefix_table_build(&w->networks) < 0 || asn_table_build(&w->systems) < 0)
		return -ENOMEM; // org_watchlist_fini frees the other
	return 0;
}

void
org_watchlist_fini(struct org_watchlist *w)
{
	prefix_table_free(w->networks);
	asn_table_free(w->systems);
	free(w->rows);
	*w = (struct org_watchlist){0};
}

static void
wrong(struct reading *r, const char *key, const char *what)
{
	problem_add(r->problems, PROBLEM_ERROR, r->path, r->line, key, "%s", what);
	r->err = -EINVAL;
}

static bool
is_id(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n >= 1 && n <= ID_MAX && id[n] == '\0';
}

static bool
is_country(const char *c)
{
	return c[0] == '\0' || (strlen(c) == 2 && strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2);
}

static void
take_network(struct reading *r, const char *text, struct org_row *row)
{
	size_t len = strlen(text);
	struct ip_prefix p;
	int got;

	if ((text[0] | 0x20) == 'a' && asn_parse(text, len, &row->asn) == 0)
		return;
	if (ip_parse_range(text, len, &row->range) == 0)
		return;
	if ((got = ip_parse_prefix(text, len, &p)) < 0) {
		wrong(r, "network",
		      "no address, network or AS number; write 192.0.2.0/24, 2001:db8::/48, 192.0.2.1-192.0.2.9 or "
		      "AS64500");
		return;
	}
	row->range = (struct ip_range){p.addr, ip_last(&p.addr, p.len)};
	if (got > 0)
		problem_add(r->problems, PROBLEM_WARNING, r->path, r->line, "network",
			    "%s has bits beyond its length, which are left out; write the first address of the network",
			    text);
}

static void
take_lane(struct reading *r, const char *text, struct org_facts *f)
{
	enum lane lane = LANE_COUNTED;

	if (text[0] != '\0' &&
	    (lane_parse(text, strlen(text), &lane) < 0 ||
	     (lane != LANE_SCANNER && lane != LANE_RESEARCH && lane != LANE_HOSTING && lane != LANE_COUNTED)))
		wrong(r, "lane", "unknown lane; write scanner, research, hosting, counted, or nothing");
	f->lane = (uint8_t)lane;
}

static void
check_watch(struct reading *r, const char *text)
{
	if (text[0] != '\0' && strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		wrong(r, "watch", "neither yes nor no; write one of them (nothing is yes)");
}

static void
take_id(struct reading *r, const char *id, struct org_facts *f)
{
	char text[ID_MAX + 3];

	if (!is_id(id)) {
		wrong(r, "id", "no id; write 1 to 62 of a-z 0-9 . _ -");
		return;
	}
	snprintf(text, sizeof(text), "w-%.62s", id);
	f->id = names_of(text);
}

static int
keep(struct org_watchlist *w, const struct org_row *row)
{
	size_t max = w->max == 0 ? 64 : w->max * 2;
	struct org_row *grown;

	if (w->n == w->max) {
		if ((grown = reallocarray(w->rows, max, sizeof(*grown))) == NULL)
			return -ENOMEM;
		w->rows = grown;
		w->max = max;
	}
	w->rows[w->n++] = *row;
	return 0;
}

static void
read_row(struct reading *r, const struct csv_row *cells)
{
	struct org_row row = {.facts = {.attribution = ORG_WATCHLIST, .line = r->line, .source = r->source},
			      .path = names_of(r->path)};
	const char *texts[ORG_COLUMNS];
	int before = r->err;

	r->err = 0;
	for (int c = 0; c < ORG_COLUMNS; c++)
		texts[c] = csv_get(cells, r->columns[c]).text;
	for (int c = ORG_NAME; c < ORG_COLUMNS; c++)
		row.said[c] = names_intern(texts[c], strnlen(texts[c], NAME_MAX_BYTES));
	take_network(r, texts[ORG_NETWORK], &row);
	if (!is_country(texts[ORG_COUNTRY]))
		wrong(r, "country", "no country code; write two capital letters (ISO 3166-1), such as AT");
	take_id(r, texts[ORG_ID], &row.facts);
	take_lane(r, texts[ORG_LANE], &row.facts);
	check_watch(r, texts[ORG_WATCH]);
	if (r->err == 0)
		r->err = keep(r->list, &row);
	r->err = r->err < 0 ? r->err : before;
}

static bool
read_header(struct reading *r, const struct csv_row *row)
{
	for (int c = 0; c < ORG_COLUMNS; c++)
		r->columns[c] = csv_column(row, names[c]);
	if (r->columns[ORG_NETWORK] >= 0 && r->columns[ORG_ID] >= 0)
		return true;
	wrong(r, NULL,
	      "no header of a watchlist; the first line must name the columns network and id (and may name name, "
	      "sector, country, lane, watch)");
	return false;
}

static void
read_lines(struct reading *r, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len, *line;
	bool header = false;
	struct csv_row row;
	size_t n;

	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		at += 3; // byte order mark
	while (csv_line(&at, end, &line, &n)) {
		r->line++;
		if (n == 0 || line[0] == '#')
			continue;
		if (csv_split(line, n, &row) < 0)
			wrong(r, NULL,
			      "no row: a quote stays open, or it is longer than 8 KiB; write one row on each line");
		else if (header)
			read_row(r, &row);
		else if (!(header = read_header(r, &row)))
			return;
	}
	if (!header) {
		r->line = 0;
		wrong(r, NULL, "is empty; write a header line with network,id,name,sector,country,lane,watch");
	}
}

int
org_watchlist_read(struct org_watchlist *w, const char *path, struct problem_list *problems)
{
	const char *slash = strrchr(path, '/');
	struct reading r = {.list = w,
			    .path = path,
			    .source = names_of(slash != NULL ? slash + 1 : path),
			    .problems = problems};
	struct input in;
	int err;

	if ((err = input_read(path, problems, &in)) < 0)
		return err;
	read_lines(&r, in.bytes, in.len);
	input_free(&in);
	return r.err;
}
