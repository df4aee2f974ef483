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

enum { NETWORK, ID, NAME, SECTOR, COUNTRY, LANE, WATCH, COLUMNS };

static const char *const names[COLUMNS] = {"network", "id", "name", "sector", "country", "lane", "watch"};

struct reading { // of one file
	struct org_watchlist *list;
	const char *path;
	name_id source; // its name without folders
	struct problem_list *problems;
	int columns[COLUMNS];
	unsigned line;
	int err;
};

int
org_watchlist_init(struct org_watchlist *w)
{
	*w = (struct org_watchlist){0};
	return prefix_table_build(&w->table);
}

void
org_watchlist_fini(struct org_watchlist *w)
{
	prefix_table_free(w->table);
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
take_lane(struct reading *r, const char *text, struct org_facts *f)
{
	enum lane lane = LANE_COUNTED;

	if (text[0] != '\0' &&
	    (lane_parse(text, strlen(text), &lane) < 0 || lane == LANE_RETRACTED ||
	     (lane != LANE_SCANNER && lane != LANE_RESEARCH && lane != LANE_HOSTING && lane != LANE_COUNTED)))
		wrong(r, "lane", "unknown lane; write scanner, research, hosting, or nothing");
	f->lane = (uint8_t)lane;
}

static void
take_watch(struct reading *r, const char *text, struct org_facts *f)
{
	f->watched = strcmp(text, "no") != 0;
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
keep(struct org_watchlist *w, const struct ip_prefix *p, const struct org_facts *f)
{
	size_t max = w->max == 0 ? 64 : w->max * 2;
	struct org_facts *grown;

	if (w->n == w->max) {
		if ((grown = reallocarray(w->rows, max, sizeof(*grown))) == NULL)
			return -ENOMEM;
		w->rows = grown;
		w->max = max;
	}
	w->rows[w->n] = *f;
	return prefix_table_add(w->table, p, (uint32_t)w->n++);
}

static name_id
name_of(const char *text)
{
	return names_intern(text, strnlen(text, NAME_MAX_BYTES));
}

static void
read_row(struct reading *r, const struct csv_row *row)
{
	struct org_facts f = {.attribution = ORG_WATCHLIST, .line = r->line, .source = r->source};
	const char *texts[COLUMNS];
	struct ip_prefix p = {0};
	int before = r->err;

	r->err = 0;
	for (int c = 0; c < COLUMNS; c++)
		texts[c] = csv_get(row, r->columns[c]).text;
	if (ip_parse_prefix(texts[NETWORK], strlen(texts[NETWORK]), &p) < 0)
		wrong(r, "network", "no address or prefix; write 192.0.2.0/24 or 2001:db8::/48");
	if (!is_country(texts[COUNTRY]))
		wrong(r, "country", "no country code; write two capital letters (ISO 3166-1), such as AT");
	take_id(r, texts[ID], &f);
	take_lane(r, texts[LANE], &f);
	take_watch(r, texts[WATCH], &f);
	f.name = name_of(texts[NAME][0] != '\0' ? texts[NAME] : texts[ID]);
	f.sector = name_of(texts[SECTOR]);
	f.country = names_of(texts[COUNTRY]);
	if (r->err == 0)
		r->err = keep(r->list, &p, &f);
	r->err = r->err < 0 ? r->err : before;
}

static bool
read_header(struct reading *r, const struct csv_row *row)
{
	for (int c = 0; c < COLUMNS; c++)
		r->columns[c] = csv_column(row, names[c]);
	if (r->columns[NETWORK] >= 0 && r->columns[ID] >= 0)
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

struct sealing {
	const struct org_watchlist *list;
	struct problem_list *problems;
	int err;
};

static void
contradict(struct sealing *s, const struct org_facts *a, const struct org_facts *b, const char *key, const char *what)
{
	problem_add(s->problems, PROBLEM_ERROR, names_text(b->source), b->line, key,
		    "%s, see line %u of %s; make them one", what, a->line, names_text(a->source));
	s->err = -EINVAL;
}

static void
check_twice(void *context, uint32_t kept, uint32_t dropped)
{
	struct sealing *s = context;
	const struct org_facts *a = &s->list->rows[kept], *b = &s->list->rows[dropped];

	if (a->id != b->id)
		contradict(s, a, b, "network", "this network is another organization's already");
}

static int
compare_rows(const void *a, const void *b)
{
	const struct org_facts *x = *(const struct org_facts *const *)a, *y = *(const struct org_facts *const *)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x > y) - (x < y);
}

// Rows of one organization must agree on what they say of it.
static int
check_ids(struct sealing *s, struct org_watchlist *w)
{
	const struct org_facts **rows = calloc(w->n + 1, sizeof(*rows));

	if (rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++)
		rows[i] = &w->rows[i];
	qsort(rows, w->n, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < w->n; i++) {
		if (i == 0 || rows[i - 1]->id != rows[i]->id)
			w->ids++;
		else if (rows[i - 1]->name != rows[i]->name)
			contradict(s, rows[i - 1], rows[i], "name", "this id has another name already");
	}
	free(rows);
	return s->err;
}

int
org_watchlist_seal(struct org_watchlist *w, struct problem_list *problems)
{
	struct sealing s = {.list = w, .problems = problems};

	prefix_table_seal(w->table, check_twice, &s);
	return check_ids(&s, w);
}
