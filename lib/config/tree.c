#include "config/tree.h"

#include <yaml.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	yaml_parser_t parser;
	const char *file;
	const char *bytes;
	size_t len;
	struct problem_list *problems;
	bool stopped; // no event after this
	int err;
};

static struct tree_node *read_node(struct reader *, unsigned depth);

static void
stop(struct reader *r, int err)
{
	r->stopped = true;
	if (r->err == 0)
		r->err = err;
}

static unsigned
line_of(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

static unsigned
line_at(const struct reader *r, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && i < r->len; i++)
		line += r->bytes[i] == '\n';
	return line;
}

// The first line up to `last` that is indented by a tab: YAML's own words for that help nobody. 0: none.
static unsigned
tab_line(const struct reader *r, unsigned last)
{
	unsigned line = 1;
	bool indent = true;

	for (size_t i = 0; i < r->len && line <= last; i++) {
		if (indent && r->bytes[i] == '\t')
			return line;
		indent = r->bytes[i] == '\n' || (indent && r->bytes[i] == ' ');
		line += r->bytes[i] == '\n';
	}
	return 0;
}

static void
syntax_problem(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	unsigned line = (unsigned)p->problem_mark.line + 1;
	unsigned tab;

	if (p->error == YAML_READER_ERROR) {
		problem_add(r->problems, PROBLEM_ERROR, r->file, line_at(r, p->problem_offset), NULL,
			    "is not UTF-8 text; write the file as UTF-8 without control characters");
	} else if ((tab = tab_line(r, line)) != 0) {
		problem_add(r->problems, PROBLEM_ERROR, r->file, tab, NULL,
			    "is indented by a tab, which YAML forbids; write spaces");
	} else {
		problem_add(r->problems, PROBLEM_ERROR, r->file, line, NULL,
			    "is no YAML: %s; write 'key: value' with the indentation of the lines around it",
			    p->problem != NULL ? p->problem : "syntax error");
	}
}

static bool
next_event(struct reader *r, yaml_event_t *ret)
{
	if (r->stopped)
		return false;
	if (yaml_parser_parse(&r->parser, ret))
		return true;
	if (r->parser.error == YAML_MEMORY_ERROR) {
		stop(r, -ENOMEM);
		return false;
	}
	syntax_problem(r);
	stop(r, 0);
	return false;
}

static struct tree_node *
node_new(struct reader *r, enum tree_kind kind, const yaml_event_t *event)
{
	struct tree_node *node = calloc(1, sizeof(*node));

	if (node == NULL) {
		stop(r, -ENOMEM);
		return NULL;
	}
	node->kind = kind;
	node->line = line_of(event);
	return node;
}

static struct tree_node *
refuse(struct reader *r, const yaml_event_t *event, const char *what)
{
	problem_add(r->problems, PROBLEM_ERROR, r->file, line_of(event), NULL, "%s", what);
	return node_new(r, TREE_REFUSED, event);
}

static void
refuse_ornaments(struct reader *r, const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		problem_add(r->problems, PROBLEM_ERROR, r->file, line_of(event), NULL,
			    "has an anchor (&name), which is not read; write the value alone");
	if (tag != NULL)
		problem_add(r->problems, PROBLEM_ERROR, r->file, line_of(event), NULL,
			    "has a tag (!name), which is not read; write the value alone");
}

static struct tree_node *
read_text(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct tree_node *node;

	refuse_ornaments(r, event, event->data.scalar.anchor, event->data.scalar.tag);
	if (memchr(text, '\0', len) != NULL)
		return refuse(r, event, "has a NUL character in it; leave it out");
	if ((node = node_new(r, TREE_TEXT, event)) == NULL)
		return NULL;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if ((node->text = strdup(text)) == NULL)
		stop(r, -ENOMEM);
	return node;
}

// Links the child in and returns where the next one goes.
static struct tree_node **
attach(struct tree_node **end, struct tree_node *child)
{
	*end = child;
	return &child->next;
}

static struct tree_node *
read_list(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	struct tree_node *node = node_new(r, TREE_LIST, event);
	struct tree_node *item;

	refuse_ornaments(r, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
	if (node == NULL)
		return NULL;
	for (struct tree_node **end = &node->first; (item = read_node(r, depth + 1)) != NULL;)
		end = attach(end, item);
	node->cut = r->stopped;
	return node;
}

// One `key: value`. NULL at the end of the mapping, or when nothing can be read any more.
static struct tree_node *
read_pair(struct reader *r, unsigned depth)
{
	struct tree_node *key = read_node(r, depth);
	struct tree_node *value;

	if (key == NULL)
		return NULL;
	if ((value = read_node(r, depth)) == NULL) {
		tree_free(key);
		return NULL;
	}
	value->line = key->line;
	if (key->kind == TREE_TEXT) {
		value->key = key->text;
		key->text = NULL;
	} else if (key->kind != TREE_REFUSED) {
		problem_add(r->problems, PROBLEM_ERROR, r->file, key->line, NULL,
			    "has a key that is a list or a mapping; write 'key: value'");
	}
	tree_free(key);
	return value;
}

static struct tree_node *
read_map(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	struct tree_node *node = node_new(r, TREE_MAP, event);
	struct tree_node *value;

	refuse_ornaments(r, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
	if (node == NULL)
		return NULL;
	for (struct tree_node **end = &node->first; (value = read_pair(r, depth + 1)) != NULL;) {
		if (value->key == NULL) // its problem is in the list
			tree_free(value);
		else
			end = attach(end, value);
	}
	node->cut = r->stopped;
	return node;
}

// libyaml bounds its own nesting late; ours is a call per level.
static bool
too_deep(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	if (depth < TREE_DEPTH_MAX)
		return false;
	problem_add(r->problems, PROBLEM_ERROR, r->file, line_of(event), NULL,
		    "is nested more than %d deep; write sections, keys and values as in the example file",
		    TREE_DEPTH_MAX);
	stop(r, 0);
	return true;
}

static struct tree_node *
read_event(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return refuse(r, event, "is an alias (*name), which is not read; write the value itself");
	case YAML_SCALAR_EVENT:
		return read_text(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return too_deep(r, event, depth) ? NULL : read_list(r, event, depth);
	case YAML_MAPPING_START_EVENT:
		return too_deep(r, event, depth) ? NULL : read_map(r, event, depth);
	default: // the end of what the caller is reading
		return NULL;
	}
}

static struct tree_node *
read_node(struct reader *r, unsigned depth)
{
	struct tree_node *node;
	yaml_event_t event;

	if (!next_event(r, &event))
		return NULL;
	node = read_event(r, &event, depth);
	yaml_event_delete(&event);
	return node;
}

// Whether the next event is of this type; any other is let go.
static bool
expect(struct reader *r, yaml_event_type_t type, unsigned *ret_line)
{
	yaml_event_t event;
	bool found;

	if (!next_event(r, &event))
		return false;
	found = event.type == type;
	*ret_line = line_of(&event);
	yaml_event_delete(&event);
	return found;
}

static struct tree_node *
read_stream(struct reader *r)
{
	struct tree_node *root;
	unsigned line = 0;

	if (!expect(r, YAML_STREAM_START_EVENT, &line) || !expect(r, YAML_DOCUMENT_START_EVENT, &line))
		return NULL;
	root = read_node(r, 0);
	if (!expect(r, YAML_DOCUMENT_END_EVENT, &line) || expect(r, YAML_STREAM_END_EVENT, &line) || r->stopped)
		return root;
	problem_add(r->problems, PROBLEM_ERROR, r->file, line, NULL,
		    "begins a second YAML document; keep one, without '---' between its sections");
	return root;
}

int
tree_read(const char *file, const char *bytes, size_t len, struct problem_list *problems, struct tree_node **ret)
{
	struct reader r = {.file = file, .bytes = bytes, .len = len, .problems = problems};
	struct tree_node *root;

	if (!yaml_parser_initialize(&r.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, len);
	root = read_stream(&r);
	yaml_parser_delete(&r.parser);
	if (r.err < 0) {
		tree_free(root);
		return r.err;
	}
	*ret = root;
	return 0;
}

void
tree_free(struct tree_node *node)
{
	struct tree_node *next;

	if (node == NULL)
		return;
	for (struct tree_node *child = node->first; child != NULL; child = next) {
		next = child->next;
		tree_free(child);
	}
	free(node->key);
	free(node->text);
	free(node);
}

bool
tree_is_null(const struct tree_node *node)
{
	if (node->kind != TREE_TEXT || !node->plain)
		return false;
	return node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0;
}
