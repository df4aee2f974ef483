#include "indicator.h"

#include <string.h>

int
indicator_compare(const struct indicator *a, const struct indicator *b)
{
	int order = ip_compare(&a->prefix.addr, &b->prefix.addr);

	if (order != 0)
		return order;
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len - b->prefix.len;
	if (a->port != b->port)
		return a->port - b->port;
	if (a->proto != b->proto)
		return a->proto - b->proto;
	if (a->family != b->family)
		return strcmp(names_text(a->family), names_text(b->family));
	return strcmp(names_text(a->feed), names_text(b->feed));
}
