#include "ip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What was read must be written in one way, and that must read as the same.
static void
check_prefix(const char *text, size_t len)
{
	char written[IP_PREFIX_TEXT_MAX], again[IP_PREFIX_TEXT_MAX];
	struct ip_prefix p, back;

	if (ip_parse_prefix(text, len, &p) < 0)
		return;
	if (!ip_prefix_contains(&p, &p.addr) || p.len > 128)
		abort();
	ip_format_prefix(&p, written);
	if (ip_parse_prefix(written, strlen(written), &back) != 0 || back.len != p.len ||
	    !ip_equal(&back.addr, &p.addr))
		abort();
	if (strcmp(ip_format_prefix(&back, again), written) != 0)
		abort();
	(void)ip_special(&p);
	(void)ip_is_private(&p.addr);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	uint16_t port = 0;
	struct ip_addr a;

	check_prefix(text, size);
	if (ip_parse(text, size, &a) == 0 && size >= IP_TEXT_MAX)
		abort();
	if (ip_parse_port(text, size, &port) == 0 && (port == 0 || size > 5))
		abort();
	return 0;
}
