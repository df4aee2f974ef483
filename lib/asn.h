// asn: numbers of autonomous systems (RFC 6793, "asplain" of RFC 5396): parse, and a table number -> value.
//
// A table is filled once, sealed, then read by any thread. Values are the caller's indexes.

#pragma once

#include <stddef.h>
#include <stdint.h>

// "AS64500", "as64500" or "64500"; 1..4294967295, no leading zero. 0 or -EINVAL.
int asn_parse(const char *text, size_t len, uint32_t *ret);

struct asn_table;

int asn_table_build(struct asn_table **ret); // 0 or -ENOMEM
void asn_table_free(struct asn_table *);

// 0 or -ENOMEM. Before asn_table_seal.
int asn_table_add(struct asn_table *, uint32_t asn, uint32_t value);

// Sorts; of equal numbers the first one added stays.
void asn_table_seal(struct asn_table *);

// The value, or -1.
int64_t asn_table_find(const struct asn_table *, uint32_t asn);
