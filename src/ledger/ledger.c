/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "ledger/backend.h"

struct scheme {
	const char *prefix;
	const struct ledger_backend *backend;
};

static const struct scheme schemes[] = {
	{"sqlite:", &ledger_sqlite},
	{"memory:", &ledger_memory},
	{"postgres:", &ledger_postgres},
	{"postgresql:", &ledger_postgres},
};

/* The backend for a URL and what stands behind the prefix; a plain path is SQLite's. */
static const struct ledger_backend *ledger_backend_find(const char *url, const char **ret_path)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i].prefix);
		if (strncmp(url, schemes[i].prefix, len) != 0)
			continue;
		*ret_path = url + len;
		return schemes[i].backend;
	}
	*ret_path = url;
	/* Safety: a URL of a database server must never become a file of that name. */
	return strstr(url, "://") == NULL ? &ledger_sqlite : NULL;
}

const char *ledger_url_file(const char *url)
{
	const char *path = NULL;

	return ledger_backend_find(url, &path) == &ledger_sqlite ? path : NULL;
}

int ledger_open(const char *url, unsigned flags, struct ledger **ret_ledger, struct err *err)
{
	struct ledger *ledger = NULL;
	const char *path = NULL;

	assert(url != NULL && ret_ledger != NULL);
	assert((flags & LEDGER_CREATE) == 0 || (flags & LEDGER_READ_ONLY) == 0);
	const struct ledger_backend *backend = ledger_backend_find(url, &path);
	if (backend == NULL)
		return ERR(err, ERR_LEDGER,
			   "ledger %s: it is kept in SQLite (sqlite:PATH) or PostgreSQL "
			   "(postgres://…)",
			   QUOTED(url, strlen(url)));
	if (path[0] == '\0' && backend == &ledger_sqlite)
		return ERR(err, ERR_LEDGER, "the ledger's URL names no file: sqlite:PATH");
	int rc = backend->open(path, flags, &ledger, err);
	if (rc < 0)
		return rc;
	ledger->magic = LEDGER_MAGIC;
	ledger->backend = backend;
	if (ledger->url == NULL) /* a backend whose URLs hold secrets gives its own */
		ledger->url = xstrdup(url);
	ledger->read_only = (flags & LEDGER_READ_ONLY) != 0;
	*ret_ledger = ledger;
	return 0;
}

static void ledger_assert(const struct ledger *ledger)
{
	assert(ledger != NULL && ledger->magic == LEDGER_MAGIC);
}

void ledger_close(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	ledger_assert(ledger);
	ledger->magic = 0;
	free(ledger->url);
	ledger->backend->close(ledger);
}

void ledger_auto(struct ledger **ledger)
{
	ledger_close(*ledger);
}

const char *ledger_url(const struct ledger *ledger)
{
	ledger_assert(ledger);
	return ledger->url;
}

void ledger_uuid(const struct ledger *ledger, uint8_t out[LEDGER_UUID_BYTES])
{
	ledger_assert(ledger);
	memcpy(out, ledger->uuid, LEDGER_UUID_BYTES);
}

int ledger_schema_version(const struct ledger *ledger)
{
	ledger_assert(ledger);
	return ledger->schema_version;
}

const char *ledger_not_checked(const struct ledger *ledger)
{
	return ledger->not_checked;
}

void ledger_apply(struct ledger *ledger, struct ledger_txn *txn)
{
	ledger_assert(ledger);
	assert(txn != NULL && txn->magic == LEDGER_TXN_MAGIC);
	assert(!ledger->read_only || ledger_txn_is_read_only(txn));
	ledger_txn_rewind(txn);
	txn->lost = ledger_txn_find_late(txn);
	if (txn->lost != NULL) {
		err_set(&txn->err, ERR_BUG, 0, "%s comes after the end of its instance",
			ledger_op_name(txn->lost->kind));
		txn->status = LEDGER_LOST;
		return;
	}
	ledger->backend->apply(ledger, txn);
	assert(txn->status != LEDGER_PENDING);
}

bool ledger_has_beats(const struct ledger *ledger)
{
	ledger_assert(ledger);
	return ledger->has_beats;
}

bool ledger_may_lose_commits(const struct ledger *ledger)
{
	ledger_assert(ledger);
	return ledger->may_lose_commits;
}

struct ledger_pulse *ledger_pulse_new(struct ledger *ledger)
{
	ledger_assert(ledger);
	assert(ledger->has_beats);
	struct ledger_pulse *pulse = ledger->backend->pulse_new(ledger);
	pulse->ledger = ledger;
	return pulse;
}

void ledger_pulse_free(struct ledger_pulse *pulse)
{
	if (pulse == NULL)
		return;
	ledger_assert(pulse->ledger);
	pulse->ledger->backend->pulse_free(pulse);
}

enum ledger_status ledger_pulse_beat(struct ledger_pulse *pulse, int64_t inc,
				     const uint8_t nonce[LEDGER_NONCE_BYTES], struct err *err)
{
	assert(pulse != NULL && inc > 0 && nonce != NULL);
	ledger_assert(pulse->ledger);
	return pulse->ledger->backend->pulse_beat(pulse, inc, nonce, err);
}

/* lint: allow parameters: the face has them */
int ledger_select(struct ledger *ledger, const char *sql, const struct ledger_param *params,
		  size_t n, ledger_row_fn fn, void *arg, struct err *err)
{
	ledger_assert(ledger);
	assert(sql != NULL && fn != NULL && (params != NULL || n == 0));
	return ledger->backend->select(ledger, sql, params, n, fn, arg, err);
}

const char *ledger_row_text(const struct ledger_row *row, int column, size_t *ret_len)
{
	return row->face->text(row, column, ret_len);
}

const char *ledger_row_str_or_null(const struct ledger_row *row, int column, struct arena *a)
{
	size_t len = 0;
	const char *text = ledger_row_text(row, column, &len);

	return text == NULL ? NULL : arena_text(a, text, len);
}

const char *ledger_row_str(const struct ledger_row *row, int column, struct arena *a)
{
	const char *text = ledger_row_str_or_null(row, column, a);

	return text == NULL ? "" : text;
}

int64_t ledger_row_int(const struct ledger_row *row, int column)
{
	return row->face->number(row, column);
}

double ledger_row_real(const struct ledger_row *row, int column)
{
	return row->face->real(row, column);
}

bool ledger_row_is_null(const struct ledger_row *row, int column)
{
	return row->face->is_null(row, column);
}

int ledger_row_columns(const struct ledger_row *row)
{
	return row->face->columns(row);
}

const char *ledger_row_name(const struct ledger_row *row, int column)
{
	return row->face->name(row, column);
}

int ledger_walk(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err)
{
	ledger_assert(ledger);
	assert(visitor != NULL);
	return ledger->backend->walk(ledger, visitor, err);
}

int ledger_upgrade(struct ledger *ledger, int *ret_from, int *ret_to, struct err *err)
{
	ledger_assert(ledger);
	return ledger->backend->upgrade(ledger, ret_from, ret_to, err);
}

int ledger_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err)
{
	ledger_assert(ledger);
	return ledger->backend->restored(ledger, now, ret_doubtful, err);
}
