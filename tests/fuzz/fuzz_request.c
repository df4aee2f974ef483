#include "request.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What was understood is understood again when we write it.
static void
check_written(const json_t *o)
{
	char *line = json_dumps(o, JSON_COMPACT), error[REQUEST_ERROR_MAX];
	json_t *again = NULL;

	if (line == NULL)
		abort();
	// Written with other escapes it may be too long.
	if (strlen(line) <= REQUEST_MAX &&
	    (request_parse(line, strlen(line), error, &again) < 0 || !json_equal(o, again)))
		abort();
	json_decref(again);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[REQUEST_ERROR_MAX] = "";
	json_t *o = NULL;

	if (request_parse((const char *)data, size, error, &o) < 0) {
		if (o != NULL || error[0] == '\0')
			abort(); // refused without a word
		return 0;
	}
	if (size > REQUEST_MAX || request_command(o) == NULL)
		abort();
	check_written(o);
	json_decref(o);
	return 0;
}
