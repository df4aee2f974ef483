// privacy: the name under which a victim leaves the sensor.
//
// With a key it is a pseudonym: SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012; libsodium's crypto_shorthash) of the
// text of its address or prefix, as "h-" and sixteen hexadecimal digits. Who has the key can compute it, or try all addresses; who has not
// can do neither. Sensors with the same key give a victim the same name, so that distinct counts still merge. Plain values; any thread.

#pragma once

#include <stdint.h>

#include "ip.h"
#include "problem.h"

enum privacy {
	PRIVACY_UNSET, // nobody has chosen
	PRIVACY_PLAIN, // addresses
	PRIVACY_KEYED_HASH,
	PRIVACY_NONE, // nothing that names a victim; only the members of HyperLogLogs are pseudonyms
};

struct privacy_key {
	uint8_t bytes[16];
};

// The first line of the file: 32 hexadecimal digits. 0, or a negative errno with an error in the list.
int privacy_read_key(const char *path, struct problem_list *, struct privacy_key *ret);

// One that nobody knows, and that is gone with the process. 0 or a negative errno.
int privacy_random_key(struct privacy_key *ret);

// Returns ret.
char *privacy_pseudonym(const struct privacy_key *, const struct ip_prefix *victim,
			char ret[static IP_PREFIX_TEXT_MAX]);
