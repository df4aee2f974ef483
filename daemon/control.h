// control: the unix socket by which `ratwatch` asks the running daemon: one line of JSON in, one JSON document out, and the end.
//
// One request per connection: {"command":"status", ...}, at most REQUEST_MAX bytes. An answer is what the command gives, or
// {"error":"what is wrong; what to write instead"}. Clients are never waited for: every descriptor is non-blocking, a request must be there
// CONTROL_SILENCE_MS after the connection, an answer must be taken with no longer pause, and of more than CONTROL_CONNECTIONS the
// slowest makes room. A command may take as long as it needs: it answers later, from any thread.
//
// Main thread only, but for control_answer, control_refuse and control_text. Whoever answers later must have answered before control_free.

#pragma once

#include "loop.h"
#include "problem.h"

#define CONTROL_CONNECTIONS 32
#define CONTROL_SILENCE_MS  5000

struct control;
struct control_request; // one question, until it is answered
struct json_t;

struct control_command {
	const char *name;
	// Main thread, must not block. Answers the request once, now or later. The arguments (the whole object) are gone when it returns.
	void (*run)(void *context, const struct json_t *arguments, struct control_request *);
};

struct control_options {
	const char *path;
	const struct control_command *commands;
	size_t n_commands;
	void *context;
};

// Makes the socket, for owner and group. One that a dead process left is replaced; of a living one the process is named. 0, or a negative
// errno with an error in the list. The options are copied, not what they point to.
int control_start(const struct control_options *, struct problem_list *, struct control **ret);
void control_free(struct control *); // sends what is answered already and removes the socket

// Any thread. The answer is taken over; it does not matter whether the client is still there.
void control_answer(struct control_request *, struct json_t *answer);
void control_refuse(struct control_request *, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A JSON string of a text that may hold bytes that are no UTF-8.
struct json_t *control_text(const char *);

// As the main thread's loop runs it.
struct loop_room control_room(struct control *);
