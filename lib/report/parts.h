// report/parts: a tally arranged for reading: each organization and each controller with its sums and victims.

#pragma once

#include "report.h"

struct report_sums {
	struct tally_counts lanes[LANES];
	bool there[LANES]; // the lane has a cell
	struct tally_counts all;
};

struct report_org {
	const struct tally_org *org;
	bool suspected; // as an organization: its attribution allows it
	struct report_sums sums;
	size_t victims, victims_all; // distinct: suspected, and of all lanes
	enum contact_evidence evidence;
	struct beacon_result beacon; // of the most regular victim
	const struct tally_cell *cells;
	size_t n_cells;
	const struct tally_pair *pairs;
	size_t n_pairs;
	const struct tally_victim *victim_rows;
	size_t n_victim_rows;
};

struct report_controller {
	const struct tally_controller *controller;
	struct report_sums sums;
	size_t organizations; // suspected ones
	size_t victims, victims_all;
	struct beacon_result beacon; // of the most regular victim
};

struct report_parts {
	struct report_org *orgs;
	size_t n_orgs;
	struct report_controller *controllers;
	size_t n_controllers;
	size_t victims, victims_all;
};

int report_parts_build(struct tally *, struct report_parts *ret); // 0 or -ENOMEM
void report_parts_free(struct report_parts *);

// Distinct victims among rows of one organization; family 0: of every family.
size_t report_victims(const struct tally_victim *, size_t n, name_id family, bool only_suspected);

void report_sums_add(struct report_sums *, const struct tally_cell *);

// The distinct families of an organization's suspected pairs (of all pairs when `all`), joined by `separator`, cut to size. Returns ret.
char *report_families(const struct report_org *, bool all, const char *separator, char *ret, size_t size);
