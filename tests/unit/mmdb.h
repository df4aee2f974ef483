// mmdb: the smallest MaxMind DB, https://maxmind.github.io/MaxMind-DB/: one node, and one record for every address of both families.
//
//	mmdb_begin(&m);
//	mmdb_map(&m, 1);
//	mmdb_text(&m, "isp"), mmdb_text(&m, "Provider");
//	path = mmdb_end(&m, ".mmdb"); // a temporary file

#pragma once

#include "temporary.h"

#include <stdint.h>

#define MMDB_NODES 1

struct mmdb {
	uint8_t bytes[2048];
	size_t n;
};

static inline void
mmdb_put(struct mmdb *m, const void *bytes, size_t len)
{
	if (m->n + len > sizeof(m->bytes))
		abort();
	memcpy(m->bytes + m->n, bytes, len);
	m->n += len;
}

static inline void
mmdb_byte(struct mmdb *m, unsigned byte)
{
	mmdb_put(m, &(uint8_t){(uint8_t)byte}, 1);
}

static inline void
mmdb_begin(struct mmdb *m)
{
	static const uint8_t tree[6 + 16] = {0, 0, MMDB_NODES + 16,
					     0, 0, MMDB_NODES + 16}; // both records: the data's first byte

	m->n = 0;
	mmdb_put(m, tree, sizeof(tree));
}

static inline void
mmdb_map(struct mmdb *m, unsigned pairs)
{
	mmdb_byte(m, 7u << 5 | pairs);
}

static inline void
mmdb_text(struct mmdb *m, const char *text)
{
	size_t len = strlen(text);

	mmdb_byte(m, 2u << 5 | (len < 29 ? (unsigned)len : 29u));
	if (len >= 29)
		mmdb_byte(m, (unsigned)len - 29);
	mmdb_put(m, text, len);
}

static inline void
mmdb_number(struct mmdb *m, uint32_t number)
{
	mmdb_byte(m, 6u << 5 | 4);
	for (int shift = 24; shift >= 0; shift -= 8)
		mmdb_byte(m, number >> shift);
}

static inline void
mmdb_short(struct mmdb *m, uint16_t number)
{
	mmdb_byte(m, 5u << 5 | 2);
	mmdb_byte(m, number >> 8);
	mmdb_byte(m, number);
}

static inline void
mmdb_bool(struct mmdb *m, bool value)
{
	mmdb_byte(m, value);
	mmdb_byte(m, 14 - 7);
}

static inline void
mmdb_pointer(struct mmdb *m, unsigned offset)
{
	mmdb_byte(m, 1u << 5 | offset >> 8);
	mmdb_byte(m, offset);
}

static inline void
mmdb_metadata(struct mmdb *m, unsigned nodes)
{
	mmdb_put(m, "\xab\xcd\xefMaxMind.com", 14);
	mmdb_map(m, 9);
	mmdb_text(m, "node_count"), mmdb_number(m, nodes);
	mmdb_text(m, "record_size"), mmdb_short(m, 24);
	mmdb_text(m, "ip_version"), mmdb_short(m, 6);
	mmdb_text(m, "database_type"), mmdb_text(m, "Test");
	mmdb_text(m, "languages"), mmdb_byte(m, 0), mmdb_byte(m, 11 - 7);
	mmdb_text(m, "binary_format_major_version"), mmdb_short(m, 2);
	mmdb_text(m, "binary_format_minor_version"), mmdb_short(m, 0);
	mmdb_text(m, "build_epoch"), mmdb_byte(m, 1), mmdb_byte(m, 9 - 7), mmdb_byte(m, 1);
	mmdb_text(m, "description"), mmdb_map(m, 0);
}

// The path of a temporary file.
static inline char *
mmdb_end(struct mmdb *m, const char *suffix)
{
	mmdb_metadata(m, MMDB_NODES);
	return temporary((const char *)m->bytes, m->n, suffix);
}

// One record: an AS number and, unless NULL, its name.
static inline char *
mmdb_of_as(uint32_t asn, const char *name)
{
	struct mmdb m;

	mmdb_begin(&m);
	mmdb_map(&m, name != NULL ? 2 : 1);
	mmdb_text(&m, "autonomous_system_number"), mmdb_number(&m, asn);
	if (name != NULL)
		mmdb_text(&m, "autonomous_system_organization"), mmdb_text(&m, name);
	return mmdb_end(&m, ".mmdb");
}
