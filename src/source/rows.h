/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a query, page by page, from a database: the face that rows_postgres.c and
 * rows_sqlite.c implement and database.c, which knows what pages are for, uses.
 *
 * Promise: one row in memory, whatever the page, and of one that is too long not the whole; the
 *          database is only read, and every wait has an end. A failure that may pass (connection
 *          lost, locks, a time limit) says so by `may_pass`; the connection is then of no use any
 *          more, and is closed.
 * Owner:   the reader; one thread.
 */
#ifndef STINT_SOURCE_ROWS_H
#define STINT_SOURCE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "job/field.h"
#include "sys/clock.h"

struct err;
struct job;
struct rows;
struct statement;
struct template_run;

/* A statement that takes longer is stopped by the server; one that waits for a lock, sooner. Both
 * are below the time after which a reader that says nothing is ended (window.stalled_after). */
#define ROWS_STATEMENT_US (300 * US_PER_S)
#define ROWS_LOCK_US (10 * US_PER_S)

/* A row of more bytes may not be taken in; one that may be an item is shorter (RECORD_BYTES_MAX).
 */
enum { ROWS_BYTES_MAX = 16 * 1024 * 1024 };
/* What reading may add to the memory of its process, so that a row of any length costs no more. */
#define ROWS_MEMORY_BYTES (INT64_C(96) * 1024 * 1024)

/* Written into cursors: numbers stay. */
enum rows_kind {
	ROWS_NULL = 0,
	ROWS_TEXT = 1,
	ROWS_INTEGER = 2, /* SQLite's storage classes; PostgreSQL gives all as text */
	ROWS_REAL = 3,
	ROWS_BLOB = 4
};

struct rows_cell {
	enum rows_kind kind;
	const char *text;
	size_t len;
};

/* A value of the cursor, kept: as the database gave it, so that it takes it back exactly. */
struct rows_mark {
	bool is_set;
	enum rows_kind kind;
	struct buf text;
};

struct rows_column {
	char *name;
	char *type; /* as the database calls it; "" where it does not say */
};

struct rows_options {
	const struct job *job;
	const struct template_run *run;
};

struct rows_ops {
	void (*close)(struct rows *rows);
	/* Begins a page of at most `n` rows behind `after` (not set: from the start), and learns
	 * its columns; ROWS_TOO_LONG. */
	int (*begin)(struct rows *rows, const struct rows_mark *after, int64_t n, struct err *err);
	/* The next row's cells, lent until the next call; ROWS_END. ROWS_TOO_LONG: it was not taken
	 * in; what is to be done then is to close, open, and ask for its `key`. */
	int (*next)(struct rows *rows, const struct rows_cell **ret_cells, struct err *err);
	/* Ends the page, wherever it is. */
	void (*end)(struct rows *rows);
	/* The cursor alone of the first row behind `after`; not set when there is no row. */
	int (*key)(struct rows *rows, const struct rows_mark *after, struct rows_mark *ret_mark,
		   struct err *err);
	/* The highest value of the cursor behind `after` now; not set when there is no row. */
	int (*last)(struct rows *rows, const struct rows_mark *after, struct rows_mark *ret_mark,
		    struct err *err);
	/* Why values of this column cannot be those of the field; false when they can. */
	bool (*misfits)(const struct rows *rows, size_t column, const struct field *field);
};

enum rows_condition { ROWS_END = 1, ROWS_TOO_LONG = 2 };

struct rows {
	const struct rows_ops *ops;
	const struct job *job;
	struct statement *query;
	char **values; /* of the query's parameters; NULL for the cursor and the page's size */
	enum field_type *types;
	struct rows_column *columns;
	size_t n_columns;
	struct rows_cell *cells;
	bool may_pass; /* after a failure: trying again later may help */
};

ST_MUST_CHECK int rows_open_postgres(const struct rows_options *options, struct rows **ret_rows,
				     bool *ret_may_pass, struct err *err);
ST_MUST_CHECK int rows_open_sqlite(const struct rows_options *options, struct rows **ret_rows,
				   bool *ret_may_pass, struct err *err);
/* The path that a url names, from the job's directory; sqlite:PATH and sqlite:///PATH, too. */
void rows_sqlite_path(const struct job *job, const char *url, struct buf *out);
/* NULL is allowed. */
void rows_close(struct rows *rows);

/* For the two of them: what they have in common. */
ST_MUST_CHECK int rows_init(struct rows *rows, const struct rows_options *options, int dialect,
			    struct err *err);
void rows_done(struct rows *rows);
void rows_set_columns(struct rows *rows, size_t n);

void rows_mark_set(struct rows_mark *mark, const struct rows_cell *cell);
void rows_mark_done(struct rows_mark *mark);

/* How two values of a cursor stand to each other. Texts have the order of the database, which is
 * not known here: then only whether they are the same. */
enum rows_order { ROWS_BEFORE, ROWS_SAME, ROWS_BEHIND, ROWS_UNKNOWN };
enum rows_order rows_compare(enum field_type type, const struct rows_cell *a,
			     const struct rows_cell *b);
/* One value as the field's; ERR_DATA says what is wrong with it. `scratch` as field_check. */
ST_MUST_CHECK int rows_value(const struct field *field, const struct rows_cell *cell,
			     struct buf *scratch, struct value *ret_value, struct err *err);

#endif
