// report: what a replay found, as a table for people or as JSON (docs/report.md) for programs.
//
// Reads a tally that holds the whole replay. The same input gives the same bytes, whatever the number of workers. One thread.

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "beacon.h"
#include "contact.h"
#include "pkt.h"
#include "tally.h"

struct report_capture {
	const char *const *files;
	size_t n_files;
	int64_t first_ns, last_ns; // of all packets; 0 when there are none
	uint64_t packets, bytes;   // bytes on the wire
	uint64_t verdicts[PKT_VERDICTS];
	uint64_t notes[PKT_NOTES];
	uint64_t snap_cut;                                  // packets that the capture cut
	uint64_t fragments, unresolved, overlaps, portless; // of the hits
	uint64_t overflow;          // hits that found a worker's contact table full: in packets, in no contact
	uint64_t coarse, uncounted; // of these: counted by controller only; not even that
	uint64_t evicted;           // contacts that ended early to make room
	uint64_t beacon_overflow;   // pairs whose rhythm was forgotten to make room
	int64_t residual;           // packets - sum of verdicts
};

struct report_feed {
	const char *path;
	const char *name;
	const char *format;
	size_t entries, valid, merged,
		skipped;           // entries: in force when it was read; valid: lines that name an indicator
	int64_t modified, updated; // epoch seconds; 0 unknown
	uint64_t digest;           // of its bytes
	size_t bytes;
	size_t min_entries;
	name_id id;            // name, as indicators carry it
	bool held;             // its new content was refused, and what was accepted before is in force
	_Atomic bool shortage; // relaxed: fewer lines are in force than its min_entries, or none
};

struct report_indicators {
	uint64_t generation;
	size_t entries;
	const struct report_feed *feeds;
	size_t n_feeds;
};

struct report_contact {                            // one contact, whole; only with --contacts
	struct contact_report last;                // its last report: ends, opener, evidence
	uint64_t packets[2], bytes[2], payload[2]; // sums
	name_id org;
	enum lane lane;
	name_id reason;
	bool suspected;
	struct beacon_result beacon; // of its ends, at the end of the capture
};

struct report {
	const char *version;
	struct report_capture capture;
	struct report_indicators indicators;
	struct tally *tally;
	const struct report_contact *contacts; // sorted by the report itself
	size_t n_contacts;
	bool with_contacts;
	const char *note; // a line under the title of each table; NULL: none
	int64_t now;      // epoch seconds, for ages of lists in the table; never in JSON
};

// 0 or a negative errno (writing failed, no memory).
int report_json(const struct report *, FILE *to);
int report_table(const struct report *, FILE *to);
