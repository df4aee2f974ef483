// The first byte says how much longer the frame was on the wire; the rest is the frame.

#include "pkt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pkt pkt;
	struct flow flow;

	if (size == 0 || pkt_locate(data + 1, size - 1, &pkt) != PKT_PROBED)
		return 0;
	pkt_flow(data + 1, size - 1, size - 1 + data[0], &pkt, 0, &flow);
	if (flow.portless && (flow.sport != 0 || flow.dport != 0 || flow.payload != 0))
		abort();
	return 0;
}
