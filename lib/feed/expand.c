#include "feed.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
keep_paths(const struct feed_options *o, char *const *paths, size_t n, struct feed_options **ret, size_t *ret_n)
{
	struct feed_options *items = calloc(n, sizeof(*items));

	for (size_t i = 0; items != NULL && i < n; i++) {
		items[i] = *o;
		if ((items[i].path = strdup(paths[i])) == NULL) {
			feed_expand_free(items, i);
			items = NULL;
		}
	}
	if (items == NULL)
		return -ENOMEM;
	*ret = items;
	*ret_n = n;
	return 0;
}

// A file whose very name has such a character is meant as it stands.
static bool
is_pattern(const char *path)
{
	return strpbrk(path, "*?[") != NULL && access(path, F_OK) == -1;
}

static int
refuse(const struct feed_options *o, struct problem_list *problems, int failed)
{
	if (failed == GLOB_NOSPACE)
		return -ENOMEM;
	problem_add(problems, PROBLEM_ERROR, o->path, 0, NULL,
		    failed == GLOB_NOMATCH ? "matches no file; check the pattern, or leave the feed out"
					   : "a folder of it cannot be read; check its owner and mode");
	return failed == GLOB_NOMATCH ? -ENOENT : -EACCES;
}

// A folder that is not there matches nothing; one that may not be looked into hides what it may match.
static int
stop_at(const char *path, int err)
{
	(void)path;
	return err == EACCES;
}

int
feed_expand(const struct feed_options *o, struct problem_list *problems, struct feed_options **ret, size_t *ret_n)
{
	glob_t found = {0};
	int err;

	if (!is_pattern(o->path))
		return keep_paths(o, (char *[]){(char *)o->path}, 1, ret, ret_n);
	err = glob(o->path, 0, stop_at, &found);
	err = err != 0 ? refuse(o, problems, err) : keep_paths(o, found.gl_pathv, found.gl_pathc, ret, ret_n);
	globfree(&found);
	return err;
}

void
feed_expand_free(struct feed_options *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)items[i].path);
	free(items);
}
