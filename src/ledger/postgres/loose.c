/* SPDX-License-Identifier: Apache-2.0 */
/* Loose items: they leave their chunk, are claimed (L), settled (LS), and resolved when in doubt.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/postgres/postgres.h"
#include "sys/fault.h"

static bool loose_is_held(enum loose_state state)
{
	return state == LOOSE_HELD || state == LOOSE_PROBING;
}

/* The key may be known from when the item left its chunk: the row has it in any case. */
static int pl_loose_remember(struct pl *q, const struct ledger_txn *txn,
			     const struct ledger_loose_row *row)
{
	static const char sql[] =
		"INSERT INTO seen_key(job, hash, at)"
		" SELECT r.job, substr(CASE WHEN l.step > 1 THEN sha256(sha256(convert_to(l.key,"
		" 'UTF8')) || set_byte('\\x00', 0, l.step::int)) ELSE sha256(convert_to(l.key,"
		" 'UTF8'))"
		" END, 1, 16), $3"
		" FROM loose AS l JOIN run_ AS r ON r.id = l.run_id"
		" WHERE l.run_id = $1 AND l.item = $2 AND l.state = 5 AND l.key IS NOT NULL"
		" ON CONFLICT (job, hash) DO UPDATE SET at = excluded.at";

	if (row->state != LOOSE_DONE)
		return 0;
	return pl_send(q, sql,
		       PL_ARGS(PL_INT(row->run_id), PL_INT(row->item), PL_INT(rule_ms(txn->now))));
}

int pl_loose_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"WITH g AS (INSERT INTO loose(run_id, item, chunk_id, key, person, state, attempt,"
		" crashes, redo, first_started, not_before, owner, epoch, err_class, err,"
		" fingerprint,"
		" updated, quiet_until, nos, unclear, tries, spent_us, request, step)"
		" SELECT $1, $2, c.id, coalesce($4, (SELECT k.keys::json ->> ($2 -"
		" c.first_item)::int FROM chunk_keys AS k WHERE k.chunk_id = c.id)), $5, $6, $7,"
		" $8,"
		" $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, c.step"
		" FROM chunk AS c WHERE c.id = $3 AND c.run_id = $1 AND $2 >= c.first_item"
		" AND $2 < c.first_item + c.n ON CONFLICT DO NOTHING RETURNING 1)"
		" SELECT 1 / count(*) FROM g";
	const struct lop_loose_put *p = &op->u.loose_put;
	const struct ledger_loose_row *r = &p->row;

	if (loose_is_held(r->state) != (r->owner != 0))
		return pl_lost(txn, "item %lld is held by nobody", (long long)r->item);
	if (pl_send(q, sql,
		    PL_ARGS(PL_INT(r->run_id), PL_INT(r->item), PL_INT(r->chunk_id),
			    PL_TEXT(r->key), PL_TEXT(r->person), PL_INT(r->state),
			    PL_INT(r->attempt), PL_INT(r->crashes), PL_INT(r->redo),
			    PL_INT_OR_NULL(rule_ms(r->first_started)),
			    PL_INT(rule_ms_up(r->not_before)),
			    PL_INT_OR_NULL(r->owner == 0 ? 0 : txn->inc), PL_INT(r->epoch),
			    PL_TEXT(pl_or_empty(r->err_class)), PL_TEXT(pl_or_empty(r->err)),
			    PL_TEXT(pl_or_empty(r->fingerprint)), PL_INT(rule_ms(txn->now)),
			    PL_INT(rule_ms_up(r->quiet_until)), PL_INT(r->nos), PL_INT(r->unclear),
			    PL_INT(r->tries), PL_INT(r->spent_us), PL_INT((int64_t)r->request))) <
	    0)
		return PL_FAILED;
	return p->remember_key ? pl_loose_remember(q, txn, r) : 0;
}

int pl_loose_add(struct pl *q, const struct pl_leaver *l)
{
	static const char sql[] =
		"INSERT INTO loose(run_id, item, chunk_id, key, state, first_started, not_before,"
		" err_class, err, updated, audit_id, quiet_until, step)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $7,"
		" (SELECT step FROM chunk WHERE id = $3))";

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(l->run_id), PL_INT(l->item), PL_INT(l->chunk_id),
			       PL_TEXT(l->key), PL_INT(l->state),
			       PL_INT_OR_NULL(l->first_started_ms), PL_INT(l->not_before_ms),
			       PL_TEXT(pl_or_empty(l->err_class)), PL_TEXT(pl_or_empty(l->err)),
			       PL_INT(l->now_ms), PL_INT_OR_NULL(l->audit_id)));
}

/* ---- L ---- */

static int pl_loose_claimed(struct pl *q, struct ledger_txn *txn, struct ledger_op *op,
			    const PGresult *rows)
{
	struct lop_loose_claim *c = &op->u.loose_claim;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_loose_row *found = arena_alloc(&txn->arena, n * sizeof(*found));

	(void)q;
	for (size_t i = 0; i < n; i++)
		pl_get_loose(&txn->arena, rows, (int)i, &found[i]);
	c->ret_rows = found;
	c->ret_n = n;
	return 0;
}

/* Many items of one chunk share its body. */
static int pl_loose_bodies(struct pl *q, struct ledger_txn *txn, struct ledger_op *op,
			   const PGresult *rows)
{
	struct lop_loose_claim *c = &op->u.loose_claim;
	/* The rows are in this transaction's arena: pl_loose_claimed has put them there. */
	struct ledger_loose_row *found = arena_alloc(&txn->arena, c->ret_n * sizeof(*found));

	if (c->ret_n > 0)
		memcpy(found, c->ret_rows, c->ret_n * sizeof(*found));
	for (int i = 0; i < PQntuples(rows); i++) {
		struct pl_body body = {.chunk_id = pl_int(rows, i, 0), .row = i, .column = 1};
		if (pl_get_body(q, &txn->arena, rows, &body) < 0)
			return PL_FAILED;
		for (size_t k = 0; k < c->ret_n; k++) {
			if (found[k].chunk_id != body.chunk_id)
				continue;
			found[k].body = body.body;
			found[k].body_len = body.len;
		}
	}
	c->ret_rows = found;
	for (size_t k = 0; k < c->ret_n; k++)
		if (found[k].body == NULL)
			return pl_fail_text(q, "XX001", "chunk %lld has no content",
					    (long long)found[k].chunk_id);
	return 0;
}

static int pl_loose_take(struct pl *q, const struct ledger_txn *txn, const struct ledger_op *op)
{
	static const char sql[] =
		"WITH pick AS (SELECT item AS picked FROM loose WHERE run_id = $1 AND step = $7"
		" AND state = 1"
		"  AND not_before <= $2 AND EXISTS (SELECT 1 FROM run_ WHERE id = $1 AND state ="
		" 2 AND step = $7)"
		"  AND EXISTS (SELECT 1 FROM instance_ WHERE inc = $4 AND state = 1)"
		"  ORDER BY not_before, item LIMIT $3 FOR UPDATE SKIP LOCKED)"
		" UPDATE loose SET state = 2, owner = $4, token = $5, epoch = epoch + 1,"
		" updated = $6, was_begun = (first_started IS NOT NULL)::int,"
		" first_started = coalesce(first_started, $6) FROM pick"
		" WHERE run_id = $1 AND item = picked AND state = 1";
	static const char probe[] =
		"WITH pick AS (SELECT item AS picked FROM loose WHERE run_id = $1 AND step = $7"
		" AND state = 3"
		"  AND not_before <= $2 AND EXISTS (SELECT 1 FROM run_ WHERE id = $1 AND state ="
		" 2 AND step = $7)"
		"  AND EXISTS (SELECT 1 FROM instance_ WHERE inc = $4 AND state = 1)"
		"  ORDER BY not_before, item LIMIT $3 FOR UPDATE SKIP LOCKED)"
		" UPDATE loose SET state = 7, owner = $4, token = $5, epoch = epoch + 1,"
		" updated = $6 FROM pick WHERE run_id = $1 AND item = picked AND state = 3";
	const struct lop_loose_claim *c = &op->u.loose_claim;

	return pl_send(q, c->to_probe ? probe : sql,
		       PL_ARGS(PL_INT(c->run_id), PL_INT(rule_ms(c->now)),
			       PL_INT(pl_claim_max(q, c->max)), PL_INT(txn->inc),
			       PL_INT(rule_claim_token(txn, op)), PL_INT(rule_ms(txn->now)),
			       PL_INT(rule_step(c->step))));
}

static int pl_loose_retake(struct pl *q, const struct ledger_txn *txn, const struct ledger_op *op)
{
	static const char sql[] =
		"WITH g AS (UPDATE loose SET state = $6, owner = $3, token = $4, epoch = $7,"
		" updated = $5, was_begun = CASE WHEN $6 = 2 THEN (first_started IS NOT NULL)::int"
		" ELSE was_begun END,"
		" first_started = CASE WHEN $6 = 2 THEN coalesce(first_started, $5)"
		" ELSE first_started END"
		" WHERE run_id = $1 AND item = $2 AND state = $8 AND epoch = $7 - 1"
		" RETURNING 1) SELECT 1 / count(*) FROM g";
	const struct lop_loose_claim *c = &op->u.loose_claim;

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(c->run_id), PL_INT(c->again.id), PL_INT(txn->inc),
			       PL_INT(rule_claim_token(txn, op)), PL_INT(rule_ms(txn->now)),
			       PL_INT(c->to_probe ? LOOSE_PROBING : LOOSE_HELD),
			       PL_INT(c->again.epoch),
			       PL_INT(c->to_probe ? LOOSE_DOUBT : LOOSE_RETRY)));
}

int pl_loose_claim(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char taken[] =
		"SELECT " PL_LOOSE_COLUMNS " FROM loose AS l JOIN chunk AS c ON c.id = l.chunk_id"
		" WHERE l.owner = $1 AND l.token = $2 AND l.run_id = $3 AND l.state IN (2, 7)"
		" ORDER BY l.not_before, l.item";
	static const char bodies[] =
		"SELECT chunk_id, body, hash FROM chunk_body WHERE chunk_id IN (SELECT l.chunk_id"
		" FROM loose AS l WHERE l.owner = $1 AND l.token = $2 AND l.run_id = $3"
		" AND l.state IN (2, 7))";
	const struct lop_loose_claim *c = &op->u.loose_claim;
	const struct pl_value values[] = {PL_INT(txn->inc), PL_INT(rule_claim_token(txn, op)),
					  PL_INT(c->run_id)};

	if (c->again.epoch != 0)
		return q->is_replay ? 0 : pl_loose_retake(q, txn, op);
	if (!q->is_replay && pl_loose_take(q, txn, op) < 0)
		return PL_FAILED;
	if (pl_send_take(q, taken, values, ARRAY_LEN(values), pl_loose_claimed) < 0)
		return PL_FAILED;
	return pl_send_take(q, bodies, values, ARRAY_LEN(values), pl_loose_bodies);
}

/* ---- LS ---- */

static int pl_probe_settled(struct pl *q, struct ledger_txn *txn, struct ledger_op *op,
			    const PGresult *rows)
{
	(void)q, (void)txn;
	/* whoever was first has decided it */
	op->u.loose_settle.ret_late = pl_int(rows, 0, 0) == 0;
	return 0;
}

int pl_loose_settle(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
#define SETTLE                                                                                     \
	"WITH g AS (UPDATE loose SET state = $5, attempt = $6, crashes = $7, not_before = $8,"     \
	" key = coalesce($9, key), person = coalesce($10, person), err_class = $11, err = $12,"    \
	" fingerprint = $13, updated = $14, first_started = $15, quiet_until = $16, nos = $17,"    \
	" unclear = $18, tries = tries + $20, spent_us = spent_us + $21,"                          \
	" request = CASE WHEN request = 0 THEN $22 ELSE request END,"                              \
	" owner = CASE WHEN $5 IN (2, 7) THEN owner END,"                                          \
	" token = CASE WHEN $5 IN (2, 7) THEN token END"                                           \
	" WHERE run_id = $1 AND item = $2 AND owner = $3 AND epoch = $4 AND state = $19"           \
	" RETURNING 1)"
	static const char item[] = SETTLE " SELECT 1 / count(*) FROM g";
	static const char probe[] = SETTLE " SELECT count(*) FROM g";
	const struct lop_loose_settle *s = &op->u.loose_settle;
	const struct ledger_loose_row *r = &s->row;

	if (pl_send_take(
		    q, s->is_probe ? probe : item,
		    PL_ARGS(PL_INT(r->run_id), PL_INT(r->item), PL_INT(txn->inc), PL_INT(r->epoch),
			    PL_INT(r->state), PL_INT(r->attempt), PL_INT(r->crashes),
			    PL_INT(rule_ms_up(r->not_before)), PL_TEXT(r->key), PL_TEXT(r->person),
			    PL_TEXT(pl_or_empty(r->err_class)), PL_TEXT(pl_or_empty(r->err)),
			    PL_TEXT(pl_or_empty(r->fingerprint)), PL_INT(rule_ms(txn->now)),
			    PL_INT_OR_NULL(rule_ms(r->first_started)),
			    PL_INT(rule_ms_up(r->quiet_until)), PL_INT(r->nos), PL_INT(r->unclear),
			    PL_INT(s->is_probe ? LOOSE_PROBING : LOOSE_HELD), PL_INT(r->tries),
			    PL_INT(r->spent_us), PL_INT((int64_t)r->request)),
		    s->is_probe ? pl_probe_settled : NULL) < 0)
		return PL_FAILED;
	return s->remember_key ? pl_loose_remember(q, txn, r) : 0;
}

/* ---- doubt ---- */

int pl_doubt_resolve(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char list[] =
		"SELECT item, first_started FROM loose WHERE run_id = $1 AND step = $3"
		" AND state = 3"
		" AND not_before <= $2 ORDER BY item FOR UPDATE";
	static const char sql[] = "UPDATE loose SET state = $3, updated = $4"
				  " WHERE run_id = $1 AND item = $2 AND state = 3";
	struct lop_doubt_resolve *d = &op->u.doubt_resolve;
	AUTO(pl_rows)
	PGresult *rows = pl_query(
		q, list,
		PL_ARGS(PL_INT(d->run_id), PL_INT(rule_ms(d->now)), PL_INT(rule_step(d->step))));

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++) {
		enum loose_state state = rule_doubt(d->policy, d->key_valid_us, pl_int(rows, i, 1),
						    rule_ms(d->now));
		if (d->only_retries && state != LOOSE_RETRY)
			continue;
		d->ret_retried += state == LOOSE_RETRY ? 1 : 0;
		d->ret_asked += state == LOOSE_ASKED ? 1 : 0;
		d->ret_skipped += state == LOOSE_WAIVED ? 1 : 0;
		if (pl_send(q, sql,
			    PL_ARGS(PL_INT(d->run_id), PL_INT(pl_int(rows, i, 0)), PL_INT(state),
				    PL_INT(rule_ms(txn->now)))) < 0)
			return PL_FAILED;
	}
	return 0;
}

/* ---- items that go into doubt ---- */

static int pl_bits_store(struct pl *q, const struct ledger_chunk_row *row, const uint8_t *done)
{
	static const char sql[] = "UPDATE chunk SET done = $2 WHERE id = $1";

	return pl_send(q, sql, PL_ARGS(PL_INT(row->id), PL_BITS(done, row->n)));
}

/* Safety: what was started and is not done goes into doubt in the same transaction that frees its
 * chunk; otherwise the next owner would do it again. */
int pl_doubt_chunk(struct pl *q, struct arena *a, const struct pl_doubt *doubt,
		   int64_t *ret_doubtful)
{
	static const char place[] =
		"SELECT " PL_CHUNK_COLUMNS ", c.claimed_at, k.keys FROM chunk AS c"
		" LEFT JOIN chunk_keys AS k ON k.chunk_id = c.id WHERE c.id = $1 FOR UPDATE OF c";
	AUTO(pl_rows) PGresult *rows = pl_query(q, place, PL_ARGS(PL_INT(doubt->chunk_id)));
	struct ledger_chunk_row chunk = {0};
	const char *const *keys = NULL;

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	pl_get_chunk(a, rows, 0, &chunk);
	int64_t claimed_ms = pl_int(rows, 0, PL_CHUNK_COLUMN_COUNT);
	uint8_t *done = arena_dup(a, chunk.done, BITS_BYTES(chunk.n));
	for (uint32_t i = 0; i < chunk.n; i++) {
		if (bits_get(done, i) || (doubt->only_started && !bits_get(chunk.started, i)))
			continue;
		if (keys == NULL)
			keys = rule_keys(a, pl_text_or_null(a, rows, 0, PL_CHUNK_COLUMN_COUNT + 1),
					 chunk.n);
		const struct pl_leaver leaver = {
			.run_id = chunk.run_id,
			.item = chunk.first_item + i,
			.chunk_id = chunk.id,
			.key = keys[i],
			.state = FAULT("ledger.doubt") ? LOOSE_RETRY : LOOSE_DOUBT,
			.first_started_ms = doubt->only_started ? claimed_ms : 0,
			.not_before_ms = doubt->not_before_ms,
			.err_class = doubt->err_class,
			.err = doubt->err,
			.now_ms = doubt->now_ms,
		};
		if (pl_loose_add(q, &leaver) < 0)
			return PL_FAILED;
		bits_set(done, i);
		(*ret_doubtful)++;
	}
	if (pl_bits_store(q, &chunk, done) < 0)
		return PL_FAILED;
	return pl_chunk_free(q, chunk.id);
}

PGresult *pl_chunk_loose(struct pl *q, const struct ledger_chunk_row *row)
{
	static const char sql[] = "SELECT item, state FROM loose WHERE run_id = $1 AND item >= $2"
				  " AND item < $2 + $3";

	return pl_query(q, sql,
			PL_ARGS(PL_INT(row->run_id), PL_INT(row->first_item), PL_INT(row->n)));
}
