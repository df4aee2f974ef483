#include "victim.h"

struct ip_prefix
victim_identity(const struct ip_addr *a, unsigned prefix6)
{
	unsigned len = ip_is_v4(a) ? 128 : prefix6;

	return (struct ip_prefix){.addr = ip_mask(a, len), .len = (uint8_t)len};
}
