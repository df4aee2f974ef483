// indicators: what `ratwatch` asks and tells about indicators: why does an address match, what did the operator change.
//
// Rows of the table in commands.c; their context is struct commands. Main thread, which reads the rules as one of their readers; what a change
// or a reload came to is answered by the reload thread.

#pragma once

#include "commands.h"

// Gives the request to the reload thread, which answers with {"result":"done|refused", "generation", "indicators", "added", "removed", "feeds", "held",
// "milliseconds", "problems":[…]}. Its `done` and `context` are set here.
void indicators_request(const struct commands *, struct reload_request *, struct control_request *);

// {"indicators":[{"change":"add|remove", "prefix", "port", "family", "reason", "until"}…]} -> as above.
void indicators_change(void *context, const struct json_t *arguments, struct control_request *);
// {} -> {"changes":[{"change", "prefix", "port", "family", "reason", "since", "until"}…]}
void indicators_changes(void *context, const struct json_t *arguments, struct control_request *);
// What the set says about an address: {"address", "matches", "removed", "generation", "indicators":[…]}; the caller's to free.
struct json_t *indicators_of(const struct rules *, const struct ip_addr *, int64_t now);
// {"address"} -> {"address", "matches", "removed", "generation", "indicators":[…]}
void indicators_lookup(void *context, const struct json_t *arguments, struct control_request *);
