#include "test.h"

#include "headers.h"
#include "reference/generate.h"
#include "reference/reference.h"

// A frame of `len` bytes in three segments, cut at a and b, each in memory of its exact size.
static void
agree(const struct generated *g, size_t a, size_t b)
{
	const size_t cuts[4] = {0, a, b, g->len};
	struct rte_mbuf mbufs[3];
	uint8_t *bytes[3], copy[HEADERS_MAX];
	uint32_t captured;
	const uint8_t *linear;

	for (int i = 0; i < 3; i++) {
		size_t n = cuts[i + 1] - cuts[i];

		bytes[i] = malloc(n > 0 ? n : 1);
		memcpy(bytes[i], g->bytes + cuts[i], n);
		mbufs[i] = (struct rte_mbuf){.buf_addr = bytes[i],
					     .data_len = (uint16_t)n,
					     .nb_segs = 3,
					     .next = i < 2 ? &mbufs[i + 1] : NULL};
	}
	linear = headers_linear(&mbufs[0], copy, &captured);
	assert_int_equal(captured, g->len < HEADERS_MAX ? g->len : HEADERS_MAX);
	assert_memory_equal(linear, g->bytes, captured);
	assert_null(reference_disagrees(linear, captured));
	for (int i = 0; i < 3; i++)
		free(bytes[i]);
}

static void
a_header_split_at_any_byte_is_read_as_in_one_segment(void **state)
{
	static struct generated g;

	(void)state;
	for (unsigned long seed = 0; seed < 300; seed++) {
		generate(seed, 1 + seed % 14, &g);
		for (size_t a = 0; a <= g.len; a++)
			agree(&g, a, a + (g.len - a) * (seed % 7) / 7);
	}
}

static void
one_segment_is_read_in_place(void **state)
{
	uint8_t bytes[300] = {1}, copy[HEADERS_MAX];
	struct rte_mbuf m = {.buf_addr = bytes, .data_len = sizeof(bytes), .nb_segs = 1};
	uint32_t captured;

	(void)state;
	assert_ptr_equal(headers_linear(&m, copy, &captured), bytes);
	assert_int_equal(captured, sizeof(bytes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_split_at_any_byte_is_read_as_in_one_segment),
		cmocka_unit_test(one_segment_is_read_in_place),
	};

	return cmocka_run_group_tests_name("headers", tests, NULL, NULL);
}
