#include "csv.h"
#include "input.h"
#include "org/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 255

int
org_networks_init(struct org_networks *w)
{
	*w = (struct org_networks){0};
	return prefix_table_build(&w->table);
}

void
org_networks_fini(struct org_networks *w)
{
	prefix_table_free(w->table);
	free(w->rows);
	*w = (struct org_networks){0};
}

static int
keep(struct org_networks *w, const struct ip_prefix *p, const struct org_network *row)
{
	size_t max = w->max == 0 ? 64 : w->max * 2;
	struct org_network *grown;

	if (w->n == w->max) {
		if ((grown = reallocarray(w->rows, max, sizeof(*grown))) == NULL)
			return -ENOMEM;
		w->rows = grown;
		w->max = max;
	}
	w->rows[w->n] = *row;
	return prefix_table_add(w->table, p, (uint32_t)w->n++);
}

struct columns {
	int address, country, network;
};

static bool
read_header(const char *line, size_t len, struct columns *ret)
{
	struct csv_row row;

	if (csv_split(line, len, &row) < 0)
		return false;
	*ret = (struct columns){csv_column(&row, "address"), csv_column(&row, "country"), csv_column(&row, "network")};
	return ret->address >= 0 && ret->country >= 0 && ret->network >= 0;
}

static name_id
name_of(const struct csv_row *row, int column)
{
	struct csv_cell cell = csv_get(row, column);

	return names_intern(cell.text, cell.len < NAME_MAX_BYTES ? cell.len : NAME_MAX_BYTES);
}

static int
read_row(struct org_networks *w, const char *line, size_t len, const struct columns *c)
{
	struct csv_cell address;
	struct org_network row;
	struct csv_row cells;
	struct ip_prefix p;

	if (csv_split(line, len, &cells) < 0)
		return -EINVAL;
	address = csv_get(&cells, c->address);
	if (ip_parse_prefix(address.text, address.len, &p) < 0)
		return -EINVAL;
	row.country = name_of(&cells, c->country);
	row.network = name_of(&cells, c->network);
	return keep(w, &p, &row);
}

static int
read_rows(struct org_networks *w, const char *path, const char *at, const char *end, const struct columns *c,
	  struct problem_list *problems)
{
	const char *text;
	int err = 0;
	size_t n;

	for (unsigned line = 2; csv_line(&at, end, &text, &n); line++)
		if (n > 0 && text[0] != '#' && read_row(w, text, n, c) < 0) {
			problem_add(problems, PROBLEM_ERROR, path, line, "address",
				    "no address or prefix; write 192.0.2.1 or 192.0.2.0/24");
			err = -EINVAL;
		}
	return err;
}

int
org_networks_read(struct org_networks *w, const char *path, struct problem_list *problems)
{
	const char *at, *header;
	struct columns c;
	struct input in;
	size_t len;
	int err;

	if ((err = input_read(path, problems, &in)) < 0)
		return err;
	at = in.bytes;
	if (!csv_line(&at, in.bytes + in.len, &header, &len) || len > 1024 || memchr(header, '\0', len) != NULL ||
	    !read_header(header, len, &c)) {
		input_free(&in);
		return 0;
	}
	err = read_rows(w, path, at, in.bytes + in.len, &c, problems);
	input_free(&in);
	return err < 0 ? err : 1;
}

void
org_networks_seal(struct org_networks *w)
{
	prefix_table_seal(w->table);
}
