/* SPDX-License-Identifier: Apache-2.0 */
/* Loose items: they leave their chunk, are claimed (L), settled (LS), and resolved when in
 * doubt. */
#include <assert.h>
#include <string.h>

#include "ledger/sqlite/sqlite.h"
#include "sys/fault.h"

static bool loose_is_held(enum loose_state state)
{
	return state == LOOSE_HELD || state == LOOSE_PROBING;
}

static const char *text_or_empty(const char *s)
{
	return s == NULL ? "" : s;
}

static int sq_loose_remember(struct sq *q, const struct ledger_txn *txn,
			     const struct ledger_loose_row *row)
{
	static const char known[] = "SELECT key, step FROM loose WHERE run_id = ?1 AND item = ?2";
	struct sq_seen seen = {.run_id = row->run_id, .key = row->key};
	struct arena a = {0};

	if (row->state != LOOSE_DONE)
		return 0;
	sqlite3_stmt *st = sq_query(q, known, SQ_ARGS(SQ_INT(row->run_id), SQ_INT(row->item)));
	if (sq_next(q, st) == 1) {
		if (seen.key == NULL) /* it may be known from when it left its chunk */
			seen.key = sq_column_text_or_null(&a, st, 0);
		seen.step = sqlite3_column_int(st, 1);
		sq_end(st);
	}
	int rc = seen.key == NULL ? 0 : sq_seen_put(q, &seen, rule_ms(txn->now));
	arena_done(&a);
	return rc;
}

int sq_loose_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO loose(run_id, item, chunk_id, key, person, state, attempt, crashes,"
		" redo,"
		" first_started, not_before, owner, epoch, err_class, err, fingerprint, updated,"
		" quiet_until, nos, unclear, tries, spent_us, request, step)"
		" SELECT ?1, ?2, c.id, coalesce(?4, (SELECT json_extract(k.keys,"
		" '$[' || (?2 - c.first_item) || ']') FROM chunk_keys AS k"
		" WHERE k.chunk_id = c.id)), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
		" ?17, ?18, ?19, ?20, ?21, ?22, ?23, c.step"
		" FROM chunk AS c WHERE c.id = ?3 AND c.run_id = ?1 AND ?2 >= c.first_item"
		" AND ?2 < c.first_item + c.n ON CONFLICT DO NOTHING";
	const struct lop_loose_put *p = &op->u.loose_put;
	const struct ledger_loose_row *r = &p->row;

	if (loose_is_held(r->state) != (r->owner != 0))
		return sq_lost(txn, "item %lld is held by nobody", (long long)r->item);
	int rc = sq_change(
		q, sql,
		SQ_ARGS(SQ_INT(r->run_id), SQ_INT(r->item), SQ_INT(r->chunk_id), SQ_TEXT(r->key),
			SQ_TEXT(r->person), SQ_INT(r->state), SQ_INT(r->attempt),
			SQ_INT(r->crashes), SQ_INT(r->redo),
			SQ_INT_OR_NULL(rule_ms(r->first_started)),
			SQ_INT(rule_ms_up(r->not_before)),
			SQ_INT_OR_NULL(r->owner == 0 ? 0 : txn->inc), SQ_INT(r->epoch),
			SQ_TEXT(text_or_empty(r->err_class)), SQ_TEXT(text_or_empty(r->err)),
			SQ_TEXT(text_or_empty(r->fingerprint)), SQ_INT(rule_ms(txn->now)),
			SQ_INT(rule_ms_up(r->quiet_until)), SQ_INT(r->nos), SQ_INT(r->unclear),
			SQ_INT(r->tries), SQ_INT(r->spent_us), SQ_INT((int64_t)r->request)));
	if (rc == 0)
		return sq_lost(txn, "item %lld of run %lld is not in chunk %lld any more",
			       (long long)r->item, (long long)r->run_id, (long long)r->chunk_id);
	if (rc < 0)
		return SQ_FAILED;
	return p->remember_key ? sq_loose_remember(q, txn, r) : 0;
}

int sq_loose_add(struct sq *q, const struct sq_leaver *l)
{
	static const char sql[] =
		"INSERT INTO loose(run_id, item, chunk_id, key, state, first_started, not_before,"
		" err_class, err, updated, audit_id, quiet_until, step)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?7,"
		" (SELECT step FROM chunk WHERE id = ?3))";

	return sq_change(q, sql,
			 SQ_ARGS(SQ_INT(l->run_id), SQ_INT(l->item), SQ_INT(l->chunk_id),
				 SQ_TEXT(l->key), SQ_INT(l->state),
				 SQ_INT_OR_NULL(l->first_started_ms), SQ_INT(l->not_before_ms),
				 SQ_TEXT(text_or_empty(l->err_class)),
				 SQ_TEXT(text_or_empty(l->err)), SQ_INT(l->now_ms),
				 SQ_INT_OR_NULL(l->audit_id))) < 0
		       ? SQ_FAILED
		       : 0;
}

/* ---- L ---- */

static int sq_loose_due(struct sq *q, struct ledger_txn *txn, const struct lop_loose_claim *c,
			struct sq_rows *items)
{
	static const char sql[] =
		"SELECT item FROM loose INDEXED BY loose_state WHERE run_id = ?1 AND step = ?5"
		" AND state = ?4"
		" AND not_before <= ?2 ORDER BY not_before, item LIMIT ?3";
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(c->run_id), SQ_INT(rule_ms(c->now)),
					    SQ_INT(c->max),
					    SQ_INT(c->to_probe ? LOOSE_DOUBT : LOOSE_RETRY),
					    SQ_INT(rule_step(c->step))));
	int rc = 0;

	(void)txn;
	while ((rc = sq_next(q, st)) == 1) {
		int64_t *item = sq_rows_add(items);
		*item = sqlite3_column_int64(st, 0);
	}
	return rc;
}

static int sq_loose_take(struct sq *q, struct ledger_txn *txn, const struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE loose SET state = 2, owner = ?3, token = ?4, epoch = epoch + 1, updated ="
		" ?5,"
		" was_begun = first_started IS NOT NULL, first_started = coalesce(first_started,"
		" ?5)"
		" WHERE run_id = ?1 AND item = ?2 AND state = 1";
	static const char probe[] =
		"UPDATE loose SET state = 7, owner = ?3, token = ?4, epoch = epoch + 1, updated ="
		" ?5 WHERE run_id = ?1 AND item = ?2 AND state = 3";
	const struct lop_loose_claim *c = &op->u.loose_claim;
	struct sq_rows items = {.arena = &txn->arena, .size = sizeof(int64_t)};
	int rc = sq_loose_due(q, txn, c, &items);
	const int64_t *found = (const int64_t *)(const void *)items.at;

	for (size_t i = 0; i < items.n && rc >= 0; i++)
		rc = sq_change(q, c->to_probe ? probe : sql,
			       SQ_ARGS(SQ_INT(c->run_id), SQ_INT(found[i]), SQ_INT(txn->inc),
				       SQ_INT(rule_claim_token(txn, op)),
				       SQ_INT(rule_ms(txn->now))));
	return rc < 0 ? SQ_FAILED : 0;
}

/* Many items of one chunk share its body. */
static int sq_loose_bodies(struct sq *q, struct arena *a, struct ledger_loose_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < i && rows[k].chunk_id != rows[i].chunk_id)
			k++;
		if (k < i) {
			rows[i].body = rows[k].body;
			rows[i].body_len = rows[k].body_len;
		} else if (sq_get_body(q, a, rows[i].chunk_id, &rows[i].body, &rows[i].body_len) <
			   0) {
			return SQ_FAILED;
		}
	}
	return 0;
}

static int sq_loose_taken(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"SELECT " SQ_LOOSE_COLUMNS " FROM loose AS l INDEXED BY loose_owner"
		" JOIN chunk AS c ON c.id = l.chunk_id"
		" WHERE l.owner = ?1 AND l.token = ?2 AND l.run_id = ?3 AND l.state IN (2, 7)"
		" ORDER BY l.not_before, l.item";
	struct lop_loose_claim *c = &op->u.loose_claim;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_loose_row)};
	sqlite3_stmt *st = sq_query(
		q, sql,
		SQ_ARGS(SQ_INT(txn->inc), SQ_INT(rule_claim_token(txn, op)), SQ_INT(c->run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1)
		sq_get_loose(&txn->arena, st, sq_rows_add(&rows));
	struct ledger_loose_row *found = (struct ledger_loose_row *)(void *)rows.at;
	c->ret_rows = found;
	c->ret_n = rows.n;
	return rc < 0 ? rc : sq_loose_bodies(q, &txn->arena, found, rows.n);
}

static int sq_loose_retake(struct sq *q, struct ledger_txn *txn, const struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE loose SET state = ?6, owner = ?3, token = ?4, epoch = ?7, updated = ?5,"
		" was_begun = CASE WHEN ?6 = 2 THEN first_started IS NOT NULL ELSE was_begun END,"
		" first_started = CASE WHEN ?6 = 2 THEN coalesce(first_started, ?5)"
		" ELSE first_started END"
		" WHERE run_id = ?1 AND item = ?2 AND state = ?8 AND epoch = ?7 - 1";
	const struct lop_loose_claim *c = &op->u.loose_claim;
	int rc = sq_change(q, sql,
			   SQ_ARGS(SQ_INT(c->run_id), SQ_INT(c->again.id), SQ_INT(txn->inc),
				   SQ_INT(rule_claim_token(txn, op)), SQ_INT(rule_ms(txn->now)),
				   SQ_INT(c->to_probe ? LOOSE_PROBING : LOOSE_HELD),
				   SQ_INT(c->again.epoch),
				   SQ_INT(c->to_probe ? LOOSE_DOUBT : LOOSE_RETRY)));

	if (rc == 0)
		return sq_lost(txn, "item %lld was claimed by others since",
			       (long long)c->again.id);
	return rc < 0 ? rc : 0;
}

int sq_loose_claim(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_loose_claim *c = &op->u.loose_claim;
	enum run_state state = RUN_LOADING;
	int32_t step = 0;

	if (c->again.epoch != 0)
		return q->is_replay ? 0 : sq_loose_retake(q, txn, op);
	if (!q->is_replay) {
		int is_live = sq_is_live(q, txn->inc);
		if (is_live < 0 || sq_run_at(q, c->run_id, &state, &step) < 0)
			return SQ_FAILED;
		if (is_live != 1 || state != RUN_OPEN || step != rule_step(c->step) ||
		    q->is_wal_stuck)
			return 0;
		if (sq_loose_take(q, txn, op) < 0)
			return SQ_FAILED;
	}
	return sq_loose_taken(q, txn, op);
}

/* ---- LS ---- */

int sq_loose_settle(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE loose SET state = ?5, attempt = ?6, crashes = ?7, not_before = ?8,"
		" key = coalesce(?9, key), person = coalesce(?10, person), err_class = ?11, err ="
		" ?12,"
		" fingerprint = ?13, updated = ?14, first_started = ?15, quiet_until = ?16,"
		" nos = ?17, unclear = ?18, tries = tries + ?20, spent_us = spent_us + ?21,"
		" request = CASE WHEN request = 0 THEN ?22 ELSE request END,"
		" owner = CASE WHEN ?5 IN (2, 7) THEN owner END,"
		" token = CASE WHEN ?5 IN (2, 7) THEN token END"
		" WHERE run_id = ?1 AND item = ?2 AND owner = ?3 AND epoch = ?4 AND state = ?19";
	struct lop_loose_settle *s = &op->u.loose_settle;
	const struct ledger_loose_row *r = &s->row;
	int rc = sq_change(
		q, sql,
		SQ_ARGS(SQ_INT(r->run_id), SQ_INT(r->item), SQ_INT(txn->inc), SQ_INT(r->epoch),
			SQ_INT(r->state), SQ_INT(r->attempt), SQ_INT(r->crashes),
			SQ_INT(rule_ms_up(r->not_before)), SQ_TEXT(r->key), SQ_TEXT(r->person),
			SQ_TEXT(text_or_empty(r->err_class)), SQ_TEXT(text_or_empty(r->err)),
			SQ_TEXT(text_or_empty(r->fingerprint)), SQ_INT(rule_ms(txn->now)),
			SQ_INT_OR_NULL(rule_ms(r->first_started)),
			SQ_INT(rule_ms_up(r->quiet_until)), SQ_INT(r->nos), SQ_INT(r->unclear),
			SQ_INT(s->is_probe ? LOOSE_PROBING : LOOSE_HELD), SQ_INT(r->tries),
			SQ_INT(r->spent_us), SQ_INT((int64_t)r->request)));

	s->ret_late = s->is_probe && rc == 0;
	if (s->ret_late)
		return 0; /* whoever was first has decided it */
	if (rc == 0)
		return sq_lost(txn, "item %lld of run %lld is not held in epoch %d",
			       (long long)r->item, (long long)r->run_id, r->epoch);
	if (rc < 0)
		return SQ_FAILED;
	return s->remember_key ? sq_loose_remember(q, txn, r) : 0;
}

/* ---- doubt ---- */

struct sq_doubtful {
	int64_t item;
	int64_t first_started_ms;
};

static int sq_doubtful_list(struct sq *q, const struct lop_doubt_resolve *d, struct sq_rows *rows)
{
	static const char sql[] =
		"SELECT item, first_started FROM loose WHERE run_id = ?1 AND step = ?3"
		" AND state = 3"
		" AND not_before <= ?2 ORDER BY item";
	sqlite3_stmt *st = sq_query(
		q, sql,
		SQ_ARGS(SQ_INT(d->run_id), SQ_INT(rule_ms(d->now)), SQ_INT(rule_step(d->step))));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct sq_doubtful *row = sq_rows_add(rows);
		*row = (struct sq_doubtful){sqlite3_column_int64(st, 0),
					    sqlite3_column_int64(st, 1)};
	}
	return rc;
}

int sq_doubt_resolve(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "UPDATE loose SET state = ?3, updated = ?4"
				  " WHERE run_id = ?1 AND item = ?2 AND state = 3";
	struct lop_doubt_resolve *d = &op->u.doubt_resolve;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct sq_doubtful)};
	int rc = sq_doubtful_list(q, d, &rows);
	const struct sq_doubtful *found = (const struct sq_doubtful *)(const void *)rows.at;

	for (size_t i = 0; i < rows.n && rc >= 0; i++) {
		enum loose_state state = rule_doubt(d->policy, d->key_valid_us,
						    found[i].first_started_ms, rule_ms(d->now));
		if (d->only_retries && state != LOOSE_RETRY)
			continue;
		d->ret_retried += state == LOOSE_RETRY ? 1 : 0;
		d->ret_asked += state == LOOSE_ASKED ? 1 : 0;
		d->ret_skipped += state == LOOSE_WAIVED ? 1 : 0;
		rc = sq_change(q, sql,
			       SQ_ARGS(SQ_INT(d->run_id), SQ_INT(found[i].item), SQ_INT(state),
				       SQ_INT(rule_ms(txn->now))));
	}
	return rc < 0 ? SQ_FAILED : 0;
}

/* ---- items that go into doubt ---- */

struct sq_place {
	struct ledger_chunk_row row;
	int64_t claimed_ms;
};

static int sq_place_read(struct sq *q, struct arena *a, int64_t chunk_id,
			 struct sq_place *ret_place)
{
	static const char sql[] = "SELECT " SQ_CHUNK_COLUMNS
				  ", c.claimed_at FROM chunk AS c WHERE c.id = ?1";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(chunk_id)));
	int rc = sq_next(q, st);

	if (rc != 1)
		return SQ_FAILED;
	sq_get_chunk(a, st, &ret_place->row);
	ret_place->claimed_ms = sqlite3_column_int64(st, SQ_CHUNK_COLUMN_COUNT);
	sq_end(st);
	return 0;
}

static int sq_bits_store(struct sq *q, const struct ledger_chunk_row *row, const uint8_t *done)
{
	static const char sql[] = "UPDATE chunk SET done = ?2, n_done = stint_popcount(?2),"
				  " n_running = stint_running(started, ?2) WHERE id = ?1";

	return sq_change(q, sql, SQ_ARGS(SQ_INT(row->id), SQ_BLOB(done, BITS_BYTES(row->n))));
}

/* Safety: what was started and is not done goes into doubt in the same transaction that frees its
 * chunk; otherwise the next owner would do it again. */
int sq_doubt_chunk(struct sq *q, struct arena *a, const struct sq_doubt *doubt,
		   int64_t *ret_doubtful)
{
	struct sq_place place = {0};
	const char *keys_json = NULL;
	const char *const *keys = NULL;

	if (sq_place_read(q, a, doubt->chunk_id, &place) < 0 ||
	    sq_get_keys(q, a, doubt->chunk_id, &keys_json) < 0)
		return SQ_FAILED;
	const struct ledger_chunk_row *row = &place.row;
	uint8_t *done = arena_dup(a, row->done, BITS_BYTES(row->n));
	for (uint32_t i = 0; i < row->n; i++) {
		if (bits_get(done, i) || (doubt->only_started && !bits_get(row->started, i)))
			continue;
		if (keys == NULL)
			keys = rule_keys(a, keys_json, row->n);
		const struct sq_leaver leaver = {
			.run_id = row->run_id,
			.item = row->first_item + i,
			.chunk_id = row->id,
			.key = keys[i],
			.state = FAULT("ledger.doubt") ? LOOSE_RETRY : LOOSE_DOUBT,
			.first_started_ms = doubt->only_started ? place.claimed_ms : 0,
			.not_before_ms = doubt->not_before_ms,
			.err_class = doubt->err_class,
			.err = doubt->err,
			.now_ms = doubt->now_ms,
		};
		if (sq_loose_add(q, &leaver) < 0)
			return SQ_FAILED;
		bits_set(done, i);
		(*ret_doubtful)++;
	}
	if (sq_bits_store(q, row, done) < 0)
		return SQ_FAILED;
	return sq_chunk_free(q, row->id);
}

sqlite3_stmt *sq_chunk_loose(struct sq *q, const struct ledger_chunk_row *row)
{
	static const char sql[] = "SELECT item, state FROM loose WHERE run_id = ?1 AND item >= ?2"
				  " AND item < ?2 + ?3";

	return sq_query(q, sql,
			SQ_ARGS(SQ_INT(row->run_id), SQ_INT(row->first_item), SQ_INT(row->n)));
}
