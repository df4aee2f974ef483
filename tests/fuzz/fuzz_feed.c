#include "feed.h"
#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
in_order(const struct indicator_list *l, size_t i)
{
	struct indicator before, in;

	indicator_list_get(l, i - 1, &before);
	indicator_list_get(l, i, &in);
	return indicator_compare(&before, &in) < 0;
}

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
	for (size_t i = 1; f != NULL && i < indicator_list_count(&f->list); i++)
		if (i != f->list.n4 && !in_order(&f->list, i))
			abort();
	feed_free(f);
	problem_clear(&problems);
	close(file.fd);
	return 0;
}
