// as_list: a list of AS numbers, one on each line: "AS45090 # comment", "198375,\"a name\"" (with or without a header whose first column is ASN),
// or bare numbers. Known by its first line.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct as_list {
	const char *at, *end; // what is left
	const char *text;     // the line last read
	size_t len;
	unsigned line; // its number, 1-based
};

struct as_list as_list_of(const char *bytes, size_t len);

bool as_list_recognises(const char *bytes, size_t len);

// 1: a number; 0: the end; -EINVAL: a line that is none. Empty lines, comments and the header are passed over.
int as_list_next(struct as_list *, uint32_t *ret);
