#include "feed/json_record.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool
is_id(struct json_text key)
{
	const char *at = key.at + 1;

	while (at < key.end - 1 && *at >= '0' && *at <= '9')
		at++;
	return at == key.end - 1 && at > key.at + 1;
}

// What the records hide behind: the export's ids, the API's "data", the "iocs" of mirrors. Other members are about the list.
static bool
is_wrapper(const struct json_walk *w)
{
	return w->close == ']' || is_id(w->key) || json_text_is(w->key, "data") || json_text_is(w->key, "iocs");
}

static bool
is_record(struct json_text t)
{
	struct json_text value;

	return json_text_find(t, "ioc_type", &value) &&
	       (json_text_find(t, "ioc_value", &value) || json_text_find(t, "ioc", &value));
}

// Whether the first record there is is one of ThreatFox.
static bool
leads_to_record(struct json_text t)
{
	struct json_walk w = json_walk_into(t);
	struct json_text value;

	if (is_record(t))
		return true;
	while (json_walk_next(&w, &value))
		if (is_wrapper(&w))
			return leads_to_record(value);
	return false;
}

static bool
recognises(const char *bytes, size_t len)
{
	struct json_text whole;

	return json_text_whole(bytes, len, &whole) && leads_to_record(whole);
}

// Mirrors write 192.0.2[.]1:443 so that nobody clicks on it.
static void
refang(const char *from, char *to, size_t size)
{
	size_t n = 0;

	while (*from != '\0' && n + 1 < size) {
		bool hidden =
			strncmp(from, "[.]", 3) == 0 || strncmp(from, "(.)", 3) == 0 || strncmp(from, "[:]", 3) == 0;

		to[n++] = hidden ? from[1] : from[0];
		from += hidden ? 3 : 1;
	}
	to[n] = '\0';
}

static int
parse_endpoint(const struct feed_pile *pile, const char *text, struct indicator *ret)
{
	char plain[2 * IP_TEXT_MAX];

	if (json_record_endpoint(text, ':', ret) == 0)
		return 0;
	refang(text, plain, pile->options->refang ? sizeof(plain) : 1);
	return json_record_endpoint(plain, ':', ret);
}

static name_id
family_of(const struct json_t *record)
{
	const char *id = json_record_text(record, "malware"), *name = json_record_text(record, "malware_printable");
	name_id known = json_record_family(name);

	if (known == 0)
		known = json_record_family(id);
	if (known == 0)
		known = name[0] != '\0' ? indicator_family(name, strlen(name)) : indicator_family(id, strlen(id));
	return known;
}

static const char *
first_text(const struct json_t *record, const char *key, const char *other)
{
	const char *text = json_record_text(record, key);

	return text[0] != '\0' ? text : json_record_text(record, other);
}

static int64_t
first_time(const struct json_t *record, const char *key, const char *other)
{
	int64_t t = json_record_time(record, key);

	return t != 0 ? t : json_record_time(record, other);
}

static void
keep(struct feed_pile *pile, const struct json_t *record, const char *value)
{
	struct indicator in = {0};

	if (parse_endpoint(pile, value, &in) < 0) {
		feed_skip(pile, FEED_SKIP_MALFORMED, value, strlen(value),
			  strpbrk(value, "[(") != NULL ? "defanged; set refang: true to read it"
						       : "no address:port though its ioc_type is ip:port");
		return;
	}
	in.flags = json_record_bool(record, "is_compromised", false) ? INDICATOR_COMPROMISED : 0;
	in.confidence = json_record_percent(record, "confidence_level");
	in.family = family_of(record);
	in.first_seen = first_time(record, "first_seen_utc", "first_seen");
	in.last_seen = first_time(record, "last_seen_utc", "last_seen");
	feed_keep(pile, &in);
}

static void
read_record(struct feed_pile *pile, const struct json_t *record)
{
	const char *type = json_record_text(record, "ioc_type"), *value = first_text(record, "ioc_value", "ioc");

	if (type[0] == '\0')
		feed_skip(pile, FEED_SKIP_MALFORMED, value, strlen(value), "no ioc_type");
	else if (strcasecmp(type, "ip:port") != 0)
		feed_skip(pile, FEED_SKIP_NOT_IP, value, strlen(value),
			  "a name, URL or hash; ratwatch matches addresses");
	else
		keep(pile, record, value);
}

static void
read_item(struct feed_pile *pile, struct json_text item)
{
	struct json_t *record = json_record_read(pile, item);

	if (record != NULL)
		read_record(pile, record);
	json_record_free(record);
}

// An array of records, or of arrays of them.
static void
read_list(struct feed_pile *pile, struct json_text list)
{
	struct json_walk w = json_walk_into(list);
	struct json_text item;

	while (json_walk_next(&w, &item))
		if (*item.at == '[')
			read_list(pile, item);
		else
			read_item(pile, item);
}

static int
read_threatfox(struct feed_pile *pile, const char *bytes, size_t len)
{
	struct json_text whole, value;
	struct json_walk w;

	if (!json_text_whole(bytes, len, &whole))
		return -EINVAL;
	if (*whole.at == '[')
		read_list(pile, whole);
	w = json_walk_into(whole);
	while (w.close == '}' && json_walk_next(&w, &value))
		if (is_wrapper(&w) && *value.at == '[')
			read_list(pile, value);
		else if (is_id(w.key))
			read_item(pile, value);
	return 0;
}

const struct feed_reader feed_threatfox_json = {"threatfox-json", recognises, read_threatfox};
