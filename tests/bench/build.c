// build: what it takes to make an indicator set: time against sorting as many numbers in the same run, and bytes.
//
// Prints `ratio NAME VALUE limit LIMIT most`, from the minimum of several interleaved rounds. RATWATCH_INDICATORS adds a size. Never pass or
// fail: machines and their neighbours differ.

#include "bench/bench.h"
#include "c2set.h"
#include "feed.h"

#define ROUNDS 5

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
least(double a, double b)
{
	return a == 0 || b < a ? b : a;
}

static int
compare(const void *a, const void *b)
{
	return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

static double
sort_numbers(size_t n)
{
	uint32_t *numbers = calloc(n, sizeof(*numbers));
	double began;

	if (numbers == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		numbers[i] = bench_dice();
	began = now();
	qsort(numbers, n, sizeof(*numbers), compare);
	began = now() - began;
	free(numbers);
	return began;
}

// From a list in no order to a set that answers.
static double
build_set(size_t n, struct c2set_facts *ret)
{
	struct indicator_list list = {0};
	struct c2set *s;
	double took;

	for (size_t i = 0; i < n; i++) {
		uint32_t addr = bench_dice() | 1;
		struct indicator in = {.prefix = {ip_from_v4(&addr), 128}, .port = 443, .line = (uint32_t)i};

		if (indicator_list_add(&list, &in) < 0)
			abort();
	}
	took = now();
	if (c2set_build(&list, 1, &s) < 0)
		abort();
	took = now() - took;
	c2set_facts(s, ret);
	c2set_free(s);
	return took;
}

// The bytes of a text list of addresses, as a file would have them.
static struct input
text_of(size_t n)
{
	struct input in = {.bytes = malloc(n * 16 + 1)};

	if (in.bytes == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		uint32_t a = bench_dice();

		in.len += (size_t)sprintf(in.bytes + in.len, "%u.%u.%u.%u\n", 11 + (a >> 24) % 80, a >> 16 & 255,
					  a >> 8 & 255, a & 255);
	}
	return in;
}

static double
read_text(size_t n)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct problem_list problems = {0};
	struct input in = text_of(n);
	struct feed *f;
	double took = now();

	o.path = "list";
	if (feed_read(&o, &in, &problems, &f) < 0)
		abort();
	took = now() - took;
	feed_free(f);
	problem_clear(&problems);
	input_free(&in);
	return took;
}

static void
measure(size_t n)
{
	double sort = 0, build = 0, text = 0;
	struct c2set_facts facts;

	for (int r = 0; r < (n > 1000000 ? 1 : ROUNDS); r++) {
		sort = least(sort, sort_numbers(n));
		build = least(build, build_set(n, &facts));
		text = least(text, read_text(n));
	}
	printf("ratio build_%zu_over_qsort %.2f limit 3.00 most\n", n, build / sort);
	printf("ratio read_text_%zu_over_qsort %.2f limit 5.00 most\n", n, text / sort);
	printf("ratio bytes_per_indicator_%zu %.1f limit 40.0 most\n", n,
	       (double)facts.bytes / (double)facts.indicators);
	printf("# %zu: set built in %.1f ms, text list read in %.1f ms, %.1f MB\n", n, build * 1e3, text * 1e3,
	       (double)facts.bytes / 1e6);
}

int
main(void)
{
	const char *more = getenv("RATWATCH_INDICATORS");

	measure(10000);
	measure(100000);
	measure(1000000);
	if (more != NULL)
		measure(strtoul(more, NULL, 10));
	return 0;
}
