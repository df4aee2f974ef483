// request: one line of JSON from a client of the control socket -> a command and its arguments, or words about what is wrong.
//
// {"command":"status", ...}: every other key is an argument. No state, no input or output; any thread.

#pragma once

#include <stddef.h>

#define REQUEST_MAX       65536 // bytes of a line, without the newline
#define REQUEST_ERROR_MAX 256

struct json_t;

// *ret: the whole object, the caller's to free; its "command" is a text. 0, or -EINVAL and *ret_error says what to write instead.
int request_parse(const char *line, size_t len, char ret_error[static REQUEST_ERROR_MAX], struct json_t **ret);

// The command of what request_parse gave.
const char *request_command(const struct json_t *);
