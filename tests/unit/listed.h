// listed: the indicators of a feed, one by one, for tests. Include behind test.h.

#pragma once

#include "feed.h"

static inline struct indicator
at(const struct feed *f, size_t i)
{
	struct indicator in;

	indicator_list_get(&f->list, i, &in);
	return in;
}

static inline size_t
count(const struct feed *f)
{
	return indicator_list_count(&f->list);
}
