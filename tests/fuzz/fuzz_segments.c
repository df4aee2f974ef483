// The first byte of the input says how many segments, the next ones how long each is; the rest is the frame. Spread over
// segments it must parse as it does in one piece of HEADERS_MAX bytes.

#include "headers.h"
#include "reference/reference.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct segment { // as a driver fills it, in memory of its exact size
	struct rte_mbuf mbuf;
	uint8_t *bytes;
};

static void
fill(struct segment *s, const uint8_t *bytes, size_t n)
{
	s->bytes = malloc(n > 0 ? n : 1);
	memcpy(s->bytes, bytes, n);
	s->mbuf = (struct rte_mbuf){.buf_addr = s->bytes, .data_len = (uint16_t)n, .nb_segs = 1};
}

static unsigned
spread(struct segment *segments, const uint8_t *cuts, unsigned n, const uint8_t *frame, size_t size)
{
	unsigned used = 0;

	while (used < n) {
		size_t len = used == n - 1 || cuts[used] > size ? size : cuts[used];

		fill(&segments[used], frame, len);
		if (used > 0)
			segments[used - 1].mbuf.next = &segments[used].mbuf;
		frame += len;
		size -= len;
		used++;
	}
	segments[0].mbuf.nb_segs = (uint16_t)n;
	return n;
}

static void
compare(const struct rte_mbuf *m, const uint8_t *frame, size_t size)
{
	uint8_t copy[HEADERS_MAX];
	uint32_t captured;
	const uint8_t *linear = headers_linear(m, copy, &captured);
	size_t whole = m->nb_segs > 1 && size > HEADERS_MAX ? HEADERS_MAX : size;

	if (captured != whole || memcmp(linear, frame, whole) != 0 || reference_disagrees(linear, captured) != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment segments[SEGMENTS_MAX];
	unsigned n;

	if (size == 0 || size < 1u + (n = 1 + data[0] % SEGMENTS_MAX) || size > 60000)
		return 0;
	spread(segments, data + 1, n, data + 1 + n, size - 1 - n);
	compare(&segments[0].mbuf, data + 1 + n, size - 1 - n);
	for (unsigned i = 0; i < n; i++)
		free(segments[i].bytes);
	return 0;
}
