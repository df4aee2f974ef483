#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

static int threshold = LOG_INFO; // set before the threads start
static bool journal;

void
log_open(int level)
{
	threshold = level;
	journal = getenv("JOURNAL_STREAM") != NULL;
}

// One write per line, so that lines of two threads do not mix.
static void
line(int level, const char *format, va_list args)
{
	char text[2048];

	if (level > threshold)
		return;
	vsnprintf(text, sizeof(text), format, args);
	if (journal)
		fprintf(stderr, "<%d>%s\n", level, text);
	else
		fprintf(stderr, "ratwatchd: %s\n", text);
}

#define VERB(name, level)                                                                                              \
	void log_##name(const char *format, ...)                                                                       \
	{                                                                                                              \
		va_list args;                                                                                          \
                                                                                                                       \
		va_start(args, format);                                                                                \
		line(level, format, args);                                                                             \
		va_end(args);                                                                                          \
	}

VERB(error, LOG_ERR)
VERB(warning, LOG_WARNING)
VERB(info, LOG_INFO)
VERB(debug, LOG_DEBUG)
