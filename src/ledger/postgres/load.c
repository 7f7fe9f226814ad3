/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: one loader at a time, guarded by its number and epoch. */
#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "ledger/postgres/postgres.h"

static int pl_load_taken(struct pl *q, struct ledger_txn *txn, struct ledger_op *op,
			 const PGresult *rows)
{
	struct lop_load_take *t = &op->u.load_take;

	(void)q;
	if (PQntuples(rows) == 0)
		return 0; /* the guard before it has raised */
	t->ret_loader = pl_int(rows, 0, 1);
	t->ret_taken = pl_int(rows, 0, 0) == RUN_LOADING &&
		       pl_int(rows, 0, 4) == rule_step(t->step) && t->ret_loader == txn->inc;
	t->ret_epoch = (int32_t)pl_int(rows, 0, 2);
	t->ret_cursor = pl_blob(&txn->arena, rows, 0, 3, &t->ret_cursor_len);
	return 0;
}

int pl_load_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char is_there[] =
		"SELECT 1 / count(*) FROM run_step WHERE run_id = $1 AND step = $2";
	/* Locked: who ends the run, or goes on to its next step, comes before or after. */
	static const char take[] =
		"WITH r AS MATERIALIZED (SELECT 1 FROM run_ WHERE id = $1 AND state = 1"
		" AND step = $3 FOR NO KEY UPDATE)"
		" UPDATE run_step SET loader = $2, loader_epoch = loader_epoch + 1"
		" WHERE run_id = $1 AND step = $3 AND coalesce(loader, $2) = $2"
		" AND EXISTS (SELECT 1 FROM r)";
	static const char read[] =
		"SELECT r.state, s.loader, s.loader_epoch, s.cursor, r.step FROM run_ AS r"
		" JOIN step_now AS s ON s.run_id = r.id AND s.step = $2 WHERE r.id = $1";
	const struct lop_load_take *t = &op->u.load_take;
	int32_t step = rule_step(t->step);

	if (pl_send(q, is_there, PL_ARGS(PL_INT(t->run_id), PL_INT(step))) < 0)
		return PL_FAILED;
	if (!q->is_replay &&
	    pl_send(q, take, PL_ARGS(PL_INT(t->run_id), PL_INT(txn->inc), PL_INT(step))) < 0)
		return PL_FAILED;
	return pl_send_take(q, read, PL_ARGS(PL_INT(t->run_id), PL_INT(step)), pl_load_taken);
}

/* The first of those that a transaction puts into a load: so many items before the end that the
 * step has by now. Then (`before_end` 0) each behind the one before it. */
static int pl_chunk_add(struct pl *q, const struct lop_load_put *p, int64_t before_end,
			const struct ledger_new_chunk *c)
{
#define CHUNK_ADD                                                                                  \
	"WITH c AS (INSERT INTO chunk(run_id, step, first_item, n, tell, started, done, told)"     \
	" SELECT $1, $9, CASE WHEN $2::bigint IS NULL THEN"                                        \
	"  (SELECT first_item + n FROM chunk WHERE id = (SELECT currval('chunk_id_seq')))"         \
	"  ELSE (SELECT first_item + n_items - $2 FROM step_now WHERE run_id = $1 AND step = $9)"  \
	" END, $3, $4, $5, $5, $6 RETURNING id),"                                                  \
	" b AS (INSERT INTO chunk_body(chunk_id, hash, body) SELECT id, $7, $8 FROM c)"
	static const char plain[] = CHUNK_ADD " SELECT FROM c";
	static const char with_texts[] = CHUNK_ADD
		", k AS (INSERT INTO chunk_keys(chunk_id, keys) SELECT id, $10 FROM c WHERE $10 IS"
		" NOT"
		" NULL), s AS (INSERT INTO chunk_sums(chunk_id, sums) SELECT id, $11 FROM c WHERE"
		" $11 IS NOT NULL) SELECT FROM c";
	uint8_t hash[XXH128_BYTES];
	uint8_t all[BITS_BYTES(CHUNK_ITEMS_MAX)] = {0};
	bool has_texts = c->keys != NULL || c->sums != NULL;

	hash_xxh128(c->body, c->body_len, hash);
	if (!c->tell)
		bits_fill(all, 0, c->n);
	const struct pl_value values[] = {PL_INT(p->run_id),
					  PL_INT_OR_NULL(before_end),
					  PL_INT(c->n),
					  PL_INT(c->tell ? 1 : 0),
					  PL_BITS(NULL, c->n),
					  PL_BITS(all, c->n),
					  PL_BLOB(hash, sizeof(hash)),
					  PL_BLOB(c->body == NULL ? "" : c->body, c->body_len),
					  PL_INT(rule_step(p->step)),
					  PL_TEXT(c->keys),
					  PL_TEXT(c->sums)};
	return pl_send(q, has_texts ? with_texts : plain, values,
		       ARRAY_LEN(values) - (has_texts ? 0 : 2));
}

static int pl_reject_add(struct pl *q, const struct lop_load_put *p, const struct ledger_reject *r)
{
	static const char sql[] =
		"INSERT INTO reject_(run_id, step, path, line, column_, \"offset\", reason,"
		" key, is_cut, raw) VALUES ($1, $10, $2, $3, $4, $5, $6, $7, $8, $9)";

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(p->run_id), PL_TEXT(pl_or_empty(r->path)), PL_INT(r->line),
			       PL_INT(r->column), PL_INT(r->offset),
			       PL_TEXT(pl_or_empty(r->reason)), PL_TEXT(r->key),
			       PL_INT(r->is_cut ? 1 : 0),
			       PL_BLOB(r->raw == NULL ? "" : r->raw, r->raw_len),
			       PL_INT(rule_step(p->step))));
}

/* What the next of a transaction's operations puts into the same load; NULL: nothing. */
static const struct ledger_op *pl_load_next(const struct ledger_op *op)
{
	const struct lop_load_put *p = &op->u.load_put;
	const struct ledger_op *next = op->next;

	while (next != NULL && next->kind == LOP_KEYS_FIND)
		next = next->next;
	if (next == NULL || next->kind != LOP_LOAD_PUT)
		return NULL;
	const struct lop_load_put *n = &next->u.load_put;
	return n->run_id == p->run_id && n->step == p->step && n->epoch == p->epoch ? next : NULL;
}

/* Guards by loader and epoch, moves cursor and counters: of this one and those that follow it,
 * which have *ret_items. */
static int pl_load_guard(struct pl *q, const struct ledger_txn *txn, const struct ledger_op *op,
			 int64_t *ret_items)
{
	/* Locked, so that nobody takes the load over, or ends the run, before this is committed. */
	static const char run[] =
		"WITH g AS MATERIALIZED (SELECT 1 FROM run_ WHERE id = $1 AND state IN (1, 2)"
		" FOR NO KEY UPDATE) SELECT 1 / count(*) FROM g";
	static const char loader[] =
		"WITH g AS MATERIALIZED (SELECT 1 FROM run_step WHERE run_id = $1 AND step = $4"
		" AND state = 1 AND loader = $2 AND loader_epoch = $3 FOR NO KEY UPDATE)"
		" SELECT 1 / count(*) FROM g";
	static const char sum[] =
		"WITH l AS MATERIALIZED (SELECT n, n_items, n_read, n_filtered, n_rejected,"
		"  n_held_back FROM load_at WHERE run_id = $1 AND step = $2"
		"  ORDER BY n DESC LIMIT 1),"
		" gone AS (DELETE FROM load_at WHERE run_id = $1 AND step = $2"
		"  AND n = (SELECT n FROM l))"
		" INSERT INTO load_at(run_id, step, n, n_items, n_read, n_filtered, n_rejected,"
		" n_held_back, cursor) SELECT $1, $2, coalesce(l.n, 0) + 1,"
		" coalesce(l.n_items, 0) + $3, coalesce(l.n_read, 0) + $4,"
		" coalesce(l.n_filtered, 0) + $5, coalesce(l.n_rejected, 0) + $6,"
		" coalesce(l.n_held_back, 0) + $7, $8 FROM (SELECT) AS one LEFT JOIN l ON true";
	const struct lop_load_put *p = NULL;
	int64_t items = 0;
	int64_t rejects = 0;
	int64_t reads = 0;
	int64_t filtered = 0;
	int64_t held_back = 0;

	for (; op != NULL; op = pl_load_next(op)) {
		p = &op->u.load_put;
		for (size_t i = 0; i < p->n_chunks; i++)
			items += p->chunks[i].n;
		rejects += (int64_t)p->n_rejects;
		reads += p->add_read;
		filtered += p->add_filtered;
		held_back += p->add_held_back;
	}
	assert(p != NULL);
	*ret_items = items;
	int32_t step = rule_step(p->step);
	if (pl_send(q, run, PL_ARGS(PL_INT(p->run_id))) < 0 ||
	    pl_send(q, loader,
		    PL_ARGS(PL_INT(p->run_id), PL_INT(txn->inc), PL_INT(p->epoch), PL_INT(step))) <
		    0)
		return PL_FAILED;
	return pl_send(q, sum,
		       PL_ARGS(PL_INT(p->run_id), PL_INT(step), PL_INT(items), PL_INT(reads),
			       PL_INT(filtered), PL_INT(rejects), PL_INT(held_back),
			       PL_BLOB(p->cursor, p->cursor_len)));
}

int pl_load_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char run_sums[] = "INSERT INTO run_sums(run_id, sums) VALUES ($1, $2)"
				       " ON CONFLICT (run_id) DO UPDATE SET sums = excluded.sums";
	const struct lop_load_put *p = &op->u.load_put;
	const struct ledger_op *next = pl_load_next(op);

	/* One change of the counters for all that a transaction puts into a load. */
	if (q->guarded != op && pl_load_guard(q, txn, op, &q->to_put) < 0)
		return PL_FAILED;
	q->guarded = next;
	for (size_t i = 0; i < p->n_chunks; i++) {
		if (pl_chunk_add(q, p, q->to_put, &p->chunks[i]) < 0)
			return PL_FAILED;
		q->to_put = 0;
	}
	for (size_t i = 0; i < p->n_rejects; i++)
		if (pl_reject_add(q, p, &p->rejects[i]) < 0)
			return PL_FAILED;
	if (pl_inbox_take(q, &p->inbox) < 0)
		return PL_FAILED;
	if (p->sums == NULL || (next != NULL && next->u.load_put.sums != NULL))
		return 0;
	return pl_send(q, run_sums, PL_ARGS(PL_INT(p->run_id), PL_TEXT(p->sums)));
}

int pl_load_open(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char run[] =
		"WITH g AS (UPDATE run_ AS r SET state = CASE WHEN r.step = $2 THEN 2 ELSE r.state"
		" END, was_open = 1, n_items = o.n_items, n_read = o.n_read,"
		" n_filtered = o.n_filtered, n_rejected = o.n_rejected,"
		" n_held_back = o.n_held_back FROM run_now AS o WHERE o.id = $1 AND r.id = $1"
		" AND r.state IN (1, 2) RETURNING 1) SELECT 1 / count(*) FROM g";
	static const char sql[] =
		"WITH g AS (UPDATE run_step AS s SET state = 2, loader = NULL,"
		" n_items = o.n_items, n_read = o.n_read, n_filtered = o.n_filtered,"
		" n_rejected = o.n_rejected, n_held_back = o.n_held_back, cursor = o.cursor"
		" FROM step_now AS o WHERE o.run_id = $1 AND o.step = $4 AND s.run_id = $1"
		" AND s.step = $4 AND s.state = 1 AND s.loader = $2 AND s.loader_epoch = $3"
		" RETURNING 1) SELECT 1 / count(*) FROM g";
	static const char counted[] = "DELETE FROM load_at WHERE run_id = $1 AND step = $2";
	const struct lop_load_open *o = &op->u.load_open;
	int32_t step = rule_step(o->step);

	if (pl_send(q, run, PL_ARGS(PL_INT(o->run_id), PL_INT(step))) < 0 ||
	    pl_send(q, sql,
		    PL_ARGS(PL_INT(o->run_id), PL_INT(txn->inc), PL_INT(o->epoch), PL_INT(step))) <
		    0 ||
	    pl_send(q, counted, PL_ARGS(PL_INT(o->run_id), PL_INT(step))) < 0)
		return PL_FAILED;
	return pl_inbox_clear(q, o->run_id, step);
}
