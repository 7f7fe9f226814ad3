/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements, values, columns, and what SQLite's answers mean. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "ledger/sqlite/sqlite.h"
#include "sys/fault.h"

enum { ROWS_FIRST_CAP = 8, PRIMARY_CODE = 0xff };

/* lint: allow unused: called through SQ_TEXT */
struct sq_value sq_text_value(const char *s)
{
	return (struct sq_value){.type = s == NULL ? SQ_TYPE_NULL : SQ_TYPE_TEXT,
				 .data = s,
				 .len = s == NULL ? 0 : strlen(s)};
}

/* lint: allow unused: called through SQ_INT_OR_NULL */
struct sq_value sq_int_value(int64_t x)
{
	return (struct sq_value){.type = x == 0 ? SQ_TYPE_NULL : SQ_TYPE_INT, .number = x};
}

/* Why the system refused: errno, which every caller has set to 0 before. sqlite3_system_errno()
 * knows nothing of a failed COMMIT (SQLite 3.40: OP_AutoCommit does not record it), and what it
 * says may be of an earlier failure. */
static int sq_system_errno(const struct sq *q, int rc)
{
	if ((rc & PRIMARY_CODE) != SQLITE_IOERR && (rc & PRIMARY_CODE) != SQLITE_CANTOPEN)
		return 0;
	return errno != 0 ? errno : sqlite3_system_errno(q->db);
}

int sq_fail(struct sq *q, int rc)
{
	q->os_errno = sq_system_errno(q, rc);
	q->rc = rc;
	(void)snprintf(q->text, sizeof(q->text), "%s", sqlite3_errmsg(q->db)); /* may be cut */
	return SQ_FAILED;
}

enum ledger_status sq_status(const struct sq *q)
{
	switch (q->rc & PRIMARY_CODE) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
		return FAULT("ledger.busy") ? LEDGER_BROKEN : LEDGER_BUSY;
	case SQLITE_FULL:
		return FAULT("ledger.full") ? LEDGER_BROKEN : LEDGER_NO_SPACE;
	case SQLITE_CONSTRAINT:
		return LEDGER_LOST;
	case SQLITE_IOERR:
		if (FAULT("ledger.ioerr"))
			return LEDGER_BUSY;
		/* Safety: a failed fsync may have dropped what was written, whatever the reason. */
		if (q->rc == SQLITE_IOERR_FSYNC || q->rc == SQLITE_IOERR_DIR_FSYNC)
			return LEDGER_BROKEN;
		if (q->os_errno == ENOSPC || q->os_errno == EDQUOT || q->os_errno == EFBIG)
			return FAULT("ledger.full") ? LEDGER_BROKEN : LEDGER_NO_SPACE;
		return LEDGER_BROKEN;
	default:
		return LEDGER_BROKEN;
	}
}

int sq_err(const struct sq *q, struct err *err)
{
	int code = ERR_IO;

	if ((q->rc & PRIMARY_CODE) == SQLITE_NOTADB)
		return ERR(err, ERR_LEDGER,
			   "%s is not a ledger: it is no SQLite"
			   " database",
			   q->path);
	if (sq_status(q) == LEDGER_BUSY)
		code = ERR_TEMP;
	else if (sq_status(q) == LEDGER_NO_SPACE)
		code = ERR_FULL;
	else if ((q->rc & PRIMARY_CODE) == SQLITE_CORRUPT)
		code = ERR_LEDGER;
	else if (q->os_errno == EACCES || q->os_errno == EPERM)
		code = ERR_PERM;
	err_set(err, code, q->os_errno, "ledger %s: %s", q->path, q->text);
	return code;
}

static struct sq_cached *sq_slot(struct sq *q, const char *sql)
{
	size_t i = (size_t)(((uintptr_t)sql >> 4) * 2654435761u) % SQ_CACHE_SLOTS;

	while (q->cache[i].sql != NULL && q->cache[i].sql != sql)
		i = (i + 1) % SQ_CACHE_SLOTS;
	return &q->cache[i];
}

static sqlite3_stmt *sq_prepare(struct sq *q, const char *sql)
{
	struct sq_cached *slot = sq_slot(q, sql);

	if (slot->st != NULL)
		return slot->st;
	errno = 0;
	int rc = sqlite3_prepare_v3(q->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &slot->st, NULL);
	if (rc != SQLITE_OK) {
		(void)sq_fail(q, rc); /* the caller sees NULL */
		return NULL;
	}
	slot->sql = sql;
	return slot->st;
}

static int sq_bind(sqlite3_stmt *st, int at, const struct sq_value *v)
{
	static const char nothing[1];

	switch (v->type) {
	case SQ_TYPE_NULL:
		return sqlite3_bind_null(st, at);
	case SQ_TYPE_INT:
		return sqlite3_bind_int64(st, at, v->number);
	case SQ_TYPE_TEXT:
		return sqlite3_bind_text64(st, at, v->data, v->len, SQLITE_STATIC, SQLITE_UTF8);
	case SQ_TYPE_BLOB:
		return sqlite3_bind_blob64(st, at, v->data == NULL ? nothing : v->data, v->len,
					   SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

sqlite3_stmt *sq_query(struct sq *q, const char *sql, const struct sq_value *values, size_t n)
{
	sqlite3_stmt *st = sq_prepare(q, sql);

	if (st == NULL)
		return NULL;
	assert(sqlite3_stmt_busy(st) == 0);
	assert((size_t)sqlite3_bind_parameter_count(st) == n);
	for (size_t i = 0; i < n; i++) {
		int rc = sq_bind(st, (int)i + 1, &values[i]);
		if (rc == SQLITE_OK)
			continue;
		(void)sq_fail(q, rc); /* the caller sees NULL */
		sq_end(st);
		return NULL;
	}
	return st;
}

int sq_next(struct sq *q, sqlite3_stmt *st)
{
	if (st == NULL)
		return SQ_FAILED;
	errno = 0;
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return 1;
	int answer = rc == SQLITE_DONE ? 0 : sq_fail(q, rc);
	sq_end(st);
	return answer;
}

void sq_end(sqlite3_stmt *st)
{
	if (st == NULL)
		return;
	(void)sqlite3_reset(st);	  /* repeats an error that was seen */
	(void)sqlite3_clear_bindings(st); /* cannot fail */
}

int sq_change(struct sq *q, const char *sql, const struct sq_value *values, size_t n)
{
	sqlite3_stmt *st = sq_query(q, sql, values, n);
	int rc = sq_next(q, st);

	while (rc == 1)
		rc = sq_next(q, st);
	return rc < 0 ? SQ_FAILED : sqlite3_changes(q->db);
}

int sq_exec(struct sq *q, const char *sql)
{
	errno = 0;
	int rc = sqlite3_exec(q->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sq_fail(q, rc);
}

int sq_number(struct sq *q, const char *sql, const struct sq_value *values, size_t n,
	      int64_t *ret_number)
{
	sqlite3_stmt *st = sq_query(q, sql, values, n);
	int rc = sq_next(q, st);

	if (rc != 1)
		return rc;
	*ret_number = sqlite3_column_int64(st, 0);
	sq_end(st);
	return 1;
}

void sq_cache_done(struct sq *q)
{
	for (size_t i = 0; i < SQ_CACHE_SLOTS; i++) {
		(void)sqlite3_finalize(q->cache[i].st); /* repeats an error that was seen */
		q->cache[i] = (struct sq_cached){0};
	}
}

/* ---- columns ---- */

const char *sq_column_text_or_null(struct arena *a, sqlite3_stmt *st, int column)
{
	const void *text = sqlite3_column_text(st, column);

	if (text == NULL)
		return NULL;
	return arena_text(a, text, (size_t)sqlite3_column_bytes(st, column));
}

const char *sq_column_text(struct arena *a, sqlite3_stmt *st, int column)
{
	const char *text = sq_column_text_or_null(a, st, column);

	return text == NULL ? "" : text;
}

const void *sq_column_blob(struct arena *a, sqlite3_stmt *st, int column, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(st, column);

	*ret_len = (size_t)sqlite3_column_bytes(st, column);
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return NULL;
	return arena_dup(a, data, *ret_len);
}

uint8_t *sq_column_bits(struct arena *a, sqlite3_stmt *st, int column, size_t n)
{
	uint8_t *bits = arena_alloc(a, BITS_BYTES(n));
	const void *data = sqlite3_column_blob(st, column);

	if ((size_t)sqlite3_column_bytes(st, column) == BITS_BYTES(n) && n > 0)
		memcpy(bits, data, BITS_BYTES(n));
	return bits;
}

utime sq_column_time(sqlite3_stmt *st, int column)
{
	return rule_utime(sqlite3_column_int64(st, column));
}

int sq_lost(struct ledger_txn *txn, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	va_end(ap);
	err_set(&txn->err, ERR_TEMP, 0, "%s", text);
	return LEDGER_LOST;
}

void *sq_rows_add(struct sq_rows *rows)
{
	if (rows->n == rows->cap) {
		size_t cap = rows->cap == 0 ? ROWS_FIRST_CAP : 2 * rows->cap;
		char *at = arena_alloc(rows->arena, cap * rows->size);
		if (rows->n > 0)
			memcpy(at, rows->at, rows->n * rows->size);
		rows->at = at;
		rows->cap = cap;
	}
	return rows->at + rows->size * rows->n++;
}
