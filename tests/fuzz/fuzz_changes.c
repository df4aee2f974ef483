// changes.json may be damaged: it is read whole, or refused with a word; and what was read makes indicators.

#include "changes.h"
#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem_list problems = {0};
	struct indicator_list list = {0};
	struct file file = file_of(data, size);
	struct changes c = {0};

	if (changes_read(file.path, &problems, &c) < 0 && (problems.errors == 0 || c.n > 0))
		abort();
	if (changes_apply(&c, &list) < 0 || indicator_list_count(&list) != c.n)
		abort();
	indicator_list_free(&list);
	changes_free(&c);
	problem_clear(&problems);
	close(file.fd);
	return 0;
}
