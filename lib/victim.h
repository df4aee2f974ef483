// victim: who counts as one victim, and which victims behave like scanners.
//
// An IPv4 address is one victim; an IPv6 host changes its address at will (RFC 8981), so its /64 (or what the operator says) is.
//
// A contact is a scanner's when some stretch of `window_s` seconds that holds its beginning holds the beginnings of contacts of the same
// victim with at least `controllers` distinct controllers: contacts that the victim opened and that have not become two_way. That needs a
// look ahead, so a contact below two_way waits here, as one report per hour, until `window_s` after its beginning; when it becomes two_way
// before, it goes at once. The answer depends on times and addresses only, never on the order in which contacts came. A contact
// is remembered for another `window_s`, for those that follow it.
//
// All memory is taken at the start and touched as it fills. When it is full the oldest contacts are decided early, with what is known of their
// victims until then, and counted in victim_facts.early. Times are packet times. One thread at a time.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contact.h"
#include "ip.h"
#include "names.h"

// The prefix that stands for the host: /32 for IPv4, /prefix6 for IPv6.
struct ip_prefix victim_identity(const struct ip_addr *, unsigned prefix6);

struct victim_options {
	unsigned window_s;
	unsigned controllers; // distinct ones that make a scanner; at least 1
	unsigned prefix6;     // victim_identity
	size_t waiting;       // reports held at once; at least 1
	// Gives a report back that was held, those of a contact in the order of their hours. `reason`: "behaviour: 24 controllers in 600 s" when
	// it is a scanner's, else the empty name. Must not call into victim.
	void (*decided)(void *context, const struct contact_report *, name_id reason);
	void *context;
};

struct victim_facts {
	size_t waiting;    // contacts
	uint64_t early;    // contacts that were decided before their time
	uint64_t scanners; // contacts that were a scanner's by behaviour
	int64_t oldest_ns; // beginning of the contact that waits longest; INT64_MAX: none waits
};

struct victim_windows;

int victim_windows_build(const struct victim_options *, struct victim_windows **ret); // 0 or -ENOMEM
void victim_windows_free(struct victim_windows *);

// Takes note of a report of a contact whose victim is ends[0]. *place belongs to the contact, 0 before its first report. True: it is held and
// will come back; false: count it now (what was held of its contact has come back).
bool victim_hold(struct victim_windows *, const struct contact_report *, uint64_t *place);

// Decides the contacts whose time has come. Cheap when none has.
void victim_decide(struct victim_windows *, int64_t now_ns);
// Decides all. `early`: they count as decided early (the end of a live run; the end of a capture is no earlier than can be).
void victim_decide_all(struct victim_windows *, bool early);

void victim_facts(const struct victim_windows *, struct victim_facts *ret);

struct victim_window {      // of one victim
	bool open;          // it has begun a contact within the last window_s
	size_t waiting;     // its contacts that wait
	size_t controllers; // distinct ones within the last window_s, without payload both ways
};

void victim_window(struct victim_windows *, const struct ip_addr *, int64_t now_ns, struct victim_window *ret);
