// rhythm: beats as programs and people make them, and how well a score tells them apart. From a fixed seed: the same on every run.

#pragma once

#include "beacon.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define RHYTHM_PERIOD 60.0 // seconds; the mean of all of them

static uint64_t rhythm_state = 1;

static double
rhythm_dice(void) // [0, 1)
{
	rhythm_state = rhythm_state * 6364136223846793005u + 1442695040888963407u;
	return (double)(rhythm_state >> 11) / 9007199254740992.0;
}

static double
rhythm_exponential(double mean)
{
	return -mean * log(1 - rhythm_dice());
}

static double
rhythm_lognormal(double median, double sigma)
{
	return median * exp(sigma * sqrt(-2 * log(1 - rhythm_dice())) * cos(2 * M_PI * rhythm_dice()));
}

struct rhythm {
	double jitter; // of a beacon: each sleep is uniform within the period +- this share
	double missed; // share of beacons that are not seen
	double delay;  // mean delay on the network, seconds
};

// Keeps time from beat to beat as malware does: it sleeps, then works, so that jitter adds up.
static struct beacon
rhythm_beacon(const struct rhythm *r, unsigned n)
{
	double now = 1e9;
	struct beacon b = {0};

	while (b.n <= n) {
		now += RHYTHM_PERIOD * (1 + r->jitter * (2 * rhythm_dice() - 1));
		if (rhythm_dice() >= r->missed)
			beacon_add(&b, (int64_t)((now + rhythm_exponential(r->delay)) * 1e9), 0);
	}
	return b;
}

static struct beacon
rhythm_poisson(unsigned n)
{
	double now = 1e9;
	struct beacon b = {0};

	while (b.n <= n) {
		now += rhythm_exponential(RHYTHM_PERIOD);
		beacon_add(&b, (int64_t)(now * 1e9), 0);
	}
	return b;
}

// Somebody reads: a few pages within seconds of each other, then a pause; in the mean as many as the beacon.
static struct beacon
rhythm_human(unsigned n)
{
	double now = 1e9;
	struct beacon b = {0};

	while (b.n <= n) {
		now += rhythm_dice() < 0.8 ? rhythm_lognormal(4.5, 0.8) : rhythm_lognormal(170, 1);
		beacon_add(&b, (int64_t)(now * 1e9), 0);
	}
	return b;
}

static double
rhythm_score(struct beacon b)
{
	struct beacon_result r = {0};

	beacon_measure(&b, &r);
	return r.score;
}

// The area under the ROC curve: how often one of the first scores higher than one of the second, ties half (Mann and Whitney).
static double
rhythm_auc(const double *first, const double *second, unsigned n)
{
	double won = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < n; j++)
			won += first[i] > second[j] ? 1 : first[i] == second[j] ? 0.5 : 0;
	return won / n / n;
}

#define RHYTHM_SERIES 1000

// Of beacons against people, or against chance.
static double
rhythm_separation(const struct rhythm *r, unsigned intervals, struct beacon (*other)(unsigned))
{
	static double beacons[RHYTHM_SERIES], others[RHYTHM_SERIES];

	for (unsigned i = 0; i < RHYTHM_SERIES; i++) {
		beacons[i] = rhythm_score(rhythm_beacon(r, intervals));
		others[i] = rhythm_score(other(intervals));
	}
	return rhythm_auc(beacons, others, RHYTHM_SERIES);
}
