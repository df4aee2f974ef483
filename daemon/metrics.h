// metrics: a status in the Prometheus text format 0.0.4 (docs/operations.md lists every name).
//
// Labels name verdicts, notes, ports, feeds and results; never an address on the Internet or an organization. Feeds of one name are one
// series: entries and skipped lines add up, the age is that of the oldest. No state; any thread.

#pragma once

#include <stdio.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct status;

// Whether it could be written is the stream's to tell.
void metrics_write(const struct status *, FILE *to);
