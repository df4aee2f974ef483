#include "file.h"
#include "lane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// As a list for victims, of addresses or of AS numbers, and as one for controllers.
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file = file_of(data, size);
	const struct lane_list lists[] = {{LANE_HOSTING, file.path}, {LANE_SHARED, file.path}};

	for (int i = 0; i < 2; i++) {
		struct contact_report r = {.ends = {{.addr = {.bytes = {[10] = 0xff, 0xff, 192, 0, 2, 1}}}}};
		const struct org_facts org = {.asn = 64500};
		struct problem_list problems = {0};
		struct lane_set *s = NULL;
		name_id reason;

		if (lane_build(&lists[i], 1, &problems, &s) < 0 && problems.errors == 0)
			abort();
		if (s != NULL)
			lane_of(s, &r, 0, 1, &org, &reason);
		lane_free(s);
		problem_clear(&problems);
	}
	close(file.fd);
	return 0;
}
