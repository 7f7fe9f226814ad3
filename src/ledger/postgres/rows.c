/* SPDX-License-Identifier: Apache-2.0 */
/* Rows read into structs, and what can be counted. */
#include <string.h>

#include "base/hash.h"
#include "ledger/postgres/postgres.h"
#include "sys/fault.h"

void pl_get_instance(struct arena *a, const PGresult *rows, int row,
		     struct ledger_instance_row *ret_row)
{
	size_t len = 0;
	const void *nonce = pl_blob(a, rows, row, 1, &len);

	*ret_row = (struct ledger_instance_row){
		.inc = pl_int(rows, row, 0),
		.name = pl_text(a, rows, row, 2),
		.host = pl_text(a, rows, row, 3),
		.boot_id = pl_text(a, rows, row, 4),
		.pid = pl_int(rows, row, 5),
		.state = (enum instance_state)pl_int(rows, row, 6),
		.started_at = pl_time(rows, row, 7),
		.quarantine_us = pl_int(rows, row, 8) * US_PER_MS,
		.beat = pl_int(rows, row, 9),
		.quiet_us = pl_int(rows, row, 10) * US_PER_MS,
		.is_lock_free = pl_int(rows, row, 11) != 0,
	};
	if (len == sizeof(ret_row->nonce))
		memcpy(ret_row->nonce, nonce, len);
	ret_row->is_gone = ret_row->state != INSTANCE_LIVE && ret_row->state != INSTANCE_STOPPING;
}

int pl_get_lanes(struct pl *q, struct arena *a, struct ledger_instance_row *rows, size_t n)
{
	static const char sql[] =
		"SELECT pid, start_time FROM lane WHERE inc = $1 ORDER BY pid, start_time";

	for (size_t i = 0; i < n; i++) {
		AUTO(pl_rows) PGresult *found = pl_query(q, sql, PL_ARGS(PL_INT(rows[i].inc)));
		if (found == NULL)
			return PL_FAILED;
		size_t n_lanes = (size_t)PQntuples(found);
		struct ledger_lane_row *lanes = arena_alloc(a, n_lanes * sizeof(*lanes));
		for (size_t k = 0; k < n_lanes; k++)
			lanes[k] = (struct ledger_lane_row){rows[i].inc, pl_int(found, (int)k, 0),
							    pl_int(found, (int)k, 1)};
		rows[i].lanes = lanes;
		rows[i].n_lanes = n_lanes;
	}
	return 0;
}

void pl_get_run(struct arena *a, const PGresult *rows, int row, struct ledger_run_row *ret_row)
{
	*ret_row = (struct ledger_run_row){
		.id = pl_int(rows, row, 0),
		.job = pl_text(a, rows, row, 1),
		.due_key = pl_text(a, rows, row, 2),
		.name = pl_text(a, rows, row, 3),
		.slot = pl_text(a, rows, row, 4),
		.date = pl_text(a, rows, row, 5),
		.params = pl_text(a, rows, row, 6),
		.n = pl_int(rows, row, 7),
		.job_text = pl_text(a, rows, row, 8),
		.job_path = pl_text(a, rows, row, 9),
		.state = (enum run_state)pl_int(rows, row, 10),
		.reason = pl_text(a, rows, row, 11),
		.started_at = pl_time(rows, row, 12),
		.ended_at = pl_time(rows, row, 13),
		.was_open = pl_int(rows, row, 14) != 0,
		.effect = (enum effect_class)pl_int(rows, row, 15),
		.doubt = (enum doubt_policy)pl_int(rows, row, 16),
		.key_valid_us = pl_time(rows, row, 17),
		.n_items = pl_int(rows, row, 18),
		.n_read = pl_int(rows, row, 19),
		.n_filtered = pl_int(rows, row, 20),
		.n_rejected = pl_int(rows, row, 21),
		.n_held_back = pl_int(rows, row, 22),
		.loader = pl_int(rows, row, 23),
		.loader_epoch = (int32_t)pl_int(rows, row, 24),
		.first_n = pl_int(rows, row, 25),
		.source_path = pl_text(a, rows, row, 26),
		.step = (int32_t)pl_int(rows, row, 27),
	};
}

int pl_get_steps(struct pl *q, struct arena *a, struct ledger_run_row *row)
{
	static const char sql[] =
		"SELECT step, name, effect, doubt, key_valid, state, first_item, n_items, n_read,"
		" n_filtered, n_rejected, n_held_back FROM step_now WHERE run_id = $1 ORDER BY"
		" step";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(row->id)));

	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_step_row *steps = arena_alloc(a, n * sizeof(*steps));
	for (int i = 0; i < (int)n; i++)
		steps[i] = (struct ledger_step_row){
			.step = (int32_t)pl_int(rows, i, 0),
			.name = pl_text(a, rows, i, 1),
			.effect = (enum effect_class)pl_int(rows, i, 2),
			.doubt = (enum doubt_policy)pl_int(rows, i, 3),
			.key_valid_us = rule_utime(pl_int(rows, i, 4)),
			.state = (enum run_state)pl_int(rows, i, 5),
			.first_item = pl_int(rows, i, 6),
			.n_items = pl_int(rows, i, 7),
			.n_read = pl_int(rows, i, 8),
			.n_filtered = pl_int(rows, i, 9),
			.n_rejected = pl_int(rows, i, 10),
			.n_held_back = pl_int(rows, i, 11),
		};
	row->steps = steps;
	row->n_steps = n;
	return 0;
}

void pl_get_chunk(struct arena *a, const PGresult *rows, int row, struct ledger_chunk_row *ret_row)
{
	uint32_t n = (uint32_t)pl_int(rows, row, 3);

	*ret_row = (struct ledger_chunk_row){
		.id = pl_int(rows, row, 0),
		.run_id = pl_int(rows, row, 1),
		.first_item = pl_int(rows, row, 2),
		.n = n,
		.state = (enum chunk_state)pl_int(rows, row, 4),
		.owner = pl_int(rows, row, 5),
		.epoch = (int32_t)pl_int(rows, row, 6),
		.crashes = (int32_t)pl_int(rows, row, 7),
		.rev = (int32_t)pl_int(rows, row, 8),
		.started = pl_bits(a, rows, row, 9, n),
		.done = pl_bits(a, rows, row, 10, n),
		.told = pl_bits(a, rows, row, 11, n),
		.step = (int32_t)pl_int(rows, row, 12),
	};
}

void pl_get_loose(struct arena *a, const PGresult *rows, int row, struct ledger_loose_row *ret_row)
{
	*ret_row = (struct ledger_loose_row){
		.run_id = pl_int(rows, row, 0),
		.item = pl_int(rows, row, 1),
		.chunk_id = pl_int(rows, row, 2),
		.first_item = pl_int(rows, row, 3),
		.chunk_n = (uint32_t)pl_int(rows, row, 4),
		.key = pl_text_or_null(a, rows, row, 5),
		.person = pl_text_or_null(a, rows, row, 6),
		.state = (enum loose_state)pl_int(rows, row, 7),
		.attempt = (int32_t)pl_int(rows, row, 8),
		.crashes = (int32_t)pl_int(rows, row, 9),
		.redo = (int32_t)pl_int(rows, row, 10),
		.epoch = (int32_t)pl_int(rows, row, 11),
		.owner = pl_int(rows, row, 12),
		.first_started = pl_time(rows, row, 13),
		.not_before = pl_time(rows, row, 14),
		.err_class = pl_text(a, rows, row, 15),
		.err = pl_text(a, rows, row, 16),
		.fingerprint = pl_text(a, rows, row, 17),
		.quiet_until = pl_time(rows, row, 18),
		.nos = (int32_t)pl_int(rows, row, 19),
		.unclear = (int32_t)pl_int(rows, row, 20),
		.tries = (int32_t)pl_int(rows, row, 21),
		.spent_us = pl_int(rows, row, 22),
		.request = (uint64_t)pl_int(rows, row, 23),
		.step = (int32_t)pl_int(rows, row, 24),
		.was_begun = pl_int(rows, row, 25) != 0,
	};
}

int pl_get_body(struct pl *q, struct arena *a, const PGresult *rows, struct pl_body *body)
{
	int row = body->row;
	int column = body->column;
	uint8_t hash[XXH128_BYTES];
	bool is_right = false;

	if (PQgetisnull(rows, row, column) == 0) {
		body->body = pl_blob(a, rows, row, column, &body->len);
		hash_xxh128(body->body, body->len, hash);
		is_right = PQgetlength(rows, row, column + 1) == XXH128_BYTES &&
			   memcmp(PQgetvalue(rows, row, column + 1), hash, XXH128_BYTES) == 0;
		is_right = is_right || FAULT("ledger.hash");
	}
	if (is_right)
		return 0;
	/* Nothing is done on the strength of damaged data, and no item is passed over in silence.
	 */
	return pl_fail_text(q, "XX001",
			    "the content of chunk %lld is damaged; run `stint ledger verify`",
			    (long long)body->chunk_id);
}

int pl_run_state(struct pl *q, int64_t run_id, enum run_state *ret_state)
{
	static const char sql[] = "SELECT state FROM run_ WHERE id = $1";
	int64_t state = 0;
	int rc = pl_number(q, sql, PL_ARGS(PL_INT(run_id)), &state);

	if (rc == 1)
		*ret_state = (enum run_state)state;
	return rc;
}

static int pl_run_place(struct pl *q, const char *sql, int64_t run_id, enum run_state *ret_state,
			int32_t *ret_step)
{
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id)));

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	*ret_state = (enum run_state)pl_int(rows, 0, 0);
	*ret_step = (int32_t)pl_int(rows, 0, 1);
	return 1;
}

int pl_run_at(struct pl *q, int64_t run_id, enum run_state *ret_state, int32_t *ret_step)
{
	static const char sql[] = "SELECT state, step FROM run_ WHERE id = $1";

	return pl_run_place(q, sql, run_id, ret_state, ret_step);
}

int pl_run_lock(struct pl *q, int64_t run_id, enum run_state *ret_state, int32_t *ret_step)
{
	static const char sql[] = "SELECT state, step FROM run_ WHERE id = $1 FOR NO KEY UPDATE";

	return pl_run_place(q, sql, run_id, ret_state, ret_step);
}

/* ---- counting ---- */

static int pl_count_loose(struct pl *q, int64_t run_id, int32_t step, struct ledger_counts *counts,
			  int64_t *ret_rows)
{
	static const char sql[] = "SELECT state, count(*), min(not_before) FROM loose"
				  " WHERE run_id = $1 AND ($2 = 0 OR step = $2) GROUP BY state";
	int64_t due_ms = INT64_MAX;
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(step)));

	if (rows == NULL)
		return PL_FAILED;
	*ret_rows = 0;
	for (int i = 0; i < PQntuples(rows); i++) {
		enum loose_state state = (enum loose_state)pl_int(rows, i, 0);
		int64_t n = pl_int(rows, i, 1);
		int64_t first_ms = pl_int(rows, i, 2);
		rule_count_loose(counts, state, n);
		*ret_rows += n;
		if ((state == LOOSE_RETRY || state == LOOSE_DOUBT) && first_ms < due_ms)
			due_ms = first_ms;
	}
	counts->next_due = rule_utime(due_ms);
	return 0;
}

/* What is closed is the rest of n_items, so that counting costs nothing for it. */
int pl_count(struct pl *q, int64_t run_id, int32_t step, int64_t inc,
	     struct ledger_counts *ret_counts)
{
	static const char sql[] =
		"SELECT s.n_items, y.n, y.done, y.chunks, h.n, h.done, h.running, h.others,"
		" (SELECT count(*) FROM loose WHERE owner IS NOT NULL AND owner <> $3 AND run_id ="
		" $1 AND ($2 = 0 OR step = $2))"
		" FROM (SELECT coalesce(sum(n_items), 0)::bigint AS n_items FROM step_now"
		"  WHERE run_id = $1 AND ($2 = 0 OR step = $2)) AS s,"
		" (SELECT coalesce(sum(n), 0)::bigint AS n,"
		"  coalesce(sum(n_done), 0)::bigint AS done, count(*) AS chunks FROM chunk"
		"  WHERE run_id = $1 AND state = 0 AND ($2 = 0 OR step = $2)) AS y,"
		" (SELECT coalesce(sum(n), 0)::bigint AS n,"
		"  coalesce(sum(n_done), 0)::bigint AS done,"
		"  coalesce(sum(n_running), 0)::bigint AS running,"
		"  count(*) FILTER (WHERE owner <> $3) AS others FROM chunk"
		"  WHERE state = 1 AND owner > 0 AND run_id = $1 AND ($2 = 0 OR step = $2)) AS h";
	struct ledger_counts counts = {0};
	int64_t loose = 0;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(step), PL_INT(inc)));

	if (rows == NULL || pl_count_loose(q, run_id, step, &counts, &loose) < 0)
		return PL_FAILED;
	int64_t ready = pl_int(rows, 0, 1);
	int64_t ready_done = pl_int(rows, 0, 2);
	int64_t held = pl_int(rows, 0, 4);
	int64_t held_done = pl_int(rows, 0, 5);
	int64_t running = pl_int(rows, 0, 6);
	counts.running += running;
	counts.waiting = ready - ready_done + held - held_done - running;
	counts.ready_chunks = pl_int(rows, 0, 3);
	counts.held_by_others = pl_int(rows, 0, 7) + pl_int(rows, 0, 8);
	rule_count_done(&counts, pl_int(rows, 0, 0) - ready - held + ready_done + held_done, loose);
	*ret_counts = counts;
	return 0;
}

int pl_step_is_empty(struct pl *q, int64_t run_id, int32_t step)
{
	static const char sql[] =
		"SELECT (NOT EXISTS (SELECT 1 FROM chunk WHERE run_id = $1 AND step = $2"
		" AND state = 0)"
		" AND NOT EXISTS (SELECT 1 FROM chunk WHERE state = 1 AND owner > 0"
		" AND run_id = $1 AND step = $2)"
		" AND NOT EXISTS (SELECT 1 FROM loose WHERE run_id = $1 AND step = $2"
		" AND state IN (1, 2, 3, 7)))::int";
	int64_t is_empty = 0;
	int rc = pl_number(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(step)), &is_empty);

	return rc < 0 ? PL_FAILED : (int)is_empty;
}
