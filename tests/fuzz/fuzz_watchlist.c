#include "file.h"
#include "org.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// As a watchlist, and as a database or a list of networks.
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file = file_of(data, size);
	const char *const paths[] = {file.path};
	struct ip_addr a = {.bytes = {[10] = 0xff, 0xff, 192, 0, 2, 1}};

	for (int database = 0; database <= 1; database++) {
		struct problem_list problems = {0};
		struct org_set *s = NULL;
		struct org_network network;
		struct org_facts facts;

		if (org_build(paths, !database, paths, (size_t)database, &problems, &s) < 0 && problems.errors == 0)
			abort();
		if (s != NULL) {
			org_find(s, &a, &facts);
			org_network(s, &a, &network);
		}
		org_free(s);
		problem_clear(&problems);
	}
	close(file.fd);
	return 0;
}
