// A pcapng file. Every packet that is given must lie in its block and be of a described interface.

#include "pcapng.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *f = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct pcapng_packet packet;
	struct pcapng *p;
	const char *why = NULL;
	int got;

	if (f == NULL || pcapng_open(f, &p) < 0)
		return 0;
	while ((got = pcapng_next(p, &packet, &why)) == 1) {
		uint8_t sum = 0;

		for (uint32_t i = 0; i < packet.captured; i++)
			sum ^= packet.bytes[i];
		if (packet.wire < packet.captured || packet.time_ns < 0 || packet.captured > size)
			abort();
		__asm__ volatile("" : : "r"(sum));
	}
	if (got < 0 && why == NULL)
		abort();
	pcapng_free(p);
	fclose(f);
	return 0;
}
