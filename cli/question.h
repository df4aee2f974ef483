// question: a command that asks the running ratwatchd one thing and shows the answer, for people or for programs.
//
// All of them take --help, --socket PATH and -o table|json. One thread.

#pragma once

struct json_t;

struct question {
	const char *usage; // a line without its end
	int words;         // arguments behind the options
	struct json_t *(*ask)(char **words);
	int (*print)(const struct json_t *answer); // as a table; CLI_DONE or CLI_FAILED
};

// The exit status of the command.
int question(const struct question *, int argc, char **argv);
