/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kind of database must do for target.c. For this folder alone.
 */
#ifndef STINT_TARGET_BACKEND_H
#define STINT_TARGET_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "job/field.h"
#include "job/target.h"
#include "target/target.h"

struct statement;
struct template;

enum { STATE_BYTES = 6, NO_ROW = -1, TARGET_NO_ROWS = -1 };

/* Why the database did not do something. */
struct target_fail {
	char state[STATE_BYTES]; /* SQLSTATE */
	bool is_lost;		 /* the connection is of no use any more */
	bool is_timeout;	 /* … since the time limit is over */
	bool is_unopened;	 /* there was none */
	bool is_unclear;	 /* it may have been committed all the same */
	int64_t row;		 /* which of the rows it was about, or NO_ROW */
	struct err err;
};

/* Where the value of a column comes from. */
struct bound_column {
	struct template *text;
	bool is_field; /* it is exactly one field */
	size_t field;
	enum field_type type; /* of the field, else text */
};

struct bound_columns {
	struct bound_column *list;
	size_t n;
};

/* A transaction. */
struct target_txn {
	struct target_unit *const *units;
	size_t n_units;
	struct target_row *const *rows;
	size_t n_rows;
};

struct target_backend {
	/* Connects, looks whether what is needed is there, and prepares. */
	int (*open)(struct target *t, struct target_fail *fail);
	void (*close)(struct target *t);
	/* Begins a transaction and takes the marks of the units: fills `done` and `void_`. */
	int (*begin)(struct target *t, struct target_unit *const *units, size_t n,
		     struct target_fail *fail);
	/* Does the rows, sets the marks, commits. */
	int (*run)(struct target *t, const struct target_txn *txn, struct target_fail *fail);
	void (*rollback)(struct target *t);
	/* Within the transaction. */
	int (*once)(struct target *t, const struct statement *statement, struct target_fail *fail);
	/* commit: run: makes the table that rows are gathered in, where it is not there. */
	int (*gather)(struct target *t, struct target_fail *fail);
	/* Puts its rows in their place and drops it. TARGET_NO_ROWS: it is not there. */
	int (*place)(struct target *t, int64_t *ret_rows, struct target_fail *fail);
};

extern const struct target_backend target_sqlite;
extern const struct target_backend target_postgres;

struct target {
	uint32_t magic;
	struct target_place place;
	const struct job_target *job;
	const struct target_backend *backend;
	void *state; /* the backend's, while it is open */
	char uuid[2 * 16 + 1];
	bool is_marked;	    /* effect: transactional */
	bool keeps_unclear; /* no marks: what may be committed is not tried again here */
	bool is_open;
	bool is_gathered;   /* commit: run */
	bool is_prepared;   /* `before` was executed, by us or by others */
	int64_t not_before; /* boot clock: to connect again */
	int64_t wait_us;
	int64_t deadline_us; /* boot clock: of the transaction under way */
	struct statement **statements;
	size_t n_statements;
	struct statement *before; /* NULL: none */
	struct statement *after;
	struct bound_columns columns; /* of a table */
	struct arena scratch;	      /* of a transaction */
	struct arena row_scratch;     /* of a row in it */
};

struct bound_value {
	const char *text; /* of a parameter: ends with NUL */
	size_t len;
	bool is_null;
	enum field_type type;
};

/* target.c: waits a moment before it tries again what has just failed; a server that is gone is
 * not asked a thousand times a second. */
ST_MUST_CHECK int target_connect(struct target *t, struct target_fail *fail);
/* After a failure the connection is as before the transaction, or gone. -1. */
int target_give_up(struct target *t, const struct target_fail *fail);
void target_unit_clear(struct target_unit *unit, struct arena *a);

/* once.c: what must be there before the first row. */
ST_MUST_CHECK int target_prepare(struct target *t, struct target_fail *fail);

/* bind.c */
ST_MUST_CHECK int bind_statement(const struct job *job, const char *text, enum template_use use,
				 struct statement **ret, struct err *err);
ST_MUST_CHECK int bind_columns(const struct job *job, struct bound_columns *ret, struct err *err);
void bind_columns_done(struct bound_columns *columns);
/* Parameter i for this item (NULL: of the run), or column i of the table; texts are lent until
 * t->row_scratch is reset. ERR_DATA. */
ST_MUST_CHECK int bind_value(const struct target *t, const struct statement *s, size_t i,
			     const struct template_item *item, struct bound_value *ret,
			     struct err *err);
ST_MUST_CHECK int bind_column(const struct target *t, size_t i, const struct template_item *item,
			      struct bound_value *ret, struct err *err);

/* The URL itself, whether it is written or referred to. Appends; the caller wipes. */
ST_MUST_CHECK int target_read_url(const struct job *job, struct buf *out, struct err *err);

#endif
