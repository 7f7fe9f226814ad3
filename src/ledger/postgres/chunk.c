/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks: C (claim), P and X (progress, close), G (give back). */
#include <stdlib.h>
#include <string.h>

#include "ledger/postgres/postgres.h"
#include "sys/fault.h"

static int pl_claimed(struct pl *q, struct ledger_txn *txn, struct ledger_op *op,
		      const PGresult *rows)
{
	struct lop_chunk_claim *c = &op->u.chunk_claim;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_chunk_row *found = arena_alloc(&txn->arena, n * sizeof(*found));

	for (size_t i = 0; i < n; i++) {
		pl_get_chunk(&txn->arena, rows, (int)i, &found[i]);
		struct pl_body body = {
			.chunk_id = found[i].id, .row = (int)i, .column = PL_CHUNK_COLUMN_COUNT};
		if (pl_get_body(q, &txn->arena, rows, &body) < 0)
			return PL_FAILED;
		found[i].body = body.body;
		found[i].body_len = body.len;
		if (q->claim_run != c->run_id || found[i].id > q->claim_from) {
			q->claim_run = c->run_id;
			q->claim_from = found[i].id;
		}
	}
	c->ret_rows = found;
	c->ret_n = n;
	return 0;
}

static int pl_chunk_retake(struct pl *q, const struct ledger_txn *txn, const struct ledger_op *op)
{
	static const char sql[] =
		"WITH g AS (UPDATE chunk SET state = 1, owner = $1, claimed_at = $3, epoch = $6,"
		" token = $4, rev = 0 WHERE id = $5 AND run_id = $2 AND state = 0"
		" AND epoch = $6 - 1 AND ($7 < 0 OR n_done <= $7) RETURNING 1)"
		" SELECT 1 / count(*) FROM g";
	const struct lop_chunk_claim *c = &op->u.chunk_claim;

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(txn->inc), PL_INT(c->run_id), PL_INT(rule_ms(txn->now)),
			       PL_INT_OR_NULL(rule_claim_token(txn, op)), PL_INT(c->again.id),
			       PL_INT(c->again.epoch), PL_INT(c->again.n_done)));
}

static int64_t pl_claim_from(const struct pl *q, int64_t run_id)
{
	return q->claim_run == run_id && !FAULT("ledger.claim_from") ? q->claim_from : 0;
}

int64_t pl_claim_max(const struct pl *q, uint32_t max)
{
	return q->is_failed_over ? 0 : max;
}

int pl_chunk_claim(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	/* Where it went on last time first: the index has an entry still for everything that was
	 * claimed before, for as long as somebody has an old snapshot. */
	static const char claim[] =
		"WITH ahead AS (SELECT id FROM chunk WHERE run_id = $1 AND step = $7"
		"  AND state = 0 AND id > $2"
		"  AND EXISTS (SELECT 1 FROM run_ WHERE id = $1 AND state = 2 AND step = $7)"
		"  AND EXISTS (SELECT 1 FROM instance_ WHERE inc = $4 AND state = 1)"
		"  ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED),"
		" behind AS (SELECT id FROM chunk WHERE run_id = $1 AND step = $7"
		"  AND state = 0 AND id <= $2"
		"  AND EXISTS (SELECT 1 FROM run_ WHERE id = $1 AND state = 2 AND step = $7)"
		"  AND EXISTS (SELECT 1 FROM instance_ WHERE inc = $4 AND state = 1)"
		"  ORDER BY id LIMIT $3 - (SELECT count(*) FROM ahead) FOR UPDATE SKIP LOCKED),"
		" c AS (UPDATE chunk SET state = 1, owner = $4, claimed_at = $5, epoch = epoch + 1,"
		"  token = $6, rev = 0 FROM (SELECT id AS picked FROM ahead UNION ALL"
		"  SELECT id FROM behind) AS p WHERE chunk.id = p.picked RETURNING chunk.*)"
		" SELECT " PL_CHUNK_COLUMNS ", b.body, b.hash FROM c"
		" LEFT JOIN chunk_body AS b ON b.chunk_id = c.id ORDER BY c.id";
	static const char again[] =
		"SELECT " PL_CHUNK_COLUMNS ", b.body, b.hash FROM chunk AS c"
		" LEFT JOIN chunk_body AS b ON b.chunk_id = c.id"
		" WHERE c.state = 1 AND c.owner = $1 AND c.run_id = $2 AND c.token = $3"
		" ORDER BY c.id LIMIT $4";
	const struct lop_chunk_claim *c = &op->u.chunk_claim;
	int64_t token = rule_claim_token(txn, op);

	if (c->again.epoch != 0)
		return q->is_replay ? 0 : pl_chunk_retake(q, txn, op);
	if (q->is_replay)
		return pl_send_take(
			q, again,
			PL_ARGS(PL_INT(txn->inc), PL_INT(c->run_id), PL_INT(token), PL_INT(c->max)),
			pl_claimed);
	return pl_send_take(q, claim,
			    PL_ARGS(PL_INT(c->run_id), PL_INT(pl_claim_from(q, c->run_id)),
				    PL_INT(pl_claim_max(q, c->max)), PL_INT(txn->inc),
				    PL_INT(rule_ms(txn->now)), PL_INT_OR_NULL(token),
				    PL_INT(rule_step(c->step))),
			    pl_claimed);
}

int pl_chunk_progress(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
#define PROGRESS                                                                                   \
	"WITH g AS (UPDATE chunk SET started = started | $4, done = done | $5, rev = $6,"          \
	" crashes = crashes + $7"
	/* Found by its id alone (+ 0): chunk_held and chunk_first have an entry still for each
	 * chunk that was held before, for as long as somebody has an old snapshot. */
	/* bitmaps of different lengths are no answer but a failure: compared only where n is right
	 */
#define PROGRESS_GUARD                                                                             \
	" WHERE id = $1 AND owner = $2 AND epoch = $3 AND state + 0 = 1 AND rev < $6"              \
	" AND run_id + 0 = $8 AND n = $9"
#define PROGRESS_END " RETURNING 1) SELECT 1 / count(*) FROM g"
	static const char progress[] = PROGRESS PROGRESS_GUARD PROGRESS_END;
	static const char close[] = PROGRESS
		", state = 2, owner = NULL, token = NULL" PROGRESS_GUARD
		" AND CASE WHEN n = $9 THEN bit_count(done | $5) = n ELSE false END" PROGRESS_END;
	const struct lop_chunk_progress *p = &op->u.chunk_progress;

	if (pl_send(q, p->close ? close : progress,
		    PL_ARGS(PL_INT(p->chunk_id), PL_INT(txn->inc), PL_INT(p->epoch),
			    PL_BITS(p->started, p->n), PL_BITS(p->done, p->n), PL_INT(p->rev),
			    PL_INT(p->add_crashes), PL_INT(p->run_id), PL_INT(p->n))) < 0)
		return PL_FAILED;
	for (size_t i = 0; i < p->n_done_keys; i++)
		if (pl_seen_put(q,
				&(struct pl_seen){p->run_id, rule_step(p->step), p->done_keys[i]},
				rule_ms(txn->now)) < 0)
			return PL_FAILED;
	return 0;
}

int pl_chunk_free(struct pl *q, int64_t chunk_id)
{
	static const char sql[] =
		"UPDATE chunk SET state = CASE WHEN n_done = n THEN 2 ELSE 0 END, owner = NULL,"
		" token = NULL, rev = CASE WHEN n_done = n THEN rev ELSE 0 END"
		" WHERE id = $1 AND state IN (0, 1)";

	return pl_send(q, sql, PL_ARGS(PL_INT(chunk_id)));
}

int pl_give_back(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE chunk SET state = CASE WHEN n_done = n THEN 2 ELSE 0 END, owner = NULL,"
		" token = NULL, rev = CASE WHEN n_done = n THEN rev ELSE 0 END"
		" WHERE state = 1 AND owner = $1 AND ($2 = 0 OR run_id = $2) AND n_running = 0";
	struct lop_give_back *g = &op->u.give_back;
	int64_t n = pl_change(q, sql, PL_ARGS(PL_INT(txn->inc), PL_INT(g->run_id)));

	if (n < 0)
		return PL_FAILED;
	g->ret_chunks = n;
	q->claim_from = 0;
	return n > 0 ? pl_requests_settle(q, txn) : 0;
}
