#include "feed.h"
#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct problem_list problems = {0};
	struct file file = file_of(data, size);
	struct feed *f = NULL;

	o.path = file.path;
	o.max_bad = 100;
	if (feed_load(&o, &problems, &f) < 0 && problems.errors == 0)
		abort(); // refused without a word
	for (size_t i = 1; f != NULL && i < f->n; i++)
		if (indicator_compare(&f->indicators[i - 1], &f->indicators[i]) >= 0)
			abort();
	feed_free(f);
	problem_clear(&problems);
	close(file.fd);
	return 0;
}
