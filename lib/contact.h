// contact: the table of the contacts that one worker owns: opener, evidence, hours, expiry.
//
// A contact is one conversation between a listed address and another: a bidirectional 5-tuple. A SYN with another initial
// sequence number is a new contact, and so is a gap longer than the idle limit, judged by the contact's own packet times.
// Evidence is a join of facts per direction (flags, payload, sequence and acknowledgement numbers), so that a tap that sees one
// direction only uses the same function with an empty other half; acknowledgements that advance prove the other side's packets.
// docs/contacts.md has the rules.
//
// One thread. Changes leave through `emit` as plain values with deltas since the last report. When emit refuses (its ring is
// full) the deltas stay in the table and go later; nothing is lost, but packets of the next hour count in the old one until emit takes it.
//
// Memory is taken once, for `max` contacts. In a full table a new contact takes the place of an unanswered one, which ends early;
// never that of an answered one. A packet that finds no place leaves as a report of its own, portless; while emit refuses that
// it is added up by controller, family and hour (`coarse`). contact_facts counts each by name.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

enum contact_opener { CONTACT_VICTIM, CONTACT_CONTROLLER, CONTACT_UNKNOWN };
enum contact_evidence { CONTACT_ATTEMPT, CONTACT_ANSWERED, CONTACT_TWO_WAY };

const char *contact_opener_name(enum contact_opener);     // "victim", "controller", "unknown"
const char *contact_evidence_name(enum contact_evidence); // "attempt", "answered", "two_way"

#define CONTACT_OPEN_NS                                                                                                \
	(3600 * INT64_C(1000000000)) // idle limit of a TCP conversation that was answered, or met after its start
#define CONTACT_HALF_OPEN_NS (60 * INT64_C(1000000000))
#define CONTACT_SILENCE_NS   (3 * INT64_C(1000000000))   // without payload: what comes next is another exchange
#define CONTACT_SMALL        4096                        // bytes of payload in an exchange that may be a keep-alive
#define CONTACT_OTHER_NS     (300 * INT64_C(1000000000)) // UDP, ICMP, SCTP and the rest

// Hard limit: a contact that is older begins anew with its next packet, so that what never falls silent is heard of again.
#define CONTACT_TCP_HARD_NS   (30 * 86400 * INT64_C(1000000000))
#define CONTACT_OTHER_HARD_NS (7 * 86400 * INT64_C(1000000000))

// One end. Index 0 is the end that a report calls the victim, index 1 the controller; when both are listed, index 0 is the
// opener (else the lower address).
struct contact_end {
	struct ip_addr addr;
	uint16_t port; // host byte order
	struct flow_match match;
};

// What one report adds. `hour` is the UTC hour of packet time (epoch seconds / 3600) that the deltas belong to.
struct contact_report {
	uint64_t id;                // unique in the process
	struct contact_end ends[2]; // [0] victim, [1] controller; ends[1].match.listed always
	uint8_t proto;
	bool portless;                  // packets and bytes only: no conversation
	bool coarse;                    // portless, and of many victims: ends[0] is the unspecified address
	bool born;                      // first report: counts a contact
	bool active;                    // first packet in this hour
	bool now_opener;                // the opener became known with this report (at birth, mostly)
	bool now_answered, now_two_way; // evidence rose with this report
	bool ended;                     // last report
	bool start_missed;              // TCP: no SYN so far; it began before the capture did, or after a gap
	bool one_way; // TCP: one side's packets only so far, which acknowledge the other's: the tap shows one direction
	enum contact_opener opener;     // of ends[0], ends[1]
	enum contact_evidence evidence; // so far
	uint32_t hour;
	int64_t first_ns, last_ns;           // of the contact so far
	int64_t hour_first_ns, hour_last_ns; // of the deltas in this report
	int64_t keep_alive_ns; // when a small exchange of payload after a silence began, told when the next one begins; 0: none
	struct flow_tunnel tunnels[2];             // around the first packet that each end sent
	uint64_t packets[2], bytes[2], payload[2]; // deltas; [0] sent by ends[0], [1] by ends[1]
};

struct contact_options {
	size_t max;    // contacts kept at once
	uint8_t owner; // put into the ids, so that they are unique in the process
	bool lazy;     // evict only when the table is nearly full (replay: packet times may go back)
	bool (*emit)(void *context, const struct contact_report *); // false: no room, try later
	void *context;
};

struct contact_facts {
	size_t kept;
	uint64_t born;
	uint64_t evicted;                          // contacts that ended early, for new ones
	uint64_t overflow_packets, overflow_bytes; // in no contact: the table was full of answered ones
	uint64_t coarse_packets;                   // of these: counted by controller only
	uint64_t lost_packets;                     // of these: not even that
};

struct contact_table;

int contact_build(const struct contact_options *, struct contact_table **ret); // 0 or -ENOMEM
void contact_free(struct contact_table *);

// One packet of a flow with at least one listed end; match[0] is of flow->src, match[1] of flow->dst.
void contact_packet(struct contact_table *, const struct flow *, const struct flow_match match[2]);

// Sends what emit refused and pending deltas, and evicts contacts idle at now_ns; looks at up to `budget` places.
void contact_sweep(struct contact_table *, int64_t now_ns, size_t budget);

// Ends every contact. Returns how many could not be reported yet: call again until 0.
size_t contact_flush(struct contact_table *);

void contact_facts(const struct contact_table *, struct contact_facts *ret);
