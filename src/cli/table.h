/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in columns, for people.
 *
 * Promise: memory is bounded: rows are held back TABLE_ROWS at a time to find the widths, which
 *          never shrink from page to page. What comes from outside is made printable. On a terminal
 * a row fits its width: the last column is cut.
 * Owner:   whoever declared it; table_end writes what is left and frees.
 */
#ifndef STINT_CLI_TABLE_H
#define STINT_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

struct out;

enum { TABLE_COLUMNS = 12, TABLE_ROWS = 256 };

struct table_column {
	const char *title;
	bool is_right;	  /* numbers */
	size_t max;	  /* columns of the terminal at most, 0 no limit */
	bool is_left_out; /* as long as nothing stands in it; not the last */
};

struct table {
	struct out *out; /* kept */
	const struct table_column *columns;
	size_t n_columns;
	struct arena arena;
	struct buf cell; /* the one that is being put, made printable */
	const char *cells[TABLE_ROWS][TABLE_COLUMNS];
	size_t n_rows;
	size_t at; /* the next cell's column */
	size_t widths[TABLE_COLUMNS];
	bool is_used[TABLE_COLUMNS]; /* something stands in it */
	size_t n_titled;	     /* columns in the title that was written, 0 none was */
	int64_t all;		     /* rows so far */
};

/* Keeps `out` and `columns` until table_end. */
void table_init(struct table *t, struct out *out, const struct table_column *columns, size_t n);
/* The next cell of the row; NULL is an empty one. After the last column the row is complete. */
void table_put(struct table *t, const char *text);
void table_put_int(struct table *t, int64_t value);
void table_put_f(struct table *t, const char *fmt, ...) ST_PRINTF(2, 3);
void table_end(struct table *t);

#endif
