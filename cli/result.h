// result: a question that makes ratwatchd build new rules, and what came of it, said in one line.

#pragma once

struct json_t;

// The question is taken over. CLI_DONE, or CLI_FAILED and the problems on standard error.
int result_ask(const char *socket, struct json_t *question);
