/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source_keys.h"

#include <assert.h>
#include <string.h>

#include "cli/run_job.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "source/body.h"

enum {
	BODY_BYTES_MAX = 64 * 1024 * 1024,
	KEY_BYTES_MAX = 1024 * 1024,
	FOUND = 1, /* ends a query: one row was wanted */
};

void source_keys_init(struct source_keys *keys, struct ledger *ledger)
{
	assert(keys != NULL && ledger != NULL);
	*keys = (struct source_keys){
		.ledger = ledger,
		.bytes = BUF_INIT(BODY_BYTES_MAX),
		.key = BUF_INIT(KEY_BYTES_MAX),
	};
}

static void close_body(struct source_keys *keys)
{
	body_free(keys->body);
	keys->body = NULL;
	keys->n = 0;
}

void source_keys_done(struct source_keys *keys)
{
	close_body(keys);
	job_free(keys->job);
	buf_done(&keys->bytes);
	buf_done(&keys->key);
	*keys = (struct source_keys){0};
}

void source_keys_auto(struct source_keys *keys)
{
	source_keys_done(keys);
}

/* ---- the job of a run ---- */

/* A job that this program cannot read leaves the keys unknown; `trouble` says why. */
static void open_run(struct source_keys *keys, int64_t run_id)
{
	if (keys->run_id == run_id)
		return;
	close_body(keys);
	job_free(keys->job);
	keys->job = NULL;
	keys->trouble = ERR_INIT;
	keys->run_id = run_id;
	if (run_job_load(keys->ledger, run_id, &keys->job, &keys->trouble) < 0)
		keys->job = NULL;
}

/* ---- its chunks ---- */

static int on_chunk(void *arg, const struct ledger_row *row)
{
	struct source_keys *keys = arg;
	size_t len = 0;

	keys->first_item = ledger_row_int(row, 0);
	keys->n = ledger_row_int(row, 1);
	buf_reset(&keys->bytes);
	keys->step = (int)ledger_row_int(row, 3);
	const char *bytes = ledger_row_text(row, 2, &len);
	buf_put(&keys->bytes, bytes == NULL ? "" : bytes, len);
	return FOUND;
}

/* Opens the chunk that the row before said; without a body when that cannot be done. */
static void open_body(struct source_keys *keys)
{
	const struct job *step = job_step(keys->job, keys->step);

	if (step == NULL || step->source.kind == SOURCE_NONE)
		return; /* without a source there is none to look at */
	int rc = body_open(step, keys->bytes.data, keys->bytes.len, (uint32_t)keys->n, false,
			   &keys->body, &keys->trouble);
	if (rc != 0)
		keys->body = NULL;
}

static int find_chunk(struct source_keys *keys, const char *sql, int64_t number, struct err *err)
{
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = keys->run_id},
		{.type = LEDGER_INT, .number = number},
	};

	close_body(keys);
	int rc = ledger_select(keys->ledger, sql, params, ARRAY_LEN(params), on_chunk, keys, err);
	if (rc == FOUND && keys->job != NULL)
		open_body(keys);
	if (rc < 0)
		return rc;
	return rc == FOUND ? 0 : SOURCE_KEYS_NOT_FOUND;
}

int source_keys_get(struct source_keys *keys, int64_t run_id, int64_t number, const char **ret_key,
		    struct err *err)
{
	static const char sql[] =
		"SELECT c.first_item, c.n, b.body, c.step"
		" FROM chunk c JOIN chunk_body b ON b.chunk_id = "
		"c.id"
		" WHERE c.run_id = ?1 AND c.first_item <= ?2 ORDER BY c.first_item DESC LIMIT 1";
	struct item item = {0};

	assert(keys != NULL && ret_key != NULL && err != NULL);
	*ret_key = NULL;
	int rc = 0;
	open_run(keys, run_id);
	if (number < keys->first_item || number >= keys->first_item + keys->n)
		rc = find_chunk(keys, sql, number, err);
	if (rc < 0)
		return rc;
	if (rc > 0 || keys->body == NULL || number < keys->first_item ||
	    number >= keys->first_item + keys->n)
		return 0;
	if (body_item(keys->body, (uint32_t)(number - keys->first_item), &item, &keys->trouble) < 0)
		return 0;
	buf_reset(&keys->key);
	buf_put(&keys->key, item.key, item.key_len);
	*ret_key = buf_str(&keys->key);
	return 0;
}

/* The item of the open chunk with that key, or -1. */
static int64_t find_in_chunk(struct source_keys *keys, const char *key)
{
	struct item item = {0};
	size_t len = strlen(key);

	for (int64_t i = 0; keys->body != NULL && i < keys->n; i++) {
		if (body_item(keys->body, (uint32_t)i, &item, &keys->trouble) < 0)
			continue;
		if (item.key_len == len && memcmp(item.key, key, len) == 0)
			return keys->first_item + i;
	}
	return -1;
}

int source_keys_find(struct source_keys *keys, int64_t run_id, const char *key, int64_t *ret_number,
		     struct err *err)
{
	static const char sql[] =
		"SELECT c.first_item, c.n, b.body, c.step"
		" FROM chunk c JOIN chunk_body b ON b.chunk_id = "
		"c.id"
		" WHERE c.run_id = ?1 AND c.first_item >= ?2 ORDER BY c.first_item LIMIT 1";
	int64_t next = 0;

	assert(keys != NULL && key != NULL && ret_number != NULL && err != NULL);
	int rc = 0;
	open_run(keys, run_id);
	while (rc == 0) {
		rc = find_chunk(keys, sql, next, err);
		int64_t number = rc == 0 ? find_in_chunk(keys, key) : -1;
		if (number >= 0) {
			*ret_number = number;
			return 0;
		}
		next = keys->first_item + keys->n;
	}
	return rc;
}
