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

static void
load(const struct feed_options *o)
{
	struct problem_list problems = {0};
	struct feed_counts counts;
	struct feed *f = NULL;

	if (feed_load(o, &problems, &f) < 0 && problems.errors == 0)
		abort(); // refused without a word
	for (size_t i = 1; f != NULL && i < indicator_list_count(&f->list); i++)
		if (i != f->list.n4 && !in_order(&f->list, i))
			abort();
	if (f != NULL)
		feed_count(f, &counts);
	if (f != NULL && counts.addresses4 + counts.addresses6 + counts.prefixes != f->entries)
		abort();
	feed_free(f);
	problem_clear(&problems);
}

// As it is recognised; defanged; and as a CSV whose columns the options name.
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct file file = file_of(data, size);

	o.path = file.path;
	o.max_bad = 100;
	load(&o);
	o.refang = true;
	load(&o);
	o.columns = "address=ip,port=port,family=f,status=s,confidence=c,first_seen=a,last_seen=b";
	load(&o);
	close(file.fd);
	return 0;
}
