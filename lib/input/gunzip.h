// input/gunzip: the bytes of a gzip file (RFC 1952) in memory, decompressed. Private to input.

#pragma once

#include "input.h"

// Replaces what is in `in`; 0, or a negative errno with an error in the list (which may be NULL) and `in` as it was: damaged, cut, beyond
// INPUT_MAX.
int gunzip(const char *path, struct problem_list *, struct input *in);
