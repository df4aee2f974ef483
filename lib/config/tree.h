// tree: a YAML file as texts, lists and mappings, each with the line it stands on.
//
// Owns libyaml: nothing else includes it. A configuration needs little of YAML 1.1, and what it does not need is refused by name: anchors
// and aliases, tags, keys that are no text, a second document, nesting beyond TREE_DEPTH_MAX. One thread at a time.

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "problem.h"

#define TREE_DEPTH_MAX 6

enum tree_kind {
	TREE_TEXT,
	TREE_LIST,
	TREE_MAP,
	TREE_REFUSED, // its problem is in the list already
};

struct tree_node {
	enum tree_kind kind;
	unsigned line; // 1-based; 0: not from a file
	char *key;     // in a mapping
	char *text;    // of a text, NUL-ended
	bool plain;    // a text without quotes
	bool cut;      // the file ended, or was wrong, inside of it: what is missing may follow
	struct tree_node *first, *next;
};

// What stands in bytes[0..len), NULL when that is nothing. Syntax errors are problems with a line; what was read before the first one is in
// *ret nevertheless, so that its own errors are found in the same go. 0 or -ENOMEM.
int tree_read(const char *file, const char *bytes, size_t len, struct problem_list *, struct tree_node **ret);
void tree_free(struct tree_node *);

// `key:` with nothing behind it, or null in one of YAML's spellings.
bool tree_is_null(const struct tree_node *);
