#include "redis.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char url[600], error[300] = "";
	struct redis_options o = {.url = url, .timeout_ms = 1};
	struct redis *r = NULL;

	if (size >= sizeof(url))
		return 0;
	memcpy(url, data, size);
	url[size] = '\0';
	if (redis_build(&o, error, sizeof(error), &r) < 0 && error[0] == '\0')
		abort();
	redis_free(r);
	return 0;
}
