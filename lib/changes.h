// changes: what the operator adds to the lists and takes out of them, one by one, by `ratwatch indicators`; kept in a file (JSON).
//
// An addition is an indicator of the feed CHANGES_FEED. Taking an address or a prefix out is one too, with INDICATOR_REMOVED: where it is the
// longest entry, nothing matches. Either may end by itself. A zeroed struct holds none. One thread at a time.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indicator_list.h"
#include "problem.h"

#define CHANGES_FEED "operator"
#define CHANGES_MAX  10000

struct change {
	bool removes;
	struct ip_prefix prefix;
	uint16_t port;        // host byte order; 0: any, and always 0 when it removes
	char *family;         // may be NULL
	char *reason;         // may be NULL
	int64_t since, until; // epoch seconds; until 0: for good
};

struct changes {
	uint64_t generation;  // of the rules that they made last; 0: none
	struct change *items; // texts owned
	size_t n, max;
};

// A missing file is no changes. 0, or a negative errno with an error in the list.
int changes_read(const char *path, struct problem_list *, struct changes *ret);
int changes_write(const char *path, const struct changes *); // 0 or a negative errno; on return it survives a power cut
void changes_free(struct changes *);
int changes_copy(const struct changes *, struct changes *ret); // 0 or -ENOMEM

// A copy; in the place of one of the same prefix and port, and of each that says the contrary of the same prefix. 0, -ENOMEM, or -ENOSPC beyond
// CHANGES_MAX.
int changes_put(struct changes *, const struct change *);
// Takes out every addition of exactly this prefix. Returns how many.
size_t changes_drop(struct changes *, const struct ip_prefix *);
// Takes out those that have ended. Returns how many.
size_t changes_expire(struct changes *, int64_t now);

// 0 or -ENOMEM.
int changes_apply(const struct changes *, struct indicator_list *);
