// generate: frames of every encapsulation nested in every other, built from the inside out, so that each header knows what it carries.

#pragma once

#include <stddef.h>
#include <stdint.h>

#define GENERATE_MAX    4096
#define GENERATE_LAYERS 16

struct generated {
	uint8_t bytes[GENERATE_MAX];
	size_t len;
	unsigned n;                       // IP layers, the outermost first
	uint8_t src[GENERATE_LAYERS][16]; // as ip_addr
	unsigned headers;                 // as PKT_HEADERS_MAX counts them
	uint64_t kinds;                   // bit per wrapper that was used
};

#define GENERATE_KINDS 25

// The same seed gives the same frame. `depth`: about how many headers.
void generate(uint64_t seed, unsigned depth, struct generated *ret);

uint32_t generate_dice(uint64_t *state);
