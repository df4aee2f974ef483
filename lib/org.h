// org: address -> organization, by watchlist (longest prefix), then MaxMind-format databases, then private or unknown.
//
// The watchlist is a CSV with a header (RFC 4180): network,id,name,sector,country,lane,watch. Each database gives what it
// has: `organization`, `isp`, `autonomous_system_organization`, `autonomous_system_number`, country `iso_code`,
// `is_hosting_provider`, `user_type`; earlier databases win, field by field. Built once, read by one or more threads, replaced whole by a reload.
// MaxMind DB format: https://maxmind.github.io/MaxMind-DB/ (read by libmaxminddb, from a private copy of the file).

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip.h"
#include "names.h"
#include "problem.h"

enum org_attribution { ORG_WATCHLIST, ORG_ORGANIZATION, ORG_ISP, ORG_ASN, ORG_PRIVATE, ORG_UNKNOWN };

const char *org_attribution_name(enum org_attribution);

// Whether an organization with this attribution can be named as suspected: on an ISP's tap every subscriber that nobody lists belongs to
// the ISP.
bool org_can_be_suspected(enum org_attribution);

struct org_facts {       // about one address; plain values
	name_id id;      // `w-<watchlist id>`, `o-<slug>`, `as64500`, `private`, `unknown`: [a-z0-9._-]{1,64}
	name_id name;    // as given
	name_id sector;  // empty when unknown
	name_id country; // ISO 3166-1 alpha-2, empty when unknown
	enum org_attribution attribution;
	bool watched;   // the watchlist says watch=yes
	uint8_t lane;   // enum lane of lane.h that the watchlist sets; LANE_COUNTED when it sets none
	uint32_t line;  // of the watchlist, 1-based; 0 otherwise
	name_id source; // file name of the watchlist or database; empty for private and unknown
	// What databases say of the address; left out where the watchlist names a lane.
	uint32_t asn; // 0: unknown
	name_id hosting; // database and field that say that hosts are let there: "GeoIP2-Anonymous-IP.mmdb: is_hosting_provider"; empty: none
};

// About a controller: hand-written networks, then watchlists, then databases, field by field.
struct org_network {
	name_id country, network; // network: name of the watchlist, organization, isp or AS name; empty when unknown
};

struct org_set;

// Paths of files; counts may be 0. 0, or a negative errno with errors in the list. Every file is read before anything fails,
// so that all errors come in one go.
int org_build(const char *const *watchlists, size_t n_watchlists, const char *const *databases, size_t n_databases,
	      struct problem_list *, struct org_set **ret);
void org_free(struct org_set *);

void org_find(const struct org_set *, const struct ip_addr *, struct org_facts *ret);
void org_network(const struct org_set *, const struct ip_addr *, struct org_network *ret);
// Whether there is a MaxMind-format database: nothing else knows AS numbers.
bool org_has_database(const struct org_set *);
// Organizations of the watchlists (rows with distinct ids).
size_t org_watched(const struct org_set *);
