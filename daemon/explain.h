// explain: in which lane a contact of two addresses is counted, and whether it makes its victim suspected, by the rules in force.
//
// Main thread, which reads the rules as one of their readers; the collector is asked for the victim's scanner window.

#pragma once

#include "commands.h"

// Arguments: victim, an address; controller, an address or address:port.
void explain_contact(void *context, const struct json_t *arguments, struct control_request *);
