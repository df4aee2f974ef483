#include "feed/json_record.h"

#include <errno.h>
#include <string.h>

static bool
recognises(const char *bytes, size_t len)
{
	struct json_text whole, value;

	return json_text_whole(bytes, len, &whole) && json_text_find(whole, "name", &value) &&
	       json_text_find(whole, "list", &value) && *value.at == '[';
}

// Names, or parts of them: an address in such a list would be an accident.
static bool
is_of_names(struct json_text type)
{
	return json_text_is(type, "hostname") || json_text_is(type, "substring") || json_text_is(type, "regex");
}

static void
read_entry(struct feed_pile *pile, const struct json_t *entry, bool addresses)
{
	const char *text = json_record_text(entry, NULL);
	struct indicator in = {0};

	if (ip_parse_prefix(text, strlen(text), &in.prefix) >= 0)
		feed_keep(pile, &in);
	else if (addresses)
		feed_skip(pile, FEED_SKIP_MALFORMED, text, strlen(text), "no address or network");
	else
		feed_skip(pile, FEED_SKIP_NOT_IP, text, strlen(text), "a name; ratwatch matches addresses");
}

static void
read_list(struct feed_pile *pile, struct json_text list, bool addresses)
{
	struct json_walk w = json_walk_into(list);
	struct json_text text;
	struct json_t *entry;

	while (json_walk_next(&w, &text))
		if ((entry = json_record_read(pile, text)) != NULL) {
			read_entry(pile, entry, addresses);
			json_record_free(entry);
		}
}

static int
read_warninglist(struct feed_pile *pile, const char *bytes, size_t len)
{
	struct json_text whole, list, type = {0};

	if (!json_text_whole(bytes, len, &whole) || !json_text_find(whole, "list", &list))
		return -EINVAL;
	if (json_text_find(whole, "type", &type) && is_of_names(type)) {
		problem_add(pile->problems, PROBLEM_ERROR, pile->path, type.line, NULL,
			    "is a list of type %.*s; ratwatch matches addresses: give one of type \"cidr\"",
			    (int)(type.end - type.at), type.at);
		return -EINVAL;
	}
	read_list(pile, list, json_text_is(type, "cidr"));
	return 0;
}

const struct feed_reader feed_misp_warninglist = {"misp-warninglist", recognises, read_warninglist};
