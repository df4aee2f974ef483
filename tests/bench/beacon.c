// beacon: how well the score tells beacons from chance and from people, by jitter, missed beacons and the number of intervals.
//
// Area under the ROC curve over 1,000 series each. `ratio NAME VALUE limit LIMIT least` is the worse of the two.

#include "rhythm.h"

#include <stdio.h>

static double
worse(const struct rhythm *r, unsigned intervals)
{
	return fmin(rhythm_separation(r, intervals, rhythm_poisson), rhythm_separation(r, intervals, rhythm_human));
}

static void
row(double jitter, double missed)
{
	static const unsigned intervals[] = {6, 8, 12, 32};
	const struct rhythm r = {.jitter = jitter, .missed = missed, .delay = 0.2};

	printf("# %6.0f %% %6.0f %%", 100 * jitter, 100 * missed);
	for (unsigned i = 0; i < 4; i++)
		printf("  %.3f %.3f", rhythm_separation(&r, intervals[i], rhythm_poisson),
		       rhythm_separation(&r, intervals[i], rhythm_human));
	printf("\n");
}

static void
scores(unsigned intervals)
{
	double beacon = 0, high = 0;
	const struct rhythm r = {.jitter = 0.2, .missed = 0.1, .delay = 0.2};

	for (unsigned i = 0; i < RHYTHM_SERIES; i++) {
		beacon += rhythm_score(rhythm_beacon(&r, intervals)) >= 70;
		high += rhythm_score(rhythm_poisson(intervals)) >= 70;
	}
	printf("# %u intervals: a score of 70 is reached by %.1f %% of the beacons with 20 %% jitter, by %.1f %% of "
	       "chance\n",
	       intervals, beacon / RHYTHM_SERIES * 100, high / RHYTHM_SERIES * 100);
}

int
main(void)
{
	printf("# against chance, against people, with 6, 8, 12 and 32 intervals\n# jitter  missed\n");
	for (int missed = 0; missed <= 30; missed += 15)
		for (int jitter = 0; jitter <= 50; jitter += 10)
			row(jitter / 100.0, missed / 100.0);
	scores(6);
	scores(12);
	scores(32);
	for (int jitter = 0; jitter <= 50; jitter += 10) {
		const struct rhythm r = {.jitter = jitter / 100.0, .missed = 0.1, .delay = 0.2};

		printf("ratio beacon_auc_jitter%d %.3f limit 0.95 least\n", jitter, worse(&r, 12));
	}
	return 0;
}
