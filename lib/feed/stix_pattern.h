// feed/stix_pattern: the part of STIX patterning (STIX 2.1, section 9) that lists of addresses use: comparisons joined by OR.
//
//   [ipv4-addr:value = '192.0.2.1' OR ipv6-addr:value = '2001:db8::/32' OR domain-name:value = 'example.org'] OR [...]
//   [network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 443]
//
// ISSUBSET is taken as =, as a network is an address here. Anything else cannot be matched against single packets, or would say more than
// it should when only its addresses were taken. Nothing is owned. One thread per pattern.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What one member of the OR names.
struct stix_term {
	const char *text; // of the address or network, as it is written; of the whole term where it names none
	size_t len;
	bool address;  // else a name, URL, file, ...
	uint16_t port; // 0: any
	uint8_t proto; // IANA number; 0: any
};

struct stix_pattern {
	const char *at;
	unsigned parens;
	bool begun, open; // behind the first term; inside of []
};

struct stix_pattern stix_pattern_of(const char *text);
// 1: a term; 0: that was the last; -ENOTSUP: more than comparisons joined by OR. Look through the whole pattern before using a term of it.
int stix_pattern_next(struct stix_pattern *, struct stix_term *ret);
