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
// Plain values; nothing is owned. One thread at a time.

#pragma once

#include <stdbool.h>
#include <stdint.h>

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

struct beacon_result {
	uint32_t intervals; // that it rests on; 0: not known
	uint32_t score;     // 0..100
	int64_t period_ms;  // mean interval, without missed beats
	int64_t last_ns;    // the last beat
};

void beacon_add(struct beacon *, int64_t ns, uint32_t chain);

// false: fewer than BEACON_LEAST intervals, and ret is untouched.
bool beacon_measure(const struct beacon *, struct beacon_result *ret);
