// sets.json may be damaged: it is read whole, or refused with a word.

#include "file.h"
#include "history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char folder[] = "/tmp/ratwatch-fuzz-XXXXXX", path[80];
	struct problem_list problems = {0};
	struct history *h = NULL;
	FILE *f;

	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/sets.json", folder);
	if ((f = fopen(path, "wb")) == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
	if (history_open(folder, false, &problems, &h) < 0 && problems.errors == 0)
		abort();
	for (size_t i = 0; h != NULL && i < history_count(h); i++)
		if (history_find(h, history_set(h, i)->generation) == NULL)
			abort();
	history_close(h);
	problem_clear(&problems);
	unlink(path);
	rmdir(folder);
	return 0;
}
