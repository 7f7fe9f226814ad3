/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an SQLite database, opened for reading alone. Its columns have no types that could be
 * trusted, so each value says what it is.
 */
#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/database_url.h"
#include "job/job.h"
#include "job/statement.h"
#include "source/rows.h"

enum {
	REAL_DIGITS = 15, /* as SQLite's own shell, where that reads back as the same number */
	REAL_DIGITS_MAX = 17,
	REAL_TEXT_MAX = 40,
	STEPS_BETWEEN_LOOKS = 10000,
	NO_LIMIT = -1
};

struct rows_sqlite {
	struct rows rows;
	char *path;
	sqlite3 *db;
	sqlite3_stmt *page;
	bool has_row; /* the first one, which was stepped to for its columns */
	bool is_over;
	int64_t deadline_us;
	char (*reals)[REAL_TEXT_MAX]; /* of each column */
};

static struct rows_sqlite *of(struct rows *rows)
{
	return CONTAINER_OF(rows, struct rows_sqlite, rows);
}

/* ---- failures ---- */

static int fail(struct rows_sqlite *r, const char *what, struct err *err)
{
	int code = sqlite3_errcode(r->db);

	r->rows.may_pass = code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_IOERR;
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return ERR(err, ERR_TEMP, "database '%s' is locked by somebody else", r->path);
	if (code == SQLITE_INTERRUPT)
		return ERR(err, ERR_TEMP,
			   "database '%s': the query takes longer than %d minutes; is there an "
			   "index on %s?",
			   r->path, (int)(ROWS_STATEMENT_US / US_PER_S / 60),
			   r->rows.job->source.database.cursor);
	if (code == SQLITE_IOERR)
		return ERR(err, ERR_IO, "database '%s' cannot be read: %s", r->path,
			   sqlite3_errmsg(r->db));
	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		return ERR(err, ERR_DATA, "'%s': %s", r->path, sqlite3_errmsg(r->db));
	if (code == SQLITE_NOMEM)
		return ERR(err, ERR_TOO_BIG,
			   "database '%s': a row, or what is sorted, needs more memory than %d MiB",
			   r->path, (int)(ROWS_MEMORY_BYTES >> 20));
	if (code == SQLITE_TOOBIG)
		return ERR(err, ERR_TOO_BIG, "database '%s': a value of more than %d MiB", r->path,
			   ROWS_BYTES_MAX >> 20);
	return ERR(err, ERR_CONFIG, "database '%s': %s%s", r->path, what, sqlite3_errmsg(r->db));
}

static int look_at_clock(void *arg)
{
	const struct rows_sqlite *r = arg;

	return clock_boot_us() > r->deadline_us ? 1 : 0;
}

/* ---- parameters ---- */

static int bind_text(sqlite3_stmt *st, int i, const char *text, size_t len)
{
	return sqlite3_bind_text64(st, i, text, len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int bind_number(sqlite3_stmt *st, int i, enum rows_kind kind, const char *text, size_t len)
{
	struct err err = ERR_INIT;
	int64_t number = 0;

	if (kind == ROWS_INTEGER && text_parse_int(text, len, &number, &err) == 0)
		return sqlite3_bind_int64(st, i, number);
	if (kind == ROWS_REAL)
		return sqlite3_bind_double(st, i, strtod(text, NULL));
	return bind_text(st, i, text, len);
}

static enum rows_kind kind_of(enum field_type type)
{
	if (type == FIELD_INTEGER)
		return ROWS_INTEGER;
	return type == FIELD_FLOAT ? ROWS_REAL : ROWS_TEXT;
}

/* Behind nothing is before everything: no number is below -infinity, no text before ''. */
static int bind_start(const struct rows_sqlite *r, sqlite3_stmt *st, int i)
{
	const struct job_source *source = &r->rows.job->source;
	enum field_type type = source->fields[source->database.cursor_field].type;

	if (type == FIELD_INTEGER || type == FIELD_DECIMAL || type == FIELD_FLOAT)
		return sqlite3_bind_double(st, i, -INFINITY);
	return bind_text(st, i, "", 0);
}

static int bind_value(const struct rows_sqlite *r, sqlite3_stmt *st, int i)
{
	const char *value = r->rows.values[i - 1];

	if (value == NULL)
		return sqlite3_bind_null(st, i);
	if (r->rows.types[i - 1] == FIELD_BOOLEAN)
		return sqlite3_bind_int64(st, i, value[0] == 't' ? 1 : 0);
	return bind_number(st, i, kind_of(r->rows.types[i - 1]), value, strlen(value));
}

static int bind(struct rows_sqlite *r, sqlite3_stmt *st, const struct rows_mark *after, int64_t n,
		struct err *err)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < statement_n(r->rows.query); i++) {
		int at = (int)i + 1;
		switch (statement_role(r->rows.query, i)) {
		case STATEMENT_PAGE_SIZE:
			rc = sqlite3_bind_int64(st, at, n);
			break;
		case STATEMENT_CURSOR:
			rc = after->is_set ? bind_number(st, at, after->kind, buf_str(&after->text),
							 after->text.len)
					   : bind_start(r, st, at);
			break;
		case STATEMENT_VALUE:
			rc = bind_value(r, st, at);
			break;
		}
	}
	return rc == SQLITE_OK ? 0 : fail(r, "", err);
}

/* ---- statements ---- */

static int prepare(struct rows_sqlite *r, const char *sql, sqlite3_stmt **ret, struct err *err)
{
	const char *tail = "";

	if (sqlite3_prepare_v2(r->db, sql, -1, ret, &tail) != SQLITE_OK)
		return fail(r, "source.sqlite.query: ", err);
	if (*ret == NULL || tail[strspn(tail, " \t\r\n;")] != '\0')
		return ERR(err, ERR_CONFIG,
			   "source.sqlite.query: expected one select, and nothing else");
	if (sqlite3_stmt_readonly(*ret) == 0)
		return ERR(err, ERR_CONFIG, "source.sqlite.query: a source only reads");
	return 0;
}

/* A real that is a whole number is written as one, others with as few digits as say the same, and
 * without an exponent where that is not far. */
static void format_real(double value, char text[REAL_TEXT_MAX])
{
	int digits = REAL_DIGITS;

	for (; digits <= REAL_DIGITS_MAX; digits++) {
		(void)snprintf(text, REAL_TEXT_MAX, "%.*g", digits, value); /* fits */
		if (strtod(text, NULL) == value)
			break;
	}
	const char *e = strchr(text, 'e');
	if (e == NULL || e[1] != '-')
		return;
	int decimals = (int)(e - text) - (strchr(text, '.') != NULL ? 2 : 1) -
		       (text[0] == '-' ? 1 : 0) - (int)strtol(e + 1, NULL, 10);
	if (decimals <= REAL_TEXT_MAX - 8)
		(void)snprintf(text, REAL_TEXT_MAX, "%.*f", decimals, value); /* fits */
}

static void take_cell(struct rows_sqlite *r, sqlite3_stmt *st, size_t i, struct rows_cell *cell)
{
	int column = (int)i;

	*cell = (struct rows_cell){.kind = ROWS_TEXT, .text = ""};
	switch (sqlite3_column_type(st, column)) {
	case SQLITE_NULL:
		cell->kind = ROWS_NULL;
		return;
	case SQLITE_FLOAT:
		cell->kind = ROWS_REAL;
		format_real(sqlite3_column_double(st, column), r->reals[i]);
		cell->text = r->reals[i];
		cell->len = strlen(cell->text);
		return;
	case SQLITE_BLOB:
		cell->kind = ROWS_BLOB;
		cell->len = (size_t)sqlite3_column_bytes(st, column);
		return;
	case SQLITE_INTEGER:
		cell->kind = ROWS_INTEGER;
		break;
	default:
		break;
	}
	const char *text = (const char *)sqlite3_column_text(st, column);
	cell->text = text == NULL ? "" : text;
	cell->len = (size_t)sqlite3_column_bytes(st, column);
}

static int step(struct rows_sqlite *r, sqlite3_stmt *st, struct err *err)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 0;
	if (rc == SQLITE_DONE)
		return ROWS_END;
	/* Without a sorter rows are read one by one, so that it is about the next one. */
	if (rc == SQLITE_TOOBIG && st == r->page &&
	    sqlite3_stmt_status(st, SQLITE_STMTSTATUS_SORT, 0) == 0)
		return ROWS_TOO_LONG;
	return fail(r, "source.sqlite.query: ", err);
}

static void take_columns(struct rows_sqlite *r)
{
	size_t n = (size_t)sqlite3_column_count(r->page);

	rows_set_columns(&r->rows, n);
	free(r->reals);
	r->reals = xcalloc(n + 1, sizeof(*r->reals));
	for (size_t i = 0; i < n; i++) {
		const char *name = sqlite3_column_name(r->page, (int)i);
		const char *type = sqlite3_column_decltype(r->page, (int)i);
		r->rows.columns[i].name = xstrdup(name == NULL ? "" : name);
		r->rows.columns[i].type = xstrdup(type == NULL ? "" : type);
	}
}

static void sqlite_end(struct rows *rows)
{
	struct rows_sqlite *r = of(rows);

	if (r->page != NULL)
		(void)sqlite3_reset(r->page); /* repeats the last result, which was told */
	r->has_row = false;
	r->is_over = true;
}

static int sqlite_begin(struct rows *rows, const struct rows_mark *after, int64_t n,
			struct err *err)
{
	struct rows_sqlite *r = of(rows);
	int rc = 0;

	rows->may_pass = false;
	r->deadline_us = clock_boot_us() + ROWS_STATEMENT_US;
	if (r->page == NULL)
		rc = prepare(r, statement_sql(rows->query), &r->page, err);
	if (rc == 0)
		rc = bind(r, r->page, after, n, err);
	if (rc < 0)
		return rc;
	/* Its columns may have changed since it was prepared; the first step prepares it anew. */
	rc = step(r, r->page, err);
	if (rc < 0 || rc == ROWS_TOO_LONG)
		return rc;
	r->has_row = rc == 0;
	r->is_over = rc == ROWS_END;
	take_columns(r);
	return 0;
}

static int sqlite_next(struct rows *rows, const struct rows_cell **ret_cells, struct err *err)
{
	struct rows_sqlite *r = of(rows);

	if (r->is_over)
		return ROWS_END;
	int rc = r->has_row ? 0 : step(r, r->page, err);
	r->has_row = false;
	r->is_over = rc != 0;
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < rows->n_columns; i++)
		take_cell(r, r->page, i, &rows->cells[i]);
	*ret_cells = rows->cells;
	return 0;
}

struct mark_query {
	const char *before, *behind; /* of the cursor's name */
	const struct rows_mark *after;
	int64_t n; /* its page size */
};

static void put_name(struct buf *sql, const char *name)
{
	buf_putc(sql, '"');
	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '"')
			buf_putc(sql, '"');
		buf_putc(sql, *p);
	}
	buf_putc(sql, '"');
}

/* The first row of what is said of the query's cursors, which is the mark. */
static int ask_mark(struct rows_sqlite *r, const struct mark_query *query,
		    struct rows_mark *ret_mark, struct err *err)
{
	const char *text = statement_sql(r->rows.query);
	size_t len = strlen(text);
	sqlite3_stmt *st = NULL;

	while (len > 0 && strchr(" \t\r\n;", text[len - 1]) != NULL)
		len--;
	AUTO(buf) struct buf sql = BUF_INIT(2 * len + 1024);
	buf_puts(&sql, query->before);
	put_name(&sql, r->rows.job->source.database.cursor);
	buf_puts(&sql, query->behind);
	buf_put(&sql, text, len);
	buf_puts(&sql, "\n)");
	r->deadline_us = clock_boot_us() + ROWS_STATEMENT_US;
	/* It may read the whole row for the sake of its cursor. */
	(void)sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, INT_MAX); /* the old one */
	int rc = buf_check(&sql, "a query", err);
	if (rc == 0)
		rc = prepare(r, buf_str(&sql), &st, err);
	if (rc == 0)
		rc = bind(r, st, query->after, query->n, err);
	if (rc == 0)
		rc = step(r, st, err);
	if (rc == 0) {
		struct rows_cell cell = {0};
		take_cell(r, st, 0, &cell);
		if (cell.kind != ROWS_NULL)
			rows_mark_set(ret_mark, &cell);
	}
	(void)sqlite3_finalize(st); /* repeats the last result, which was told */
	(void)sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, ROWS_BYTES_MAX); /* the old one */
	return rc < 0 ? rc : 0;
}

static int sqlite_key(struct rows *rows, const struct rows_mark *after, struct rows_mark *ret_mark,
		      struct err *err)
{
	const struct mark_query query = {
		.before = "SELECT ", .behind = " FROM (", .after = after, .n = 1};

	return ask_mark(of(rows), &query, ret_mark, err);
}

static int sqlite_last(struct rows *rows, const struct rows_mark *after, struct rows_mark *ret_mark,
		       struct err *err)
{
	const struct mark_query query = {
		.before = "SELECT max(", .behind = ") FROM (", .after = after, .n = NO_LIMIT};

	return ask_mark(of(rows), &query, ret_mark, err);
}

/* ---- opening ---- */

static void sqlite_close(struct rows *rows)
{
	struct rows_sqlite *r = of(rows);

	(void)sqlite3_finalize(r->page); /* repeats the last result, which was told */
	(void)sqlite3_close(r->db);	 /* it was only read */
	rows_done(rows);
	free(r->reals);
	free(r->path);
	free(r);
}

static bool sqlite_misfits(const struct rows *rows ST_UNUSED, size_t column ST_UNUSED,
			   const struct field *field ST_UNUSED)
{
	return false;
}

static const struct rows_ops sqlite_ops = {.close = sqlite_close,
					   .begin = sqlite_begin,
					   .next = sqlite_next,
					   .end = sqlite_end,
					   .key = sqlite_key,
					   .last = sqlite_last,
					   .misfits = sqlite_misfits};

void rows_sqlite_path(const struct job *job, const char *url, struct buf *out)
{
	if (strncmp(url, "sqlite:", 7) == 0)
		url += strncmp(url + 7, "//", 2) == 0 ? 9 : 7;
	if (url[0] != '/' && job->directory != NULL)
		buf_printf(out, "%s/", job->directory);
	buf_puts(out, url);
}

static int find_path(struct rows_sqlite *r, const struct rows_options *options, struct err *err)
{
	AUTO(buf) struct buf url = BUF_INIT(DATABASE_URL_MAX);
	AUTO(buf) struct buf path = BUF_INIT(DATABASE_URL_MAX);
	const struct job *job = options->job;

	int rc = database_url_put(job, job->source.database.url, options->run, &url, err);
	if (rc != 0)
		return rc;
	rows_sqlite_path(job, buf_str(&url), &path);
	rc = buf_check(&path, "a path", err);
	if (rc == 0)
		r->path = xstrdup(buf_str(&path));
	return rc;
}

static int open_database(struct rows_sqlite *r, struct err *err)
{
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	if (sqlite3_open_v2(r->path, &r->db, flags, NULL) != SQLITE_OK) {
		int code = r->db == NULL ? SQLITE_NOMEM : sqlite3_errcode(r->db);
		if ((code & 0xff) == SQLITE_CANTOPEN)
			return ERR(err, ERR_NOINPUT, "database '%s' cannot be opened; is it there?",
				   r->path);
		return fail(r, "", err);
	}
	(void)sqlite3_extended_result_codes(r->db, 0);			    /* cannot fail */
	(void)sqlite3_busy_timeout(r->db, (int)(ROWS_LOCK_US / US_PER_MS)); /* cannot fail */
	(void)sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, ROWS_BYTES_MAX);    /* the old one */
	sqlite3_progress_handler(r->db, STEPS_BETWEEN_LOOKS, look_at_clock, r);
	/* A file from somebody else may hold views and triggers that mean no good. */
	if (sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
	    sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK)
		return fail(r, "", err);
	return 0;
}

int rows_open_sqlite(const struct rows_options *options, struct rows **ret_rows, bool *ret_may_pass,
		     struct err *err)
{
	struct rows_sqlite *r = xnew(struct rows_sqlite);

	r->rows.ops = &sqlite_ops;
	r->deadline_us = INT64_MAX;
	r->is_over = true;
	r->reals = xcalloc(1, sizeof(*r->reals));
	int rc = rows_init(&r->rows, options, STATEMENT_SQLITE, err);
	if (rc == 0)
		rc = find_path(r, options, err);
	if (rc == 0)
		rc = open_database(r, err);
	*ret_may_pass = r->rows.may_pass;
	if (rc != 0)
		sqlite_close(&r->rows);
	else
		*ret_rows = &r->rows;
	return rc;
}
