// temporary: a file with a given content, for the readers of files; gone with temporary_remove.

#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline char *
temporary(const char *content, size_t len, const char *suffix)
{
	char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/ratwatch-XXXXXX%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", suffix) == -1)
		abort();
	fd = mkstemps(path, (int)strlen(suffix));
	if (fd == -1 || write(fd, content, len) != (ssize_t)len || close(fd) == -1)
		abort();
	return path;
}

static inline void
temporary_remove(char *path)
{
	unlink(path);
	free(path);
}
