#include "input.h"

#include "input/gunzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
refuse(struct problem_list *problems, const char *path, int err, const char *what)
{
	if (problems != NULL)
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL, "%s", what);
	return err;
}

static int
refuse_open(struct problem_list *problems, const char *path)
{
	int err = -errno;

	if (err == -ENOENT)
		return refuse(problems, path, err, "no such file; check the path");
	if (err == -EACCES)
		return refuse(problems, path, err, "no permission to read it; check its owner and mode");
	return refuse(problems, path, err, strerror(-err));
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int
read_whole(int fd, char *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, to + done, len - done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		if (n == 0)
			return -EAGAIN; // shorter than it was
		done += (size_t)n;
	}
	return 0;
}

// -EAGAIN: the file changed meanwhile.
static int
read_open(int fd, const struct stat *before, struct input *ret)
{
	char *bytes = malloc((size_t)before->st_size + 1);
	struct stat after;
	int err;

	if (bytes == NULL)
		return -ENOMEM;
	err = read_whole(fd, bytes, (size_t)before->st_size);
	if (err == 0 && (fstat(fd, &after) == -1 || !is_same(before, &after)))
		err = -EAGAIN;
	if (err < 0) {
		free(bytes);
		return err;
	}
	bytes[before->st_size] = '\0';
	*ret = (struct input){.bytes = bytes, .len = (size_t)before->st_size, .modified = before->st_mtim.tv_sec};
	return 0;
}

static int
check(const struct stat *st, struct problem_list *problems, const char *path)
{
	if (S_ISDIR(st->st_mode))
		return refuse(problems, path, -EISDIR, "is a directory; name a file");
	if (!S_ISREG(st->st_mode))
		return refuse(problems, path, -EINVAL, "is no regular file; copy its content into one");
	if ((st->st_mode & S_IWOTH) != 0)
		return refuse(problems, path, -EPERM, "can be written by everyone; run chmod o-w on it");
	if ((uint64_t)st->st_size > INPUT_MAX)
		return refuse(problems, path, -EFBIG, "is larger than 256 MiB; split it");
	return 0;
}

static int
read_once(const char *path, struct problem_list *problems, struct input *ret)
{
	// O_NONBLOCK: a pipe nobody writes to must not hold us.
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int err;

	if (fd == -1)
		return refuse_open(problems, path);
	if (fstat(fd, &st) == -1)
		err = refuse_open(problems, path);
	else if ((err = check(&st, problems, path)) == 0 && (err = read_open(fd, &st, ret)) < 0 && err != -EAGAIN)
		refuse(problems, path, err, strerror(-err));
	close(fd);
	return err;
}

static bool
is_gzip_by_name(const char *path)
{
	size_t len = strlen(path);

	return len > 3 && strcmp(path + len - 3, ".gz") == 0;
}

static const char *
why_no_gzip(int err)
{
	switch (err) {
	case -EINVAL:
		return "is no whole gzip file; download it again and test it with gzip -t";
	case -EFBIG:
		return "is larger than 256 MiB when it is decompressed; split it";
	default:
		return "does not fit in memory";
	}
}

int
input_read(const char *path, struct problem_list *problems, struct input *ret)
{
	struct input in;
	int err = read_once(path, problems, &in);

	if (err == -EAGAIN)
		err = read_once(path, problems, &in);
	if (err == -EAGAIN)
		refuse(problems, path, err,
		       "changes while it is read; write a new file and rename it over the old one");
	if (err < 0)
		return err;
	if (is_gzip_by_name(path) && (err = gunzip(&in)) < 0) {
		input_free(&in);
		return refuse(problems, path, err, why_no_gzip(err));
	}
	*ret = in;
	return 0;
}

void
input_free(struct input *in)
{
	free(in->bytes);
	*in = (struct input){0};
}
