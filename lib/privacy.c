#include "privacy.h"

#include "input.h"

#include <sodium.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(crypto_shorthash_KEYBYTES == sizeof(struct privacy_key), "the key of SipHash");

int
privacy_read_key(const char *path, struct problem_list *problems, struct privacy_key *ret)
{
	struct privacy_key key;
	const char *end;
	struct input in;
	size_t line, len;
	int err;

	if ((err = input_read(path, problems, &in)) < 0)
		return err;
	line = strcspn(in.bytes, "\r\n");
	if (sodium_hex2bin(key.bytes, sizeof(key.bytes), in.bytes, line, NULL, &len, &end) == 0 &&
	    len == sizeof(key.bytes) && end == in.bytes + line) {
		*ret = key;
	} else {
		problem_add(problems, PROBLEM_ERROR, path, 1, NULL,
			    "holds no key; write 32 hexadecimal digits into its first line, as 'openssl rand -hex 16' "
			    "makes them");
		err = -EINVAL;
	}
	sodium_memzero(in.bytes, in.len);
	sodium_memzero(&key, sizeof(key));
	input_free(&in);
	return err;
}

int
privacy_random_key(struct privacy_key *ret)
{
	return getrandom(ret->bytes, sizeof(ret->bytes), 0) == sizeof(ret->bytes) ? 0 : -EIO;
}

char *
privacy_pseudonym(const struct privacy_key *key, const struct ip_prefix *victim, char ret[static IP_PREFIX_TEXT_MAX])
{
	uint8_t hash[crypto_shorthash_BYTES];
	char text[IP_PREFIX_TEXT_MAX];

	ip_format_prefix(victim, text);
	crypto_shorthash(hash, (const unsigned char *)text, strlen(text), key->bytes);
	memcpy(ret, "h-", 2);
	return sodium_bin2hex(ret + 2, IP_PREFIX_TEXT_MAX - 2, hash, sizeof(hash)) - 2;
}
