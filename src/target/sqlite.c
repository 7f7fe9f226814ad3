/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets in SQLite: prepared statements, one after the other, under BEGIN IMMEDIATE.
 *
 * SQLite has no SQLSTATEs; its results are told as those that mean the same, so that a job file
 * says the same of both databases.
 */
#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/job.h"
#include "job/statement.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "target/backend.h"
#include "target/marker.h"
#include "target/name.h"

enum { PATH_BYTES_MAX = 64 * 1024, SQL_BYTES_MAX = 1024 * 1024, STEPS = 10000 };

struct sqlite_target {
	sqlite3 *db;
	sqlite3_stmt *take, *look, *mark, *begin, *commit;
	sqlite3_stmt **statements;
	size_t n_statements;
	sqlite3_stmt *insert; /* of a table */
	sqlite3_stmt *gather; /* commit: run: of the table that rows are gathered in */
};

static const struct {
	int result;
	const char *state;
} states[] = {
	{SQLITE_CONSTRAINT_UNIQUE, "23505"},
	{SQLITE_CONSTRAINT_PRIMARYKEY, "23505"},
	{SQLITE_CONSTRAINT_ROWID, "23505"},
	{SQLITE_CONSTRAINT_NOTNULL, "23502"},
	{SQLITE_CONSTRAINT_FOREIGNKEY, "23503"},
	{SQLITE_CONSTRAINT_CHECK, "23514"},
	{SQLITE_CONSTRAINT_TRIGGER, "P0001"},
	{SQLITE_CONSTRAINT_DATATYPE, "22000"},
	{SQLITE_CONSTRAINT, "23000"},
	{SQLITE_MISMATCH, "22000"},
	{SQLITE_TOOBIG, "22001"},
	{SQLITE_RANGE, "42P02"},
	{SQLITE_BUSY, "55P03"},
	{SQLITE_LOCKED, "55P03"},
	{SQLITE_INTERRUPT, "57014"},
	{SQLITE_FULL, "53100"},
	{SQLITE_NOMEM, "53200"},
	{SQLITE_IOERR, "58030"},
	{SQLITE_CORRUPT, "XX001"},
	{SQLITE_NOTADB, "3D000"},
	{SQLITE_CANTOPEN, "08001"},
	{SQLITE_READONLY, "42501"},
	{SQLITE_PERM, "42501"},
	{SQLITE_AUTH, "42501"},
	{SQLITE_SCHEMA, "42P01"},
};

static void set_state(struct target_fail *fail, const char *state)
{
	memcpy(fail->state, state, STATE_BYTES);
}

/* `plain` is what an error without a class of its own means here. */
static int fail_as(sqlite3 *db, const char *plain, struct target_fail *fail)
{
	int extended = sqlite3_extended_errcode(db);
	const char *said = sqlite3_errmsg(db);
	const char *path = db == NULL ? NULL : sqlite3_db_filename(db, "main");

	set_state(fail, strncmp(said, "no such", 7) == 0 ? "42P01" : plain);
	for (size_t i = ARRAY_LEN(states); i-- > 0;)
		if (states[i].result == extended || states[i].result == (extended & 0xff))
			set_state(fail, states[i].state);
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (states[i].result == extended)
			set_state(fail, states[i].state);
	int primary = extended & 0xff;
	fail->is_lost = primary == SQLITE_IOERR || primary == SQLITE_CORRUPT ||
			primary == SQLITE_NOTADB;
	return ERR(&fail->err, ERR_IO, "database '%s': %s (%s)", path == NULL ? "" : path, said,
		   fail->state);
}

static int fail_with(sqlite3 *db, struct target_fail *fail)
{
	return fail_as(db, "42000", fail);
}

/* ---- opening ---- */

static int on_steps(void *arg)
{
	const struct target *t = arg;

	return clock_boot_us() > t->deadline_us;
}

static int on_busy(void *arg, int n)
{
	const struct target *t = arg;

	if (clock_boot_us() > t->deadline_us)
		return 0;
	sqlite3_sleep(n < 10 ? 1 : 10);
	return 1;
}

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct target_fail *fail)
{
	/* No such column, no SQL: whatever the item. */
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) != SQLITE_OK)
		return fail_as(db, "42601", fail);
	return 0;
}

static int exec(const struct sqlite_target *s, const char *sql, struct target_fail *fail)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail_with(s->db, fail);
}

/* SQLite has one word for all of it. */
static int fail_open(sqlite3 *db, const char *path, struct target_fail *fail)
{
	(void)fail_with(db, fail);
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		set_state(fail, "3D000");
		err_set(&fail->err, ERR_CONFIG, 0, "there is no database '%s' (3D000)", path);
	} else if (access(path, R_OK | W_OK) < 0 && errno == EACCES) {
		set_state(fail, "42501");
		err_set(&fail->err, ERR_PERM, 0, "'%s' may not be read and written (42501)", path);
	}
	return -1;
}

static int open_file(struct target *t, struct sqlite_target *s, struct target_fail *fail)
{
	AUTO(buf) struct buf url = BUF_INIT(PATH_BYTES_MAX);
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);

	if (target_read_url(t->place.job, &url, &fail->err) < 0)
		return -1;
	const char *name = buf_str(&url);
	if (strncmp(name, "sqlite:", 7) == 0)
		name += 7;
	if (name[0] != '/')
		buf_printf(&path, "%s/", t->place.job->directory);
	buf_puts(&path, name);
	if (sqlite3_open_v2(buf_str(&path), &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return fail_open(s->db, buf_str(&path), fail);
	(void)sqlite3_extended_result_codes(s->db, 1);
	sqlite3_progress_handler(s->db, STEPS, on_steps, t);
	(void)sqlite3_busy_handler(s->db, on_busy, t);
	return marker_check_file(s->db, &fail->err);
}

static int prepare_marks(struct target *t, struct sqlite_target *s, struct target_fail *fail)
{
	static const char take[] = "INSERT INTO stint_mark (ledger, run, chunk, done, void) "
				   "VALUES (?1, ?2, ?3, zeroblob(?4), zeroblob(?4)) "
				   "ON CONFLICT DO NOTHING";
	static const char look[] = "SELECT done, void FROM stint_mark "
				   "WHERE ledger = ?1 AND run = ?2 AND chunk = ?3";
	static const char mark[] = "UPDATE stint_mark SET done = ?4, void = ?5 "
				   "WHERE ledger = ?1 AND run = ?2 AND chunk = ?3";

	if (prepare(s->db, "BEGIN IMMEDIATE", &s->begin, fail) < 0 ||
	    prepare(s->db, "COMMIT", &s->commit, fail) < 0)
		return -1;
	if (!t->is_marked)
		return 0;
	if (prepare(s->db, take, &s->take, fail) < 0) {
		if (strcmp(fail->state, "42P01") == 0)
			return ERR(&fail->err, ERR_CONFIG, "%s", MARKER_HINT);
		return -1;
	}
	if (prepare(s->db, look, &s->look, fail) < 0)
		return -1;
	return prepare(s->db, mark, &s->mark, fail);
}

static int prepare_statements(const struct target *t, struct sqlite_target *s,
			      struct target_fail *fail)
{
	s->statements = xcalloc(t->n_statements + 1, sizeof(sqlite3_stmt *));
	for (size_t i = 0; i < t->n_statements; i++) {
		if (prepare(s->db, statement_sql(t->statements[i]), &s->statements[i], fail) < 0)
			return -1;
		s->n_statements++;
	}
	return 0;
}

/* ---- tables ---- */

static bool table_has_column(sqlite3_stmt *columns, const char *name, struct buf *all)
{
	bool is_found = false;

	(void)sqlite3_reset(columns);
	buf_reset(all);
	while (sqlite3_step(columns) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(columns, 0);
		is_found = is_found || sqlite3_stricmp(column, name) == 0;
		buf_printf(all, "%s%s", all->len > 0 ? ", " : "", column);
	}
	return is_found;
}

static int check_columns(const struct target *t, struct sqlite_target *s, struct target_fail *fail)
{
	AUTO(buf) struct buf all = BUF_INIT(SQL_BYTES_MAX);
	sqlite3_stmt *columns = NULL;
	int rc = 0;

	if (prepare(s->db, "SELECT name FROM pragma_table_info(?1)", &columns, fail) < 0)
		return -1;
	(void)sqlite3_bind_text(columns, 1, t->job->table, -1, SQLITE_STATIC);
	for (size_t i = 0; rc == 0 && i < t->columns.n; i++) {
		if (table_has_column(columns, t->job->columns[i], &all))
			continue;
		set_state(fail, all.len == 0 ? "42P01" : "42703");
		if (all.len == 0)
			rc = ERR(&fail->err, ERR_CONFIG, "there is no table %s (%s)",
				 QUOTED(t->job->table, strlen(t->job->table)), fail->state);
		else
			rc = ERR(&fail->err, ERR_CONFIG,
				 "table %s has no column %s; it has %s (%s)", t->job->table,
				 QUOTED(t->job->columns[i], strlen(t->job->columns[i])),
				 buf_str(&all), fail->state);
	}
	(void)sqlite3_finalize(columns);
	return rc;
}

static int prepare_insert(const struct target *t, struct sqlite_target *s, struct target_fail *fail)
{
	AUTO(buf) struct buf sql = BUF_INIT(SQL_BYTES_MAX);
	AUTO(buf) struct buf table = BUF_INIT(SQL_BYTES_MAX);

	if (check_columns(t, s, fail) < 0)
		return -1;
	name_put(&table, t->job->table);
	name_put_insert(&sql, buf_str(&table), t);
	buf_puts(&sql, " VALUES (");
	for (size_t i = 0; i < t->columns.n; i++)
		buf_printf(&sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
	buf_putc(&sql, ')');
	/* To try a row; what is there now may be gone at the end, by `before`. */
	if (t->is_gathered)
		buf_puts(&sql, " ON CONFLICT DO NOTHING");
	else
		name_put_conflict(&sql, t);
	return prepare(s->db, buf_str(&sql), &s->insert, fail);
}

static void close_all(struct sqlite_target *s)
{
	sqlite3_stmt *const all[] = {s->take,	s->look,   s->mark,  s->begin,
				     s->commit, s->insert, s->gather};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		(void)sqlite3_finalize(all[i]);
	for (size_t i = 0; i < s->n_statements; i++)
		(void)sqlite3_finalize(s->statements[i]);
	free(s->statements);
	(void)sqlite3_close(s->db); /* an open transaction is rolled back */
	free(s);
}

static int sqlite_open(struct target *t, struct target_fail *fail)
{
	struct sqlite_target *s = xnew(struct sqlite_target);
	int rc = open_file(t, s, fail);

	if (rc == 0)
		rc = prepare_marks(t, s, fail);
	if (rc == 0)
		rc = t->place.job->work.kind == WORK_TABLE ? prepare_insert(t, s, fail)
							   : prepare_statements(t, s, fail);
	if (rc < 0) {
		close_all(s);
		return -1;
	}
	t->state = s;
	return 0;
}

static void sqlite_close(struct target *t)
{
	close_all(t->state);
	t->state = NULL;
}

/* ---- a transaction ---- */

/* Runs it to its end; rows that it yields are nobody's. */
static int run_out(const struct sqlite_target *s, sqlite3_stmt *statement, struct target_fail *fail)
{
	int rc = SQLITE_ROW;

	while (rc == SQLITE_ROW)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_DONE) {
		(void)sqlite3_reset(statement);
		return 0;
	}
	(void)fail_with(s->db, fail);
	(void)sqlite3_reset(statement); /* says the same again */
	return -1;
}

static void bind_unit(const struct target *t, sqlite3_stmt *statement,
		      const struct target_unit *unit)
{
	(void)sqlite3_bind_text(statement, 1, t->uuid, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 2, t->place.run->id);
	(void)sqlite3_bind_int64(statement, 3, unit->first_item);
}

static int take_marks(const struct target *t, const struct sqlite_target *s,
		      struct target_unit *unit, struct target_fail *fail)
{
	size_t bytes = BITS_BYTES(unit->n);

	bind_unit(t, s->take, unit);
	(void)sqlite3_bind_int64(s->take, 4, (int64_t)bytes);
	if (run_out(s, s->take, fail) < 0)
		return -1;
	bind_unit(t, s->look, unit);
	if (sqlite3_step(s->look) != SQLITE_ROW)
		return fail_with(s->db, fail);
	if ((size_t)sqlite3_column_bytes(s->look, 0) != bytes ||
	    (size_t)sqlite3_column_bytes(s->look, 1) != bytes) {
		(void)sqlite3_reset(s->look);
		return ERR(&fail->err, ERR_CONFIG,
			   "the mark of run %lld, chunk %lld is of a chunk of another length: is "
			   "the ledger an older copy?",
			   (long long)t->place.run->id, (long long)unit->first_item);
	}
	memcpy(unit->done, sqlite3_column_blob(s->look, 0), bytes);
	memcpy(unit->void_, sqlite3_column_blob(s->look, 1), bytes);
	(void)sqlite3_reset(s->look);
	return 0;
}

static int sqlite_begin(struct target *t, struct target_unit *const *units, size_t n,
			struct target_fail *fail)
{
	struct sqlite_target *s = t->state;
	int rc = run_out(s, s->begin, fail);

	for (size_t i = 0; rc == 0 && t->is_marked && i < n; i++)
		rc = take_marks(t, s, units[i], fail);
	return rc;
}

static int put_marks(const struct target *t, const struct sqlite_target *s,
		     struct target_unit *unit, struct target_fail *fail)
{
	size_t bytes = BITS_BYTES(unit->n);

	for (size_t i = 0; i < bytes; i++) {
		unit->done[i] = unit->done[i] | unit->set[i];
		unit->void_[i] = (uint8_t)((unit->void_[i] | unit->set_void[i]) & ~unit->done[i]);
	}
	bind_unit(t, s->mark, unit);
	(void)sqlite3_bind_blob(s->mark, 4, unit->done, (int)bytes, SQLITE_STATIC);
	(void)sqlite3_bind_blob(s->mark, 5, unit->void_, (int)bytes, SQLITE_STATIC);
	return run_out(s, s->mark, fail);
}

static int put_value(sqlite3_stmt *statement, int place, const struct bound_value *v)
{
	struct err ignored = ERR_INIT;
	int64_t number = 0;

	if (v->is_null)
		return sqlite3_bind_null(statement, place);
	if (v->type == FIELD_INTEGER && text_parse_int(v->text, v->len, &number, &ignored) == 0)
		return sqlite3_bind_int64(statement, place, number);
	if (v->type == FIELD_BOOLEAN)
		return sqlite3_bind_int64(statement, place, v->text[0] == 't');
	if (v->type == FIELD_FLOAT)
		return sqlite3_bind_double(statement, place, strtod(v->text, NULL));
	return sqlite3_bind_text64(statement, place, v->text, v->len, SQLITE_STATIC, SQLITE_UTF8);
}

static int put_values(const struct target *t, sqlite3_stmt *statement, const struct statement *from,
		      const struct template_item *item, struct target_fail *fail)
{
	for (size_t i = 0; i < statement_n(from); i++) {
		struct bound_value v = {0};
		if (bind_value(t, from, i, item, &v, &fail->err) < 0)
			return -1;
		if (put_value(statement, (int)i + 1, &v) != SQLITE_OK)
			return fail_with(sqlite3_db_handle(statement), fail);
	}
	return 0;
}

static int insert_row(const struct target *t, const struct sqlite_target *s, sqlite3_stmt *insert,
		      const struct template_item *item, struct target_fail *fail)
{
	if (insert == s->gather &&
	    sqlite3_bind_int64(insert, (int)t->columns.n + 1, item->number) != SQLITE_OK)
		return fail_with(s->db, fail);
	for (size_t i = 0; i < t->columns.n; i++) {
		struct bound_value v = {0};
		if (bind_column(t, i, item, &v, &fail->err) < 0)
			return -1;
		if (put_value(insert, (int)i + 1, &v) != SQLITE_OK)
			return fail_with(s->db, fail);
	}
	return run_out(s, insert, fail);
}

static int do_row(struct target *t, const struct sqlite_target *s, const struct target_row *row,
		  struct target_fail *fail)
{
	arena_reset(&t->row_scratch);
	if (s->insert != NULL)
		return insert_row(t, s, s->insert, &row->item, fail);
	for (size_t i = 0; i < s->n_statements; i++) {
		if (put_values(t, s->statements[i], t->statements[i], &row->item, fail) < 0)
			return -1;
		if (run_out(s, s->statements[i], fail) < 0)
			return -1;
	}
	return 0;
}

/* Each could be inserted: that is taken back, and they are kept for the end. */
static int gather_rows(struct target *t, const struct sqlite_target *s,
		       const struct target_txn *txn, struct target_fail *fail)
{
	if (txn->n_rows == 0)
		return 0;
	if (exec(s, "ROLLBACK TO stint_try; RELEASE stint_try", fail) < 0)
		return -1;
	for (size_t i = 0; i < txn->n_rows; i++) {
		arena_reset(&t->row_scratch);
		if (insert_row(t, s, s->gather, &txn->rows[i]->item, fail) < 0)
			return -1;
	}
	return 0;
}

static int sqlite_run(struct target *t, const struct target_txn *txn, struct target_fail *fail)
{
	struct sqlite_target *s = t->state;

	if (t->is_gathered && txn->n_rows > 0 && exec(s, "SAVEPOINT stint_try", fail) < 0)
		return -1;
	for (size_t i = 0; i < txn->n_rows; i++)
		if (do_row(t, s, txn->rows[i], fail) < 0) {
			fail->row = (int64_t)i;
			return -1;
		}
	if (t->is_gathered && gather_rows(t, s, txn, fail) < 0)
		return -1;
	for (size_t i = 0; t->is_marked && i < txn->n_units; i++)
		if (txn->units[i]->is_marking && put_marks(t, s, txn->units[i], fail) < 0)
			return -1;
	(void)FAULT("target.commit");
	if (run_out(s, s->commit, fail) == 0)
		return 0;
	fail->is_unclear = fail->is_lost;
	return -1;
}

static void sqlite_rollback(struct target *t)
{
	struct sqlite_target *s = t->state;

	/* It may have been rolled back by the error already. */
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static int sqlite_once(struct target *t, const struct statement *from, struct target_fail *fail)
{
	const struct sqlite_target *s = t->state;
	sqlite3_stmt *statement = NULL;

	arena_reset(&t->row_scratch);
	if (statement_n(from) == 0) /* there may be several */
		return exec(s, statement_sql(from), fail);
	if (prepare(s->db, statement_sql(from), &statement, fail) < 0)
		return -1;
	int rc = put_values(t, statement, from, NULL, fail);
	if (rc == 0)
		rc = run_out(s, statement, fail);
	(void)sqlite3_finalize(statement);
	return rc;
}

/* ---- commit: run ---- */

static int gather_is_there(const struct target *t, const struct sqlite_target *s,
			   bool *ret_is_there, struct target_fail *fail)
{
	AUTO(buf) struct buf name = BUF_INIT(SQL_BYTES_MAX);
	sqlite3_stmt *look = NULL;

	target_put_gather_name(t, &name);
	if (prepare(s->db, "SELECT 1 FROM sqlite_master WHERE name = ?1", &look, fail) < 0)
		return -1;
	(void)sqlite3_bind_text(look, 1, buf_str(&name), -1, SQLITE_STATIC);
	int rc = sqlite3_step(look);
	*ret_is_there = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		(void)fail_with(s->db, fail);
	(void)sqlite3_finalize(look); /* says the same again */
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static int make_gather(const struct target *t, const struct sqlite_target *s,
		       struct target_fail *fail)
{
	AUTO(buf) struct buf sql = BUF_INIT(SQL_BYTES_MAX);
	bool is_there = false;

	if (gather_is_there(t, s, &is_there, fail) < 0)
		return -1;
	if (is_there)
		return 0;
	buf_puts(&sql, "CREATE TABLE ");
	target_put_gather_name(t, &sql);
	buf_puts(&sql, " AS SELECT ");
	name_put_columns(&sql, t);
	buf_puts(&sql, ", 0 AS stint_item FROM ");
	name_put(&sql, t->job->table);
	buf_puts(&sql, " WHERE false");
	return exec(s, buf_str(&sql), fail);
}

static int sqlite_gather(struct target *t, struct target_fail *fail)
{
	struct sqlite_target *s = t->state;
	AUTO(buf) struct buf sql = BUF_INIT(SQL_BYTES_MAX);

	if (make_gather(t, s, fail) < 0)
		return -1;
	(void)sqlite3_finalize(s->gather); /* one that was prepared when the table was there */
	s->gather = NULL;
	buf_puts(&sql, "INSERT INTO ");
	target_put_gather_name(t, &sql);
	buf_puts(&sql, " VALUES (");
	for (size_t i = 0; i <= t->columns.n; i++)
		buf_printf(&sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
	buf_putc(&sql, ')');
	return prepare(s->db, buf_str(&sql), &s->gather, fail);
}

static int sqlite_place(struct target *t, int64_t *ret_rows, struct target_fail *fail)
{
	const struct sqlite_target *s = t->state;
	AUTO(buf) struct buf sql = BUF_INIT(SQL_BYTES_MAX);
	AUTO(buf) struct buf table = BUF_INIT(SQL_BYTES_MAX);
	bool is_there = false;

	*ret_rows = TARGET_NO_ROWS;
	if (gather_is_there(t, s, &is_there, fail) < 0)
		return -1;
	if (!is_there)
		return 0;
	name_put(&table, t->job->table);
	name_put_insert(&sql, buf_str(&table), t);
	buf_puts(&sql, " SELECT ");
	name_put_columns(&sql, t);
	buf_puts(&sql, " FROM ");
	target_put_gather_name(t, &sql);
	buf_puts(&sql, " WHERE true ORDER BY stint_item");
	name_put_conflict(&sql, t);
	if (exec(s, buf_str(&sql), fail) < 0)
		return -1;
	*ret_rows = sqlite3_changes64(s->db);
	buf_reset(&sql);
	buf_puts(&sql, "DROP TABLE ");
	target_put_gather_name(t, &sql);
	return exec(s, buf_str(&sql), fail);
}

const struct target_backend target_sqlite = {
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.run = sqlite_run,
	.rollback = sqlite_rollback,
	.once = sqlite_once,
	.gather = sqlite_gather,
	.place = sqlite_place,
};
