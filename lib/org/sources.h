// org/sources: what org.c puts together: watchlists, hand-written networks, MaxMind-format databases.

#pragma once

#include "asn.h"
#include "org.h"
#include "prefix_table.h"

// Watchlist ------------------------------------------------------------------------------------------------------------------------

enum { ORG_NETWORK, ORG_ID, ORG_NAME, ORG_SECTOR, ORG_COUNTRY, ORG_LANE, ORG_WATCH, ORG_COLUMNS };

struct org_row {
	struct org_facts facts;
	name_id path;
	uint32_t asn; // 0: a network, which is the range
	struct ip_range range;
	name_id said[ORG_COLUMNS]; // the cells from ORG_NAME on; 0: says nothing
};

struct org_watchlist {
	struct prefix_table *networks; // values: indexes into rows
	struct asn_table *systems;     // the same
	struct org_row *rows;
	size_t n, max;
	size_t ids; // distinct
};

int org_watchlist_init(struct org_watchlist *);
void org_watchlist_fini(struct org_watchlist *);
// Adds a file. 0, or a negative errno with all its errors in the list.
int org_watchlist_read(struct org_watchlist *, const char *path, struct problem_list *);
// After the last file: rows of one organization complete each other. -EINVAL when two networks, or two rows of one organization, contradict
// each other.
int org_watchlist_seal(struct org_watchlist *, struct problem_list *);

// Networks: a CSV address,country,network -----------------------------------------------------------------------------------------

struct org_networks {
	struct prefix_table *table; // values: indexes into rows
	struct org_network *rows;
	size_t n, max;
};

int org_networks_init(struct org_networks *);
void org_networks_fini(struct org_networks *);
// 1: the file is one and was read; 0: it is something else; a negative errno with errors in the list.
int org_networks_read(struct org_networks *, const char *path, struct problem_list *);
void org_networks_seal(struct org_networks *);

// MaxMind-format database ---------------------------------------------------------------------------------------------------------

struct org_mmdb;

struct org_record { // what one database says about an address; empty texts and 0 where it says nothing
	char organization[256], isp[256], as_name[256], country[8];
	uint32_t asn;
	const char *hosting; // the field that says that hosts are let there; NULL: none does
};

// Copied and verified: what happens to the file afterwards changes nothing.
int org_mmdb_open(const char *path, struct problem_list *, struct org_mmdb **ret);
void org_mmdb_close(struct org_mmdb *);
// Fills in the fields that are still empty.
void org_mmdb_find(const struct org_mmdb *, const struct ip_addr *, struct org_record *);
