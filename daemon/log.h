// log: four verbs, one line per event on standard error: subject, fact, numbers.
//
// Under systemd (JOURNAL_STREAM is set) each line begins with its level as sd-daemon(3) describes; on a terminal it does not.
// Any thread; never from a worker's loop.

#pragma once

void log_open(int level); // syslog(3) level: lines above it are left out

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
