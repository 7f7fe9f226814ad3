/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks: C (claim), P and X (progress, close), G (give back). */
#include <string.h>

#include "ledger/sqlite/sqlite.h"

/* Rows that the claim took, or took when the batch was sent before. */
static int sq_claimed(struct sq *q, struct ledger_txn *txn, const struct ledger_op *op,
		      struct sq_rows *rows)
{
	static const char sql[] =
		"SELECT " SQ_CHUNK_COLUMNS " FROM chunk AS c INDEXED BY chunk_held"
		" WHERE c.state = 1 AND c.owner = ?1 AND c.run_id = ?2 AND c.token = ?3"
		" ORDER BY c.id LIMIT ?4";
	const struct lop_chunk_claim *c = &op->u.chunk_claim;
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(txn->inc), SQ_INT(c->run_id),
					    SQ_INT(rule_claim_token(txn, op)), SQ_INT(c->max)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1)
		sq_get_chunk(&txn->arena, st, sq_rows_add(rows));
	return rc;
}

static int sq_claim(struct sq *q, struct ledger_txn *txn, const struct ledger_op *op,
		    struct sq_rows *rows)
{
	static const char sql[] =
		"UPDATE chunk AS c SET state = 1, owner = ?1, claimed_at = ?3, epoch = epoch + 1,"
		" token = ?4, rev = 0"
		" WHERE c.id = (SELECT id FROM chunk INDEXED BY chunk_ready WHERE run_id = ?2"
		" AND step = ?5 AND state = 0 ORDER BY id LIMIT 1) AND c.state = 0"
		" RETURNING id, run_id, first_item, n, state, owner, epoch, crashes, rev, started,"
		" done,"
		" told, step";
	const struct lop_chunk_claim *c = &op->u.chunk_claim;
	int64_t token = rule_claim_token(txn, op);

	for (uint32_t i = 0; i < c->max; i++) {
		sqlite3_stmt *st = sq_query(
			q, sql,
			SQ_ARGS(SQ_INT(txn->inc), SQ_INT(c->run_id), SQ_INT(rule_ms(txn->now)),
				SQ_INT_OR_NULL(token), SQ_INT(rule_step(c->step))));
		int rc = sq_next(q, st);
		if (rc != 1)
			return rc;
		sq_get_chunk(&txn->arena, st, sq_rows_add(rows));
		sq_end(st);
	}
	return 0;
}

static int sq_chunk_retake(struct sq *q, struct ledger_txn *txn, const struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE chunk SET state = 1, owner = ?1, claimed_at = ?3, epoch = ?6, token = ?4,"
		" rev = 0 WHERE id = ?5 AND run_id = ?2 AND state = 0 AND epoch = ?6 - 1"
		" AND (?7 < 0 OR n_done <= ?7)";
	const struct lop_chunk_claim *c = &op->u.chunk_claim;
	int rc = sq_change(q, sql,
			   SQ_ARGS(SQ_INT(txn->inc), SQ_INT(c->run_id), SQ_INT(rule_ms(txn->now)),
				   SQ_INT_OR_NULL(rule_claim_token(txn, op)), SQ_INT(c->again.id),
				   SQ_INT(c->again.epoch), SQ_INT(c->again.n_done)));

	if (rc == 0)
		return sq_lost(txn, "chunk %lld was claimed or changed by others since",
			       (long long)c->again.id);
	return rc < 0 ? rc : 0;
}

int sq_chunk_claim(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_chunk_claim *c = &op->u.chunk_claim;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_chunk_row)};
	enum run_state state = RUN_LOADING;
	int32_t step = 0;
	int rc = 0;

	if (c->again.epoch != 0)
		return q->is_replay ? 0 : sq_chunk_retake(q, txn, op);
	if (q->is_replay) {
		rc = sq_claimed(q, txn, op, &rows);
	} else {
		int is_live = sq_is_live(q, txn->inc);
		if (is_live < 0 || sq_run_at(q, c->run_id, &state, &step) < 0)
			return SQ_FAILED;
		/* A WAL that a reader does not let go of would grow without end. */
		if (is_live == 1 && state == RUN_OPEN && step == rule_step(c->step) &&
		    !q->is_wal_stuck)
			rc = sq_claim(q, txn, op, &rows);
	}
	struct ledger_chunk_row *found = (struct ledger_chunk_row *)(void *)rows.at;
	for (size_t i = 0; i < rows.n && rc == 0; i++)
		rc = sq_get_body(q, &txn->arena, found[i].id, &found[i].body, &found[i].body_len);
	c->ret_rows = found;
	c->ret_n = rows.n;
	return rc;
}

int sq_chunk_progress(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
#define PROGRESS                                                                                   \
	"UPDATE chunk SET started = stint_or(started, ?4), done = stint_or(done, ?5), rev = ?6,"   \
	" crashes = crashes + ?7, n_done = stint_popcount(stint_or(done, ?5)),"                    \
	" n_running = stint_running(stint_or(started, ?4), stint_or(done, ?5))"
#define PROGRESS_GUARD                                                                             \
	" WHERE id = ?1 AND owner = ?2 AND epoch = ?3 AND state = 1 AND rev < ?6 AND run_id = ?8"  \
	" AND n = ?9"
	static const char progress[] = PROGRESS PROGRESS_GUARD;
	static const char close[] = PROGRESS
		", state = 2, owner = NULL, token = NULL" PROGRESS_GUARD
		" AND stint_popcount(stint_or(done, ?5)) = n";
	const struct lop_chunk_progress *p = &op->u.chunk_progress;
	size_t len = BITS_BYTES(p->n);
	int rc = sq_change(q, p->close ? close : progress,
			   SQ_ARGS(SQ_INT(p->chunk_id), SQ_INT(txn->inc), SQ_INT(p->epoch),
				   SQ_BLOB(p->started, p->started == NULL ? 0 : len),
				   SQ_BLOB(p->done, p->done == NULL ? 0 : len), SQ_INT(p->rev),
				   SQ_INT(p->add_crashes), SQ_INT(p->run_id), SQ_INT(p->n)));

	if (rc == 0)
		return sq_lost(txn, "chunk %lld is not held in epoch %d before revision %d%s",
			       (long long)p->chunk_id, p->epoch, p->rev,
			       p->close ? ", or not every item of it is done" : "");
	for (size_t i = 0; i < p->n_done_keys && rc >= 0; i++)
		rc = sq_seen_put(q,
				 &(struct sq_seen){p->run_id, rule_step(p->step), p->done_keys[i]},
				 rule_ms(txn->now));
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_chunk_free(struct sq *q, int64_t chunk_id)
{
	static const char sql[] =
		"UPDATE chunk SET state = CASE WHEN n_done = n THEN 2 ELSE 0 END, owner = NULL,"
		" token = NULL, rev = CASE WHEN n_done = n THEN rev ELSE 0 END"
		" WHERE id = ?1 AND state IN (0, 1)";

	return sq_change(q, sql, SQ_ARGS(SQ_INT(chunk_id))) < 0 ? SQ_FAILED : 0;
}

int sq_give_back(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"SELECT id FROM chunk INDEXED BY chunk_held WHERE state = 1 AND owner = ?1"
		" AND (?2 = 0 OR run_id = ?2) AND n_running = 0 ORDER BY id";
	struct lop_give_back *g = &op->u.give_back;
	struct sq_rows ids = {.arena = &txn->arena, .size = sizeof(int64_t)};
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(txn->inc), SQ_INT(g->run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		int64_t *id = sq_rows_add(&ids);
		*id = sqlite3_column_int64(st, 0);
	}
	const int64_t *found = (const int64_t *)(const void *)ids.at;
	for (size_t i = 0; i < ids.n && rc == 0; i++)
		rc = sq_chunk_free(q, found[i]);
	g->ret_chunks = (int64_t)ids.n;
	return rc == 0 && ids.n > 0 ? sq_requests_settle(q, txn) : rc;
}
