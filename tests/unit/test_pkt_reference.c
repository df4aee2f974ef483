// pkt against a slow parser of its own, and against what the generator put in: every encapsulation in every other, cut at every length, and
// with random damage. RATWATCH_FRAMES sets how many frames.

#include "test.h"

#include "reference/generate.h"
#include "reference/reference.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned long
frames(void)
{
	const char *text = getenv("RATWATCH_FRAMES");

	return text != NULL ? strtoul(text, NULL, 10) : 200000;
}

static void
show(const struct generated *g, size_t len, const char *what, unsigned long seed)
{
	fprintf(stderr, "seed %lu, %zu of %zu bytes: %s\n", seed, len, g->len, what);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x%s", g->bytes[i], i % 16 == 15 ? "\n" : " ");
	fputc('\n', stderr);
}

// From memory of its exact size, so that a sanitizer sees a step too far.
static void
agree(const struct generated *g, size_t len, unsigned long seed)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	const char *what;

	memcpy(exact, g->bytes, len);
	what = reference_disagrees(exact, len);
	free(exact);
	if (what != NULL)
		show(g, len, what, seed);
	assert_null(what);
}

static void
every_encapsulation_in_every_other_is_read_as_it_was_built(void **state)
{
	static struct generated g;
	uint64_t kinds = 0;
	unsigned long deep = 0;

	(void)state;
	for (unsigned long seed = 0; seed < frames(); seed++) {
		enum pkt_verdict v;
		struct pkt pkt;

		generate(seed, 1 + seed % 28, &g);
		agree(&g, g.len, seed);
		kinds |= g.kinds;
		if ((v = pkt_locate(g.bytes, g.len, &pkt)) == PKT_TOO_DEEP) // not one IP header within the bound
			pkt.n = 0;
		else if (v != PKT_PROBED) {
			show(&g, g.len, pkt_verdict_name(v), seed);
			assert_int_equal(v, PKT_PROBED);
		}
		if (g.headers > PKT_HEADERS_MAX || g.n > PKT_LAYERS_MAX)
			deep++;
		else if (pkt.n != g.n)
			show(&g, g.len, "the number of layers differs", seed);
		assert_true(pkt.n == g.n || (pkt.n < g.n && (g.headers > PKT_HEADERS_MAX || g.n > PKT_LAYERS_MAX)));
		for (unsigned i = 0; i < pkt.n; i++)
			if (memcmp(&pkt.layers[i].src, g.src[i], 16) != 0) {
				show(&g, g.len, "an address differs", seed);
				assert_true(false);
			}
	}
	assert_int_equal(kinds, (UINT64_C(1) << GENERATE_KINDS) - 1);
	assert_true(deep > 0);
}

static void
a_frame_cut_at_any_length_agrees(void **state)
{
	static struct generated g;

	(void)state;
	for (unsigned long seed = 0; seed < frames() / 50; seed++) {
		generate(seed, 1 + seed % 16, &g);
		for (size_t len = 0; len <= g.len; len++)
			agree(&g, len, seed);
	}
}

static void
a_damaged_frame_agrees(void **state)
{
	static struct generated g, damaged;

	(void)state;
	for (unsigned long seed = 0; seed < frames(); seed++) {
		uint64_t dice = seed;

		generate(seed, 1 + seed % 16, &g);
		for (int i = 0; i < 8; i++) {
			damaged = g;
			for (unsigned n = 1 + generate_dice(&dice) % 4; n > 0; n--)
				damaged.bytes[generate_dice(&dice) % g.len] = (uint8_t)generate_dice(&dice);
			agree(&damaged, i % 2 ? g.len : generate_dice(&dice) % (g.len + 1), seed);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_encapsulation_in_every_other_is_read_as_it_was_built),
		cmocka_unit_test(a_frame_cut_at_any_length_agrees),
		cmocka_unit_test(a_damaged_frame_agrees),
	};

	return cmocka_run_group_tests_name("pkt_reference", tests, NULL, NULL);
}
