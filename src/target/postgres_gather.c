/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables in PostgreSQL that rows are gathered in before they go into the one they are for: a
 * temporary one, of a transaction, where a row that is there already is to be left or updated; one
 * that stays until the end of the run with `commit: run`. That one takes no default and has the
 * constraints of the other, so that a row which can never go there is refused at once, alone.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/job.h"
#include "pg/pg.h"
#include "target/name.h"
#include "target/postgres.h"

/* Whether the server knows what to do with it, before there is a row. */
static int check_statement(const struct target *t, const char *sql, struct target_fail *fail)
{
	AUTO(buf) struct buf explain = BUF_INIT(POSTGRES_SQL_MAX);
	AUTO(pg_result) PGresult *result = NULL;

	buf_printf(&explain, "EXPLAIN %s", sql);
	return postgres_exec(t, buf_str(&explain), &result, fail);
}

/* A temporary table that is empty again at each COMMIT. */
static int open_temporary(struct target *t, const char *quoted, struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	AUTO(buf) struct buf sql = BUF_INIT(POSTGRES_SQL_MAX);

	p->gather_name = xstrdup("pg_temp.stint_stage");
	buf_puts(&sql, "CREATE TEMPORARY TABLE stint_stage ON COMMIT DELETE ROWS AS SELECT ");
	name_put_columns(&sql, t);
	buf_printf(&sql, " FROM %s WHERE false", quoted);
	if (postgres_exec(t, buf_str(&sql), NULL, fail) < 0)
		return -1;
	buf_reset(&sql);
	name_put_insert(&sql, quoted, t);
	buf_puts(&sql, " SELECT ");
	name_put_columns(&sql, t);
	buf_puts(&sql, " FROM pg_temp.stint_stage");
	name_put_conflict(&sql, t);
	p->merge_sql = xstrdup(buf_str(&sql));
	return check_statement(t, p->merge_sql, fail);
}

/* ---- commit: run ---- */

/* It is made with the first item, which is late to hear that nobody may make it. */
static int check_may_create(const struct target *t, struct target_fail *fail)
{
	AUTO(pg_result) PGresult *result = NULL;

	if (postgres_exec(t, "SELECT has_schema_privilege(current_schema(), 'CREATE')", &result,
			  fail) < 0)
		return -1;
	if (PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't')
		return 0;
	memcpy(fail->state, "42501", STATE_BYTES);
	return ERR(&fail->err, ERR_PERM,
		   "commit: run gathers the rows in a table of its own, and the user may make none "
		   "in the first schema of the search_path (42501)");
}

static void put_make(const struct target *t, const char *quoted, struct buf *sql)
{
	const struct postgres_target *p = t->state;
	/* What a row of the run is to skip or update may be one of the run itself. */
	bool is_unique = t->job->conflict == JOB_CONFLICT_FAIL;

	buf_puts(sql, "CREATE TABLE ");
	buf_printf(sql, "%s (LIKE %s INCLUDING CONSTRAINTS%s)", p->gather_name, quoted,
		   is_unique ? " INCLUDING INDEXES" : "");
	if (p->others.len > 0)
		buf_printf(sql, "; ALTER TABLE %s %s", p->gather_name, buf_str(&p->others));
	if (p->has_number)
		buf_printf(sql, "; ALTER TABLE %s ADD COLUMN %s bigint", p->gather_name,
			   POSTGRES_NUMBER);
}

/* Of rows of the run that are the same, the first is taken with `skip`, the last with `update`. */
static void put_place(const struct target *t, const char *quoted, struct buf *sql)
{
	const struct postgres_target *p = t->state;
	bool is_update = t->job->conflict == JOB_CONFLICT_UPDATE;

	name_put_insert(sql, quoted, t);
	buf_puts(sql, " SELECT ");
	if (is_update) {
		buf_puts(sql, "DISTINCT ON (");
		name_put_keys(sql, t);
		buf_puts(sql, ") ");
	}
	name_put_columns(sql, t);
	buf_printf(sql, " FROM %s", p->gather_name);
	if (!p->has_number)
		return;
	buf_puts(sql, " ORDER BY ");
	if (is_update) {
		name_put_keys(sql, t);
		buf_puts(sql, ", ");
	}
	buf_printf(sql, "%s%s", POSTGRES_NUMBER, is_update ? " DESC" : "");
	name_put_conflict(sql, t);
}

/* The table that rows are gathered in is not there yet. */
static int check_place(const struct target *t, const char *quoted, struct target_fail *fail)
{
	AUTO(buf) struct buf sql = BUF_INIT(POSTGRES_SQL_MAX);

	buf_puts(&sql, "INSERT INTO ");
	buf_puts(&sql, quoted);
	buf_puts(&sql, " (");
	name_put_columns(&sql, t);
	buf_puts(&sql, ") SELECT ");
	name_put_columns(&sql, t);
	buf_printf(&sql, " FROM %s WHERE false", quoted);
	name_put_conflict(&sql, t);
	return check_statement(t, buf_str(&sql), fail);
}

static int open_lasting(struct target *t, const char *quoted, struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	AUTO(buf) struct buf sql = BUF_INIT(POSTGRES_SQL_MAX);

	if (check_may_create(t, fail) < 0)
		return -1;
	target_put_gather_name(t, &sql);
	p->gather_name = xstrdup(buf_str(&sql));
	p->has_number = t->job->conflict != JOB_CONFLICT_FAIL;
	buf_reset(&sql);
	put_make(t, quoted, &sql);
	p->gather_sql = xstrdup(buf_str(&sql));
	buf_reset(&sql);
	put_place(t, quoted, &sql);
	p->place_sql = xstrdup(buf_str(&sql));
	return check_place(t, quoted, fail);
}

int postgres_open_gather(struct target *t, const char *quoted, struct target_fail *fail)
{
	if (t->is_gathered)
		return open_lasting(t, quoted, fail);
	return t->job->conflict != JOB_CONFLICT_FAIL ? open_temporary(t, quoted, fail) : 0;
}

static int is_there(const struct target *t, bool *ret_is_there, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	AUTO(pg_result) PGresult *result = NULL;
	const char *const values[] = {p->gather_name};

	if (PQsendQueryParams(p->conn, "SELECT to_regclass($1) IS NOT NULL", 1, NULL, values, NULL,
			      NULL, 0) == 0)
		return postgres_fail(t, NULL, fail);
	if (postgres_end(t, &result, fail) < 0)
		return -1;
	*ret_is_there = PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
	return 0;
}

int postgres_gather(struct target *t, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	bool is_made = false;

	if (is_there(t, &is_made, fail) < 0)
		return -1;
	return is_made ? 0 : postgres_exec(t, p->gather_sql, NULL, fail);
}

int postgres_place(struct target *t, int64_t *ret_rows, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	AUTO(pg_result) PGresult *result = NULL;
	AUTO(buf) struct buf sql = BUF_INIT(POSTGRES_SQL_MAX);
	bool is_made = false;

	*ret_rows = TARGET_NO_ROWS;
	if (is_there(t, &is_made, fail) < 0)
		return -1;
	if (!is_made)
		return 0;
	if (postgres_exec(t, p->place_sql, &result, fail) < 0)
		return -1;
	*ret_rows = strtoll(PQcmdTuples(result), NULL, 10);
	buf_puts(&sql, "DROP TABLE ");
	buf_puts(&sql, p->gather_name);
	return postgres_exec(t, buf_str(&sql), NULL, fail);
}
