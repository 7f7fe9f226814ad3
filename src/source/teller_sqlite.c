/* SPDX-License-Identifier: Apache-2.0 */
/* on_done and on_dead in an SQLite database. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/job.h"
#include "job/statement.h"
#include "source/rows.h"
#include "source/teller.h"

enum { PATH_BYTES_MAX = 64 * 1024 };

struct told_sqlite {
	sqlite3 *db;
	char *path;
	const struct statement *prepared; /* what `st` was made of */
	sqlite3_stmt *st;
};

static int fail(const struct told_sqlite *c, struct err *err)
{
	int code = sqlite3_errcode(c->db);

	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return ERR(err, ERR_TEMP, "database '%s' is locked by somebody else", c->path);
	if (code == SQLITE_FULL)
		return ERR(err, ERR_FULL, "database '%s': the disk is full", c->path);
	return ERR(err, ERR_DATA, "database '%s': %s", c->path, sqlite3_errmsg(c->db));
}

static void told_close(struct teller *t)
{
	struct told_sqlite *c = t->connection;

	(void)sqlite3_finalize(c->st); /* repeats the last result, which was told */
	(void)sqlite3_close(c->db);    /* an open transaction is undone */
	free(c->path);
	free(c);
}

static int told_open(struct teller *t, const char *url, struct err *err)
{
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);
	struct told_sqlite *c = xnew(struct told_sqlite);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	rows_sqlite_path(t->job, url, &path);
	c->path = xstrndup(buf_str(&path), path.len);
	t->connection = c;
	if (sqlite3_open_v2(c->path, &c->db, flags, NULL) != SQLITE_OK)
		return ERR(err, ERR_NOINPUT, "database '%s' cannot be opened for writing", c->path);
	(void)sqlite3_busy_timeout(c->db, (int)(ROWS_LOCK_US / US_PER_MS)); /* cannot fail */
	return 0;
}

static int run(const struct told_sqlite *c, const char *sql, struct err *err)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(c, err);
}

static int told_begin(struct teller *t, struct err *err)
{
	return run(t->connection, "BEGIN IMMEDIATE", err);
}

static int told_commit(struct teller *t, struct err *err)
{
	struct told_sqlite *c = t->connection;

	(void)sqlite3_finalize(c->st); /* or the schema could not change meanwhile */
	c->st = NULL;
	c->prepared = NULL;
	return run(c, "COMMIT", err);
}

static int bind(sqlite3_stmt *st, int i, const struct teller_value *value)
{
	struct err err = ERR_INIT;
	int64_t number = 0;

	if (value->text == NULL)
		return sqlite3_bind_null(st, i);
	if (value->type == FIELD_BOOLEAN)
		return sqlite3_bind_int64(st, i, value->text[0] == 't' ? 1 : 0);
	if (value->type == FIELD_INTEGER &&
	    text_parse_int(value->text, value->len, &number, &err) == 0)
		return sqlite3_bind_int64(st, i, number);
	if (value->type == FIELD_FLOAT)
		return sqlite3_bind_double(st, i, strtod(value->text, NULL));
	return sqlite3_bind_text64(st, i, value->text, value->len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int prepare(struct told_sqlite *c, const struct statement *s, struct err *err)
{
	const char *tail = "";

	if (c->prepared == s)
		return 0;
	(void)sqlite3_finalize(c->st); /* repeats the last result, which was told */
	c->st = NULL;
	c->prepared = NULL;
	if (sqlite3_prepare_v2(c->db, statement_sql(s), -1, &c->st, &tail) != SQLITE_OK)
		return fail(c, err);
	if (c->st == NULL || tail[strspn(tail, " \t\r\n;")] != '\0')
		return ERR(err, ERR_CONFIG, "expected one statement");
	c->prepared = s;
	return 0;
}

static int told_say(struct teller *t, const struct statement *s, const struct teller_value *values,
		    struct err *err)
{
	struct told_sqlite *c = t->connection;
	int rc = prepare(c, s, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < statement_n(s); i++)
		if (bind(c->st, (int)i + 1, &values[i]) != SQLITE_OK)
			return fail(c, err);
	do {
		rc = sqlite3_step(c->st);
	} while (rc == SQLITE_ROW);
	if (rc != SQLITE_DONE)
		return fail(c, err);
	(void)sqlite3_reset(c->st); /* it succeeded */
	return 0;
}

const struct teller_ops teller_sqlite = {.open = told_open,
					 .close = told_close,
					 .begin = told_begin,
					 .say = told_say,
					 .commit = told_commit};
