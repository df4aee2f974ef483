// csv: one line of comma-separated values (RFC 4180) -> cells.
//
// Line breaks inside cells are not supported: no list of this field has them. Blanks before a quote are left out, as some feeds write
// them. Nothing is owned: cells point into the line. Any thread.

#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CSV_CELLS_MAX 32

struct csv_cell {
	const char *text; // without its quotes; doubled quotes inside are still doubled
	size_t len;
};

// Returns the number of cells, at most CSV_CELLS_MAX; what follows is left out.
size_t csv_split(const char *line, size_t len, struct csv_cell ret[static CSV_CELLS_MAX]);

// Whether the cell is this text, without regard to case.
bool csv_is(const struct csv_cell *, const char *text);

// The index of the cell with this name in a header line; -1: there is none.
int csv_column(const struct csv_cell *header, size_t n, const char *name);

// The cell in `column`; an empty one when column is -1 or the row is short.
struct csv_cell csv_get(const struct csv_cell *row, size_t n, int column);

// A copy with doubled quotes halved and surrounding blanks left out, cut to size. Returns ret.
char *csv_copy(const struct csv_cell *, char *ret, size_t size);
