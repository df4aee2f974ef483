// tally: increments not yet in a batch.
//
// The collector adds classified contact reports; a batch (live) or a report (replay) reads the whole and the tally is cleared.
// One cell per organization, controller, family, lane and UTC hour holds the twelve counters; beside the cells stand facts about
// organizations, controllers, their pairs and the victims. Totals count a contact once even when both of its ends are listed.
//
// Everything is plain values; names are interned. One thread at a time. Lists are handed out sorted, so that the same
// contacts give the same bytes whatever the order in which they came.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "beacon.h"
#include "contact.h"
#include "flow.h"
#include "ip.h"
#include "lane.h"
#include "names.h"
#include "org.h"

// In this order everywhere.
enum tally_counter {
	TALLY_CONTACTS,
	TALLY_ATTEMPTS,
	TALLY_ANSWERED,
	TALLY_TWO_WAY,
	TALLY_INBOUND,
	TALLY_INBOUND_ANSWERED,
	TALLY_EXACT,
	TALLY_ACTIVE,
	TALLY_PACKETS_OUT,
	TALLY_PACKETS_IN,
	TALLY_BYTES_OUT,
	TALLY_BYTES_IN,
	TALLY_COUNTERS
};

const char *tally_counter_name(enum tally_counter);

struct tally_counts {
	uint64_t n[TALLY_COUNTERS];
};

struct tally_cell {
	name_id org;
	struct ip_addr controller;
	name_id family;
	enum lane lane;
	uint32_t hour; // epoch seconds / 3600
	struct tally_counts counts;
};

struct tally_org {
	struct org_facts facts;
	int64_t first_ns, last_ns;                     // of all contacts
	bool suspected;                                // a suspected contact is among the reports
	int64_t suspected_first_ns, suspected_last_ns; // of suspected contacts
};

struct tally_controller {
	struct ip_addr addr;
	struct flow_match
		match; // of the latest generation; what depends on the contact (exact, family) is of no use here
	struct org_network network;
	int64_t first_ns, last_ns;
	bool suspected; // has a suspected victim
};

struct tally_pair { // organization and controller
	name_id org;
	struct ip_addr controller;
	name_id family; // primary
	name_id families, feeds;
	bool exact;
	enum contact_evidence evidence; // the highest
	enum lane lane;                 // the lane that comes last in the enum: counted wins
	name_id reason;                 // of that lane
	bool suspected;
	int64_t first_ns, last_ns;
};

// One victim of an organization at a controller, by day: what a sighting needs.
struct tally_victim {
	name_id org;
	struct ip_addr controller;
	struct ip_prefix victim; // victim_identity
	name_id family;
	enum lane lane;
	uint32_t day; // epoch seconds / 86400
	uint16_t controller_port;
	uint8_t proto;
	bool exact;
	bool both_listed; // the victim is on a list as well
	bool suspected;
	enum contact_evidence evidence; // the highest
	enum contact_opener opener;
	name_id feeds, reason;
	struct beacon_result beacon; // of the service that has the highest score
	struct flow_tunnel tunnel;   // around what the victim sent, else around what it received
	uint64_t generation;         // of the latest indicator set that matched
	int64_t first_ns, last_ns;
};

// Unanswered contacts whose sources may be forged bring no new row beyond this many; what is answered always does.
#define TALLY_VICTIMS_MAX (1u << 18)

struct tally;

int tally_build(struct tally **ret);
void tally_free(struct tally *);
void tally_clear(struct tally *);

// What the collector found out about a report as seen from one controller.
struct tally_entry {
	const struct contact_report *report;
	unsigned victim, controller; // indexes into report->ends
	struct org_facts org;        // of the victim
	struct org_network network;  // of the controller
	enum lane lane;
	name_id reason;
	bool suspected;
	struct beacon_result beacon; // of the pair, so far
	unsigned victim_prefix6;     // bits of an IPv6 address that make one victim
	bool repeat; // the same report was added already as seen from its other end: not in the totals again
};

// 0 or -ENOMEM (then nothing of the entry was added).
int tally_add(struct tally *, const struct tally_entry *);

// Reports whose victim got no row of its own: victims_all is too low by at most as many. Their counters are in the cells.
uint64_t tally_victims_left_out(const struct tally *);

bool tally_empty(const struct tally *);
const struct tally_counts *tally_totals(const struct tally *);

// Sorted arrays that live until the tally changes. Order: cells by org id text, controller, family text, lane, hour; organizations
// by id text; controllers by address; pairs by org id text, controller; victims by org id text, controller, family text, lane,
// day, victim.
size_t tally_cells(struct tally *, const struct tally_cell **ret);
size_t tally_orgs(struct tally *, const struct tally_org **ret);
size_t tally_controllers(struct tally *, const struct tally_controller **ret);
size_t tally_pairs(struct tally *, const struct tally_pair **ret);
size_t tally_victims(struct tally *, const struct tally_victim **ret);

// What one report adds to the counters, seen from `controller`: the one place that knows how inbound contacts count.
void tally_count(const struct contact_report *, unsigned victim, unsigned controller, struct tally_counts *ret);
