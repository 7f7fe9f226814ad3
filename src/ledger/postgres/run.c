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
		" FROM " PL_RUN_TABLES
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
		if (pl_get_steps(q, &txn->arena, &found[i]) < 0)
			return PL_FAILED;
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
		" FROM " PL_RUN_TABLES " WHERE r.job = $1 AND r.due_key = $2";
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
	return pl_get_steps(q, &txn->arena, row);
}

int pl_run_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char last[] = "SELECT coalesce(max(n), 0) FROM run_ WHERE job = $1"
				   " AND starts_with(due_key, $2 || '/')"
				   " AND strpos(substr(due_key, length($2) + 2), '/') = 0";
	static const char history[] =
		"SELECT s.n_items, r.id, r.started_at FROM run_ AS r JOIN run_step AS s"
		" ON s.run_id = r.id AND s.step = 1"
		" WHERE r.job = $1 AND r.state = 4 ORDER BY r.id DESC LIMIT 20";
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
	for (int i = 0; i < PQntuples(rows); i++) {
		l->ret_history[l->ret_n_history++] = pl_int(rows, i, 0);
		if (l->ret_past_id != 0 || pl_int(rows, i, 0) == 0)
			continue;
		l->ret_past_id = pl_int(rows, i, 1);
		l->ret_past_started_at = pl_time(rows, i, 2);
	}
	return 0;
}

/* 1: made, 0: it was there already. */
static int pl_run_insert(struct pl *q, const struct ledger_txn *txn,
			 const struct ledger_run_row *row, int64_t *ret_id)
{
	static const char run[] =
		"INSERT INTO run_(job, due_key, name, slot, date, params, n, first_n, state,"
		" started_at, made_by, made_in)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11)"
		" ON CONFLICT (job, due_key) DO NOTHING RETURNING id";

	return pl_number(q, run,
			 PL_ARGS(PL_TEXT(row->job), PL_TEXT(row->due_key),
				 PL_TEXT(pl_or_empty(row->name)), PL_TEXT(pl_or_empty(row->slot)),
				 PL_TEXT(pl_or_empty(row->date)), PL_TEXT(pl_or_empty(row->params)),
				 PL_INT(row->n), PL_INT(row->first_n), PL_INT(rule_ms(txn->now)),
				 PL_INT_OR_NULL(txn->inc), PL_INT_OR_NULL(txn->batch)),
			 ret_id);
}

static int pl_steps_insert(struct pl *q, int64_t run_id, const struct ledger_run_row *row)
{
	static const char sql[] =
		"INSERT INTO run_step(run_id, step, name, effect, doubt, key_valid)"
		" VALUES ($1, $2, $3, $4, $5, $6)";
	const struct ledger_step_row only = rule_only_step(row);
	const struct ledger_step_row *steps = row->n_steps == 0 ? &only : row->steps;
	size_t n = row->n_steps == 0 ? 1 : row->n_steps;

	for (size_t i = 0; i < n; i++)
		if (pl_send(q, sql,
			    PL_ARGS(PL_INT(run_id), PL_INT((int64_t)i + 1),
				    PL_TEXT(pl_or_empty(steps[i].name)), PL_INT(steps[i].effect),
				    PL_INT(steps[i].doubt),
				    PL_INT(rule_ms(steps[i].key_valid_us)))) < 0)
			return PL_FAILED;
	return 0;
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
	if (pl_steps_insert(q, c->ret_id, &c->row) < 0)
		return PL_FAILED;
	return pl_send(q, text,
		       PL_ARGS(PL_INT(c->ret_id), PL_TEXT(pl_or_empty(c->row.job_text)),
			       PL_TEXT(pl_or_empty(c->row.job_path)),
			       PL_TEXT(pl_or_empty(c->row.source_path))));
}

/* Nothing that a load of the step put there remains; a step that was never open has had no effect.
 * Totals and the contents of files are the first step's. */
static int pl_step_unload(struct pl *q, int64_t run_id, int32_t step, int64_t now_ms)
{
#define CHUNKS "(SELECT id FROM chunk WHERE run_id = $1 AND step = $2)"
	static const char loose[] = "DELETE FROM loose WHERE run_id = $1 AND step = $2";
	static const char bodies[] = "DELETE FROM chunk_body WHERE chunk_id IN " CHUNKS;
	static const char keys[] = "DELETE FROM chunk_keys WHERE chunk_id IN " CHUNKS;
	static const char sums[] = "DELETE FROM chunk_sums WHERE chunk_id IN " CHUNKS;
	static const char all_sums[] = "DELETE FROM run_sums WHERE run_id = $1 AND $2 = 1";
	static const char chunks[] = "DELETE FROM chunk WHERE run_id = $1 AND step = $2";
	static const char rejects[] = "DELETE FROM reject_ WHERE run_id = $1 AND step = $2";
	static const char contents[] = "DELETE FROM content WHERE run_id = $1 AND $2 = 1";
	static const char counters[] = "DELETE FROM load_at WHERE run_id = $1 AND step = $2";
	static const char loader[] =
		"UPDATE run_step SET loader = NULL WHERE run_id = $1 AND step = $2";
	const char *const all[] = {loose,  bodies,  keys,     sums,	all_sums,
				   chunks, rejects, contents, counters, loader};
#undef CHUNKS

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (pl_send(q, all[i], PL_ARGS(PL_INT(run_id), PL_INT(step))) < 0)
			return PL_FAILED;
	return pl_requests_lapse(q, run_id, 0, now_ms);
}

static int pl_run_resume(struct pl *q, const struct ledger_run_row *row, int64_t now_ms)
{
	static const char resume[] =
		"UPDATE run_ SET state = CASE WHEN state <> 6 THEN state ELSE (SELECT s.state FROM"
		" run_step AS s WHERE s.run_id = run_.id AND s.step = run_.step) END,"
		" reason = '', ended_at = NULL"
		" WHERE id = $1 AND (state = 6 OR reason <> '' OR ended_at IS NOT NULL)";
	/* What was moved out of an inbox is nowhere else: it stays, and the load goes on. */
	static const char is_loading[] =
		"SELECT 1 FROM run_ AS r JOIN run_step AS s ON s.run_id = r.id AND s.step = r.step"
		" WHERE r.id = $1 AND r.state = 1 AND s.inbox_epoch = 0";
	int64_t one = 0;

	if (pl_send(q, resume, PL_ARGS(PL_INT(row->id))) < 0)
		return PL_FAILED;
	if (row->state != RUN_FAILED)
		return 0;
	int rc = pl_number(q, is_loading, PL_ARGS(PL_INT(row->id)), &one);
	return rc == 1 ? pl_step_unload(q, row->id, row->step, now_ms) : rc;
}

/* 1 found, 0 not. */
static int pl_run_read(struct pl *q, struct arena *a, int64_t run_id,
		       struct ledger_run_row *ret_row)
{
	static const char sql[] = "SELECT " PL_RUN_COLUMNS " FROM " PL_RUN_TABLES
				  " WHERE r.id = $1";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id)));

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	pl_get_run(a, rows, 0, ret_row);
	return pl_get_steps(q, a, ret_row) < 0 ? PL_FAILED : 1;
}

static int pl_run_others(struct pl *q, struct ledger_txn *txn, int64_t run_id,
			 struct ledger_instance_row **ret_rows, size_t *ret_n)
{
	static const char sql[] = "SELECT " PL_INSTANCE_COLUMNS
				  " FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
				  " WHERE ri.run_id = $1 AND i.inc <> $2 AND i.state IN (1, 2)"
				  " ORDER BY i.inc";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(txn->inc)));

	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_instance_row *found = arena_alloc(&txn->arena, n * sizeof(*found));
	for (size_t i = 0; i < n; i++)
		pl_get_instance(&txn->arena, rows, (int)i, &found[i]);
	*ret_rows = found;
	*ret_n = n;
	return 0;
}

static int pl_join_others(struct pl *q, struct ledger_txn *txn, struct lop_run_join *j)
{
	struct ledger_instance_row *found = NULL;

	if (pl_run_others(q, txn, j->run_id, &found, &j->ret_n_others) < 0)
		return PL_FAILED;
	j->ret_others = found;
	return pl_get_lanes(q, &txn->arena, found, j->ret_n_others);
}

int pl_run_company(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char state[] = "SELECT state FROM instance_ WHERE inc = $1";
	struct lop_run_company *c = &op->u.run_company;
	enum instance_state *states = arena_alloc(&txn->arena, c->n_known * sizeof(*states) + 1);
	struct ledger_instance_row *found = NULL;

	int rc = pl_run_others(q, txn, c->run_id, &found, &c->ret_n_others);
	for (size_t i = 0; rc >= 0 && i < c->n_known; i++) {
		int64_t number = 0;
		rc = pl_number(q, state, PL_ARGS(PL_INT(c->known[i])), &number);
		states[i] = (enum instance_state)number;
	}
	c->ret_others = found;
	c->ret_states = states;
	return rc < 0 ? rc : 0;
}

int pl_run_join(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char join[] = "INSERT INTO run_instance(run_id, inc, joined_at)"
				   " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
	struct lop_run_join *j = &op->u.run_join;
	int64_t now_ms = rule_ms(txn->now);
	enum run_state state = RUN_LOADING;
	int32_t step = 0;
	/* Two that join a failed run at once must not both unload it. */
	int rc = q->is_replay ? 0 : pl_run_lock(q, j->run_id, &state, &step);

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
	if (pl_count(q, j->run_id, j->ret_over ? 0 : j->ret_row.step, txn->inc, &j->ret_counts) < 0)
		return PL_FAILED;
	return pl_join_others(q, txn, j);
}

int pl_run_leave(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char leave[] = "DELETE FROM run_instance WHERE run_id = $1 AND inc = $2";
	static const char keep[] =
		"WITH g AS (UPDATE run_ SET reason = CASE WHEN state IN (1, 2, 3) THEN $2 ELSE"
		" reason END WHERE id = $1 RETURNING 1) SELECT 1 / count(*) FROM g";
	static const char loads[] =
		"UPDATE run_step SET loader = NULL WHERE run_id = $1 AND loader = $2";
	const struct lop_run_leave *l = &op->u.run_leave;

	if (pl_send(q, leave, PL_ARGS(PL_INT(l->run_id), PL_INT(txn->inc))) < 0 ||
	    pl_send(q, keep, PL_ARGS(PL_INT(l->run_id), PL_TEXT(pl_or_empty(l->reason)))) < 0 ||
	    pl_endings_free(q, l->run_id, txn->inc, 0) < 0)
		return PL_FAILED;
	return pl_send(q, loads, PL_ARGS(PL_INT(l->run_id), PL_INT(txn->inc)));
}

int pl_run_unloaded(struct pl *q, int64_t run_id)
{
	static const char sql[] = "UPDATE run_step SET loader = NULL WHERE run_id = $1";

	return pl_send(q, sql, PL_ARGS(PL_INT(run_id)));
}

int pl_run_end(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char end[] = "UPDATE run_ SET state = $2, reason = $3, ended_at = $4"
				  " WHERE id = $1";
	struct lop_run_end *e = &op->u.run_end;
	enum run_state state = RUN_LOADING;
	int32_t step = 0;
	int rc = q->is_replay ? pl_run_at(q, e->run_id, &state, &step)
			      : pl_run_lock(q, e->run_id, &state, &step);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to end", (long long)e->run_id);
	e->ret_done = q->is_replay ? state == e->state : rule_run_may_end(state, e->state);
	if (q->is_replay || !e->ret_done)
		return 0;
	if (pl_send(q, end,
		    PL_ARGS(PL_INT(e->run_id), PL_INT(e->state), PL_TEXT(pl_or_empty(e->reason)),
			    PL_INT(rule_ms(txn->now)))) < 0)
		return PL_FAILED;
	return pl_run_unloaded(q, e->run_id);
}

/* ---- E ---- */

/* Whether the step has ended otherwise than well. 1, 0 or PL_FAILED. */
static int pl_step_has_failed(struct pl *q, int64_t run_id, int32_t step)
{
	static const char sql[] =
		"SELECT (EXISTS (SELECT 1 FROM loose WHERE run_id = $1 AND step = $2 AND state IN"
		" (3, 4, 7, 8)) OR EXISTS (SELECT 1 FROM run_step WHERE run_id = $1 AND step = $2"
		" AND n_rejected > 0))::int";
	int64_t has_failed = 0;
	int rc = pl_number(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(step)), &has_failed);

	return rc < 0 ? rc : (int)has_failed;
}

/* The step is over: the run goes to the next that is not, or is finished. */
static int pl_run_advance(struct pl *q, int64_t run_id, int32_t step, int64_t now_ms)
{
	static const char over[] = "UPDATE run_step SET state = 4 WHERE run_id = $1 AND step = $2";
	static const char begin[] =
		"UPDATE run_step SET first_item = (SELECT n_items FROM run_ WHERE id = $1)"
		" WHERE run_id = $1 AND step = $2 AND state = 1 AND NOT EXISTS (SELECT 1"
		" FROM load_at WHERE run_id = $1 AND step = $2)";
	static const char next[] = "SELECT min(step) FROM run_step WHERE run_id = $1 AND state <> 4"
				   " HAVING count(*) > 0";
	static const char go_on[] =
		"UPDATE run_ SET step = $2, state = (SELECT state FROM run_step WHERE run_id = $1"
		" AND step = $2) WHERE id = $1";
	static const char finish[] = "UPDATE run_ SET state = 4, ended_at = $2 WHERE id = $1";
	int64_t to = 0;

	if (pl_send(q, over, PL_ARGS(PL_INT(run_id), PL_INT(step))) < 0)
		return PL_FAILED;
	int rc = pl_number(q, next, PL_ARGS(PL_INT(run_id)), &to);
	if (rc < 0)
		return rc;
	if (rc == 1)
		return pl_send(q, begin, PL_ARGS(PL_INT(run_id), PL_INT(to))) < 0
			       ? PL_FAILED
			       : pl_send(q, go_on, PL_ARGS(PL_INT(run_id), PL_INT(to)));
	if (pl_send(q, finish, PL_ARGS(PL_INT(run_id), PL_INT(now_ms))) < 0)
		return PL_FAILED;
	return pl_requests_lapse(q, run_id, 0, now_ms);
}

static int pl_step_finish(struct pl *q, struct lop_run_finish *f, int64_t now_ms)
{
	static const char untold[] =
		"SELECT 1 FROM chunk WHERE run_id = $1 AND step = $2 AND n_told < n LIMIT 1";
	static const char is_last[] =
		"SELECT (NOT EXISTS (SELECT 1 FROM run_step WHERE run_id = $1 AND step <> $2"
		" AND state <> 4))::int";
	int64_t one = 0;
	int64_t last = 0;
	int32_t step = rule_step(f->step);
	int rc = pl_step_is_empty(q, f->run_id, step);

	if (rc != 1)
		return rc;
	if (pl_number(q, is_last, PL_ARGS(PL_INT(f->run_id), PL_INT(step)), &last) < 0)
		return PL_FAILED;
	f->ret_missing = rule_endings(f->endings, last == 1);
	rc = pl_endings_missing(q, f->run_id, step, &f->ret_missing);
	if (rc < 0 || f->ret_missing != 0)
		return rc;
	rc = pl_number(q, untold, PL_ARGS(PL_INT(f->run_id), PL_INT(step)), &one);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (f->needs_done) {
		int has_failed = pl_step_has_failed(q, f->run_id, step);
		if (has_failed < 0)
			return PL_FAILED;
		f->ret_blocked = has_failed == 1 && last == 0;
	}
	return f->ret_blocked || q->is_replay ? 0 : pl_run_advance(q, f->run_id, step, now_ms);
}

int pl_run_finish(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_finish *f = &op->u.run_finish;
	enum run_state state = RUN_LOADING;
	/* Locked: a person who opens it again comes before or after. */
	int rc = q->is_replay ? pl_run_at(q, f->run_id, &state, &f->ret_step)
			      : pl_run_lock(q, f->run_id, &state, &f->ret_step);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to finish", (long long)f->run_id);
	f->ret_missing = 0;
	if (state == RUN_OPEN && f->ret_step == rule_step(f->step)) {
		if (pl_step_finish(q, f, rule_ms(txn->now)) < 0 ||
		    pl_run_at(q, f->run_id, &state, &f->ret_step) < 0)
			return PL_FAILED;
	}
	f->ret_finished = state == RUN_FINISHED;
	return pl_count(q, f->run_id, rule_step(f->step), txn->inc, &f->ret_counts);
}

int pl_run_counts(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_counts *c = &op->u.run_counts;
	int rc = pl_run_at(q, c->run_id, &c->ret_state, &c->ret_step);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to count", (long long)c->run_id);
	return pl_count(q, c->run_id, c->step, txn->inc, &c->ret_counts);
}
