/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: list, create, join, leave, end, finish, count. */
#include <string.h>

#include "ledger/postgres/postgres.h"

static int pl_run_list_open(struct pl *q, struct ledger_txn *txn, struct lop_run_list *l)
{
	static const char sql[] =
		"SELECT " PL_RUN_COLUMNS ", (EXISTS (SELECT 1 FROM run_instance AS ri"
		" JOIN instance_ AS i ON i.inc = ri.inc WHERE ri.run_id = r.id AND ri.inc <> $2"
		" AND i.state IN (1, 2)))::int"
		" FROM run_ AS r JOIN run_text AS t ON t.run_id = r.id"
		" WHERE r.job = $1 AND r.state IN (1, 2, 3, 6) ORDER BY r.id";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql, PL_ARGS(PL_TEXT(l->job), PL_INT(txn->inc)));

	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_run_row *found = arena_alloc(&txn->arena, n * sizeof(*found));
	bool *elsewhere = arena_alloc(&txn->arena, n * sizeof(*elsewhere));
	for (size_t i = 0; i < n; i++) {
		pl_get_run(&txn->arena, rows, (int)i, &found[i]);
		elsewhere[i] = pl_int(rows, (int)i, PL_RUN_COLUMN_COUNT) != 0;
	}
	l->ret_rows = found;
	l->ret_live_elsewhere = elsewhere;
	l->ret_n = n;
	return 0;
}

static int pl_run_list_due(struct pl *q, struct ledger_txn *txn, struct lop_run_list *l)
{
	static const char sql[] =
		"SELECT " PL_RUN_COLUMNS ", (EXISTS (SELECT 1 FROM run_instance AS ri"
		" JOIN instance_ AS i ON i.inc = ri.inc WHERE ri.run_id = r.id AND ri.inc <> $3"
		" AND i.state IN (1, 2)))::int"
		" FROM run_ AS r JOIN run_text AS t ON t.run_id = r.id"
		" WHERE r.job = $1 AND r.due_key = $2";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_TEXT(l->job), PL_TEXT(l->due_key), PL_INT(txn->inc)));

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	struct ledger_run_row *row = arena_new(&txn->arena, struct ledger_run_row);
	pl_get_run(&txn->arena, rows, 0, row);
	l->ret_due = row;
	l->ret_due_live_elsewhere = pl_int(rows, 0, PL_RUN_COLUMN_COUNT) != 0;
	return 0;
}

int pl_run_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char last[] = "SELECT coalesce(max(n), 0) FROM run_ WHERE job = $1"
				   " AND starts_with(due_key, $2 || '/')"
				   " AND strpos(substr(due_key, length($2) + 2), '/') = 0";
	static const char history[] =
		"SELECT n_items FROM run_ WHERE job = $1 AND state = 4 ORDER BY id DESC LIMIT 20";
	struct lop_run_list *l = &op->u.run_list;
	int rc = pl_run_list_open(q, txn, l);

	if (rc == 0 && l->due_key != NULL)
		rc = pl_run_list_due(q, txn, l);
	if (rc == 0 && l->due_base != NULL &&
	    pl_number(q, last, PL_ARGS(PL_TEXT(l->job), PL_TEXT(l->due_base)), &l->ret_last_n) < 0)
		rc = PL_FAILED;
	if (rc < 0)
		return rc;
	AUTO(pl_rows) PGresult *rows = pl_query(q, history, PL_ARGS(PL_TEXT(l->job)));
	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++)
		l->ret_history[l->ret_n_history++] = pl_int(rows, i, 0);
	return 0;
}

/* 1: made, 0: it was there already. */
static int pl_run_insert(struct pl *q, const struct ledger_txn *txn,
			 const struct ledger_run_row *row, int64_t *ret_id)
{
	static const char run[] =
		"INSERT INTO run_(job, due_key, name, slot, date, params, n, effect, doubt,"
		" key_valid, first_n, state, started_at, made_by, made_in)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, $14)"
		" ON CONFLICT (job, due_key) DO NOTHING RETURNING id";

	return pl_number(q, run,
			 PL_ARGS(PL_TEXT(row->job), PL_TEXT(row->due_key),
				 PL_TEXT(pl_or_empty(row->name)), PL_TEXT(pl_or_empty(row->slot)),
				 PL_TEXT(pl_or_empty(row->date)), PL_TEXT(pl_or_empty(row->params)),
				 PL_INT(row->n), PL_INT(row->effect), PL_INT(row->doubt),
				 PL_INT(rule_ms(row->key_valid_us)), PL_INT(row->first_n),
				 PL_INT(rule_ms(txn->now)), PL_INT_OR_NULL(txn->inc),
				 PL_INT_OR_NULL(txn->batch)),
			 ret_id);
}

int pl_run_create(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char find[] = "SELECT id FROM run_ WHERE job = $1 AND due_key = $2";
	static const char text[] = "INSERT INTO run_text(run_id, job_text, job_path, source_path)"
				   " VALUES ($1, $2, $3, $4)";
	static const char made[] =
		"SELECT 1 FROM run_ WHERE id = $1 AND made_by = $2 AND made_in = $3";
	struct lop_run_create *c = &op->u.run_create;
	int64_t one = 0;
	/* Looked for first: an insert that comes to nothing would use up a number. */
	int known = pl_number(q, find, PL_ARGS(PL_TEXT(c->row.job), PL_TEXT(c->row.due_key)),
			      &c->ret_id);

	if (known < 0)
		return PL_FAILED;
	if (known == 1 && q->is_replay) {
		int is_ours = pl_number(
			q, made, PL_ARGS(PL_INT(c->ret_id), PL_INT(txn->inc), PL_INT(txn->batch)),
			&one);
		c->ret_exists = is_ours == 0;
		return is_ours < 0 ? PL_FAILED : 0;
	}
	c->ret_exists = known == 1;
	if (known == 1 || q->is_replay)
		return 0;
	int is_made = pl_run_insert(q, txn, &c->row, &c->ret_id);
	if (is_made < 0)
		return PL_FAILED;
	if (is_made == 0) { /* another was quicker */
		c->ret_exists = true;
		return pl_number(q, find, PL_ARGS(PL_TEXT(c->row.job), PL_TEXT(c->row.due_key)),
				 &c->ret_id) < 0
			       ? PL_FAILED
			       : 0;
	}
	return pl_send(q, text,
		       PL_ARGS(PL_INT(c->ret_id), PL_TEXT(pl_or_empty(c->row.job_text)),
			       PL_TEXT(pl_or_empty(c->row.job_path)),
			       PL_TEXT(pl_or_empty(c->row.source_path))));
}

/* Nothing that a load put there remains; a run that was never open has had no effect. */
static int pl_run_unload(struct pl *q, int64_t run_id, int64_t now_ms)
{
	static const char loose[] = "DELETE FROM loose WHERE run_id = $1";
	static const char bodies[] = "DELETE FROM chunk_body WHERE chunk_id IN"
				     " (SELECT id FROM chunk WHERE run_id = $1)";
	static const char keys[] = "DELETE FROM chunk_keys WHERE chunk_id IN"
				   " (SELECT id FROM chunk WHERE run_id = $1)";
	static const char sums[] = "DELETE FROM chunk_sums WHERE chunk_id IN"
				   " (SELECT id FROM chunk WHERE run_id = $1)";
	static const char all_sums[] = "DELETE FROM run_sums WHERE run_id = $1";
	static const char chunks[] = "DELETE FROM chunk WHERE run_id = $1";
	static const char rejects[] = "DELETE FROM reject_ WHERE run_id = $1";
	static const char contents[] = "DELETE FROM content WHERE run_id = $1";
	static const char counters[] =
		"UPDATE run_ SET n_items = 0, n_read = 0, n_filtered = 0, n_rejected = 0,"
		" n_held_back = 0, cursor = NULL, loader = NULL WHERE id = $1";
	const char *const all[] = {loose,  bodies,  keys,     sums,    all_sums,
				   chunks, rejects, contents, counters};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (pl_send(q, all[i], PL_ARGS(PL_INT(run_id))) < 0)
			return PL_FAILED;
	return pl_requests_lapse(q, run_id, 0, now_ms);
}

static int pl_run_resume(struct pl *q, const struct ledger_run_row *row, int64_t now_ms)
{
	static const char resume[] =
		"UPDATE run_ SET state = CASE WHEN state <> 6 THEN state WHEN was_open = 1 THEN 2"
		" ELSE 1 END, reason = '', ended_at = NULL"
		" WHERE id = $1 AND (state = 6 OR reason <> '' OR ended_at IS NOT NULL)";

	if (pl_send(q, resume, PL_ARGS(PL_INT(row->id))) < 0)
		return PL_FAILED;
	if (row->state == RUN_FAILED && !row->was_open)
		return pl_run_unload(q, row->id, now_ms);
	return 0;
}

/* 1 found, 0 not. */
static int pl_run_read(struct pl *q, struct arena *a, int64_t run_id,
		       struct ledger_run_row *ret_row)
{
	static const char sql[] = "SELECT " PL_RUN_COLUMNS
				  " FROM run_ AS r JOIN run_text AS t ON t.run_id = r.id"
				  " WHERE r.id = $1";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id)));

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	pl_get_run(a, rows, 0, ret_row);
	return 1;
}

static int pl_run_others(struct pl *q, struct ledger_txn *txn, struct lop_run_join *j)
{
	static const char sql[] = "SELECT " PL_INSTANCE_COLUMNS
				  " FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
				  " WHERE ri.run_id = $1 AND i.inc <> $2 AND i.state IN (1, 2)"
				  " ORDER BY i.inc";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(j->run_id), PL_INT(txn->inc)));

	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_instance_row *found = arena_alloc(&txn->arena, n * sizeof(*found));
	for (size_t i = 0; i < n; i++)
		pl_get_instance(&txn->arena, rows, (int)i, &found[i]);
	j->ret_others = found;
	j->ret_n_others = n;
	return pl_get_lanes(q, &txn->arena, found, n);
}

int pl_run_join(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char join[] = "INSERT INTO run_instance(run_id, inc, joined_at)"
				   " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
	struct lop_run_join *j = &op->u.run_join;
	int64_t now_ms = rule_ms(txn->now);
	enum run_state state = RUN_LOADING;
	/* Two that join a failed run at once must not both unload it. */
	int rc = q->is_replay ? 0 : pl_run_lock(q, j->run_id, &state);

	if (rc >= 0)
		rc = pl_run_read(q, &txn->arena, j->run_id, &j->ret_row);
	if (rc < 0)
		return rc;
	if (rc == 0 || txn->inc == 0)
		return pl_lost(txn, "there is no run %lld to join", (long long)j->run_id);
	j->ret_over = rule_run_is_over(j->ret_row.state);
	if (!j->ret_over && !q->is_replay) {
		if (pl_run_resume(q, &j->ret_row, now_ms) < 0 ||
		    pl_send(q, join, PL_ARGS(PL_INT(j->run_id), PL_INT(txn->inc), PL_INT(now_ms))) <
			    0 ||
		    pl_run_read(q, &txn->arena, j->run_id, &j->ret_row) < 0)
			return PL_FAILED;
	}
	if (pl_count(q, j->run_id, txn->inc, &j->ret_counts) < 0)
		return PL_FAILED;
	return pl_run_others(q, txn, j);
}

int pl_run_leave(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char leave[] = "DELETE FROM run_instance WHERE run_id = $1 AND inc = $2";
	static const char keep[] =
		"WITH g AS (UPDATE run_ SET loader = nullif(loader, $2),"
		" reason = CASE WHEN state IN (1, 2, 3) THEN $3 ELSE reason END WHERE id = $1"
		" RETURNING 1) SELECT 1 / count(*) FROM g";
	const struct lop_run_leave *l = &op->u.run_leave;

	if (pl_send(q, leave, PL_ARGS(PL_INT(l->run_id), PL_INT(txn->inc))) < 0)
		return PL_FAILED;
	return pl_send(
		q, keep,
		PL_ARGS(PL_INT(l->run_id), PL_INT(txn->inc), PL_TEXT(pl_or_empty(l->reason))));
}

int pl_run_end(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char end[] = "UPDATE run_ SET state = $2, reason = $3, ended_at = $4,"
				  " loader = NULL WHERE id = $1";
	struct lop_run_end *e = &op->u.run_end;
	enum run_state state = RUN_LOADING;
	int rc = q->is_replay ? pl_run_state(q, e->run_id, &state)
			      : pl_run_lock(q, e->run_id, &state);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to end", (long long)e->run_id);
	e->ret_done = q->is_replay ? state == e->state : rule_run_may_end(state, e->state);
	if (q->is_replay || !e->ret_done)
		return 0;
	return pl_send(q, end,
		       PL_ARGS(PL_INT(e->run_id), PL_INT(e->state), PL_TEXT(pl_or_empty(e->reason)),
			       PL_INT(rule_ms(txn->now))));
}

/* E. 1 when it is finished now. */
static int pl_run_finish_now(struct pl *q, int64_t run_id, int64_t now_ms)
{
	static const char untold[] = "SELECT 1 FROM chunk WHERE run_id = $1 AND n_told < n LIMIT 1";
	static const char finish[] =
		"UPDATE run_ SET state = 4, ended_at = $2 WHERE id = $1 AND state = 2";
	int64_t one = 0;
	int rc = pl_run_is_empty(q, run_id);

	if (rc != 1)
		return rc;
	rc = pl_number(q, untold, PL_ARGS(PL_INT(run_id)), &one);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (pl_send(q, finish, PL_ARGS(PL_INT(run_id), PL_INT(now_ms))) < 0 ||
	    pl_requests_lapse(q, run_id, 0, now_ms) < 0)
		return PL_FAILED;
	return 1;
}

int pl_run_finish(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_finish *f = &op->u.run_finish;
	enum run_state state = RUN_LOADING;
	/* Locked: a person who opens it again comes before or after. */
	int rc = q->is_replay ? pl_run_state(q, f->run_id, &state)
			      : pl_run_lock(q, f->run_id, &state);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to finish", (long long)f->run_id);
	f->ret_finished = state == RUN_FINISHED;
	if (state == RUN_OPEN && !q->is_replay) {
		rc = pl_run_finish_now(q, f->run_id, rule_ms(txn->now));
		if (rc < 0)
			return rc;
		f->ret_finished = rc == 1;
	}
	return pl_count(q, f->run_id, txn->inc, &f->ret_counts);
}

int pl_run_counts(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_counts *c = &op->u.run_counts;
	int rc = pl_run_state(q, c->run_id, &c->ret_state);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to count", (long long)c->run_id);
	return pl_count(q, c->run_id, txn->inc, &c->ret_counts);
}
