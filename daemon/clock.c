#include "clock.h"

#include <rte_errno.h>
#include <time.h>

int
clock_register(int *ret_field)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "ratwatch_time_ns",
		.size = sizeof(int64_t),
		.align = _Alignof(int64_t),
	};
	int offset = rte_mbuf_dynfield_register(&field);

	if (offset < 0)
		return -rte_errno;
	*ret_field = offset;
	return 0;
}

int64_t
clock_wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
