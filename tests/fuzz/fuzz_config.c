#include "config.h"
#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem_list problems = {0};
	struct file file = file_of(data, size);
	struct config *c = NULL;

	if (config_load(file.path, NULL, 0, &problems, &c) < 0 && problems.errors == 0)
		abort();
	config_free(c);
	problem_clear(&problems);
	close(file.fd);
	return 0;
}
