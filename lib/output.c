#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

// A rename is durable when its folder is.
static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	int fd, err = 0;

	if (folder == NULL)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd == -1)
		return -errno;
	if (fsync(fd) == -1)
		err = -errno;
	close(fd);
	return err;
}

static int
write_new(const char *path, const void *bytes, size_t len, int sync)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640), err;

	if (fd == -1)
		return -errno;
	err = write_all(fd, bytes, len);
	if (err == 0 && sync && fdatasync(fd) == -1)
		err = -errno;
	if (close(fd) == -1 && err == 0)
		err = -errno;
	return err;
}

int
output_write(const char *path, const void *bytes, size_t len, int sync)
{
	char *beside;
	int err;

	if (asprintf(&beside, "%s.new", path) == -1)
		return -ENOMEM;
	err = write_new(beside, bytes, len, sync);
	if (err == 0 && rename(beside, path) == -1)
		err = -errno;
	if (err < 0)
		unlink(beside);
	else if (sync)
		err = sync_folder(path);
	free(beside);
	return err;
}
