// loop: what the main thread does while packets flow: it waits until a room has work, or a signal comes.
//
// A room that is asked from outside (control, http) has one descriptor that is readable when it has work, and may want to be called after
// a time. Its work never blocks. Main thread only.

#pragma once

#include <signal.h>
#include <stddef.h>

struct loop_room {
	int fd;
	int (*timeout_ms)(void *context); // -1: not before fd is readable
	void (*work)(void *context);      // may be called without there being any
	void *context;
};

struct loop_options {
	const struct loop_room *rooms;
	size_t n_rooms;
	const sigset_t *signals; // blocked in every thread. SIGHUP calls hangup, any other ends the loop
	void (*hangup)(void *context);
	void *context;
};

// The signal that ended it, or a negative errno.
int loop_run(const struct loop_options *);
