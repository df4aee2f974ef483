#include "input/gunzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define AT_FIRST (1u << 20) // bytes

static int
make_room(z_stream *z, struct input *out)
{
	size_t size = out->len == 0 ? AT_FIRST : out->len * 2;
	char *grown;

	if (out->len > INPUT_MAX)
		return -EFBIG;
	if ((grown = realloc(out->bytes, size + 1)) == NULL)
		return -ENOMEM;
	out->bytes = grown;
	z->next_out = (Bytef *)grown + out->len;
	z->avail_out = (uInt)(size - out->len);
	return 0;
}

// Several members one after the other are one file (RFC 1952 section 2.2).
static int
inflate_all(z_stream *z, struct input *out)
{
	int state = Z_OK, err;

	while (z->avail_in > 0 || state != Z_STREAM_END) {
		if (z->avail_out == 0 && (err = make_room(z, out)) < 0)
			return err;
		if (state == Z_STREAM_END && inflateReset(z) != Z_OK)
			return -EINVAL;
		state = inflate(z, Z_NO_FLUSH);
		out->len = (size_t)((char *)z->next_out - out->bytes);
		if (state != Z_OK && state != Z_STREAM_END)
			return -EINVAL; // damaged, or cut: Z_BUF_ERROR when nothing is left to read
	}
	return out->len > INPUT_MAX ? -EFBIG : 0;
}

int
gunzip(struct input *in)
{
	z_stream z = {.next_in = (Bytef *)in->bytes, .avail_in = (uInt)in->len};
	struct input out = {.modified = in->modified};
	int err;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	err = inflate_all(&z, &out);
	inflateEnd(&z);
	if (err < 0) {
		input_free(&out);
		return err;
	}
	out.bytes[out.len] = '\0';
	input_free(in);
	*in = out;
	return 0;
}
