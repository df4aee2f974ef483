// file: bytes under a path that exists only in memory, for readers of files.

#pragma once

#include "input.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	int fd;
	char path[64];
};

static inline struct file
file_of(const uint8_t *data, size_t size)
{
	struct file f = {.fd = memfd_create("fuzz", 0)};
	struct input in;

	// As everybody could write it, it would be refused unread.
	if (f.fd == -1 || fchmod(f.fd, 0600) == -1 || write(f.fd, data, size) != (ssize_t)size)
		abort();
	snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
	if (input_read(f.path, NULL, &in) < 0)
		abort(); // and nothing would be tried
	input_free(&in);
	return f;
}
