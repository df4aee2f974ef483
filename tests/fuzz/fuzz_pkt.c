// A frame: pkt and the reference parser must say the same of it.

#include "reference/reference.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *what = reference_disagrees(data, size);

	if (what != NULL) {
		fprintf(stderr, "they disagree about: %s\n", what);
		abort();
	}
	return 0;
}
