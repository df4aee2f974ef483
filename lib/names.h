// names: family, feed and organization names as small numbers.
//
// Append-only for the life of the process, so that an id in a report or a batch outlives every reload. Interning takes
// a lock (reload, collector); reading the text of an id takes none and may be done from any thread that received the
// id through a ring, a queue or a published set.

#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint32_t name_id; // 0 is the empty name

// The id of text[0..len); the same text has the same id. 0 with errno ENOMEM when memory or the bound (4 Mi names) ends.
name_id names_intern(const char *text, size_t len);
name_id names_of(const char *text); // a NUL-ended text; NULL is the empty name

// Valid for the life of the process.
const char *names_text(name_id);
