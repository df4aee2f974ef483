// output: a whole file, written so that whoever reads it sees the old content or the new one, whatever happens meanwhile.

#pragma once

#include <stddef.h>

// Writes a file beside it and renames it over `path`. 0 or a negative errno, and then `path` is as it was. `sync`: it survives a power cut as
// soon as this returns.
int output_write(const char *path, const void *bytes, size_t len, int sync);
