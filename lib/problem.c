#include "problem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEMS_MAX 1000 // of each level: the warnings of a thousand lists must not hide that one is refused

static void
free_problem(struct problem *p)
{
	free(p->file);
	free(p->key);
	free(p->what);
}

static char *
copy(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

static bool
is_whole(const struct problem *p, const char *file, const char *key)
{
	return p->what != NULL && (p->file != NULL || file == NULL) && (p->key != NULL || key == NULL);
}

static bool
keep(struct problem_list *list, const struct problem *p)
{
	bool warning = p->level == PROBLEM_WARNING;
	struct problem *grown;

	if ((warning ? list->warnings : list->n - list->warnings) >= PROBLEMS_MAX ||
	    (grown = reallocarray(list->items, list->n + 1, sizeof(*grown))) == NULL)
		return false;
	list->items = grown;
	list->items[list->n++] = *p;
	list->warnings += warning;
	return true;
}

void
problem_add(struct problem_list *list, enum problem_level level, const char *file, unsigned line, const char *key,
	    const char *format, ...)
{
	struct problem p = {.level = level, .file = copy(file), .line = line, .key = copy(key)};
	va_list args;

	if (level == PROBLEM_ERROR)
		list->errors++;
	va_start(args, format);
	if (vasprintf(&p.what, format, args) == -1)
		p.what = NULL;
	va_end(args);
	if (is_whole(&p, file, key) && keep(list, &p))
		return;
	list->lost++;
	free_problem(&p);
}

// Texts quote files of others: a control character must not reach the operator's terminal, nor break one line into two.
static void
blank_controls(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

char *
problem_format(const struct problem *p, char *ret, size_t size)
{
	char line[16] = "";

	if (p->line > 0)
		snprintf(line, sizeof(line), ":%u", p->line);
	snprintf(ret, size, "%s%s%s%s%s%s%s", p->file != NULL ? p->file : "", line, p->file != NULL ? ": " : "",
		 p->key != NULL ? p->key : "", p->key != NULL ? ": " : "",
		 p->level == PROBLEM_WARNING ? "warning: " : "", p->what);
	blank_controls(ret);
	return ret;
}

void
problem_print(const struct problem_list *list, FILE *to)
{
	char text[2048];

	for (size_t i = 0; i < list->n; i++)
		fprintf(to, "%s\n", problem_format(&list->items[i], text, sizeof(text)));
	if (list->lost > 0)
		fprintf(to, "%zu more are not shown\n", list->lost);
}

void
problem_clear(struct problem_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free_problem(&list->items[i]);
	free(list->items);
	*list = (struct problem_list){0};
}
