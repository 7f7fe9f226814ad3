/* SPDX-License-Identifier: Apache-2.0 */
/* Rows read into structs, and what can be counted. */
#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "ledger/sqlite/sqlite.h"
#include "sys/fault.h"

void sq_get_instance(struct sq *q, struct arena *a, sqlite3_stmt *st,
		     struct ledger_instance_row *ret_row)
{
	size_t len = 0;
	const void *nonce = sq_column_blob(a, st, 1, &len);

	*ret_row = (struct ledger_instance_row){
		.inc = sqlite3_column_int64(st, 0),
		.name = sq_column_text(a, st, 2),
		.host = sq_column_text(a, st, 3),
		.boot_id = sq_column_text(a, st, 4),
		.pid = sqlite3_column_int64(st, 5),
		.state = (enum instance_state)sqlite3_column_int(st, 6),
		.started_at = sq_column_time(st, 7),
		.quarantine_us = sqlite3_column_int64(st, 8) * US_PER_MS,
	};
	if (len == sizeof(ret_row->nonce))
		memcpy(ret_row->nonce, nonce, len);
	if (ret_row->state == INSTANCE_LIVE || ret_row->state == INSTANCE_STOPPING)
		ret_row->is_gone = sq_is_gone(&q->locks, ret_row->inc);
	else
		ret_row->is_gone = true;
}

int sq_get_lanes(struct sq *q, struct arena *a, struct ledger_instance_row *rows, size_t n)
{
	static const char sql[] =
		"SELECT pid, start_time FROM lane WHERE inc = ?1 ORDER BY pid, start_time";
	int rc = 0;

	for (size_t i = 0; i < n && rc >= 0; i++) {
		struct sq_rows lanes = {.arena = a, .size = sizeof(struct ledger_lane_row)};
		sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(rows[i].inc)));
		while ((rc = sq_next(q, st)) == 1) {
			struct ledger_lane_row *lane = sq_rows_add(&lanes);
			*lane = (struct ledger_lane_row){rows[i].inc, sqlite3_column_int64(st, 0),
							 sqlite3_column_int64(st, 1)};
		}
		rows[i].lanes = (const struct ledger_lane_row *)(const void *)lanes.at;
		rows[i].n_lanes = lanes.n;
	}
	return rc;
}

void sq_get_run(struct arena *a, sqlite3_stmt *st, struct ledger_run_row *ret_row)
{
	*ret_row = (struct ledger_run_row){
		.id = sqlite3_column_int64(st, 0),
		.job = sq_column_text(a, st, 1),
		.due_key = sq_column_text(a, st, 2),
		.name = sq_column_text(a, st, 3),
		.slot = sq_column_text(a, st, 4),
		.date = sq_column_text(a, st, 5),
		.params = sq_column_text(a, st, 6),
		.n = sqlite3_column_int64(st, 7),
		.job_text = sq_column_text(a, st, 8),
		.job_path = sq_column_text(a, st, 9),
		.state = (enum run_state)sqlite3_column_int(st, 10),
		.reason = sq_column_text(a, st, 11),
		.started_at = sq_column_time(st, 12),
		.ended_at = sq_column_time(st, 13),
		.was_open = sqlite3_column_int(st, 14) != 0,
		.effect = (enum effect_class)sqlite3_column_int(st, 15),
		.doubt = (enum doubt_policy)sqlite3_column_int(st, 16),
		.key_valid_us = rule_utime(sqlite3_column_int64(st, 17)),
		.n_items = sqlite3_column_int64(st, 18),
		.n_read = sqlite3_column_int64(st, 19),
		.n_filtered = sqlite3_column_int64(st, 20),
		.n_rejected = sqlite3_column_int64(st, 21),
		.n_held_back = sqlite3_column_int64(st, 22),
		.loader = sqlite3_column_int64(st, 23),
		.loader_epoch = sqlite3_column_int(st, 24),
		.first_n = sqlite3_column_int64(st, 25),
		.source_path = sq_column_text(a, st, 26),
		.step = sqlite3_column_int(st, 27),
	};
}

int sq_get_steps(struct sq *q, struct arena *a, struct ledger_run_row *row)
{
	static const char sql[] =
		"SELECT step, name, effect, doubt, key_valid, state, first_item, n_items, n_read,"
		" n_filtered, n_rejected, n_held_back FROM run_step WHERE run_id = ?1 ORDER BY"
		" step";
	struct sq_rows rows = {.arena = a, .size = sizeof(struct ledger_step_row)};
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(row->id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_step_row *step = sq_rows_add(&rows);
		*step = (struct ledger_step_row){
			.step = sqlite3_column_int(st, 0),
			.name = sq_column_text(a, st, 1),
			.effect = (enum effect_class)sqlite3_column_int(st, 2),
			.doubt = (enum doubt_policy)sqlite3_column_int(st, 3),
			.key_valid_us = rule_utime(sqlite3_column_int64(st, 4)),
			.state = (enum run_state)sqlite3_column_int(st, 5),
			.first_item = sqlite3_column_int64(st, 6),
			.n_items = sqlite3_column_int64(st, 7),
			.n_read = sqlite3_column_int64(st, 8),
			.n_filtered = sqlite3_column_int64(st, 9),
			.n_rejected = sqlite3_column_int64(st, 10),
			.n_held_back = sqlite3_column_int64(st, 11),
		};
	}
	row->steps = (const struct ledger_step_row *)(const void *)rows.at;
	row->n_steps = rows.n;
	return rc;
}

void sq_get_chunk(struct arena *a, sqlite3_stmt *st, struct ledger_chunk_row *ret_row)
{
	uint32_t n = (uint32_t)sqlite3_column_int(st, 3);

	*ret_row = (struct ledger_chunk_row){
		.id = sqlite3_column_int64(st, 0),
		.run_id = sqlite3_column_int64(st, 1),
		.first_item = sqlite3_column_int64(st, 2),
		.n = n,
		.state = (enum chunk_state)sqlite3_column_int(st, 4),
		.owner = sqlite3_column_int64(st, 5),
		.epoch = sqlite3_column_int(st, 6),
		.crashes = sqlite3_column_int(st, 7),
		.rev = sqlite3_column_int(st, 8),
		.started = sq_column_bits(a, st, 9, n),
		.done = sq_column_bits(a, st, 10, n),
		.told = sq_column_bits(a, st, 11, n),
		.step = sqlite3_column_int(st, 12),
	};
}

void sq_get_loose(struct arena *a, sqlite3_stmt *st, struct ledger_loose_row *ret_row)
{
	*ret_row = (struct ledger_loose_row){
		.run_id = sqlite3_column_int64(st, 0),
		.item = sqlite3_column_int64(st, 1),
		.chunk_id = sqlite3_column_int64(st, 2),
		.first_item = sqlite3_column_int64(st, 3),
		.chunk_n = (uint32_t)sqlite3_column_int(st, 4),
		.key = sq_column_text_or_null(a, st, 5),
		.person = sq_column_text_or_null(a, st, 6),
		.state = (enum loose_state)sqlite3_column_int(st, 7),
		.attempt = sqlite3_column_int(st, 8),
		.crashes = sqlite3_column_int(st, 9),
		.redo = sqlite3_column_int(st, 10),
		.epoch = sqlite3_column_int(st, 11),
		.owner = sqlite3_column_int64(st, 12),
		.first_started = sq_column_time(st, 13),
		.not_before = sq_column_time(st, 14),
		.err_class = sq_column_text(a, st, 15),
		.err = sq_column_text(a, st, 16),
		.fingerprint = sq_column_text(a, st, 17),
		.quiet_until = sq_column_time(st, 18),
		.nos = sqlite3_column_int(st, 19),
		.unclear = sqlite3_column_int(st, 20),
		.tries = sqlite3_column_int(st, 21),
		.spent_us = sqlite3_column_int64(st, 22),
		.request = (uint64_t)sqlite3_column_int64(st, 23),
		.step = sqlite3_column_int(st, 24),
		.was_begun = sqlite3_column_int(st, 25) != 0,
	};
}

int sq_get_body(struct sq *q, struct arena *a, int64_t chunk_id, const void **ret_body,
		size_t *ret_len)
{
	static const char sql[] = "SELECT body, hash FROM chunk_body WHERE chunk_id = ?1";
	uint8_t hash[XXH128_BYTES];
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(chunk_id)));
	int rc = sq_next(q, st);

	if (rc < 0)
		return rc;
	bool is_right = false;
	if (rc == 1) {
		*ret_body = sq_column_blob(a, st, 0, ret_len);
		hash_xxh128(*ret_body, *ret_len, hash);
		is_right = sqlite3_column_bytes(st, 1) == XXH128_BYTES &&
			   memcmp(sqlite3_column_blob(st, 1), hash, XXH128_BYTES) == 0;
		sq_end(st);
	}
	if (is_right || (rc == 1 && FAULT("ledger.hash")))
		return 0;
	/* Nothing is done on the strength of damaged data, and no item is passed over in
	 * silence. */
	q->rc = SQLITE_CORRUPT;
	q->os_errno = 0;
	(void)sqlite3_snprintf((int)sizeof(q->text), q->text,
			       "the content of chunk %lld is damaged; run `stint ledger verify`",
			       (long long)chunk_id);
	return SQ_FAILED;
}

int sq_get_keys(struct sq *q, struct arena *a, int64_t chunk_id, const char **ret_keys)
{
	static const char sql[] = "SELECT keys FROM chunk_keys WHERE chunk_id = ?1";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(chunk_id)));
	int rc = sq_next(q, st);

	*ret_keys = NULL;
	if (rc != 1)
		return rc;
	*ret_keys = sq_column_text(a, st, 0);
	sq_end(st);
	return 0;
}

int sq_is_live(struct sq *q, int64_t inc)
{
	static const char sql[] = "SELECT 1 FROM instance_ WHERE inc = ?1 AND state = 1";
	int64_t one = 0;

	return sq_number(q, sql, SQ_ARGS(SQ_INT(inc)), &one);
}

int sq_run_state(struct sq *q, int64_t run_id, enum run_state *ret_state)
{
	static const char sql[] = "SELECT state FROM run_ WHERE id = ?1";
	int64_t state = 0;
	int rc = sq_number(q, sql, SQ_ARGS(SQ_INT(run_id)), &state);

	if (rc == 1)
		*ret_state = (enum run_state)state;
	return rc;
}

int sq_run_at(struct sq *q, int64_t run_id, enum run_state *ret_state, int32_t *ret_step)
{
	static const char sql[] = "SELECT state, step FROM run_ WHERE id = ?1";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id)));
	int rc = sq_next(q, st);

	if (rc != 1)
		return rc;
	*ret_state = (enum run_state)sqlite3_column_int(st, 0);
	*ret_step = sqlite3_column_int(st, 1);
	sq_end(st);
	return 1;
}

/* ---- counting ---- */

/* Of chunks that are not closed: items, done bits, running, chunks. What is closed is the rest of
 * n_items. */
struct sq_sums {
	int64_t n;
	int64_t done;
	int64_t running;
	int64_t chunks;
	int64_t others;
};

static int sq_count_chunks(struct sq *q, const char *sql, const struct sq_value *values, size_t n,
			   struct sq_sums *ret_sums)
{
	sqlite3_stmt *st = sq_query(q, sql, values, n);
	int rc = sq_next(q, st);

	if (rc != 1)
		return SQ_FAILED;
	*ret_sums = (struct sq_sums){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
				     sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3),
				     sqlite3_column_int64(st, 4)};
	sq_end(st);
	return 0;
}

static int sq_count_loose(struct sq *q, int64_t run_id, int32_t step, struct ledger_counts *counts,
			  int64_t *ret_rows)
{
	static const char sql[] = "SELECT state, count(*), min(not_before) FROM loose"
				  " INDEXED BY loose_state WHERE run_id = ?1"
				  " AND (?2 = 0 OR step = ?2) GROUP BY state";
	int64_t due_ms = INT64_MAX;
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(step)));
	int rc = 0;

	*ret_rows = 0;
	while ((rc = sq_next(q, st)) == 1) {
		enum loose_state state = (enum loose_state)sqlite3_column_int(st, 0);
		int64_t n = sqlite3_column_int64(st, 1);
		int64_t first_ms = sqlite3_column_int64(st, 2);
		rule_count_loose(counts, state, n);
		*ret_rows += n;
		if ((state == LOOSE_RETRY || state == LOOSE_DOUBT) && first_ms < due_ms)
			due_ms = first_ms;
	}
	counts->next_due = rule_utime(due_ms);
	return rc;
}

int sq_count(struct sq *q, int64_t run_id, int32_t step, int64_t inc,
	     struct ledger_counts *ret_counts)
{
	static const char ready[] = "SELECT total(n), total(n_done), 0, count(*), 0 FROM chunk"
				    " INDEXED BY chunk_ready WHERE run_id = ?1 AND state = 0"
				    " AND (?2 = 0 OR step = ?2)";
	static const char held[] =
		"SELECT total(n), total(n_done), total(n_running), count(*), total(owner <> ?3)"
		" FROM chunk INDEXED BY chunk_held WHERE state = 1 AND owner > 0 AND run_id = ?1"
		" AND (?2 = 0 OR step = ?2)";
	static const char items[] = "SELECT total(n_items) FROM run_step WHERE run_id = ?1"
				    " AND (?2 = 0 OR step = ?2)";
	static const char loose_held[] = "SELECT count(*) FROM loose INDEXED BY loose_owner"
					 " WHERE owner IS NOT NULL AND owner <> ?3 AND run_id = ?1"
					 " AND (?2 = 0 OR step = ?2)";
	const struct sq_value values[] = {SQ_INT(run_id), SQ_INT(step), SQ_INT(inc)};
	struct ledger_counts counts = {0};
	struct sq_sums r = {0};
	struct sq_sums h = {0};
	int64_t n_items = 0;
	int64_t others = 0;
	int64_t loose = 0;

	if (sq_count_chunks(q, ready, values, 2, &r) < 0 ||
	    sq_count_chunks(q, held, values, 3, &h) < 0 ||
	    sq_number(q, items, values, 2, &n_items) < 0 ||
	    sq_number(q, loose_held, values, 3, &others) < 0 ||
	    sq_count_loose(q, run_id, step, &counts, &loose) < 0)
		return SQ_FAILED;
	counts.running += h.running;
	counts.waiting = r.n - r.done + h.n - h.done - h.running;
	counts.ready_chunks = r.chunks;
	counts.held_by_others = h.others + others;
	rule_count_done(&counts, n_items - r.n - h.n + r.done + h.done, loose);
	*ret_counts = counts;
	return 0;
}

int sq_step_is_empty(struct sq *q, int64_t run_id, int32_t step)
{
	static const char ready[] = "SELECT 1 FROM chunk INDEXED BY chunk_ready"
				    " WHERE run_id = ?1 AND step = ?2 AND state = 0 LIMIT 1";
	static const char held[] = "SELECT 1 FROM chunk INDEXED BY chunk_held"
				   " WHERE state = 1 AND owner > 0 AND run_id = ?1 AND step = ?2"
				   " LIMIT 1";
	static const char loose[] =
		"SELECT 1 FROM loose WHERE run_id = ?1 AND step = ?2 AND state IN (1, 2, 3, 7)"
		" LIMIT 1";
	const char *const questions[] = {ready, held, loose};

	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		int64_t one = 0;
		int rc = sq_number(q, questions[i], SQ_ARGS(SQ_INT(run_id), SQ_INT(step)), &one);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	return 1;
}
