// problem: what was wrong in an input, as a list that every reader fills and one place words.
//
// Each line reads `file:line: key: what is wrong; what to write instead`. Line 0 and a NULL key are left out. The list
// owns copies of its texts. One thread at a time.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum problem_level { PROBLEM_WARNING, PROBLEM_ERROR };

struct problem {
	enum problem_level level;
	char *file;
	unsigned line; // 1-based; 0: the whole file
	char *key;     // may be NULL
	char *what;    // "what is wrong; what to write instead"
};

struct problem_list {
	struct problem *items;
	size_t n;
	size_t errors;   // of level PROBLEM_ERROR, kept or not
	size_t warnings; // items of level PROBLEM_WARNING
	size_t lost;     // beyond the bound of 1,000 warnings and 1,000 errors (counted, not kept), or out of memory
};

void problem_add(struct problem_list *, enum problem_level, const char *file, unsigned line, const char *key,
		 const char *format, ...) __attribute__((format(printf, 6, 7)));
// "file:line: key: what", without a newline or other control characters; truncated to size. Returns ret.
char *problem_format(const struct problem *, char *ret, size_t size);
// One line each to `to`.
void problem_print(const struct problem_list *, FILE *to);
void problem_clear(struct problem_list *);
