// prefix_table: prefix -> number, the longest match wins.
//
// Filled once, sealed, then read by any thread. IPv4 and IPv6 in one table (ip.h). Values are the caller's indexes.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip.h"

struct prefix_table;

int prefix_table_build(struct prefix_table **ret); // 0 or -ENOMEM
void prefix_table_free(struct prefix_table *);

// 0 or -ENOMEM. Before prefix_table_seal.
int prefix_table_add(struct prefix_table *, const struct ip_prefix *, uint32_t value);

// Sorts; of equal prefixes the first one added stays.
void prefix_table_seal(struct prefix_table *);

// Whether a prefix of the table holds this one, or lies in it.
bool prefix_table_meets(const struct prefix_table *, const struct ip_prefix *);

// The value of the longest prefix that holds the address, or -1.
int64_t prefix_table_find(const struct prefix_table *, const struct ip_addr *);
