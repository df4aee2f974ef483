// print: parts of an answer of ratwatchd as people read them.
//
// Texts come from files and from others: what is not printable becomes '?', so that nothing reaches the terminal but text.

#pragma once

#include <stdbool.h>

struct json_t;

#define PRINT_TEXT 512
#define PRINT_TIME 32

// "json" or "table" behind -o. false: neither, and standard error says so.
bool print_form(const char *text, bool *ret_json);

// The whole answer on standard output. CLI_DONE or CLI_FAILED.
int print_json(const struct json_t *);

// A member of an object; 0 and "" when it is not there.
long long print_number(const struct json_t *, const char *key);
const char *print_text(const struct json_t *, const char *key, char ret[static PRINT_TEXT]);
// Epoch seconds as "2024-04-30 12:00:00"; "-" when there are none.
const char *print_time(const struct json_t *, const char *key, char ret[static PRINT_TIME]);

// One of the "indicators" that lookup and explain answer with, on two lines.
void print_indicator(const struct json_t *);
