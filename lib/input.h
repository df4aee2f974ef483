// input: a whole file in memory, read so that a file changing meanwhile is noticed.
//
// The bytes are followed by a NUL that is not counted. The buffer belongs to the caller: input_free.

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "problem.h"

#define INPUT_MAX (256u << 20) // bytes; larger files are refused

struct input {
	char *bytes;
	size_t len;
	int64_t modified; // epoch seconds
};

// 0, or a negative errno with one error added to the list (which may be NULL): missing, unreadable, not a regular file,
// too large, changed while it was read (it is tried twice).
int input_read(const char *path, struct problem_list *, struct input *ret);
void input_free(struct input *);
