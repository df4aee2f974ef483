// feed/reader: what every format's reader gets and gives.
//
// A reader walks the bytes of one file and calls the pile for each line; feed.c has opened the file, chosen the format and judges the
// result; the pile itself is in feed/pile.c. One thread.

#pragma once

#include "feed.h"

struct feed_pile {
	const struct feed_options *options;
	const char *path;
	struct problem_list *problems;
	struct feed *feed;
	name_id family; // of the options, canonical
	size_t lines;   // that hold data
	uint32_t line;  // the current one, 1-based
	size_t warned[FEED_SKIPS];
	size_t trailer; // entries that the file's trailer promises; valid when has_trailer
	bool has_trailer;
	bool has_banner;    // some comment besides the trailer
	bool wants_trailer; // the banner is of a source that always ends its lists with one
	bool may_be_empty;  // the format has a way to say that there is no entry, and the file does
	bool failed;        // out of memory
};

// One data line names this: checked (special-purpose space, width, status) and kept, or skipped under its reason. `in` has prefix, port,
// proto, flags, confidence, family, first_seen and last_seen; the pile adds feed, line and the options' flags.
// Returns whether it was kept.
bool feed_keep(struct feed_pile *, const struct indicator *in);
// One data line that gives nothing. `text` is quoted in the warning.
void feed_skip(struct feed_pile *, enum feed_skip, const char *text, size_t len, const char *why);
// A comment: looks for "Last updated: ..." and "END n entries".
void feed_comment(struct feed_pile *, const char *text, size_t len);

// The next line of [*at, end), without its end (LF, CRLF or CR) and surrounding blanks; advances *at. false at the end.
bool feed_line(const char **at, const char *end, const char **ret_text, size_t *ret_len);

// An address, a prefix, "v4:port" or "[v6]:port" -> prefix and port; where the options say refang also 192[.]0[.]2[.]1, and a URL that is no
// more than scheme://address:port. 0; 1: bits beyond the prefix's length were masked away; -ENOTSUP: a name, URL, hash or AS number; -EINVAL.
int feed_parse_address(const struct feed_pile *, const char *text, size_t len, struct indicator *ret);
// The same for what one data line is about. false: it is no address, and has been skipped (feed_skip).
bool feed_address(struct feed_pile *, const char *text, size_t len, struct indicator *ret);

// A format: one file of this folder each, and a line in the table of feed.c.
struct feed_reader {
	const char *name; // in the configuration and in `ratwatch check`
	bool (*recognises)(const char *bytes, size_t len);
	// 0, or a negative errno with an error in the list: the whole file is refused.
	int (*read)(struct feed_pile *, const char *bytes, size_t len);
};

extern const struct feed_reader feed_text, feed_feodo_csv, feed_threatfox_csv, feed_sslbl_csv, feed_c2intel_csv,
	feed_sophos_csv, feed_viriback_csv, feed_zeek_intel, feed_suricata_iprep, feed_csv;
// JSON. They are asked, and read, only what json_text_wrong lets pass.
extern const struct feed_reader feed_feodo_json, feed_threatfox_json, feed_drop_json, feed_misp_event,
	feed_misp_warninglist, feed_stix2;
