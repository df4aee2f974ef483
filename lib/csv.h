// csv: one line of comma-separated values -> cells, through libcsv (RFC 4180, and what people make of it).
//
// Cells come without their quotes, with doubled quotes halved and without surrounding blanks; a blank between comma and quote is fine. A
// quote that stays open must not swallow the rest of a file: csv_row_length finds the rows whose quotes hold line breaks, and their quotes
// must then be faultless. Nothing is owned: cells point into their row. Any thread.
//
// libcsv's own header has the same name; only csv.c includes it, and is compiled apart for that (lib/meson.build).

#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CSV_CELLS_MAX 32
#define CSV_ROW_MAX   8192 // bytes of all cells, each with a NUL

struct csv_cell {
	const char *text; // ends in NUL
	size_t len;
};

struct csv_row {
	struct csv_cell cells[CSV_CELLS_MAX];
	size_t n; // what follows the last of CSV_CELLS_MAX cells is left out
	char text[CSV_ROW_MAX];
};

// The next line of [*at, end), without its end (LF, CRLF or CR) and surrounding blanks; advances *at. false at the end.
bool csv_line(const char **at, const char *end, const char **ret_text, size_t *ret_len);

// 0; -EINVAL: a quote stays open, or the row is more than one; -EMSGSIZE: longer than CSV_ROW_MAX; -ENOMEM. On failure the row is empty.
int csv_split(const char *line, size_t len, struct csv_row *ret);

// The length of the first row of the text, over the line breaks in its quotes and without the one at its end; 0: a quote stays open for more than
// 64 KiB, or until the end.
size_t csv_row_length(const char *text, size_t len);

// Whether the cell is this text, without regard to case.
bool csv_is(const struct csv_cell *, const char *text);

// The index of the cell with this name in a header; -1: there is none.
int csv_column(const struct csv_row *header, const char *name);

// The cell in `column`; an empty one when column is -1 or the row is short.
struct csv_cell csv_get(const struct csv_row *, int column);
