// input: files: a whole one in memory, read so that a file changing meanwhile is noticed; or one as a stream, decompressed on the way.
//
// A whole file's bytes are followed by a NUL that is not counted. The buffer belongs to the caller: input_free. gzip (RFC 1952) through zlib.

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "problem.h"

#define INPUT_MAX (256u << 20) // bytes; larger files are refused

struct input {
	char *bytes;
	size_t len;
	int64_t modified; // epoch seconds
};

// What is called *.gz is decompressed. 0, or a negative errno with one error added to the list (which may be NULL): missing, unreadable, not
// a regular file, writable by everyone, too large, changed while it was read (it is tried twice), no whole gzip file.
int input_read(const char *path, struct problem_list *, struct input *ret);
void input_free(struct input *);

struct input_stream;

// Opens a file, or standard input for "-"; what is gzip is decompressed while it is read. 0, or a negative errno with one error in the list:
// missing, unreadable, a directory, empty, or compressed in another way (which is named).
int input_stream_open(const char *path, struct problem_list *, struct input_stream **ret);

// To be read from by one thread; fclose ends the stream and frees it. A read error (errno EIO) is a damaged or cut gzip file.
FILE *input_stream_file(struct input_stream *);

// The first bytes, which reading will deliver again; fewer than four are followed by zeros.
const uint8_t *input_stream_head(const struct input_stream *);

// How many bytes of the file itself, as it is stored, have been read. For progress.
uint64_t input_stream_at(const struct input_stream *);
