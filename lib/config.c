#include "config.h"

#include "config/tree.h"
#include "input.h"
#include "ip.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define TEXT_MAX   4096 // bytes of one text
#define WANTED_MAX 384  // bytes that say what belongs into a key; the names of all formats of lists fit

#define TOP   ""
#define FEEDS "indicators.feeds"

struct choice {
	const char *name; // NULL ends the array
	int value;
};

// A key, and where its value goes: `offset` into struct config, or into struct feed_options for the keys of a feed.
struct key {
	struct config_key shown;
	size_t offset, size;
	size_t set_offset;                  // CONFIG_AUTO: the bool that notes that the value was given
	const struct choice *choices;       // CONFIG_CHOICE
	const char *(*choice_name)(int);    // instead of an array: the name of each value from 0 on; NULL ends it
	const char *(*check)(const char *); // texts: NULL, or "is wrong so; write this"
	enum lane lane;                     // CONFIG_LANE
};

static const char *
format_name(int value)
{
	return value < FEED_FORMATS ? feed_format_name((enum feed_format)value) : NULL;
}

static const struct choice layers[] = {
	{"any", PKT_ANY},
	{"inner", PKT_INNER},
	{"outer", PKT_OUTER},
	{NULL, 0},
};

static const struct choice levels[] = {
	{"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
	{"info", LOG_INFO}, {"debug", LOG_DEBUG},     {NULL, 0},
};

static const struct choice privacies[] = {
	{"plain", PRIVACY_PLAIN},
	{"keyed-hash", PRIVACY_KEYED_HASH},
	{"none", PRIVACY_NONE},
	{NULL, 0},
};

static const char *check_name(const char *);
static const char *check_label(const char *);
static const char *check_port(const char *);
static const char *check_url(const char *);
static const char *check_prefix(const char *);
static const char *check_socket(const char *);
static const char *check_listen(const char *);

// clang-format off
#define AT(field)      .offset = offsetof(struct config, field), .size = sizeof(((struct config *)0)->field)
#define AT_FEED(field) .offset = offsetof(struct feed_options, field), .size = sizeof(((struct feed_options *)0)->field)
#define LANE_FILES(name, which) \
	{{"lanes", name, CONFIG_LANE, NULL, NULL, 0, 0, false}, .offset = 0, .lane = (which)}

// The table. Manual page and example file follow it; tests compare them.
static const struct key keys[] = {
	{{"sensor", "name", CONFIG_TEXT, NULL, NULL, 0, 0, true}, AT(sensor.name), .check = check_name},

	{{"capture", "ports", CONFIG_TEXTS, NULL, NULL, 0, 0, true}, AT(capture.ports), .check = check_port},
	{{"capture", "workers", CONFIG_NUMBER, "1", "threads", 1, 64, true}, AT(capture.workers)},
	{{"capture", "queue_size", CONFIG_NUMBER, "1024", "descriptors", 64, 32768, true}, AT(capture.queue_size)},
	{{"capture", "buffers", CONFIG_NUMBER, "16384", "packets", 1024, 4194304, true}, AT(capture.buffers)},
	{{"capture", "match", CONFIG_CHOICE, "any", NULL, 0, 0, true}, AT(capture.match), .choices = layers},
	{{"capture", "promiscuous", CONFIG_BOOL, "true", NULL, 0, 0, true}, AT(capture.promiscuous)},
	{{"capture", "hugepages", CONFIG_AUTO, "auto", NULL, 0, 0, true}, AT(capture.hugepages),
		.set_offset = offsetof(struct config, capture.hugepages_set)},

	{{"indicators", "feeds", CONFIG_FEEDS, NULL, NULL, 0, 0, false}, AT(indicators.feeds)},
	{{"indicators", "allow_special", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT(indicators.allow_special)},
	{{"indicators", "families", CONFIG_PATH, NULL, NULL, 0, 0, false}, AT(indicators.families)},

	{{"indicators", "state_dir", CONFIG_PATH, CONFIG_STATE_DIR, NULL, 0, 0, true}, AT(indicators.state_dir)},

	{{FEEDS, "path", CONFIG_PATH, NULL, NULL, 0, 0, false}, AT_FEED(path)},
	{{FEEDS, "name", CONFIG_TEXT, NULL, NULL, 0, 0, false}, AT_FEED(name), .check = check_label},
	{{FEEDS, "format", CONFIG_CHOICE, "auto", NULL, 0, 0, false}, AT_FEED(format),
		.choice_name = format_name},
	{{FEEDS, "columns", CONFIG_COLUMNS, NULL, NULL, 0, 0, false}, AT_FEED(columns), .check = feed_columns_check},
	{{FEEDS, "family", CONFIG_TEXT, NULL, NULL, 0, 0, false}, AT_FEED(family), .check = check_label},
	{{FEEDS, "confidence", CONFIG_NUMBER, "50", "percent", 0, 100, false}, AT_FEED(confidence)},
	{{FEEDS, "min_prefix4", CONFIG_NUMBER, "12", "bits", 1, 32, false}, AT_FEED(min_prefix4)},
	{{FEEDS, "min_prefix6", CONFIG_NUMBER, "32", "bits", 1, 128, false}, AT_FEED(min_prefix6)},
	{{FEEDS, "max_bad", CONFIG_NUMBER, "5", "percent", 0, 100, false}, AT_FEED(max_bad)},
	{{FEEDS, "allow_special", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT_FEED(allow_special)},
	{{FEEDS, "ttl", CONFIG_NUMBER, "30", "days", 0, 36500, false}, AT_FEED(ttl)},
	{{FEEDS, "max_age", CONFIG_NUMBER, "0", "days", 0, 36500, false}, AT_FEED(max_age)},
	{{FEEDS, "min_confidence", CONFIG_NUMBER, "0", "percent", 0, 100, false}, AT_FEED(min_confidence)},
	{{FEEDS, "min_entries", CONFIG_NUMBER, "0", "entries", 0, 100000000, false}, AT_FEED(min_entries)},
	{{FEEDS, "max_shrink", CONFIG_NUMBER, "50", "percent", 0, 100, false}, AT_FEED(max_shrink)},
	{{FEEDS, "max_growth", CONFIG_NUMBER, "300", "percent", 0, 1000000, false}, AT_FEED(max_growth)},
	{{FEEDS, "max_addresses", CONFIG_NUMBER, "16777216", "addresses", 0, UINT_MAX, false}, AT_FEED(max_addresses)},
	{{FEEDS, "allow_empty", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT_FEED(allow_empty)},
	{{FEEDS, "offline", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT_FEED(offline)},
	{{FEEDS, "refang", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT_FEED(refang)},
	{{FEEDS, "shared", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT_FEED(shared)},
	{{FEEDS, "compromised", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT_FEED(compromised)},
	{{FEEDS, "sinkhole", CONFIG_BOOL, "false", NULL, 0, 0, false}, AT_FEED(sinkhole)},

	{{"organizations", "watchlists", CONFIG_PATHS, NULL, NULL, 0, 0, false}, AT(organizations.watchlists)},
	{{"organizations", "databases", CONFIG_PATHS, NULL, NULL, 0, 0, false}, AT(organizations.databases)},
	{{"organizations", "victim_prefix6", CONFIG_NUMBER, "64", "bits", 32, 128, true},
		AT(organizations.victim_prefix6)},
	{{"organizations", "privacy", CONFIG_CHOICE, NULL, NULL, 0, 0, true}, AT(organizations.privacy),
		.choices = privacies},
	{{"organizations", "privacy_key_file", CONFIG_PATH, NULL, NULL, 0, 0, true},
		AT(organizations.privacy_key_file)},

	LANE_FILES("allowed", LANE_ALLOWED),
	LANE_FILES("scanner", LANE_SCANNER),
	LANE_FILES("research", LANE_RESEARCH),
	LANE_FILES("hosting", LANE_HOSTING),
	LANE_FILES("shared", LANE_SHARED),
	LANE_FILES("sinkhole", LANE_SINKHOLE),
	{{"lanes", "scanner_window", CONFIG_NUMBER, "600", "seconds", 1, 86400, true}, AT(lanes.scanner_window)},
	{{"lanes", "scanner_controllers", CONFIG_NUMBER, "8", "controllers", 0, 1000000, true},
		AT(lanes.scanner_controllers)},
	{{"lanes", "scanner_waiting", CONFIG_NUMBER, "65536", "contacts", 16, 16777216, true}, AT(lanes.scanner_waiting)},

	{{"redis", "url", CONFIG_TEXT, NULL, NULL, 0, 0, true}, AT(redis.url), .check = check_url},
	{{"redis", "user", CONFIG_TEXT, NULL, NULL, 0, 0, true}, AT(redis.user)},
	{{"redis", "password_file", CONFIG_PATH, NULL, NULL, 0, 0, true}, AT(redis.password_file)},
	{{"redis", "prefix", CONFIG_TEXT, NULL, NULL, 0, 0, true}, AT(redis.prefix), .check = check_prefix},
	{{"redis", "timeout_ms", CONFIG_NUMBER, "2000", "milliseconds", 10, 60000, true}, AT(redis.timeout_ms)},
	{{"redis", "flush_ms", CONFIG_NUMBER, "5000", "milliseconds", 100, 600000, true}, AT(redis.flush_ms)},

	{{"control", "socket", CONFIG_PATH, CONFIG_CONTROL_SOCKET, NULL, 0, 0, true}, AT(control.socket),
		.check = check_socket},

	{{"http", "listen", CONFIG_TEXT, NULL, NULL, 0, 0, true}, AT(http.listen), .check = check_listen},

	{{"log", "level", CONFIG_CHOICE, "info", NULL, 0, 0, true}, AT(log.level), .choices = levels},
};
// clang-format on

#define KEYS (sizeof(keys) / sizeof(keys[0]))

// What is being read, and into what.
struct source {
	const char *file; // as problems name it
	int dir_len;      // relative paths begin with file[0..dir_len); 0: they stay as they are
	struct problem_list *problems;
	struct config *config;
	int err; // -ENOMEM
};

const struct config_key *
config_key(size_t i)
{
	return i < KEYS ? &keys[i].shown : NULL;
}

// ---- words

// A text from outside as a message may hold it: bounded, without control characters.
static const char *
shown(const char *text, char ret[static 64])
{
	size_t i = 0;

	for (; text[i] != '\0' && i < 63; i++)
		ret[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	ret[i] = '\0';
	if (text[i] != '\0')
		memcpy(ret + 60, "...", 3);
	return ret;
}

static void complain(struct source *, unsigned line, const char *section, const char *name, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void
complain(struct source *s, unsigned line, const char *section, const char *name, const char *format, ...)
{
	char what[512], safe[64], key[128];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(key, sizeof(key), "%s%s%s", section, section[0] != '\0' ? "." : "", shown(name, safe));
	problem_add(s->problems, PROBLEM_ERROR, s->file, line, key, "%s", what);
}

static struct choice
choice(const struct key *key, int i)
{
	return key->choice_name != NULL ? (struct choice){key->choice_name(i), i} : key->choices[i];
}

static void
list_choices(const struct key *key, size_t size, char *ret)
{
	size_t len = 0;

	ret[0] = '\0';
	for (int i = 0; choice(key, i).name != NULL && len < size; i++) {
		const char *between = i == 0 ? "" : choice(key, i + 1).name == NULL ? " or " : ", ";

		len += (size_t)snprintf(ret + len, size - len, "%s%s", between, choice(key, i).name);
	}
}

// "milliseconds from 100 to 600000": what belongs into the key.
static const char *
wanted(const struct key *key, char *ret, size_t size)
{
	switch (key->shown.type) {
	case CONFIG_NUMBER:
		snprintf(ret, size, "%s%sfrom %u to %u", key->shown.unit != NULL ? key->shown.unit : "",
			 key->shown.unit != NULL ? " " : "", key->shown.min, key->shown.max);
		break;
	case CONFIG_BOOL:
		snprintf(ret, size, "true or false");
		break;
	case CONFIG_AUTO:
		snprintf(ret, size, "true, false or auto");
		break;
	case CONFIG_CHOICE:
		list_choices(key, size, ret);
		break;
	case CONFIG_PATH:
		snprintf(ret, size, "the path of a file");
		break;
	case CONFIG_PATHS:
	case CONFIG_LANE:
		snprintf(ret, size, "a list of files, each on its own line behind '- '");
		break;
	case CONFIG_TEXTS:
		snprintf(ret, size, "a list of texts, each on its own line behind '- '");
		break;
	case CONFIG_FEEDS:
		snprintf(ret, size, "a list, each feed beginning with '- path: FILE'");
		break;
	case CONFIG_COLUMNS:
		snprintf(ret, size, "a mapping such as 'address: dst_ip'");
		break;
	case CONFIG_TEXT:
	case CONFIG_TYPES:
		snprintf(ret, size, "a text");
	}
	return ret;
}

static void
complain_value(struct source *s, unsigned line, const struct key *key, const char *text, const char *wrong)
{
	char safe[64], want[WANTED_MAX];

	complain(s, line, key->shown.section, key->shown.name, "'%s' %s; write %s", shown(text, safe), wrong,
		 wanted(key, want, sizeof(want)));
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

// Letters to insert, delete or replace to make b of a (Levenshtein). Long texts are no misspelt keys.
static size_t
distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b), diagonal, above;

	if (strlen(a) >= 32 || n >= 32)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			above = row[j];
			row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

static void
take_nearer(const char *text, const char *candidate, size_t *nearest, const char **ret)
{
	size_t d = distance(text, candidate);

	if (d < *nearest) {
		*nearest = d;
		*ret = candidate;
	}
}

// The name of this section (of the sections, for TOP) that `text` was probably meant to be. NULL: none is near.
static const char *
suggest(const char *section, const char *text)
{
	size_t nearest = 2 + strlen(text) / 4; // nearer than this
	const char *found = NULL;

	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(section, TOP) == 0)
			take_nearer(text, keys[i].shown.section, &nearest, &found);
		else if (strcmp(section, keys[i].shown.section) == 0)
			take_nearer(text, keys[i].shown.name, &nearest, &found);
	}
	return found;
}

static const char *
home_of(const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].shown.name, name) == 0)
			return keys[i].shown.section;
	return NULL;
}

// "ports, workers, ...": the keys of a section; the sections, for TOP.
static void
list_names(const char *section, size_t size, char *ret)
{
	const char *last = "";
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < KEYS && len < size; i++) {
		bool top = strcmp(section, TOP) == 0;
		const char *name = top ? keys[i].shown.section : keys[i].shown.name;

		if (strcmp(name, last) == 0 || (top && strchr(name, '.') != NULL) ||
		    (!top && strcmp(section, keys[i].shown.section) != 0))
			continue;
		len += (size_t)snprintf(ret + len, size - len, "%s%s", len > 0 ? ", " : "", name);
		last = name;
	}
}

static void
complain_unknown(struct source *s, unsigned line, const char *section, const char *name)
{
	const char *kind = strcmp(section, TOP) == 0 ? "section" : "key";
	const char *near = suggest(section, name);
	const char *home = home_of(name);
	char names[256];

	if (near != NULL) {
		complain(s, line, section, name, "is no %s; did you mean '%s'?", kind, near);
	} else if (home != NULL) {
		complain(s, line, section, name, "is no %s; it belongs to section '%s'", kind, home);
	} else {
		list_names(section, sizeof(names), names);
		complain(s, line, section, name, "is no %s; write one of %s", kind, names);
	}
}

// ---- checks of texts

static bool
only(const char *text, const char *more)
{
	for (const char *p = text; *p != '\0'; p++)
		if (!(isascii((unsigned char)*p) && isalnum((unsigned char)*p)) && strchr(more, *p) == NULL)
			return false;
	return true;
}

static const char *
check_name(const char *text)
{
	if (strlen(text) > 64 || !only(text, "._-"))
		return "is no name of a sensor; write 1 to 64 of A-Z a-z 0-9 . _ -";
	return NULL;
}

// Names of feeds and families are joined by '|' where several meet.
static const char *
check_label(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) || *p == '|')
			return "holds '|' or a control character; write letters, digits, spaces and other signs";
	return strlen(text) > 128 ? "is too long; write at most 128 bytes" : NULL;
}

// 0000:01:00.0
static bool
is_pci_address(const char *text)
{
	static const char shape[] = "xxxx:xx:xx.x";

	for (size_t i = 0; i < sizeof(shape); i++) // the ending NUL too
		if (shape[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != shape[i])
			return false;
	return true;
}

// What the kernel takes as the name of an interface.
static bool
is_interface(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < 16 && strpbrk(text, "/: \t,") == NULL;
}

static const char *
check_port(const char *text)
{
	if (strncmp(text, "af_packet:", 10) == 0 && is_interface(text + 10))
		return NULL;
	if (strncmp(text, "pci:", 4) == 0 && is_pci_address(text + 4))
		return NULL;
	if (strncmp(text, "vdev:", 5) == 0 && text[5] != '\0')
		return NULL;
	return "is no port; write af_packet:eth0, pci:0000:01:00.0 or vdev:net_ring0";
}

static const char *
check_url(const char *text)
{
	if (strncmp(text, "unix://", 7) == 0)
		return text[7] == '/' ? NULL : "has no absolute path; write unix:///run/redis/redis.sock";
	if (strncmp(text, "redis://", 8) != 0)
		return "is no URL of a Redis server; write redis://127.0.0.1:6379 or unix:///run/redis/redis.sock";
	if (strchr(text, '@') != NULL)
		return "holds a user or a password; write them as redis.user and redis.password_file";
	return NULL;
}

static const char *
check_prefix(const char *text)
{
	if (strlen(text) > 64 || !only(text, "._:-"))
		return "is no prefix of keys; write at most 64 of A-Z a-z 0-9 . _ : - such as 'ratwatch:'";
	return NULL;
}

static const char *
check_socket(const char *text)
{
	struct sockaddr_un a;

	_Static_assert(sizeof(a.sun_path) == 108, "the bound that the message names");
	return strlen(text) < sizeof(a.sun_path) ? NULL : "is too long for a socket; write a path of at most 107 bytes";
}

static const char *
check_listen(const char *text)
{
	struct ip_addr a;
	uint16_t port;

	return ip_parse_endpoint(text, strlen(text), &a, &port) == 0
		       ? NULL
		       : "is no address with a port; write 127.0.0.1:9187 or '[::1]:9187'";
}

// ---- values

static char *
copy(struct source *s, const char *text)
{
	char *new = strdup(text);

	if (new == NULL)
		s->err = -ENOMEM;
	return new;
}

static char *
resolve(struct source *s, const char *path)
{
	char *new = NULL;

	if (path[0] == '/' || s->dir_len == 0)
		return copy(s, path);
	if (asprintf(&new, "%.*s%s", s->dir_len, s->file, path) == -1) {
		s->err = -ENOMEM;
		return NULL;
	}
	return new;
}

// Checks a text and returns what is to be kept; NULL when it cannot be, which has been said. A path is checked as it will be used.
static char *
accept_text(struct source *s, const struct key *key, const char *text, unsigned line)
{
	bool path =
		key->shown.type != CONFIG_TEXT && key->shown.type != CONFIG_TEXTS && key->shown.type != CONFIG_COLUMNS;
	char *kept = path ? resolve(s, text) : copy(s, text);
	const char *wrong = kept != NULL && key->check != NULL ? key->check(kept) : NULL;
	char safe[64];

	if (strlen(text) > TEXT_MAX)
		wrong = "is too long; write at most 4096 bytes";
	if (text[0] == '\0')
		wrong = "is empty; write a value or leave the line out";
	if (wrong == NULL)
		return kept;
	complain(s, line, key->shown.section, key->shown.name, "'%s' %s", shown(text, safe), wrong);
	free(kept);
	return NULL;
}

static void
replace(char **place, char *text)
{
	free(*place);
	*place = text;
}

static void
set_text(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	char *text;

	if (tree_is_null(node))
		replace(place, NULL);
	else if ((text = accept_text(s, key, node->text, node->line)) != NULL)
		replace(place, text);
}

// A mapping as the text that it could have been: "address=dst_ip,port=dst_port".
static void
set_columns(struct source *s, const struct key *key, void *place, const struct tree_node *map)
{
	struct tree_node joined = {.kind = TREE_TEXT, .line = map->line};
	size_t len;
	FILE *to = open_memstream(&joined.text, &len);

	if (to == NULL) {
		s->err = -ENOMEM;
		return;
	}
	for (const struct tree_node *node = map->first; node != NULL; node = node->next)
		fprintf(to, "%s%s=%s", node == map->first ? "" : ",", node->key,
			node->kind == TREE_TEXT ? node->text : "");
	if (fclose(to) == 0)
		set_text(s, key, place, &joined);
	else
		s->err = -ENOMEM;
	free(joined.text);
}

static bool
parse_number(const char *text, unsigned *ret)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)text[0]) || (text[0] == '0' && text[1] != '\0'))
		return false;
	value = strtoul(text, &end, 10);
	if (*end != '\0')
		return false;
	*ret = value > UINT_MAX ? UINT_MAX : (unsigned)value;
	return true;
}

static void
set_number(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	unsigned value;

	if (!node->plain || !parse_number(node->text, &value))
		complain_value(s, node->line, key, node->text, "is no whole number");
	else if (value < key->shown.min || value > key->shown.max)
		complain_value(s, node->line, key, node->text, "is out of range");
	else if (key->size == sizeof(uint8_t))
		*(uint8_t *)place = (uint8_t)value;
	else
		*(unsigned *)place = value;
}

static void
set_bool(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	if (node->plain && strcmp(node->text, "true") == 0)
		*(bool *)place = true;
	else if (node->plain && strcmp(node->text, "false") == 0)
		*(bool *)place = false;
	else
		complain_value(s, node->line, key, node->text,
			       node->plain ? "is not a truth value" : "is a text in quotes");
}

static void
set_auto(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	bool *set = (bool *)((char *)place - key->offset + key->set_offset);

	if (node->plain && strcmp(node->text, "auto") == 0) {
		*(bool *)place = true;
		*set = false;
		return;
	}
	set_bool(s, key, place, node);
	*set = true;
}

static void
set_choice(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	for (int i = 0; choice(key, i).name != NULL; i++) {
		if (strcmp(choice(key, i).name, node->text) == 0) {
			*(int *)place = choice(key, i).value;
			return;
		}
	}
	complain_value(s, node->line, key, node->text, "is none of the choices");
}

// ---- lists

// Room for one more item of `size` bytes, zeroed. NULL: no memory.
static void *
grow(struct source *s, void *array, size_t *n, size_t size)
{
	char *bigger = reallocarray(*(void **)array, *n + 1, size);

	if (bigger == NULL) {
		s->err = -ENOMEM;
		return NULL;
	}
	*(void **)array = bigger;
	memset(bigger + *n * size, 0, size);
	return bigger + (*n)++ * size;
}

static void
add_text(struct source *s, const struct key *key, struct config_texts *texts, const struct tree_node *node)
{
	char *text = accept_text(s, key, node->text, node->line);
	char **item;

	if (text == NULL)
		return;
	if ((item = grow(s, &texts->items, &texts->n, sizeof(*item))) == NULL)
		free(text);
	else
		*item = text;
}

static void
add_lane(struct source *s, const struct key *key, const struct tree_node *node)
{
	char *path = accept_text(s, key, node->text, node->line);
	struct lane_list *list;

	if (path == NULL)
		return;
	if ((list = grow(s, &s->config->lanes.lists, &s->config->lanes.n_lists, sizeof(*list))) == NULL) {
		free(path);
		return;
	}
	list->lane = key->lane;
	list->path = path;
}

static void
forget_texts(struct config_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (struct config_texts){0};
}

void
config_feed_forget(struct feed_options *feed)
{
	free((char *)feed->path);
	free((char *)feed->name);
	free((char *)feed->family);
	free((char *)feed->columns);
}

static void
forget_feeds(struct config *config)
{
	for (size_t i = 0; i < config->indicators.n_feeds; i++)
		config_feed_forget(&config->indicators.feeds[i]);
	free(config->indicators.feeds);
	config->indicators.feeds = NULL;
	config->indicators.n_feeds = 0;
}

static void
forget_lane(struct config *config, enum lane lane)
{
	struct lane_list *lists = config->lanes.lists;
	size_t kept = 0;

	for (size_t i = 0; i < config->lanes.n_lists; i++) {
		if (lists[i].lane == lane)
			free((char *)lists[i].path);
		else
			lists[kept++] = lists[i];
	}
	config->lanes.n_lists = kept;
}

static void
forget_list(struct config *config, const struct key *key, void *place)
{
	if (key->shown.type == CONFIG_LANE)
		forget_lane(config, key->lane);
	else if (key->shown.type == CONFIG_FEEDS)
		forget_feeds(config);
	else
		forget_texts(place);
}

// ---- keys

static void set_key(struct source *, const struct key *, void *base, const struct tree_node *);

static const struct key *
find_key(const char *section, const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].shown.section, section) == 0 && strcmp(keys[i].shown.name, name) == 0)
			return &keys[i];
	return NULL;
}

static bool
is_section(const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].shown.section, name) == 0)
			return true;
	return false;
}

// One section's mapping into `base`. `seen` is the line at which each key of the table was seen in this mapping.
static void
read_section(struct source *s, const char *section, const struct tree_node *map, void *base)
{
	unsigned seen[KEYS] = {0};
	const struct key *key;

	for (const struct tree_node *node = map->first; node != NULL; node = node->next) {
		if ((key = find_key(section, node->key)) == NULL) {
			complain_unknown(s, node->line, section, node->key);
		} else if (seen[key - keys] != 0) {
			complain(s, node->line, section, node->key,
				 "stands here a second time (first in line %u); keep one", seen[key - keys]);
		} else {
			seen[key - keys] = node->line;
			set_key(s, key, base, node);
		}
	}
}

static void
set_defaults(struct source *s, bool of_feed, void *base)
{
	for (size_t i = 0; i < KEYS; i++) {
		struct tree_node node = {.kind = TREE_TEXT, .plain = true, .text = (char *)keys[i].shown.value};

		if (node.text != NULL && of_feed == (strcmp(keys[i].shown.section, FEEDS) == 0))
			set_key(s, &keys[i], base, &node);
	}
}

static void
add_feed(struct source *s, const struct tree_node *node)
{
	struct config *config = s->config;
	struct feed_options *feed =
		grow(s, &config->indicators.feeds, &config->indicators.n_feeds, sizeof(*config->indicators.feeds));

	if (feed == NULL)
		return;
	set_defaults(s, true, feed);
	if (node->kind == TREE_MAP)
		read_section(s, FEEDS, node, feed);
	else
		set_text(s, find_key(FEEDS, "path"), &feed->path, node);
	if (feed->path == NULL && s->problems->errors == 0 && !node->cut)
		complain(s, node->line, FEEDS, "path", "is missing; write '- path: FILE'");
}

static void
add_item(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	if (node->kind == TREE_REFUSED)
		return;
	if (key->shown.type == CONFIG_FEEDS && node->kind != TREE_LIST)
		add_feed(s, node);
	else if (node->kind != TREE_TEXT)
		complain(s, node->line, key->shown.section, key->shown.name,
			 "has an item that is a list or a mapping; write each item as one text behind '- '");
	else if (key->shown.type == CONFIG_LANE)
		add_lane(s, key, node);
	else
		add_text(s, key, place, node);
}

// `key:` or `key: []`, a list, or one item from the command line.
static void
set_list(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	char want[WANTED_MAX];

	if (node->kind == TREE_TEXT && tree_is_null(node)) {
		forget_list(s->config, key, place);
	} else if (node->kind == TREE_LIST) {
		for (const struct tree_node *item = node->first; item != NULL; item = item->next)
			add_item(s, key, place, item);
	} else if (node->line == 0) {
		add_item(s, key, place, node);
	} else {
		complain(s, node->line, key->shown.section, key->shown.name, "is no list; write %s",
			 wanted(key, want, sizeof(want)));
	}
}

static void
set_single(struct source *s, const struct key *key, void *place, const struct tree_node *node)
{
	switch (key->shown.type) {
	case CONFIG_NUMBER:
		set_number(s, key, place, node);
		break;
	case CONFIG_BOOL:
		set_bool(s, key, place, node);
		break;
	case CONFIG_AUTO:
		set_auto(s, key, place, node);
		break;
	case CONFIG_CHOICE:
		set_choice(s, key, place, node);
		break;
	default:
		set_text(s, key, place, node);
	}
}

static void
set_key(struct source *s, const struct key *key, void *base, const struct tree_node *node)
{
	void *place = (char *)base + key->offset;
	char want[WANTED_MAX];

	if (node->kind == TREE_REFUSED)
		return;
	wanted(key, want, sizeof(want));
	if (key->shown.type >= CONFIG_TEXTS)
		set_list(s, key, place, node);
	else if (key->shown.type == CONFIG_COLUMNS && node->kind == TREE_MAP)
		set_columns(s, key, place, node);
	else if (node->kind != TREE_TEXT)
		complain(s, node->line, key->shown.section, key->shown.name, "is a %s; write %s",
			 node->kind == TREE_LIST ? "list" : "mapping", want);
	else if (tree_is_null(node) && key->shown.value != NULL)
		complain(s, node->line, key->shown.section, key->shown.name, "has no value; write %s (default %s)",
			 want, key->shown.value);
	else
		set_single(s, key, place, node);
}

// ---- file and command line

static void
read_top(struct source *s, const struct tree_node *node)
{
	char names[256];

	if (node->kind == TREE_REFUSED || (node->kind == TREE_TEXT && tree_is_null(node)))
		return; // a section of which every key is commented out
	if (strchr(node->key, '.') != NULL || !is_section(node->key)) {
		complain_unknown(s, node->line, TOP, node->key);
	} else if (node->kind != TREE_MAP) {
		list_names(node->key, sizeof(names), names);
		complain(s, node->line, TOP, node->key, "is no section; write its keys indented below it: %s", names);
	} else {
		read_section(s, node->key, node, s->config);
	}
}

static bool
seen_before(const struct tree_node *root, const struct tree_node *node, unsigned *ret_line)
{
	for (const struct tree_node *n = root->first; n != node; n = n->next) {
		if (strcmp(n->key, node->key) == 0) {
			*ret_line = n->line;
			return true;
		}
	}
	return false;
}

static void
read_root(struct source *s, const struct tree_node *root)
{
	char names[256];
	unsigned first;

	list_names(TOP, sizeof(names), names);
	if (root == NULL || (root->kind == TREE_TEXT && tree_is_null(root))) {
		if (s->problems->errors == 0)
			problem_add(s->problems, PROBLEM_ERROR, s->file, 0, NULL,
				    "holds no configuration; write at least one of the sections %s", names);
		return;
	}
	if (root->kind != TREE_MAP) {
		if (root->kind != TREE_REFUSED)
			problem_add(s->problems, PROBLEM_ERROR, s->file, root->line, NULL,
				    "is no mapping; write sections such as 'redis:' with their keys indented below");
		return;
	}
	for (const struct tree_node *node = root->first; node != NULL; node = node->next) {
		if (is_section(node->key) && seen_before(root, node, &first))
			complain(s, node->line, TOP, node->key,
				 "stands here a second time (first in line %u); keep one", first);
		else
			read_top(s, node);
	}
}

static int
read_file(struct source *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct tree_node *root = NULL;
	struct input input;
	int err;

	if ((err = input_read(path, s->problems, &input)) < 0)
		return err;
	s->file = path;
	s->dir_len = slash != NULL ? (int)(slash - path + 1) : 0;
	if ((err = tree_read(path, input.bytes, input.len, s->problems, &root)) == 0)
		read_root(s, root);
	tree_free(root);
	input_free(&input);
	return err;
}

// section.key=value, with the section's name up to the last dot.
static void
read_set(struct source *s, const char *set)
{
	const char *equals = strchr(set, '=');
	const struct key *key;
	char path[64], safe[64], *dot;

	if (equals == NULL) {
		problem_add(s->problems, PROBLEM_ERROR, s->file, 0, NULL, "'%s' has no '='; write section.key=value",
			    shown(set, safe));
		return;
	}
	snprintf(path, sizeof(path), "%.*s", (int)(equals - set < 63 ? equals - set : 63), set);
	if ((dot = strchr(path, '.')) == NULL || !is_section((*dot = '\0', path))) {
		complain_unknown(s, 0, TOP, path);
		return;
	}
	if ((key = find_key(path, dot + 1)) == NULL) {
		complain_unknown(s, 0, path, dot + 1);
		return;
	}
	set_key(s, key, s->config, &(struct tree_node){.kind = TREE_TEXT, .plain = true, .text = (char *)equals + 1});
}

int
config_feed_set(struct feed_options *feed, const char *set, struct problem_list *problems)
{
	struct source s = {.file = "--set", .problems = problems};
	const char *equals = strchr(set, '=');
	const struct key *key;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)(equals != NULL ? equals - set : (ptrdiff_t)strlen(set)), set);
	if (equals == NULL || (key = find_key(FEEDS, name)) == NULL) {
		complain_unknown(&s, 0, FEEDS, name);
		return -EINVAL;
	}
	set_key(&s, key, feed, &(struct tree_node){.kind = TREE_TEXT, .plain = true, .text = (char *)equals + 1});
	return s.err;
}

static int
default_name(struct config *config)
{
	char host[65] = "";

	if (config->sensor.name != NULL)
		return 0;
	if (gethostname(host, sizeof(host) - 1) == -1 || host[0] == '\0')
		strcpy(host, "sensor");
	for (char *p = host; *p != '\0'; p++)
		if (!only((char[]){*p, '\0'}, "._-"))
			*p = '-';
	return (config->sensor.name = strdup(host)) != NULL ? 0 : -ENOMEM;
}

static void
spread_allow_special(struct config *config)
{
	if (!config->indicators.allow_special)
		return;
	for (size_t i = 0; i < config->indicators.n_feeds; i++)
		config->indicators.feeds[i].allow_special = true;
}

static int
read_all(struct source *s, const char *path, const char *const *sets, size_t n_sets)
{
	size_t errors = s->problems->errors;
	int err = 0;

	set_defaults(s, false, s->config);
	if (path != NULL)
		err = read_file(s, path);
	s->file = "--set";
	s->dir_len = 0;
	for (size_t i = 0; i < n_sets; i++)
		read_set(s, sets[i]);
	if (err < 0 || s->err < 0)
		return err < 0 ? err : s->err;
	if (s->problems->errors > errors)
		return -EINVAL;
	spread_allow_special(s->config);
	return default_name(s->config);
}

int
config_load(const char *path, const char *const *sets, size_t n_sets, struct problem_list *problems,
	    struct config **ret)
{
	struct config *config = calloc(1, sizeof(*config));
	struct source s = {.file = "--set", .problems = problems, .config = config};
	int err;

	if (config == NULL)
		return -ENOMEM;
	if ((err = read_all(&s, path, sets, n_sets)) < 0) {
		config_free(config);
		return err;
	}
	*ret = config;
	return 0;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	free(config->sensor.name);
	forget_texts(&config->capture.ports);
	forget_feeds(config);
	free(config->indicators.families);
	forget_texts(&config->organizations.watchlists);
	forget_texts(&config->organizations.databases);
	free(config->organizations.privacy_key_file);
	for (size_t i = 0; i < config->lanes.n_lists; i++)
		free((char *)config->lanes.lists[i].path);
	free(config->lanes.lists);
	free(config->redis.url);
	free(config->redis.user);
	free(config->redis.password_file);
	free(config->redis.prefix);
	free(config->indicators.state_dir);
	free(config->control.socket);
	free(config->http.listen);
	free(config);
}
