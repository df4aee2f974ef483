#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define HEAD 6

struct input_stream {
	FILE *file;
	gzFile gz;
	uint8_t head[HEAD];
	size_t n_head, head_at; // bytes in head; of these, delivered
};

static ssize_t
stream_read(void *cookie, char *to, size_t size)
{
	struct input_stream *s = cookie;
	size_t n = s->n_head - s->head_at;
	int got, err;

	if (n > 0) {
		n = n < size ? n : size;
		memcpy(to, s->head + s->head_at, n);
		s->head_at += n;
		return (ssize_t)n;
	}
	got = gzread(s->gz, to, size > 1u << 30 ? 1u << 30 : (unsigned)size);
	if (got == 0)
		gzerror(s->gz, &err); // a cut file is told only here
	if (got < 0 || (got == 0 && err != Z_OK)) {
		errno = EIO;
		return -1;
	}
	return got;
}

static int
stream_close(void *cookie)
{
	struct input_stream *s = cookie;

	gzclose_r(s->gz);
	free(s);
	return 0;
}

static const char *
other_compression(const uint8_t *head)
{
	static const struct {
		const char *magic, *name;
	} kinds[] = {
		{"\x28\xb5\x2f\xfd", "zstd: decompress it first (zstd -d), or pipe it: zstd -dc FILE | ratwatchd -r -"},
		{"\xfd\x37zX", "xz: decompress it first (unxz), or pipe it: xzcat FILE | ratwatchd -r -"},
		{"BZh", "bzip2: decompress it first (bunzip2), or pipe it: bzcat FILE | ratwatchd -r -"},
		{"\x04\x22\x4d\x18", "lz4: decompress it first (lz4 -d), or pipe it: lz4 -dc FILE | ratwatchd -r -"},
		{"PK\x03\x04", "zip: unpack it first (unzip), or pipe it: unzip -p FILE | ratwatchd -r -"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (memcmp(head, kinds[i].magic, strlen(kinds[i].magic)) == 0)
			return kinds[i].name;
	return NULL;
}

static int
check_head(const struct input_stream *s, const char *path, struct problem_list *problems)
{
	const char *compression = other_compression(s->head);

	if (s->n_head == 0) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL, "is empty; was it ever written?");
		return -ENODATA;
	}
	if (compression != NULL) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL, "is compressed with %s", compression);
		return -EINVAL;
	}
	return 0;
}

static int
open_file(const char *path, struct problem_list *problems)
{
	struct stat st;
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL, "%s",
			    errno == ENOENT ? "no such file; check the path" : "cannot be read; check its permissions");
		return -errno;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL, "is a directory; name a file");
		close(fd);
		return -EISDIR;
	}
	return fd;
}

static int
read_head(struct input_stream *s, const char *path, struct problem_list *problems)
{
	int n = gzread(s->gz, s->head, HEAD);

	if (n < 0) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL,
			    "is a damaged gzip file; copy it again and test it with gzip -t");
		return -EIO;
	}
	s->n_head = (size_t)n;
	return check_head(s, path, problems);
}

int
input_stream_open(const char *path, struct problem_list *problems, struct input_stream **ret)
{
	static const cookie_io_functions_t functions = {.read = stream_read, .close = stream_close};
	int fd = open_file(path, problems), err;
	struct input_stream *s;

	if (fd < 0)
		return fd;
	if ((s = calloc(1, sizeof(*s))) == NULL || (s->gz = gzdopen(fd, "rb")) == NULL) {
		free(s);
		close(fd);
		return -ENOMEM;
	}
	gzbuffer(s->gz, 256 << 10);
	if ((err = read_head(s, path, problems)) < 0) {
		stream_close(s);
		return err;
	}
	if ((s->file = fopencookie(s, "r", functions)) == NULL) {
		stream_close(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

FILE *
input_stream_file(struct input_stream *s)
{
	return s->file;
}

const uint8_t *
input_stream_head(const struct input_stream *s)
{
	return s->head;
}

uint64_t
input_stream_at(const struct input_stream *s)
{
	z_off_t at = gzoffset(s->gz);

	return at > 0 ? (uint64_t)at : 0;
}
