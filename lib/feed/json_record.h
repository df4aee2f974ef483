// feed/json_record: one record of a JSON list as a tree, and what readers ask of it. Owns jansson for reading.
//
// Lists write the same things differently: 443 and "443", true and "1". What is absent, null or of another kind is the empty text, 0 or
// the default. A NULL key means the value itself. Trees belong to the caller: json_record_free. One thread per tree.

#pragma once

#include "feed/json_text.h"
#include "feed/reader.h"

#define JSON_RECORD_MAX (1u << 20) // bytes of its text; a tree may need seventy times as many

struct json_t; // jansson's

// The record becomes the pile's current line. NULL: it was skipped as malformed (its values are no JSON, it is too large, out of memory).
// Without a pile nothing is counted.
struct json_t *json_record_read(struct feed_pile *, struct json_text);
void json_record_free(struct json_t *);

const char *json_record_text(const struct json_t *, const char *key); // valid as long as the tree
int64_t json_record_number(const struct json_t *, const char *key);   // a number, or decimal text
uint8_t json_record_percent(const struct json_t *, const char *key);  // 0..100
int64_t json_record_time(const struct json_t *, const char *key);     // UTC -> epoch seconds
int64_t json_record_seconds(const struct json_t *, const char *key);  // epoch seconds, until the year 9999
bool json_record_bool(const struct json_t *, const char *key, bool absent);
int json_record_port(const struct json_t *, const char *key, uint16_t *ret); // 0 or -EINVAL
// The i-th item of a member that is an array; NULL behind the last.
const struct json_t *json_record_item(const struct json_t *, const char *key, size_t i);

// An address and a port with this character between them, as in 192.0.2.1:443, [2001:db8::1]:443 and 192.0.2.1|443. 0 or -EINVAL.
int json_record_endpoint(const char *text, char between, struct indicator *ret);

// The family of the alias table that a tag or a malware's name in prose stands for: "Emotet - S0367", "PIVY Variant (8010cae3)". 0: none.
name_id json_record_family(const char *text);

// A dictionary of texts, to be asked with json_record_text. NULL: no memory; then setting says so, and every text is empty.
struct json_t *json_record_dictionary(void);
int json_record_set(struct json_t *, const char *key, const char *text); // 0 or negative
