#include "feed.h"
#include "file.h"
#include "indicator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// As the operator's table of families, as a name, and as a map of columns.
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem_list problems = {0};
	struct file file = file_of(data, size);
	char text[512];

	if (indicator_families_read(file.path, &problems) < 0 && problems.errors == 0)
		abort();
	problem_clear(&problems);
	indicator_connects_in(indicator_family((const char *)data, size < 200 ? size : 200));
	snprintf(text, sizeof(text), "%.*s", (int)(size < 500 ? size : 500), (const char *)data);
	feed_columns_check(text);
	close(file.fd);
	return 0;
}
