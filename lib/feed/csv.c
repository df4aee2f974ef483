// Every list that is a CSV with a header: one reader, and a description of each list's columns. Columns are found by name, never by position:
// the same list has had fourteen columns and fifteen.

#include "csv.h"
#include "feed/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// What a column may hold. Those up to LAST_SEEN can be named in the options.
enum {
	ADDRESS,
	PORT,
	FAMILY,
	STATUS, // online or offline
	CONFIDENCE,
	FIRST_SEEN,
	LAST_SEEN,
	TYPE,        // of the indicator in ADDRESS
	FAMILY_ID,   // Malpedia's
	COMPROMISED, // whether the host is a third party's
	COLUMNS
};

static const char *const roles[] = {"address", "port", "family", "status", "confidence", "first_seen", "last_seen"};
#define ROLES (sizeof(roles) / sizeof(roles[0]))

struct dialect {
	const char *columns[COLUMNS]; // NULL: it has none
	const char *mark;             // a further column that its header has; NULL: none
	unsigned optional;            // a bit for each column that a header may lack
	const char *types[4];         // of column TYPE: those that may be an address
	const char *before, *after;   // words around the family that are not its name
	bool has_ports;               // a row without a port is malformed
	bool has_reasons;             // a column behind those that the header names holds the family
	bool day_first;               // dates are 31-12-2026
};

#define BIT(column) (1u << (column))

static const struct dialect feodo = {
	.columns = {[ADDRESS] = "dst_ip",
		    [PORT] = "dst_port",
		    [FAMILY] = "malware",
		    [STATUS] = "c2_status",
		    [FIRST_SEEN] = "first_seen_utc",
		    [LAST_SEEN] = "last_online"},
	.optional = BIT(FAMILY) | BIT(STATUS) | BIT(FIRST_SEEN) | BIT(LAST_SEEN),
	.has_ports = true,
};

static const struct dialect threatfox = {
	.columns = {[ADDRESS] = "ioc_value",
		    [TYPE] = "ioc_type",
		    [FAMILY] = "malware_printable",
		    [FAMILY_ID] = "fk_malware",
		    [CONFIDENCE] = "confidence_level",
		    [FIRST_SEEN] = "first_seen_utc",
		    [LAST_SEEN] = "last_seen_utc",
		    [COMPROMISED] = "is_compromised"},
	.optional = ~(BIT(ADDRESS) | BIT(TYPE)),
	.types = {"ip:port"},
};

static const struct dialect sslbl = {
	.columns = {[ADDRESS] = "DstIP", [PORT] = "DstPort", [FIRST_SEEN] = "Firstseen"},
	.optional = BIT(FIRST_SEEN),
	.after = " C&C",
	.has_ports = true,
	.has_reasons = true,
};

static const struct dialect c2intel = {
	.columns = {[ADDRESS] = "ip", [FAMILY] = "ioc"},
	.before = "Possible ",
	.after = " C2 IP",
};

static const struct dialect sophos = {
	.columns = {[ADDRESS] = "Data", [TYPE] = "Indicator_type"},
	.types = {"ip", "ip_port", "url"}, // some "url" are an address and a port
};

static const struct dialect viriback = {
	.columns = {[ADDRESS] = "IP", [FAMILY] = "Family", [FIRST_SEEN] = "FirstSeen"},
	.mark = "URL",
	.day_first = true,
};

static const struct dialect *const dialects[FEED_FORMATS] = {
	[FEED_FEODO_CSV] = &feodo,     [FEED_THREATFOX_CSV] = &threatfox, [FEED_SSLBL_CSV] = &sslbl,
	[FEED_C2INTEL_CSV] = &c2intel, [FEED_SOPHOS_CSV] = &sophos,       [FEED_VIRIBACK_CSV] = &viriback,
};

// Header ---------------------------------------------------------------------------------------------------------------------------

// Which cell holds which column; -1: none.
struct header {
	int columns[COLUMNS];
};

// Whether the row names every column that the dialect needs.
static bool
is_header(const struct csv_row *row, const struct dialect *d, struct header *ret)
{
	if (d->mark != NULL && csv_column(row, d->mark) < 0)
		return false;
	for (int c = 0; c < COLUMNS; c++) {
		ret->columns[c] = d->columns[c] != NULL ? csv_column(row, d->columns[c]) : -1;
		if (d->columns[c] != NULL && ret->columns[c] < 0 && !(d->optional & BIT(c)))
			return false;
	}
	if (d->has_reasons)
		ret->columns[FAMILY] = (int)row->n;
	return true;
}

// A line without the '#' of a comment, in which some lists have their header.
static int
split_bare(const char *text, size_t len, struct csv_row *ret)
{
	for (; len > 0 && (text[0] == '#' || text[0] == ' '); len--)
		text++;
	return csv_split(text, len, ret);
}

// Whether a comment before the first row, or the first row, is a header of the dialect.
static bool
has_header(const char *bytes, size_t len, const struct dialect *d)
{
	const char *at = bytes, *text;
	struct header header;
	struct csv_row row;
	size_t n;

	while (feed_line(&at, bytes + len, &text, &n)) {
		if (n == 0)
			continue;
		if (split_bare(text, n, &row) == 0 && is_header(&row, d, &header))
			return true;
		if (text[0] != '#')
			return false;
	}
	return false;
}

// "First seen", "dst_ip": words, as names of columns are and addresses, domains and URLs are not.
static bool
is_word(const struct csv_cell *c)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-";

	return c->len > 0 && strspn(c->text, letters) > 0 && strspn(c->text, more) == c->len;
}

// Whether the first row names columns, two at least, of whatever list.
static bool
has_words(const char *bytes, size_t len)
{
	const char *at = bytes, *text;
	struct csv_row row;
	size_t n, words = 0;

	while (feed_line(&at, bytes + len, &text, &n)) {
		if (n == 0 || text[0] == '#' || text[0] == ';')
			continue;
		if (csv_split(text, n, &row) < 0)
			return false;
		while (words < row.n && is_word(&row.cells[words]))
			words++;
		return words == row.n && words > 1;
	}
	return false;
}

// Columns that the options name --------------------------------------------------------------------------------------------------------

#define MAP_BYTES 1024

struct map { // "address=dst_ip,port=dst_port"
	struct dialect dialect;
	char text[MAP_BYTES]; // that it points into
};

static int
find_role(const char *name)
{
	for (size_t i = 0; i < ROLES; i++)
		if (strcmp(roles[i], name) == 0)
			return (int)i;
	return -1;
}

static char *
trim(char *text)
{
	size_t n;

	text += strspn(text, " ");
	for (n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
		;
	text[n] = '\0';
	return text;
}

// NULL, or what is wrong with it.
static const char *
read_map(const char *text, struct map *ret)
{
	char *rest = ret->text, *pair, *key, *name;
	int role;

	*ret = (struct map){.dialect = {.mark = NULL}};
	if (strlen(text) >= sizeof(ret->text))
		return "is too long; write at most 1,023 bytes";
	strcpy(ret->text, text);
	while ((pair = strsep(&rest, ",")) != NULL) {
		key = strsep(&pair, "=");
		if (pair == NULL || *(name = trim(pair)) == '\0')
			return "names no column; write address=dst_ip,port=dst_port";
		if ((role = find_role(trim(key))) < 0)
			return "names something else than address, port, family, status, confidence, first_seen, "
			       "last_seen";
		if (ret->dialect.columns[role] != NULL)
			return "names two columns for the same; keep one";
		ret->dialect.columns[role] = name;
	}
	return ret->dialect.columns[ADDRESS] != NULL ? NULL
						     : "says of no column that it is the address; write address=dst_ip";
}

const char *
feed_columns_check(const char *text)
{
	struct map map;

	return read_map(text, &map);
}

// Rows -----------------------------------------------------------------------------------------------------------------------------

struct reading {
	struct feed_pile *pile;
	const struct dialect *dialect;
	struct header header;
	bool has_header;
	bool undated;       // some date was none, and that was said
	struct csv_row row; // the current one
};

static struct csv_cell
cell(const struct reading *r, int column)
{
	return csv_get(&r->row, r->header.columns[column]);
}

static bool
is_null(const struct csv_cell *c)
{
	return c->len == 0 || csv_is(c, "None") || csv_is(c, "null") || csv_is(c, "unknown");
}

static bool
is_type_of_ours(const struct reading *r)
{
	struct csv_cell type = cell(r, TYPE);

	if (r->dialect->columns[TYPE] == NULL)
		return true;
	for (size_t i = 0; i < 4 && r->dialect->types[i] != NULL; i++)
		if (csv_is(&type, r->dialect->types[i]))
			return true;
	return false;
}

static bool
take_port(const struct reading *r, struct indicator *in)
{
	struct csv_cell port = cell(r, PORT);

	if (r->header.columns[PORT] < 0 || (is_null(&port) && !r->dialect->has_ports))
		return true;
	if (ip_parse_port(port.text, port.len, &in->port) == 0)
		return true;
	feed_skip(r->pile, FEED_SKIP_MALFORMED, port.text, port.len, "no port; a number from 1 to 65535 belongs there");
	return false;
}

static bool
take_address(const struct reading *r, struct indicator *in)
{
	struct csv_cell address = cell(r, ADDRESS), type = cell(r, TYPE);

	if (r->header.columns[TYPE] >= 0 && type.len == 0) {
		feed_skip(r->pile, FEED_SKIP_MALFORMED, address.text, address.len, "the row ends before its type");
		return false;
	}
	if (!is_type_of_ours(r)) {
		feed_skip(r->pile, FEED_SKIP_NOT_IP, address.text, address.len, "its type is none of an address");
		return false;
	}
	if (address.len > 0 && is_null(&address)) { // without a word the row was cut short
		feed_skip(r->pile, FEED_SKIP_NOT_IP, address.text, address.len, "the row names no address");
		return false;
	}
	return feed_address(r->pile, address.text, address.len, in) && take_port(r, in);
}

// "Possible Cobaltstrike C2 IP" -> "Cobaltstrike"
static struct csv_cell
without_words(struct csv_cell c, const char *before, const char *after)
{
	if (before != NULL && c.len > strlen(before) && strncmp(c.text, before, strlen(before)) == 0)
		c = (struct csv_cell){c.text + strlen(before), c.len - strlen(before)};
	if (after != NULL && c.len > strlen(after) && strcmp(c.text + c.len - strlen(after), after) == 0)
		c.len -= strlen(after);
	return c;
}

// A known id first, since names are spelt in many ways; then the name.
static name_id
family_of(const struct reading *r)
{
	struct csv_cell id = cell(r, FAMILY_ID), name = cell(r, FAMILY);
	name_id family = indicator_family_known(id.text, id.len);

	if (family != 0)
		return family;
	if (r->header.columns[FAMILY_ID] >= 0 && csv_is(&id, "unknown"))
		return 0;
	if (is_null(&name))
		return is_null(&id) ? 0 : indicator_family(id.text, id.len);
	name = without_words(name, r->dialect->before, r->dialect->after);
	return indicator_family(name.text, name.len);
}

static uint8_t
flags_of(const struct reading *r)
{
	struct csv_cell status = cell(r, STATUS), compromised = cell(r, COMPROMISED);
	uint8_t flags = 0;

	if (csv_is(&status, "online"))
		flags |= INDICATOR_ONLINE;
	if (csv_is(&status, "offline"))
		flags |= INDICATOR_OFFLINE;
	if (csv_is(&compromised, "true"))
		flags |= INDICATOR_COMPROMISED;
	return flags;
}

// 0: it says none, or none that could be.
static uint8_t
confidence_of(const struct reading *r)
{
	struct csv_cell c = cell(r, CONFIDENCE);
	unsigned long n = strspn(c.text, "0123456789") == c.len ? strtoul(c.text, NULL, 10) : 0;

	return n <= 100 ? (uint8_t)n : 0;
}

static int64_t
parse_time(const struct reading *r, const struct csv_cell *cell)
{
	struct csv_cell c = *cell;
	char date[11];

	if (!r->dialect->day_first)
		return feed_time(c.text, c.len);
	if (c.len != 10 || c.text[2] != '-' || c.text[5] != '-')
		return 0;
	snprintf(date, sizeof(date), "%.4s-%.2s-%.2s", c.text + 6, c.text + 3, c.text);
	return feed_time(date, 10);
}

// What ages by a date that is none never does: once for each list, somebody should know.
static int64_t
time_of(struct reading *r, int column)
{
	struct csv_cell c = cell(r, column);
	int64_t t = parse_time(r, &c);

	if (t == 0 && !is_null(&c) && !r->undated) {
		r->undated = true;
		problem_add(r->pile->problems, PROBLEM_WARNING, r->pile->path, r->pile->line,
			    r->dialect->columns[column],
			    "'%.40s' is no date such as 2026-07-31 12:00:00; a line without one does not age by it",
			    c.text);
	}
	return t;
}

// Some cell may have line breaks in its quotes. What stands on those lines is of the cell, whatever it looks like. -EINVAL and *len as it was: a
// quote was forgotten, and the next line is a row of its own.
static int
split_long(struct reading *r, const char *text, size_t rest, size_t *len)
{
	size_t n = csv_row_length(text, rest);
	int err = n > *len ? csv_split(text, n, &r->row) : -EINVAL;

	if (err != -EINVAL)
		*len = n;
	return err;
}

static void
read_cells(struct reading *r)
{
	struct indicator in = {0};

	if (!take_address(r, &in))
		return;
	in.family = family_of(r);
	in.flags = flags_of(r);
	in.confidence = confidence_of(r);
	in.first_seen = time_of(r, FIRST_SEEN);
	in.last_seen = time_of(r, LAST_SEEN);
	feed_keep(r->pile, &in);
}

// `rest`: bytes of the file from here on. Returns how many of them were the row.
static size_t
read_row(struct reading *r, const char *text, size_t len, size_t rest)
{
	int err = csv_split(text, len, &r->row);

	if (err == -EINVAL)
		err = split_long(r, text, rest, &len);
	if (err == 0)
		read_cells(r);
	else
		feed_skip(r->pile, FEED_SKIP_MALFORMED, text, len,
			  "a quote stays open, or the row is longer than 8 KiB");
	return len;
}

// File -----------------------------------------------------------------------------------------------------------------------------

// The first column that the header should have named.
static const char *
missing_column(const struct reading *r)
{
	const struct dialect *d = r->dialect;

	for (int c = 0; c < COLUMNS; c++)
		if (d->columns[c] != NULL && !(d->optional & BIT(c)) && csv_column(&r->row, d->columns[c]) < 0)
			return d->columns[c];
	return d->mark;
}

static int
refuse_header(const struct reading *r)
{
	const char *missing = missing_column(r);
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < r->row.n && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
					 r->row.cells[i].text);
	if (missing != NULL)
		problem_add(r->pile->problems, PROBLEM_ERROR, r->pile->path, r->pile->line, NULL,
			    "has no column '%s'; those that it has are: %s", missing, names);
	else
		problem_add(r->pile->problems, PROBLEM_ERROR, r->pile->path, r->pile->line, NULL,
			    "is a CSV of no list that is known here; say which of its columns is the address with "
			    "columns: {address: NAME}; they are: %s",
			    names);
	return -EINVAL;
}

static bool
take_header(struct reading *r, const char *text, size_t len)
{
	r->has_header = split_bare(text, len, &r->row) == 0 && r->dialect->columns[ADDRESS] != NULL &&
			is_header(&r->row, r->dialect, &r->header);
	return r->has_header;
}

// A row, which may be several lines.
static void
read_data(struct reading *r, const char *text, size_t len, const char **at, const char *end)
{
	const char *stop = text + read_row(r, text, len, (size_t)(end - text));

	while (*at < stop && feed_line(at, end, &text, &len))
		r->pile->line++;
}

static int
read_lines(struct reading *r, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len, *text;
	size_t n;

	while (feed_line(&at, end, &text, &n)) {
		r->pile->line++;
		if (n == 0)
			continue;
		if (text[0] == '#') {
			feed_comment(r->pile, text, n);
			if (!r->has_header)
				take_header(r, text, n);
		} else if (r->has_header) {
			read_data(r, text, n, &at, end);
		} else if (!take_header(r, text, n)) {
			return refuse_header(r);
		}
	}
	return 0;
}

static int
read_csv(struct feed_pile *pile, const char *bytes, size_t len)
{
	struct reading r = {.pile = pile, .dialect = dialects[pile->feed->format]};
	const char *wrong;
	struct map map = {.text = ""};

	if (r.dialect == NULL) {
		if (pile->options->columns != NULL && (wrong = read_map(pile->options->columns, &map)) != NULL) {
			problem_add(pile->problems, PROBLEM_ERROR, pile->path, 0, "columns", "%s", wrong);
			return -EINVAL;
		}
		r.dialect = &map.dialect;
	}
	return read_lines(&r, bytes, len);
}

static bool
is_feodo(const char *bytes, size_t len)
{
	return has_header(bytes, len, &feodo);
}

static bool
is_threatfox(const char *bytes, size_t len)
{
	return has_header(bytes, len, &threatfox);
}

static bool
is_sslbl(const char *bytes, size_t len)
{
	return has_header(bytes, len, &sslbl);
}

static bool
is_c2intel(const char *bytes, size_t len)
{
	return has_header(bytes, len, &c2intel);
}

static bool
is_sophos(const char *bytes, size_t len)
{
	return has_header(bytes, len, &sophos);
}

static bool
is_viriback(const char *bytes, size_t len)
{
	return has_header(bytes, len, &viriback);
}

const struct feed_reader feed_feodo_csv = {"feodo-csv", is_feodo, read_csv};
const struct feed_reader feed_threatfox_csv = {"threatfox-csv", is_threatfox, read_csv};
const struct feed_reader feed_sslbl_csv = {"sslbl-csv", is_sslbl, read_csv};
const struct feed_reader feed_c2intel_csv = {"c2intel-csv", is_c2intel, read_csv};
const struct feed_reader feed_sophos_csv = {"sophos-csv", is_sophos, read_csv};
const struct feed_reader feed_viriback_csv = {"viriback-csv", is_viriback, read_csv};
const struct feed_reader feed_csv = {"csv", has_words, read_csv};
