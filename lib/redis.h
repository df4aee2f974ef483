// redis: one connection to one Redis or Valkey server, by TCP or unix socket.
//
// Owns hiredis: nothing else includes it. Calls block up to the timeout; the caller is a thread that may wait (sender, cli,
// the end of a replay). After an error the connection is closed and the next call connects again. One thread at a time.
// Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2).

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis;

struct redis_options {
	const char *url;      // redis://[host][:port][/db] or unix:///path[?db=n]
	const char *user;     // NULL: default user
	const char *password; // NULL: none; never logged
	unsigned timeout_ms;  // of connecting and of each call
};

enum redis_kind { REDIS_NIL, REDIS_STATUS, REDIS_ERROR, REDIS_INTEGER, REDIS_STRING, REDIS_ARRAY };

struct redis_reply { // a tree that the caller frees with redis_reply_free
	enum redis_kind kind;
	int64_t integer;
	const char *text; // NUL-ended, `len` bytes (status, error, string)
	size_t len;
	struct redis_reply *const *items; // array
	size_t n;
	void *foreign; // only at the root
};

// Checks the URL only. 0, or -EINVAL with the reason in error[].
int redis_build(const struct redis_options *, char *error, size_t error_size, struct redis **ret);
void redis_free(struct redis *);

// Connects when not connected, sends one command, reads its reply. 0, or a negative errno (redis_error has the sentence: which server,
// what happened). An error reply of the server is 0 with kind REDIS_ERROR.
int redis_call(struct redis *, size_t argc, const char *const *argv, const size_t *len, struct redis_reply **ret);
// The same with words of text.
int redis_command(struct redis *, struct redis_reply **ret, const char *first, ...) __attribute__((sentinel));
void redis_reply_free(struct redis_reply *);

// "redis://127.0.0.1:6379: connection refused": never a password. Lives until the next call.
const char *redis_error(const struct redis *);
// The URL without a password.
const char *redis_where(const struct redis *);
