#include "feed/json_record.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

// An array of objects; an empty one could be anybody's.
static bool
recognises(const char *bytes, size_t len)
{
	struct json_text list, first, value;

	return json_text_whole(bytes, len, &list) && json_text_first(list, &first) &&
	       json_text_find(first, "ip_address", &value) && json_text_find(first, "port", &value);
}

static uint8_t
flags_of(const char *status)
{
	if (strcasecmp(status, "offline") == 0)
		return INDICATOR_OFFLINE;
	return strcasecmp(status, "online") == 0 ? INDICATOR_ONLINE : 0;
}

static void
read_row(struct feed_pile *pile, const struct json_t *row)
{
	const char *address = json_record_text(row, "ip_address"), *family = json_record_text(row, "malware");
	struct indicator in = {.prefix.len = 128};

	if (ip_parse(address, strlen(address), &in.prefix.addr) < 0 || json_record_port(row, "port", &in.port) < 0) {
		feed_skip(pile, FEED_SKIP_MALFORMED, address, strlen(address),
			  "no address in ip_address, or no port in port");
		return;
	}
	in.flags = flags_of(json_record_text(row, "status"));
	in.family = indicator_family(family, strlen(family));
	in.first_seen = json_record_time(row, "first_seen");
	in.last_seen = json_record_time(row, "last_online");
	feed_keep(pile, &in);
}

static int
read_feodo(struct feed_pile *pile, const char *bytes, size_t len)
{
	struct json_text list, text;
	struct json_walk rows;
	struct json_t *row;

	if (!json_text_whole(bytes, len, &list))
		return -EINVAL;
	rows = json_walk_into(list);
	while (json_walk_next(&rows, &text))
		if ((row = json_record_read(pile, text)) != NULL) {
			read_row(pile, row);
			json_record_free(row);
		}
	return 0;
}

const struct feed_reader feed_feodo_json = {"feodo-json", recognises, read_feodo};
