#include "csv.h"
#include "indicator.h"
#include "input.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALIAS_MAX  64  // bytes and the NUL
#define NAME_BYTES 128 // bytes of a family's name

// The name of a family, how others call it (as normalise leaves it), and who opens its connections. Where nothing else is said, the infected
// host connects to the controller.
static const struct {
	const char *name;
	bool connects_in; // the infected host listens, and the controller connects to it
	const char *aliases[8];
} families[] = {
	// The server part connects to the host it was built with (reverse connection), so lists name that host.
	{"Bozok", false, {"bozok", "bozokrat", "bezigaterat"}},
	// In no public list, and no public analysis says who connects: an operator who knows better says so in the families file.
	{"Cafeini", false, {"cafeini"}},
	{"DarkComet", false, {"darkcomet", "darkcometrat", "darkkomet", "breut", "fynloski", "klovbot"}},
	// Not darkgate, although Maltrail's list of that name claims this one as an alias.
	{"DarkTrackRAT", false, {"darktrackrat", "darktrack"}},
	{"Emotet", false, {"emotet", "geodo", "heodo"}},
	{"NanoCore", false, {"nanocore", "nanocorerat", "nancrat"}},
	// The server part listens on 12345, 12346 or 20034 and the attacker's client connects.
	{"NetBus", true, {"netbus"}},
	{"njRAT", false, {"njrat", "bladabindi", "limeworm", "njw0rm"}},
	// Its server may connect back as well; what the lists name are the hosts it connects back to.
	{"NuclearRAT", false, {"nuclearrat", "nuclear"}},
	{"OrcusRAT", false, {"orcusrat", "orcus", "schnorchel"}},
	{"PoisonIvy", false, {"poisonivy", "pivy", "lypserat"}},
	// The server part listens on 5110 and the attacker's client connects.
	{"ProRAT", true, {"prorat"}},
	// Its "server" runs on the infected host and connects out.
	{"XtremeRAT", false, {"xtremerat", "xtrat", "extremerat", "xtreme"}},
	// Peers of a botnet without centre: each opens contacts to those it knows, which are what lists name.
	{"ZeroAccess", false, {"zeroaccess", "sirefef", "max++", "maxplusplus", "smiscer"}},
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

// What the operator adds.
struct alias {
	char text[ALIAS_MAX];
	name_id family;
	unsigned line; // of the file
};

struct table {
	struct alias *aliases; // sorted
	size_t n;
	name_id *connects_in;
	size_t n_connects_in;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of `added`: whoever reads a list looks names up
static struct table added;

static void
drop_end(char *text, size_t *n, const char *end)
{
	size_t len = strlen(end);

	if (*n > len && strcmp(text + *n - len, end) == 0)
		text[ *n -= len] = '\0';
}

// Lower case without blanks, '_' and '-'; without the "win." before Malpedia's ids and the "Trojan IPs" or "C2 IPs" behind the names of
// C2-Tracker's files. false: too long to be an alias, or nothing.
static bool
normalise(const char *text, size_t len, char ret[static ALIAS_MAX])
{
	size_t n = 0;

	if (len > 4 && strncasecmp(text, "win.", 4) == 0) {
		text += 4;
		len -= 4;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == ' ' || c == '_' || c == '-')
			continue;
		if (n + 1 >= ALIAS_MAX)
			return false;
		ret[n++] = (char)tolower(c);
	}
	ret[n] = '\0';
	drop_end(ret, &n, "ips");
	drop_end(ret, &n, "c2");
	drop_end(ret, &n, "trojan");
	return n > 0;
}

static bool
is_called(size_t family, const char *alias)
{
	for (size_t i = 0; i < sizeof(families[0].aliases) / sizeof(families[0].aliases[0]); i++)
		if (families[family].aliases[i] != NULL && strcmp(families[family].aliases[i], alias) == 0)
			return true;
	return false;
}

static name_id
find_built_in(const char *alias)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (is_called(i, alias))
			return names_of(families[i].name);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct alias *)a)->text, ((const struct alias *)b)->text);
}

static name_id
find_added(const char *alias)
{
	const struct alias *found = NULL;
	struct alias wanted;
	name_id family;

	memcpy(wanted.text, alias, strlen(alias) + 1);
	pthread_mutex_lock(&lock);
	if (added.n > 0)
		found = bsearch(&wanted, added.aliases, added.n, sizeof(wanted), compare);
	family = found != NULL ? found->family : 0;
	pthread_mutex_unlock(&lock);
	return family;
}

name_id
indicator_family_known(const char *text, size_t len)
{
	char alias[ALIAS_MAX];
	name_id family;

	if (!normalise(text, len, alias))
		return 0;
	family = find_added(alias);
	return family != 0 ? family : find_built_in(alias);
}

// A list writes what it likes, but names are joined by '|' where several meet.
static name_id
intern_plain(const char *text, size_t len)
{
	char plain[NAME_BYTES];
	size_t n = len < sizeof(plain) ? len : sizeof(plain);

	for (size_t i = 0; i < n; i++)
		plain[i] = iscntrl((unsigned char)text[i]) || text[i] == '|' ? '_' : text[i];
	return names_intern(plain, n);
}

name_id
indicator_family(const char *text, size_t len)
{
	name_id family = indicator_family_known(text, len);

	return family != 0 ? family : intern_plain(text, len);
}

bool
indicator_connects_in(name_id family)
{
	bool found = false;

	if (family == 0)
		return false;
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].connects_in && strcmp(families[i].name, names_text(family)) == 0)
			return true;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < added.n_connects_in; i++)
		found |= added.connects_in[i] == family;
	pthread_mutex_unlock(&lock);
	return found;
}

// Reading the operator's file ------------------------------------------------------------------------------------------------------

enum { NAME, ALIAS, CONNECTS, COLUMNS };

struct reading {
	struct table table;
	const char *path;
	struct problem_list *problems;
	unsigned line;
	int columns[COLUMNS];
	int err;
};

static void
wrong(struct reading *r, const char *key, const char *what)
{
	problem_add(r->problems, PROBLEM_ERROR, r->path, r->line, key, "%s", what);
	r->err = -EINVAL;
}

static void
forget(struct table *t)
{
	free(t->aliases);
	free(t->connects_in);
	*t = (struct table){0};
}

static void *
grow(struct reading *r, void *array, size_t *n, size_t size)
{
	char *grown = reallocarray(*(void **)array, *n + 1, size);

	if (grown == NULL) {
		r->err = -ENOMEM;
		return NULL;
	}
	*(void **)array = grown;
	return grown + (*n)++ * size;
}

static void
add_alias(struct reading *r, const struct csv_cell *cell, const char *key, name_id family)
{
	struct alias alias = {.family = family, .line = r->line}, *place;

	if (!normalise(cell->text, cell->len, alias.text))
		wrong(r, key, "no name; write at most 63 letters, digits and signs");
	else if ((place = grow(r, &r->table.aliases, &r->table.n, sizeof(*place))) != NULL)
		*place = alias;
}

static bool
is_name(const struct csv_cell *c)
{
	for (size_t i = 0; i < c->len; i++)
		if (iscntrl((unsigned char)c->text[i]) || c->text[i] == '|')
			return false;
	return c->len > 0 && c->len <= NAME_BYTES;
}

// A family that is built in keeps its spelling, so that its counts stay together.
static name_id
spelling_of(const struct csv_cell *c)
{
	char alias[ALIAS_MAX], built_in[ALIAS_MAX];

	if (normalise(c->text, c->len, alias))
		for (size_t i = 0; i < FAMILIES; i++)
			if (normalise(families[i].name, strlen(families[i].name), built_in) &&
			    strcmp(alias, built_in) == 0)
				return names_of(families[i].name);
	return names_intern(c->text, c->len);
}

static void
take_connects(struct reading *r, const struct csv_cell *c, name_id family)
{
	name_id *place;

	if (c->len == 0)
		return;
	if (!csv_is(c, "inbound"))
		wrong(r, "connects",
		      "neither inbound nor nothing; write inbound where the controllers connect to their victims");
	else if ((place = grow(r, &r->table.connects_in, &r->table.n_connects_in, sizeof(*place))) != NULL)
		*place = family;
}

static void
read_row(struct reading *r, const struct csv_row *row)
{
	struct csv_cell name = csv_get(row, r->columns[NAME]), alias = csv_get(row, r->columns[ALIAS]);
	struct csv_cell connects = csv_get(row, r->columns[CONNECTS]);
	name_id family;

	if (!is_name(&name)) {
		wrong(r, "name", "no name of a family; write 1 to 128 bytes without '|'");
		return;
	}
	family = spelling_of(&name);
	add_alias(r, &name, "name", family);
	if (alias.len > 0)
		add_alias(r, &alias, "alias", family);
	take_connects(r, &connects, family);
}

static bool
read_header(struct reading *r, const struct csv_row *row)
{
	static const char *const names[COLUMNS] = {"name", "alias", "connects"};

	for (int c = 0; c < COLUMNS; c++)
		r->columns[c] = csv_column(row, names[c]);
	if (r->columns[NAME] >= 0 && r->columns[ALIAS] >= 0)
		return true;
	wrong(r, NULL, "no header of a table of families; the first line must be name,alias,connects");
	return false;
}

static void
read_lines(struct reading *r, const char *at, const char *end)
{
	bool header = false;
	struct csv_row row;
	const char *text;
	size_t n;

	if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3; // byte order mark
	while (r->err != -ENOMEM && csv_line(&at, end, &text, &n)) {
		r->line++;
		if (n == 0 || text[0] == '#')
			continue;
		if (csv_split(text, n, &row) < 0)
			wrong(r, NULL,
			      "no row: a quote stays open, or it is longer than 8 KiB; write one row on each line");
		else if (header)
			read_row(r, &row);
		else if (!(header = read_header(r, &row)))
			return;
	}
	r->line = 0;
	if (!header)
		wrong(r, NULL, "is empty; write a header line name,alias,connects");
}

static int
compare_lines(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;
	int order = compare(x, y);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

// Sorted, each alias once; one that stands for two families is an error.
static void
seal(struct reading *r)
{
	struct table *t = &r->table;
	char what[160];
	size_t n = 0;

	if (t->n > 0)
		qsort(t->aliases, t->n, sizeof(*t->aliases), compare_lines);
	for (size_t i = 0; i < t->n; i++) {
		if (n == 0 || strcmp(t->aliases[n - 1].text, t->aliases[i].text) != 0) {
			t->aliases[n++] = t->aliases[i];
		} else if (t->aliases[n - 1].family != t->aliases[i].family) {
			r->line = t->aliases[i].line;
			snprintf(what, sizeof(what), "'%s' is another family already, see line %u; keep one",
				 t->aliases[i].text, t->aliases[n - 1].line);
			wrong(r, "alias", what);
		}
	}
	t->n = n;
}

static void
use(struct table *t)
{
	struct table old;

	pthread_mutex_lock(&lock);
	old = added;
	added = *t;
	pthread_mutex_unlock(&lock);
	forget(&old);
}

int
indicator_families_read(const char *path, struct problem_list *problems)
{
	struct reading r = {.path = path, .problems = problems};
	struct input in;
	int err;

	if (path != NULL) {
		if ((err = input_read(path, problems, &in)) < 0)
			return err;
		read_lines(&r, in.bytes, in.bytes + in.len);
		input_free(&in);
		seal(&r);
	}
	if (r.err < 0) {
		forget(&r.table);
		return r.err;
	}
	use(&r.table);
	return 0;
}
