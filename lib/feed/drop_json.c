#include "feed/json_record.h"

#include <errno.h>
#include <string.h>

// One object per line, the last of which says how many there are.
static bool
recognises(const char *bytes, size_t len)
{
	struct json_walk lines = json_walk_text(bytes, len);
	struct json_text first, value;

	return json_walk_next(&lines, &first) && json_text_find(first, "cidr", &value);
}

static void
read_metadata(struct feed_pile *pile, const struct json_t *line)
{
	int64_t records = json_record_number(line, "records");

	pile->has_trailer = records > 0;
	pile->trailer = (size_t)records;
	pile->feed->updated = json_record_seconds(line, "timestamp");
}

static void
read_line(struct feed_pile *pile, const struct json_t *line)
{
	const char *network = json_record_text(line, "cidr");
	struct indicator in = {0};

	if (strcmp(json_record_text(line, "type"), "metadata") == 0)
		read_metadata(pile, line);
	else if (ip_parse_prefix(network, strlen(network), &in.prefix) >= 0)
		feed_keep(pile, &in);
	else
		feed_skip(pile, FEED_SKIP_MALFORMED, network, strlen(network), "no network in cidr");
}

static int
read_drop(struct feed_pile *pile, const char *bytes, size_t len)
{
	struct json_walk lines = json_walk_text(bytes, len);
	struct json_text text;
	struct json_t *line;

	while (json_walk_next(&lines, &text))
		if ((line = json_record_read(pile, text)) != NULL) {
			read_line(pile, line);
			json_record_free(line);
		}
	if (pile->has_trailer)
		return 0;
	problem_add(pile->problems, PROBLEM_ERROR, pile->path, pile->line, NULL,
		    "is incomplete: the last line, {\"type\":\"metadata\",...,\"records\":n}, is missing; download it "
		    "again");
	return -EINVAL;
}

const struct feed_reader feed_drop_json = {"drop-json", recognises, read_drop};
