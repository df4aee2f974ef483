// lane: where a contact is counted, and why.
//
// The first lane that holds, in the order of the enum. Lists are files of addresses and prefixes (plain text, or a MISP warninglist) or of AS
// numbers, known by their content; the watchlist's lane column is one more, and so are the flags of databases for hosting. The reason names list or
// rule and line, or database and field. Built once, read by any thread, replaced whole by a reload.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contact.h"
#include "names.h"
#include "org.h"
#include "problem.h"

enum lane {
	LANE_ALLOWED,
	LANE_RETRACTED, // reserved
	LANE_SCANNER,
	LANE_RESEARCH,
	LANE_HOSTING,
	LANE_SHARED,
	LANE_SINKHOLE,
	LANE_COUNTED,
	LANES
};

const char *lane_name(enum lane);
int lane_parse(const char *text, size_t len, enum lane *ret); // 0 or -EINVAL

struct lane_list {      // one file whose addresses or AS numbers go to one lane
	enum lane lane; // ALLOWED, SHARED and SINKHOLE look at the controller; SCANNER, RESEARCH, HOSTING at the victim
	const char *path;
};

struct lane_set;

int lane_build(const struct lane_list *, size_t n, struct problem_list *, struct lane_set **ret);
void lane_free(struct lane_set *);

// `victim` and `controller` are indexes into report->ends (they differ from 0 and 1 only where both ends are listed).
// *ret_reason: interned text such as "watchlist.csv:39" or "indicator: shared"; the empty name for counted.
enum lane lane_of(const struct lane_set *, const struct contact_report *, unsigned victim, unsigned controller,
		  const struct org_facts *victim_org, name_id *ret_reason);

// The path of a list of AS numbers, if there is one; NULL. Such lists need a database that knows AS numbers.
const char *lane_as_list(const struct lane_set *);

bool lane_has(const struct lane_set *, enum lane); // a list of its own

// Whether an address or prefix of the allowed lists holds this one or lies in it: then the whole indicator is not to be trusted.
bool lane_allows(const struct lane_set *, const struct ip_prefix *);

// Why a contact in this lane does not make its victim suspected (docs/architecture.md, "Suspected"): every reason as a bit; 0: it does.
enum lane_objection {
	LANE_APART = 1 << 0,           // its lane makes nobody suspected
	LANE_NO_CONVERSATION = 1 << 1, // a fragment without ports
	LANE_NOT_ANSWERED = 1 << 2,
	LANE_NOT_OPENED = 1 << 3,  // the controller opened it, or who did is not known and it is not two_way
	LANE_OTHER_PORT = 1 << 4,  // not the indicator's
	LANE_OTHERS_HOST = 1 << 5, // on no listed port of an address that is a hacked third party's or shared
};
#define LANE_OBJECTIONS 6
unsigned lane_objections(enum lane, const struct contact_report *, unsigned victim, unsigned controller);
const char *lane_objection_text(enum lane_objection);

bool lane_suspects(enum lane, const struct contact_report *, unsigned victim, unsigned controller);
