#include "feed/json_text.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// As many values as the library found, in the same order.
static void
compare(struct json_text text, json_t *tree)
{
	struct json_walk w = json_walk_into(text);
	struct json_text value;
	size_t n = 0;

	if ((*text.at == '[') != json_is_array(tree) || (*text.at == '{') != json_is_object(tree))
		abort();
	for (; json_walk_next(&w, &value); n++)
		if (json_is_array(tree))
			compare(value, json_array_get(tree, n));
	if (w.wrong != NULL || w.at != text.end || (json_is_array(tree) && n != json_array_size(tree)) ||
	    n < json_object_size(tree))
		abort();
}

static bool
is_bound(const char *wrong)
{
	return strstr(wrong, "64 KiB") != NULL || strstr(wrong, "32 brackets") != NULL;
}

// What the library reads, the walk lets pass, but for its bounds. (The library takes a NUL for the end; feed.c lets none pass.)
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	json_t *tree = memchr(bytes, '\0', size) == NULL
			       ? json_loadb(bytes, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
			       : NULL;
	struct json_text whole, value;
	uint32_t line = 0;
	const char *wrong = json_text_wrong(bytes, size, &line);
	struct json_walk w = json_walk_text(bytes, size);

	while (json_walk_next(&w, &value))
		if (value.at < bytes || value.end > bytes + size || value.at >= value.end)
			abort();
	if ((wrong == NULL) != (w.wrong == NULL) || (wrong != NULL && line == 0))
		abort();
	if (tree != NULL && wrong != NULL && !is_bound(wrong))
		abort();
	if (tree != NULL && wrong == NULL) {
		if (!json_text_whole(bytes, size, &whole))
			abort();
		compare(whole, tree);
	}
	json_decref(tree);
	return 0;
}
