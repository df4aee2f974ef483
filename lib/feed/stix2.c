#include "feed/json_record.h"
#include "feed/stix_pattern.h"

#include <errno.h>
#include <string.h>

// What the other objects of the bundle say about its indicators, by their ids.
struct bundle {
	struct feed_pile *pile;
	struct json_t *families; // of malware
	struct json_t *malware;  // that an indicator indicates
	struct json_t *versions; // the latest of an indicator: its "modified"
};

static bool
is_type(struct json_text object, const char *type)
{
	struct json_text value;

	return json_text_find(object, "type", &value) && json_text_is(value, type);
}

static bool
is_object(struct json_text t)
{
	struct json_text id, type;

	return json_text_find(t, "type", &type) && json_text_find(t, "id", &id) &&
	       memmem(id.at, (size_t)(id.end - id.at), "--", 2) != NULL;
}

// A bundle (or what a TAXII server wraps objects in), an array of objects, or one.
static bool
recognises(const char *bytes, size_t len)
{
	struct json_text whole, objects, first;

	if (!json_text_whole(bytes, len, &whole))
		return false;
	if (json_text_find(whole, "objects", &objects))
		return is_type(whole, "bundle") || (json_text_first(objects, &first) && is_object(first));
	return is_object(whole) || (json_text_first(whole, &first) && is_object(first));
}

static struct json_walk
walk_objects(const char *bytes, size_t len)
{
	struct json_text whole = {0}, objects;

	json_text_whole(bytes, len, &whole);
	if (json_text_find(whole, "objects", &objects))
		return json_walk_into(objects);
	return *whole.at == '{' ? json_walk_text(bytes, len) : json_walk_into(whole);
}

static void
note(struct bundle *b, struct json_t *dictionary, const char *key, const char *text)
{
	b->pile->failed |= json_record_set(dictionary, key, text) < 0;
}

static void
learn_malware(struct bundle *b, const struct json_t *malware)
{
	const char *name = json_record_text(malware, "name");
	name_id family = json_record_family(name);
	const struct json_t *alias;

	for (size_t i = 0; family == 0 && (alias = json_record_item(malware, "aliases", i)) != NULL; i++)
		family = json_record_family(json_record_text(alias, NULL));
	note(b, b->families, json_record_text(malware, "id"), family != 0 ? names_text(family) : name);
}

static void
learn_relationship(struct bundle *b, const struct json_t *r)
{
	const char *target = json_record_text(r, "target_ref");

	if (strcmp(json_record_text(r, "relationship_type"), "indicates") == 0 &&
	    strncmp(target, "malware--", strlen("malware--")) == 0)
		note(b, b->malware, json_record_text(r, "source_ref"), target);
}

static void
learn_version(struct bundle *b, const struct json_t *indicator)
{
	const char *id = json_record_text(indicator, "id"), *modified = json_record_text(indicator, "modified");

	if (strcmp(json_record_text(b->versions, id), modified) < 0)
		note(b, b->versions, id, modified);
}

static void
learn(struct bundle *b, struct json_text object)
{
	struct json_t *tree = json_record_read(NULL, object);
	const char *type = json_record_text(tree, "type");

	if (strcmp(type, "malware") == 0)
		learn_malware(b, tree);
	else if (strcmp(type, "relationship") == 0)
		learn_relationship(b, tree);
	else if (strcmp(type, "indicator") == 0)
		learn_version(b, tree);
	json_record_free(tree);
}

static bool
is_benign(const struct json_t *indicator)
{
	const struct json_t *type;

	for (size_t i = 0; (type = json_record_item(indicator, "indicator_types", i)) != NULL; i++)
		if (strcmp(json_record_text(type, NULL), "benign") == 0)
			return true;
	return false;
}

// Why its producer does not want it to be looked for, or NULL.
static const char *
withdrawn(const struct bundle *b, const struct json_t *indicator)
{
	const char *latest = json_record_text(b->versions, json_record_text(indicator, "id"));

	if (json_record_bool(indicator, "revoked", false))
		return "revoked";
	if (strcmp(json_record_text(indicator, "modified"), latest) < 0)
		return "replaced by a later version";
	return is_benign(indicator) ? "said to be benign" : NULL;
}

static bool
is_supported(const char *type, const char *pattern)
{
	struct stix_pattern p = stix_pattern_of(pattern);
	struct stix_term term;
	int more = strcmp(type, "stix") == 0 || type[0] == '\0' ? 1 : -ENOTSUP; // STIX 2.0 has no other types

	while (more == 1)
		more = stix_pattern_next(&p, &term);
	return more == 0;
}

static void
keep_term(struct feed_pile *pile, struct indicator in, const struct stix_term *term)
{
	in.port = term->port;
	in.proto = term->proto;
	if (!term->address)
		feed_skip(pile, FEED_SKIP_NOT_IP, term->text, term->len,
			  "a name, URL, file or the like; ratwatch matches addresses");
	else if (ip_parse_prefix(term->text, term->len, &in.prefix) < 0)
		feed_skip(pile, FEED_SKIP_MALFORMED, term->text, term->len, "no address or network");
	else
		feed_keep(pile, &in);
}

static void
keep_terms(const struct bundle *b, const struct json_t *indicator, const char *text)
{
	const char *malware = json_record_text(b->malware, json_record_text(indicator, "id"));
	const char *family = json_record_text(b->families, malware);
	struct stix_pattern pattern = stix_pattern_of(text);
	struct stix_term term;
	const struct indicator in = {
		.family = indicator_family(family, strlen(family)),
		.confidence = json_record_percent(indicator, "confidence"),
		.first_seen = json_record_time(indicator, "valid_from"),
		.expires = json_record_time(indicator, "valid_until"),
	};

	while (stix_pattern_next(&pattern, &term) == 1)
		keep_term(b->pile, in, &term);
}

static void
read_indicator(const struct bundle *b, const struct json_t *indicator)
{
	const char *pattern = json_record_text(indicator, "pattern"), *why = withdrawn(b, indicator);
	size_t len = strlen(pattern);

	if (why != NULL)
		feed_skip(b->pile, FEED_SKIP_WITHDRAWN, pattern, len, why);
	else if (len == 0)
		feed_skip(b->pile, FEED_SKIP_MALFORMED, pattern, len, "an indicator without pattern");
	else if (!is_supported(json_record_text(indicator, "pattern_type"), pattern))
		feed_skip(b->pile, FEED_SKIP_UNSUPPORTED, pattern, len, "more than addresses joined by OR");
	else
		keep_terms(b, indicator, pattern);
}

static void
read_object(const struct bundle *b, struct json_text object)
{
	struct json_t *indicator;

	if (!is_type(object, "indicator") || (indicator = json_record_read(b->pile, object)) == NULL)
		return;
	read_indicator(b, indicator);
	json_record_free(indicator);
}

static int
read_stix(struct feed_pile *pile, const char *bytes, size_t len)
{
	struct bundle b = {pile, json_record_dictionary(), json_record_dictionary(), json_record_dictionary()};
	struct json_walk first = walk_objects(bytes, len), second = first;
	struct json_text object;

	while (json_walk_next(&first, &object)) // malware may stand behind the indicators of it
		learn(&b, object);
	while (json_walk_next(&second, &object))
		read_object(&b, object);
	json_record_free(b.families);
	json_record_free(b.malware);
	json_record_free(b.versions);
	return 0;
}

const struct feed_reader feed_stix2 = {"stix2", recognises, read_stix};
