// reference: a slow and obvious parser of its own, to be compared with pkt. It shares no code with it, only the definitions of docs/packets.md.

#pragma once

#include "pkt.h"

struct reference_layer {
	uint8_t src[16], dst[16]; // as ip_addr
	uint8_t proto;
	bool portless;
	uint16_t sport, dport;
};

struct reference {
	enum pkt_verdict verdict;
	uint32_t notes; // as struct pkt
	unsigned n;
	struct reference_layer layers[PKT_LAYERS_MAX];
	unsigned headers; // so far
};

void reference_parse(const uint8_t *frame, size_t captured, struct reference *ret);

// NULL, or what pkt_locate and pkt_flow say otherwise (a static text).
const char *reference_disagrees(const uint8_t *frame, size_t captured);
