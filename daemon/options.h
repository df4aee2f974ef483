// options: the command line of ratwatchd (design: docs/man/ratwatchd.8).
//
// Texts point into argv or are owned by the options; options_free. Main thread only.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"

enum options_mode { OPTIONS_LIVE, OPTIONS_CHECK, OPTIONS_REPLAY, OPTIONS_VERSION, OPTIONS_HELP };

struct options {
	enum options_mode mode;
	const char *config;    // -c; NULL: none
	const char **captures; // -r
	size_t n_captures;
	const char **sets; // --set, and -f, -w, -d, --redis, --prefix as the keys that they stand for
	size_t n_sets;
	const char *run_id; // NULL: hash of captures and lists
	int64_t as_of;      // epoch seconds; 0: the time of each packet
	const char *note;   // a line under each table; NULL: none
	bool json;
	bool contacts;
	char **owned; // texts made for sets
	size_t n_owned;
};

// 0, or -EINVAL or -ENOMEM with one problem that says what to write instead.
int options_parse(int argc, char **argv, struct problem_list *, struct options *ret);
void options_free(struct options *);
extern const char options_usage[];
