// feed: a list file -> indicators, each line accepted, merged or skipped for a named reason.
//
// The format is recognised by content, or fixed by the options: then other content is refused, it never loads as empty.
// Sources and quirks of each: docs/feeds.md.
//
// feed_load reads the whole file; what it returns belongs to the caller (feed_free). One thread at a time per call.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indicator_list.h"
#include "input.h"
#include "problem.h"

enum feed_format {
	FEED_AUTO,
	FEED_TEXT,
	FEED_FEODO_CSV,
	FEED_THREATFOX_CSV,
	FEED_SSLBL_CSV,
	FEED_C2INTEL_CSV,
	FEED_SOPHOS_CSV,
	FEED_VIRIBACK_CSV,
	FEED_ZEEK_INTEL,
	FEED_SURICATA_IPREP,
	FEED_CSV,        // of any other columns, named by the options
	FEED_FEODO_JSON, // from here on: JSON
	FEED_THREATFOX_JSON,
	FEED_DROP_JSON,
	FEED_MISP_EVENT,
	FEED_MISP_WARNINGLIST,
	FEED_STIX2,
	FEED_FORMATS
};

// Why a line was skipped. The names are keys of `ratwatch check -o json`.
enum feed_skip {
	FEED_SKIP_MALFORMED,
	FEED_SKIP_SPECIAL,  // special-purpose address space
	FEED_SKIP_TOO_WIDE, // prefix shorter than the feed allows
	FEED_SKIP_NOT_IP,   // domain, URL, hash: not ours, not an error
	FEED_SKIP_OFFLINE,
	FEED_SKIP_EXPIRED,        // its day has passed: valid_until, or last seen and the feed's ttl
	FEED_SKIP_TOO_OLD,        // last seen longer ago than the feed's max_age
	FEED_SKIP_LOW_CONFIDENCE, // below the feed's min_confidence
	FEED_SKIP_WITHDRAWN,      // revoked, deleted, or not meant for detection (MISP to_ids)
	FEED_SKIP_UNSUPPORTED,    // a pattern that is more than addresses joined by OR (STIX)
	FEED_SKIPS
};

struct feed_options {
	const char *path;
	const char *name; // NULL: the file name without its last extension
	enum feed_format format;
	const char *family;                // where the file names none; NULL: none; "@file": by the file's name
	uint8_t confidence;                // where the file names none
	unsigned min_prefix4, min_prefix6; // shortest prefix accepted; 0: /12 and /32
	unsigned max_bad;                  // percent of data lines that may be malformed
	unsigned ttl;                      // days after which an indicator that was last seen then ends; 0: never
	unsigned max_age;        // the same from last seen, else first seen, else the date of the file; 0: no limit
	unsigned min_confidence; // percent
	unsigned min_entries;    // fewer valid lines: the file is refused
	unsigned max_shrink,
		max_growth; // percent of the old file by which a new one may be smaller or larger; judged by who has both
	unsigned max_addresses; // that all its entries together may hold; 0: no limit
	int64_t now;            // epoch seconds: what has ended by then is left out; 0: nothing is
	bool allow_special;
	bool offline;        // keep indicators that the feed says are offline
	const char *columns; // "address=dst_ip,port=dst_port": which columns of a CSV hold what; NULL: by its format
	bool allow_empty;    // a file without an entry is no mistake
	bool refang;         // read 192[.]0[.]2[.]1 and hxxp:// as what they were
	bool shared, compromised, sinkhole; // flags given to every indicator
};
#define FEED_OPTIONS_DEFAULT                                                                                           \
	{                                                                                                              \
		.format = FEED_AUTO, .confidence = 50, .max_bad = 5, .ttl = 30, .max_shrink = 50, .max_growth = 300,   \
		.max_addresses = 1u << 24                                                                              \
	}

struct feed {
	name_id name;
	char *path;
	enum feed_format format;
	struct indicator_list list; // sorted
	size_t valid;               // lines that name an indicator, in force or not
	size_t entries;             // distinct address-or-prefix entries
	size_t merged;              // lines that named an indicator already there
	size_t skipped[FEED_SKIPS];
	uint64_t digest;  // of its bytes
	size_t host_bits; // lines whose prefix had bits beyond its length, which were masked away
	int64_t modified; // of the file, epoch seconds
	int64_t updated;  // what the file says of its own age ("Last updated"), epoch seconds; 0: it does not say
};

#define FEED_FAMILY_OF_FILE "@file" // "njRAT Trojan IPs.txt" -> njRAT

// The path may be a pattern as of glob(7): one copy of the options for each file that it matches, sorted by path. Each owns its path and
// shares the other texts. 0; a negative errno and *ret untouched when it matches none (-ENOENT) or a folder cannot be read (both with an
// error in the list), or without memory.
int feed_expand(const struct feed_options *, struct problem_list *, struct feed_options **ret, size_t *ret_n);
void feed_expand_free(struct feed_options *, size_t n);

// 0, or a negative errno with at least one error in the list (file, line, what is wrong, remedy); skipped lines add
// warnings (the first five of each reason).
int feed_load(const struct feed_options *, struct problem_list *, struct feed **ret);
// The same from bytes that are in memory already; the options' path says whose they are.
int feed_read(const struct feed_options *, const struct input *, struct problem_list *, struct feed **ret);
// Against the valid lines that it had before (0: it is new), by max_shrink and max_growth. true: with an error.
bool feed_changes_too_much(const struct feed *, const struct feed_options *, size_t before, struct problem_list *);
void feed_free(struct feed *);

// "2019-01-09 12:00:00", with T between or more behind it, or "2019-01-09" (UTC) -> epoch seconds; 0 when it is neither.
int64_t feed_time(const char *text, size_t len);

name_id feed_name_of_file(const char *path); // its last part without extension: what a feed without a name is called

const char *feed_format_name(enum feed_format);                 // "text", "feodo-csv"
int feed_format_parse(const char *name, enum feed_format *ret); // "auto" too; -EINVAL
const char *feed_skip_name(enum feed_skip);

// What is wrong with a text for `columns` ("is wrong so; write this"), or NULL.
const char *feed_columns_check(const char *text);

// What stands in a list, counted in several ways. Prefixes are those wider than one address.
struct feed_counts {
	size_t addresses4, addresses6, prefixes; // distinct; together they are the entries
	size_t endpoints;                        // distinct pairs of entry and port, of which 0 is one
	size_t with_port;                        // of these, those with a port
};

void feed_count(const struct feed *, struct feed_counts *ret);
