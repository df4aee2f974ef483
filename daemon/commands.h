// commands: what `ratwatch` can ask the running daemon, one row each (docs/operations.md has the answers).
//
// They run in the main thread and must not block; what takes long answers later, from the thread that does it.

#pragma once

#include <stddef.h>

#include "control.h"
#include "status.h"

struct commands { // their context
	struct status_sources sources;
	bool allow_special; // the operator may add private and other special-purpose addresses
};

extern const struct control_command commands_table[];
extern const size_t commands_n;
