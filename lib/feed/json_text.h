// feed/json_text: JSON (RFC 8259) as text: where its values stand, without building them.
//
// A list is walked container by container in the bytes of its file, and only one record at a time becomes a tree (json_record). So every
// record knows its line, and the memory needed is that of the largest record, not of the file.
//
// json_text_wrong looks through a whole text once; what it lets pass can be walked without further checks. It judges structure: what is
// inside of strings and numbers is judged when a record is read, and what nobody reads is only known to be closed.
//
// Plain values that point into the bytes; nothing is owned. Any thread.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_TEXT_MAX   (64u << 20) // bytes of a file
#define JSON_DEPTH_MAX  32          // containers in each other
#define JSON_STRING_MAX (64u << 10) // bytes of a string, but for samples: see json_text.c

struct json_text {
	const char *at, *end; // one value: its first byte, and behind its last
	uint32_t line;        // of its first byte, 1-based
};

// NULL: one value, or several behind each other (NDJSON), each complete and within the bounds. Else what is wrong and what to do about it
// (a static string), and the line.
const char *json_text_wrong(const char *bytes, size_t len, uint32_t *ret_line);

// The steps through one container. Only `key` is for the caller.
struct json_walk {
	const char *at, *end;
	uint32_t line;
	unsigned depth, steps;
	char close; // ] or }; 0: the values of a text
	const char *wrong;
	struct json_text key; // of the member that json_walk_next found, in its quotes
};

// The values of a whole text.
struct json_walk json_walk_text(const char *bytes, size_t len);
// The items of an array, the values of an object; any other value has none.
struct json_walk json_walk_into(struct json_text);
bool json_walk_next(struct json_walk *, struct json_text *ret); // false: that was the last

// The only value of a text. false: it holds none or several.
bool json_text_whole(const char *bytes, size_t len, struct json_text *ret);
// The first item of an array. false: it is empty, or no array.
bool json_text_first(struct json_text array, struct json_text *ret);
// The value of an object's member; of the last one where the key is repeated. false: no such member, or no object.
bool json_text_find(struct json_text object, const char *key, struct json_text *ret);
// Whether it is this string, written without escapes.
bool json_text_is(struct json_text, const char *string);
