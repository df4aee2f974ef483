// mmdb_verify: whether every answer that a MaxMind DB can give is whole. The library checks each step of a lookup, but opens files whose tree
// or records are broken, and then answers nothing, or nonsense, for some addresses.

#pragma once

struct MMDB_s;

// Reads every node and every record. NULL, or what is wrong: a static text.
const char *mmdb_verify(const struct MMDB_s *);
