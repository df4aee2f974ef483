// beacon: how regularly a victim reports to its controller: the period, and a score from 0 (like chance) to 100 (like clockwork).
//
// A beat is the begin of a contact that the victim opened, or of a keep-alive. Kept are the 33 latest beats, so that memory is fixed, what was long
// ago is forgotten (an operator changes the sleep time), and, since the latest of a set do not depend on how they came, no order of arrival shows.
//
// The score rests on D, the mean over the intervals of |ln(interval / median)|, each of them clipped at ln 3, and is 100 * (1 - D / D of Poisson
// traffic). By the logarithm it has no unit: a period of a minute and one of a day are measured alike. The median and the clip (Huber 1964) bound
// what one interval can do: a missed beacon makes one interval of twice the length, a night makes one of a thousand times, and neither makes a
// beacon irregular; a mean and a variance break at the first night. What others do: RITA (Active Countermeasures) has Bowley's skewness and the
// median absolute deviation, in seconds. Sketches of quantiles (P2, Jain and Chlamtac 1985) save nothing at 32 values, are not exact, and do depend on order.
// Intervals are not folded at multiples of the period: folding makes chance look regular. What it
// tells apart: the benchmark `beacon`.
//
// A table keeps a series for each victim, controller, controller's port and protocol, sessions and keep-alives apart: another service on the same
// address (a web site beside a controller) has a rhythm of its own and would spoil this one's. Memory is fixed; when it is full the one that beat longest ago
// leaves. Series with one beat are kept apart in a quarter of the places, so that a flood of spoofed victims drives out its own kind only.
//
// One thread at a time.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contact.h"

#define BEACON_BEATS 33
#define BEACON_LEAST 6 // intervals; fewer have no score

// Beats closer than this are one: a program that opens several connections at once.
#define BEACON_GRAIN_NS INT64_C(1000000000)

struct beat {
	int64_t ns;     // since the epoch
	uint32_t chain; // intervals are between beats of one chain: keep-alives of two sessions at once are two chains
};

struct beacon {
	uint32_t n;
	struct beat beats[BEACON_BEATS]; // the latest, by time
};

enum beacon_kind { BEACON_SESSIONS, BEACON_KEEP_ALIVES };

const char *beacon_kind_name(enum beacon_kind); // "sessions", "keep_alives"

struct beacon_result {
	uint32_t intervals; // that it rests on; 0: not known
	enum beacon_kind of;
	uint32_t score;    // 0..100
	int64_t period_ms; // mean interval, without missed beats
};

void beacon_add(struct beacon *, int64_t ns, uint32_t chain);

// false: fewer than BEACON_LEAST intervals, and ret is untouched.
bool beacon_measure(const struct beacon *, struct beacon_result *ret);

// By score, then by intervals; what is left to choose is chosen by period and kind, so that no order of arrival shows.
bool beacon_is_more_regular(const struct beacon_result *, const struct beacon_result *than);

struct beacon_table;

int beacon_build(size_t max, struct beacon_table **ret); // max: series. 0 or -ENOMEM
void beacon_free(struct beacon_table *);

// A beat, when the report tells of one: a contact that ends[0] opened, or a keep-alive.
void beacon_note(struct beacon_table *, const struct contact_report *);

// What is known of the report's ends: of sessions or of keep-alives, whichever scores higher. intervals 0: nothing.
struct beacon_result beacon_of(const struct beacon_table *, const struct contact_report *);

// Series that had to leave.
uint64_t beacon_overflow(const struct beacon_table *);
