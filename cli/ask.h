// ask: one question to the running ratwatchd, over its control socket (daemon/control.h has the other side).
//
// What goes wrong is said on standard error, together with what to do. One thread.

#pragma once

#include "config.h"

#define ASK_SOCKET     CONFIG_CONTROL_SOCKET // unless --socket says otherwise
#define ASK_PATIENCE_S 10                    // for what is answered at once

struct json_t;

// The question, {"command": ..., ...}, is taken over. CLI_DONE and *ret, the caller's to free; or CLI_FAILED: nobody answered within
// patience_s, or the answer was an error.
int ask(const char *socket, struct json_t *question, unsigned patience_s, struct json_t **ret);
