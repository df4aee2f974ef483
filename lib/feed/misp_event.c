#include "feed/json_record.h"

#include <errno.h>
#include <string.h>

// What stands around an attribute.
struct around {
	struct feed_pile *pile;
	name_id family; // of the event's tags
	uint16_t port;  // of the object; 0: none, or several
	bool deleted;   // the object
};

static bool
recognises(const char *bytes, size_t len)
{
	struct json_text whole, first, value;

	if (!json_text_whole(bytes, len, &whole))
		return false;
	first = whole;
	json_text_first(whole, &first);
	return json_text_find(first, "Event", &value) || json_text_find(first, "response", &value) ||
	       json_text_find(first, "Attribute", &value);
}

// The last thing in quotes, else what stands behind the colon, else all of it: misp-galaxy:tool="Emotet", malware:emotet, emotet.
static void
tag_value(const char *tag, char *ret, size_t size)
{
	const char *open = strstr(tag, "=\""), *colon = strchr(tag, ':');
	const char *value = open != NULL ? open + 2 : colon != NULL ? colon + 1 : tag;
	size_t n = 0;

	for (; value[n] != '\0' && value[n] != '"' && n + 1 < size; n++)
		ret[n] = value[n];
	ret[n] = '\0';
}

// Malpedia names families only; of other tags, those that the alias table has.
static name_id
family_of(const struct json_t *record, const char *key)
{
	static const char malpedia[] = "misp-galaxy:malpedia=\"";
	const struct json_t *tag;
	name_id family = 0;
	char value[128];

	for (size_t i = 0; (tag = json_record_item(record, key, i)) != NULL; i++) {
		const char *name = json_record_text(tag, "name");

		tag_value(name, value, sizeof(value));
		if (strncmp(name, malpedia, strlen(malpedia)) == 0)
			return indicator_family(value, strlen(value));
		if (family == 0)
			family = json_record_family(value);
	}
	return family;
}

static bool
is_address_type(struct json_text type)
{
	static const char *const types[] = {"ip-dst", "ip-src", "ip-dst|port", "ip-src|port", "domain|ip"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_text_is(type, types[i]))
			return true;
	return false;
}

static int
parse_value(const struct around *a, const char *type, const char *value, struct indicator *ret)
{
	const char *bar = strchr(value, '|');

	if (strcmp(type, "domain|ip") == 0)
		return bar != NULL ? ip_parse_prefix(bar + 1, strlen(bar + 1), &ret->prefix) : -EINVAL;
	if (strchr(type, '|') != NULL)
		return json_record_endpoint(value, '|', ret);
	if (strcmp(type, "ip-dst") == 0)
		ret->port = a->port;
	return ip_parse_prefix(value, strlen(value), &ret->prefix);
}

static void
keep(const struct around *a, const struct json_t *record)
{
	const char *type = json_record_text(record, "type"), *value = json_record_text(record, "value");
	struct indicator in = {0};

	if (a->deleted || json_record_bool(record, "deleted", false) || !json_record_bool(record, "to_ids", true)) {
		feed_skip(a->pile, FEED_SKIP_WITHDRAWN, value, strlen(value),
			  "deleted, or not meant for detection (to_ids)");
		return;
	}
	if (parse_value(a, type, value, &in) < 0) {
		feed_skip(a->pile, FEED_SKIP_MALFORMED, value, strlen(value), "not what its type says");
		return;
	}
	in.family = family_of(record, "Tag");
	if (in.family == 0)
		in.family = a->family;
	in.first_seen = json_record_time(record, "first_seen");
	in.last_seen = json_record_time(record, "last_seen");
	if (in.last_seen == 0) // somebody still stood by it then
		in.last_seen = json_record_seconds(record, "timestamp");
	feed_keep(a->pile, &in);
}

// Only what holds an address becomes a tree: a sample of malware may be megabytes.
static void
read_attribute(const struct around *a, struct json_text attribute)
{
	struct json_text type;
	struct json_t *record;

	a->pile->line = attribute.line;
	if (!json_text_find(attribute, "type", &type)) {
		feed_skip(a->pile, FEED_SKIP_MALFORMED, attribute.at, (size_t)(attribute.end - attribute.at),
			  "no attribute: it has no type");
	} else if (!is_address_type(type)) {
		feed_skip(a->pile, FEED_SKIP_NOT_IP, type.at, (size_t)(type.end - type.at),
			  "of a type without an address; ratwatch matches addresses");
	} else if ((record = json_record_read(a->pile, attribute)) != NULL) {
		keep(a, record);
		json_record_free(record);
	}
}

static void
read_attributes(const struct around *a, struct json_text parent)
{
	struct json_text attributes, attribute;
	struct json_walk w;

	if (!json_text_find(parent, "Attribute", &attributes))
		return;
	w = json_walk_into(attributes);
	while (json_walk_next(&w, &attribute))
		read_attribute(a, attribute);
}

static bool
is_deleted(struct feed_pile *pile, struct json_text object)
{
	struct json_text value;
	struct json_t *tree;
	bool deleted;

	if (!json_text_find(object, "deleted", &value) || (tree = json_record_read(pile, value)) == NULL)
		return false;
	deleted = json_record_bool(tree, NULL, false);
	json_record_free(tree);
	return deleted;
}

static bool
read_port(struct feed_pile *pile, struct json_text attribute, uint16_t *ret)
{
	struct json_text relation;
	struct json_t *record;
	bool found;

	if (!json_text_find(attribute, "object_relation", &relation) || !json_text_is(relation, "dst-port") ||
	    (record = json_record_read(pile, attribute)) == NULL)
		return false;
	found = !json_record_bool(record, "deleted", false) && json_record_port(record, "value", ret) == 0;
	json_record_free(record);
	return found;
}

// The port that an object (ip-port) gives its addresses; 0: none, or several.
static uint16_t
port_of(struct feed_pile *pile, struct json_text object)
{
	struct json_text attributes, attribute;
	struct json_walk w;
	unsigned n = 0;
	uint16_t port = 0;

	if (!json_text_find(object, "Attribute", &attributes))
		return 0;
	w = json_walk_into(attributes);
	while (json_walk_next(&w, &attribute))
		n += read_port(pile, attribute, &port);
	return n == 1 ? port : 0;
}

static void
read_objects(const struct around *event, struct json_text objects)
{
	struct json_walk w = json_walk_into(objects);
	struct json_text object;

	while (json_walk_next(&w, &object)) {
		struct around a = *event;

		a.port = port_of(a.pile, object);
		a.deleted = is_deleted(a.pile, object);
		read_attributes(&a, object);
	}
}

static name_id
event_family(struct feed_pile *pile, struct json_text event)
{
	struct json_text value;
	struct json_t *tags;
	name_id family;

	if (!json_text_find(event, "Tag", &value) || (tags = json_record_read(pile, value)) == NULL)
		return 0;
	family = family_of(tags, NULL);
	json_record_free(tags);
	return family;
}

static void
read_event(struct feed_pile *pile, struct json_text event)
{
	struct around a = {.pile = pile, .family = event_family(pile, event)};
	struct json_text objects;

	read_attributes(&a, event);
	if (json_text_find(event, "Object", &objects))
		read_objects(&a, objects);
}

static bool
is_event(struct json_text t)
{
	struct json_text value;

	return json_text_find(t, "Attribute", &value) || json_text_find(t, "Object", &value);
}

// {"response":[{"Event":{...}}]}, or less of it.
static void
read_wrapped(struct feed_pile *pile, struct json_text t)
{
	struct json_walk w = json_walk_into(t);
	struct json_text inner;

	pile->line = t.line;
	if (w.close == ']')
		while (json_walk_next(&w, &inner))
			read_wrapped(pile, inner);
	else if (json_text_find(t, "response", &inner) || json_text_find(t, "Event", &inner))
		read_wrapped(pile, inner);
	else if (is_event(t))
		read_event(pile, t);
	else
		feed_skip(pile, FEED_SKIP_MALFORMED, t.at, (size_t)(t.end - t.at),
			  "no event: neither Attribute nor Object is in it");
}

static int
read_misp(struct feed_pile *pile, const char *bytes, size_t len)
{
	struct json_text whole;

	if (!json_text_whole(bytes, len, &whole))
		return -EINVAL;
	read_wrapped(pile, whole);
	return 0;
}

const struct feed_reader feed_misp_event = {"misp-event", recognises, read_misp};
