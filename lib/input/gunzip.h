// input/gunzip: the bytes of a gzip file (RFC 1952) in memory, decompressed. Private to input.

#pragma once

#include "input.h"

// Replaces what is in `in`. 0, or a negative errno and `in` as it was: -EINVAL damaged or cut, -EFBIG beyond INPUT_MAX, -ENOMEM.
int gunzip(struct input *in);
