/* SPDX-License-Identifier: Apache-2.0 */
/* A target in PostgreSQL, open. For this folder alone. */
#ifndef STINT_TARGET_POSTGRES_H
#define STINT_TARGET_POSTGRES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "target/backend.h"

struct copy_column {
	Oid type;
};

struct postgres_target {
	PGconn *conn;
	/* of a table */
	char *copy_sql;	   /* COPY … FROM STDIN */
	char *merge_sql;   /* from the temporary table into the table; NULL: straight into it */
	char *gather_name; /* of the table that rows are gathered in, quoted; NULL: none */
	char *gather_sql;  /* commit: run: makes it … */
	char *place_sql;   /* … and takes its rows into the table */
	bool has_number;   /* it has a column with the number of the item */
	struct buf others; /* DROP COLUMN …: those of the table that get no value */
	char *table_name;  /* as the server's context calls it */
	struct copy_column *columns;
	bool is_binary;
	struct buf out;
};

enum { POSTGRES_SQL_MAX = 1024 * 1024, COPY_ROW_MAX = 128 * 1024 * 1024 };

/* Fills `fail` from a result, or from the connection (NULL). */
int postgres_fail(const struct target *t, const PGresult *result, struct target_fail *fail);
/* The next result of what was sent; NULL as PQgetResult. */
ST_MUST_CHECK int postgres_next(const struct target *t, PGresult **ret_result,
				struct target_fail *fail);
/* Reads to the end of a statement's results: the first good one, or the first error. */
ST_MUST_CHECK int postgres_end(const struct target *t, PGresult **ret_result,
			       struct target_fail *fail);
/* A statement without parameters, outside of a pipeline. */
ST_MUST_CHECK int postgres_exec(const struct target *t, const char *sql, PGresult **ret_result,
				struct target_fail *fail);

#define POSTGRES_NUMBER "stint_item"

/* postgres_gather.c: `quoted` is the table. */
ST_MUST_CHECK int postgres_open_gather(struct target *t, const char *quoted,
				       struct target_fail *fail);
ST_MUST_CHECK int postgres_gather(struct target *t, struct target_fail *fail);
ST_MUST_CHECK int postgres_place(struct target *t, int64_t *ret_rows, struct target_fail *fail);

/* postgres_binary.c: COPY's binary format */
bool binary_takes(Oid type, enum field_type from, bool is_utc);
void binary_put_head(struct buf *out);
void binary_put_row(struct buf *out, size_t n_columns);
/* ERR_DATA: the value does not fit into the column. */
ST_MUST_CHECK int binary_put(struct buf *out, Oid type, const struct bound_value *v,
			     struct target_fail *fail);
void binary_put_item(struct buf *out, int64_t number);
void binary_put_tail(struct buf *out);

/* postgres_copy.c */
ST_MUST_CHECK int postgres_open_table(struct target *t, struct target_fail *fail);
ST_MUST_CHECK int postgres_copy(struct target *t, struct target_row *const *rows, size_t n,
				struct target_fail *fail);

#endif
