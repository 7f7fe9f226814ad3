/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: list, create, join, leave, end, finish, count. */
#include <string.h>

#include "ledger/sqlite/sqlite.h"

/* 1 when another live instance has joined the run, 0 when none has. */
static int sq_lives_elsewhere(struct sq *q, int64_t run_id, int64_t inc)
{
	static const char sql[] =
		"SELECT ri.inc FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
		" WHERE ri.run_id = ?1 AND ri.inc <> ?2 AND i.state IN (1, 2)";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(inc)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		if (sq_is_gone(&q->locks, sqlite3_column_int64(st, 0)))
			continue;
		sq_end(st);
		return 1;
	}
	return rc;
}

static int sq_run_list_open(struct sq *q, struct ledger_txn *txn, struct lop_run_list *l)
{
	static const char sql[] = "SELECT " SQ_RUN_COLUMNS " FROM " SQ_RUN_TABLES
				  " WHERE r.job = ?1 AND r.state IN (1, 2, 3, 6) ORDER BY r.id";
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_run_row)};
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_TEXT(l->job)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1)
		sq_get_run(&txn->arena, st, sq_rows_add(&rows));
	struct ledger_run_row *found = (struct ledger_run_row *)(void *)rows.at;
	bool *elsewhere = arena_alloc(&txn->arena, rows.n * sizeof(*elsewhere));
	for (size_t i = 0; i < rows.n && rc == 0; i++) {
		if (sq_get_steps(q, &txn->arena, &found[i]) < 0)
			return SQ_FAILED;
		int lives = sq_lives_elsewhere(q, found[i].id, txn->inc);
		elsewhere[i] = lives == 1;
		rc = lives < 0 ? lives : 0;
	}
	l->ret_rows = found;
	l->ret_live_elsewhere = elsewhere;
	l->ret_n = rows.n;
	return rc;
}

static int sq_run_list_due(struct sq *q, struct ledger_txn *txn, struct lop_run_list *l)
{
	static const char sql[] = "SELECT " SQ_RUN_COLUMNS " FROM " SQ_RUN_TABLES
				  " WHERE r.job = ?1 AND r.due_key = ?2";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_TEXT(l->job), SQ_TEXT(l->due_key)));
	int rc = sq_next(q, st);

	if (rc != 1)
		return rc;
	struct ledger_run_row *row = arena_new(&txn->arena, struct ledger_run_row);
	sq_get_run(&txn->arena, st, row);
	sq_end(st);
	if (sq_get_steps(q, &txn->arena, row) < 0)
		return SQ_FAILED;
	l->ret_due = row;
	rc = sq_lives_elsewhere(q, row->id, txn->inc);
	l->ret_due_live_elsewhere = rc == 1;
	return rc < 0 ? rc : 0;
}

int sq_run_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	/* '0' follows '/' in ASCII, so this is the range of the keys that begin with base and
	 * slash */
	static const char last[] =
		"SELECT coalesce(max(n), 0) FROM run_ WHERE job = ?1 AND due_key > ?2 || '/'"
		" AND due_key < ?2 || '0' AND instr(substr(due_key, length(?2) + 2), '/') = 0";
	static const char history[] =
		"SELECT s.n_items, r.id, r.started_at FROM run_ AS r JOIN run_step AS s"
		" ON s.run_id = r.id AND s.step = 1"
		" WHERE r.job = ?1 AND r.state = 4 ORDER BY r.id DESC LIMIT 20";
	struct lop_run_list *l = &op->u.run_list;
	int rc = sq_run_list_open(q, txn, l);

	if (rc == 0 && l->due_key != NULL)
		rc = sq_run_list_due(q, txn, l);
	if (rc == 0 && l->due_base != NULL &&
	    sq_number(q, last, SQ_ARGS(SQ_TEXT(l->job), SQ_TEXT(l->due_base)), &l->ret_last_n) < 0)
		rc = SQ_FAILED;
	if (rc < 0)
		return rc;
	sqlite3_stmt *st = sq_query(q, history, SQ_ARGS(SQ_TEXT(l->job)));
	while ((rc = sq_next(q, st)) == 1) {
		l->ret_history[l->ret_n_history++] = sqlite3_column_int64(st, 0);
		if (l->ret_past_id != 0 || sqlite3_column_int64(st, 0) == 0)
			continue;
		l->ret_past_id = sqlite3_column_int64(st, 1);
		l->ret_past_started_at = sq_column_time(st, 2);
	}
	return rc;
}

static const char *text_or_empty(const char *s)
{
	return s == NULL ? "" : s;
}

static int sq_run_insert(struct sq *q, const struct ledger_txn *txn,
			 const struct ledger_run_row *row)
{
	static const char run[] =
		"INSERT INTO run_(job, due_key, name, slot, date, params, n, first_n, state,"
		" started_at, made_by, made_in)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10, ?11)";

	return sq_change(
		q, run,
		SQ_ARGS(SQ_TEXT(row->job), SQ_TEXT(row->due_key), SQ_TEXT(text_or_empty(row->name)),
			SQ_TEXT(text_or_empty(row->slot)), SQ_TEXT(text_or_empty(row->date)),
			SQ_TEXT(text_or_empty(row->params)), SQ_INT(row->n), SQ_INT(row->first_n),
			SQ_INT(rule_ms(txn->now)), SQ_INT_OR_NULL(txn->inc),
			SQ_INT_OR_NULL(txn->batch)));
}

static int sq_steps_insert(struct sq *q, int64_t run_id, const struct ledger_run_row *row)
{
	static const char sql[] =
		"INSERT INTO run_step(run_id, step, name, effect, doubt, key_valid)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	const struct ledger_step_row only = rule_only_step(row);
	const struct ledger_step_row *steps = row->n_steps == 0 ? &only : row->steps;
	size_t n = row->n_steps == 0 ? 1 : row->n_steps;

	for (size_t i = 0; i < n; i++)
		if (sq_change(q, sql,
			      SQ_ARGS(SQ_INT(run_id), SQ_INT((int64_t)i + 1),
				      SQ_TEXT(text_or_empty(steps[i].name)),
				      SQ_INT(steps[i].effect), SQ_INT(steps[i].doubt),
				      SQ_INT(rule_ms(steps[i].key_valid_us)))) < 0)
			return SQ_FAILED;
	return 0;
}

int sq_run_create(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char find[] = "SELECT id FROM run_ WHERE job = ?1 AND due_key = ?2";
	static const char text[] = "INSERT INTO run_text(run_id, job_text, job_path, source_path)"
				   " VALUES (?1, ?2, ?3, ?4)";
	static const char made[] =
		"SELECT 1 FROM run_ WHERE id = ?1 AND made_by = ?2 AND made_in = ?3";
	struct lop_run_create *c = &op->u.run_create;
	int64_t one = 0;
	/* Looked for first: an insert that comes to nothing would use up a number. */
	int known = sq_number(q, find, SQ_ARGS(SQ_TEXT(c->row.job), SQ_TEXT(c->row.due_key)),
			      &c->ret_id);

	if (known < 0)
		return SQ_FAILED;
	if (known == 1 && q->is_replay) {
		int is_ours = sq_number(
			q, made, SQ_ARGS(SQ_INT(c->ret_id), SQ_INT(txn->inc), SQ_INT(txn->batch)),
			&one);
		c->ret_exists = is_ours == 0;
		return is_ours < 0 ? SQ_FAILED : 0;
	}
	c->ret_exists = known == 1;
	if (known == 1 || q->is_replay)
		return 0;
	if (sq_run_insert(q, txn, &c->row) < 0)
		return SQ_FAILED;
	c->ret_id = sqlite3_last_insert_rowid(q->db);
	if (sq_steps_insert(q, c->ret_id, &c->row) < 0)
		return SQ_FAILED;
	return sq_change(q, text,
			 SQ_ARGS(SQ_INT(c->ret_id), SQ_TEXT(text_or_empty(c->row.job_text)),
				 SQ_TEXT(text_or_empty(c->row.job_path)),
				 SQ_TEXT(text_or_empty(c->row.source_path)))) < 0
		       ? SQ_FAILED
		       : 0;
}

/* Nothing that a load of the step put there remains; a step that was never open has had no effect.
 * Totals and the contents of files are the first step's. */
static int sq_step_unload(struct sq *q, int64_t run_id, int32_t step, int64_t now_ms)
{
#define CHUNKS "(SELECT id FROM chunk WHERE run_id = ?1 AND step = ?2)"
	static const char loose[] = "DELETE FROM loose WHERE run_id = ?1 AND step = ?2";
	static const char bodies[] = "DELETE FROM chunk_body WHERE chunk_id IN " CHUNKS;
	static const char keys[] = "DELETE FROM chunk_keys WHERE chunk_id IN " CHUNKS;
	static const char sums[] = "DELETE FROM chunk_sums WHERE chunk_id IN " CHUNKS;
	static const char all_sums[] = "DELETE FROM run_sums WHERE run_id = ?1 AND ?2 = 1";
	static const char chunks[] = "DELETE FROM chunk WHERE run_id = ?1 AND step = ?2";
	static const char rejects[] = "DELETE FROM reject_ WHERE run_id = ?1 AND step = ?2";
	static const char contents[] = "DELETE FROM content WHERE run_id = ?1 AND ?2 = 1";
	static const char sum[] =
		"UPDATE run_ SET n_items = run_.n_items - s.n_items,"
		" n_read = run_.n_read - s.n_read, n_filtered = run_.n_filtered - s.n_filtered,"
		" n_rejected = run_.n_rejected - s.n_rejected,"
		" n_held_back = run_.n_held_back - s.n_held_back FROM run_step AS s"
		" WHERE run_.id = ?1 AND s.run_id = ?1 AND s.step = ?2";
	static const char counters[] =
		"UPDATE run_step SET n_items = 0, n_read = 0, n_filtered = 0, n_rejected = 0,"
		" n_held_back = 0, cursor = NULL, loader = NULL WHERE run_id = ?1 AND step = ?2";
	const char *const all[] = {loose,  bodies,  keys,     sums, all_sums,
				   chunks, rejects, contents, sum,  counters};
#undef CHUNKS

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (sq_change(q, all[i], SQ_ARGS(SQ_INT(run_id), SQ_INT(step))) < 0)
			return SQ_FAILED;
	return sq_requests_lapse(q, run_id, 0, now_ms);
}

static int sq_run_resume(struct sq *q, const struct ledger_run_row *row, int64_t now_ms)
{
	static const char resume[] =
		"UPDATE run_ SET state = CASE WHEN state <> 6 THEN state ELSE (SELECT s.state FROM"
		" run_step AS s WHERE s.run_id = run_.id AND s.step = run_.step) END,"
		" reason = '', ended_at = NULL"
		" WHERE id = ?1 AND (state = 6 OR reason <> '' OR ended_at IS NOT NULL)";
	/* What was moved out of an inbox is nowhere else: it stays, and the load goes on. */
	static const char is_loading[] =
		"SELECT 1 FROM run_ AS r JOIN run_step AS s ON s.run_id = r.id AND s.step = r.step"
		" WHERE r.id = ?1 AND r.state = 1 AND s.inbox_epoch = 0";
	int64_t one = 0;

	if (sq_change(q, resume, SQ_ARGS(SQ_INT(row->id))) < 0)
		return SQ_FAILED;
	if (row->state != RUN_FAILED)
		return 0;
	int rc = sq_number(q, is_loading, SQ_ARGS(SQ_INT(row->id)), &one);
	return rc == 1 ? sq_step_unload(q, row->id, row->step, now_ms) : rc;
}

/* 1 found, 0 not. */
static int sq_run_read(struct sq *q, struct arena *a, int64_t run_id,
		       struct ledger_run_row *ret_row)
{
	static const char sql[] = "SELECT " SQ_RUN_COLUMNS " FROM " SQ_RUN_TABLES
				  " WHERE r.id = ?1";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id)));
	int rc = sq_next(q, st);

	if (rc != 1)
		return rc;
	sq_get_run(a, st, ret_row);
	sq_end(st);
	return sq_get_steps(q, a, ret_row) < 0 ? SQ_FAILED : 1;
}

/* With those that are gone and not reaped, where `is_whole`. */
static int sq_run_others(struct sq *q, struct ledger_txn *txn, int64_t run_id, bool is_whole,
			 struct sq_rows *rows)
{
	static const char sql[] = "SELECT " SQ_INSTANCE_COLUMNS
				  " FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
				  " WHERE ri.run_id = ?1 AND i.inc <> ?2 AND i.state IN (1, 2)"
				  " ORDER BY i.inc";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(txn->inc)));
	int rc = 0;

	*rows = (struct sq_rows){.arena = &txn->arena, .size = sizeof(struct ledger_instance_row)};
	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_instance_row row = {0};
		sq_get_instance(q, &txn->arena, st, &row);
		if (is_whole || !row.is_gone)
			memcpy(sq_rows_add(rows), &row, sizeof(row));
	}
	return rc;
}

static int sq_join_others(struct sq *q, struct ledger_txn *txn, struct lop_run_join *j)
{
	struct sq_rows rows = {0};
	int rc = sq_run_others(q, txn, j->run_id, false, &rows);
	struct ledger_instance_row *found = (struct ledger_instance_row *)(void *)rows.at;

	j->ret_others = found;
	j->ret_n_others = rows.n;
	return rc < 0 ? rc : sq_get_lanes(q, &txn->arena, found, rows.n);
}

int sq_run_company(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char state[] = "SELECT state FROM instance_ WHERE inc = ?1";
	struct lop_run_company *c = &op->u.run_company;
	enum instance_state *states = arena_alloc(&txn->arena, c->n_known * sizeof(*states) + 1);
	struct sq_rows rows = {0};

	int rc = sq_run_others(q, txn, c->run_id, true, &rows);
	for (size_t i = 0; rc >= 0 && i < c->n_known; i++) {
		int64_t number = 0;
		rc = sq_number(q, state, SQ_ARGS(SQ_INT(c->known[i])), &number);
		states[i] = (enum instance_state)number;
	}
	c->ret_others = (struct ledger_instance_row *)(void *)rows.at;
	c->ret_n_others = rows.n;
	c->ret_states = states;
	return rc < 0 ? rc : 0;
}

int sq_run_join(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char join[] = "INSERT INTO run_instance(run_id, inc, joined_at)"
				   " VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
	struct lop_run_join *j = &op->u.run_join;
	int64_t now_ms = rule_ms(txn->now);
	int rc = sq_run_read(q, &txn->arena, j->run_id, &j->ret_row);

	if (rc < 0)
		return rc;
	if (rc == 0 || txn->inc == 0)
		return sq_lost(txn, "there is no run %lld to join", (long long)j->run_id);
	j->ret_over = rule_run_is_over(j->ret_row.state);
	if (!j->ret_over && !q->is_replay) {
		if (sq_run_resume(q, &j->ret_row, now_ms) < 0 ||
		    sq_change(q, join,
			      SQ_ARGS(SQ_INT(j->run_id), SQ_INT(txn->inc), SQ_INT(now_ms))) < 0 ||
		    sq_run_read(q, &txn->arena, j->run_id, &j->ret_row) < 0)
			return SQ_FAILED;
	}
	if (sq_count(q, j->run_id, j->ret_over ? 0 : j->ret_row.step, txn->inc, &j->ret_counts) < 0)
		return SQ_FAILED;
	return sq_join_others(q, txn, j);
}

int sq_run_leave(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char leave[] = "DELETE FROM run_instance WHERE run_id = ?1 AND inc = ?2";
	static const char keep[] =
		"UPDATE run_ SET reason = CASE WHEN state IN (1, 2, 3) THEN ?2 ELSE reason END"
		" WHERE id = ?1";
	static const char loads[] =
		"UPDATE run_step SET loader = NULL WHERE run_id = ?1 AND loader = ?2";
	const struct lop_run_leave *l = &op->u.run_leave;

	if (sq_change(q, leave, SQ_ARGS(SQ_INT(l->run_id), SQ_INT(txn->inc))) < 0 ||
	    sq_change(q, loads, SQ_ARGS(SQ_INT(l->run_id), SQ_INT(txn->inc))) < 0 ||
	    sq_endings_free(q, l->run_id, txn->inc, 0) < 0)
		return SQ_FAILED;
	int rc = sq_change(q, keep, SQ_ARGS(SQ_INT(l->run_id), SQ_TEXT(text_or_empty(l->reason))));
	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to leave", (long long)l->run_id);
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_run_unloaded(struct sq *q, int64_t run_id)
{
	static const char sql[] = "UPDATE run_step SET loader = NULL WHERE run_id = ?1";

	return sq_change(q, sql, SQ_ARGS(SQ_INT(run_id))) < 0 ? SQ_FAILED : 0;
}

int sq_run_end(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char end[] = "UPDATE run_ SET state = ?2, reason = ?3, ended_at = ?4"
				  " WHERE id = ?1";
	struct lop_run_end *e = &op->u.run_end;
	enum run_state state = RUN_LOADING;
	int rc = sq_run_state(q, e->run_id, &state);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to end", (long long)e->run_id);
	e->ret_done = q->is_replay ? state == e->state : rule_run_may_end(state, e->state);
	if (q->is_replay || !e->ret_done)
		return 0;
	rc = sq_change(q, end,
		       SQ_ARGS(SQ_INT(e->run_id), SQ_INT(e->state),
			       SQ_TEXT(text_or_empty(e->reason)), SQ_INT(rule_ms(txn->now))));
	return rc < 0 ? SQ_FAILED : sq_run_unloaded(q, e->run_id);
}

/* Whether the step has ended otherwise than well. 1, 0 or SQ_FAILED. */
static int sq_step_has_failed(struct sq *q, int64_t run_id, int32_t step)
{
	static const char sql[] =
		"SELECT EXISTS (SELECT 1 FROM loose WHERE run_id = ?1 AND step = ?2 AND state IN"
		" (3, 4, 7, 8)) OR EXISTS (SELECT 1 FROM run_step WHERE run_id = ?1 AND step = ?2"
		" AND n_rejected > 0)";
	int64_t has_failed = 0;
	int rc = sq_number(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(step)), &has_failed);

	return rc < 0 ? rc : (int)has_failed;
}

/* The step is over: the run goes to the next that is not, or is finished. */
static int sq_run_advance(struct sq *q, int64_t run_id, int32_t step, int64_t now_ms)
{
	static const char over[] = "UPDATE run_step SET state = 4 WHERE run_id = ?1 AND step = ?2";
	static const char begin[] =
		"UPDATE run_step SET first_item = (SELECT n_items FROM run_ WHERE id = ?1)"
		" WHERE run_id = ?1 AND step = ?2 AND state = 1 AND cursor IS NULL";
	static const char next[] = "SELECT min(step) FROM run_step WHERE run_id = ?1 AND state <> 4"
				   " HAVING count(*) > 0";
	static const char go_on[] =
		"UPDATE run_ SET step = ?2, state = (SELECT state FROM run_step WHERE run_id = ?1"
		" AND step = ?2) WHERE id = ?1";
	static const char finish[] = "UPDATE run_ SET state = 4, ended_at = ?2 WHERE id = ?1";
	int64_t to = 0;

	if (sq_change(q, over, SQ_ARGS(SQ_INT(run_id), SQ_INT(step))) < 0)
		return SQ_FAILED;
	int rc = sq_number(q, next, SQ_ARGS(SQ_INT(run_id)), &to);
	if (rc < 0)
		return rc;
	if (rc == 1)
		return sq_change(q, begin, SQ_ARGS(SQ_INT(run_id), SQ_INT(to))) < 0 ||
				       sq_change(q, go_on, SQ_ARGS(SQ_INT(run_id), SQ_INT(to))) < 0
			       ? SQ_FAILED
			       : 0;
	if (sq_change(q, finish, SQ_ARGS(SQ_INT(run_id), SQ_INT(now_ms))) < 0)
		return SQ_FAILED;
	return sq_requests_lapse(q, run_id, 0, now_ms);
}

/* E */
static int sq_step_finish(struct sq *q, struct lop_run_finish *f, int64_t now_ms)
{
	static const char untold[] = "SELECT 1 FROM chunk INDEXED BY chunk_untold"
				     " WHERE run_id = ?1 AND step = ?2 AND n_told < n LIMIT 1";
	static const char is_last[] =
		"SELECT NOT EXISTS (SELECT 1 FROM run_step WHERE run_id = ?1 AND step <> ?2"
		" AND state <> 4)";
	int64_t one = 0;
	int64_t last = 0;
	int32_t step = rule_step(f->step);
	int rc = sq_step_is_empty(q, f->run_id, step);

	if (rc != 1)
		return rc;
	if (sq_number(q, is_last, SQ_ARGS(SQ_INT(f->run_id), SQ_INT(step)), &last) < 0)
		return SQ_FAILED;
	f->ret_missing = rule_endings(f->endings, last == 1);
	rc = sq_endings_missing(q, f->run_id, step, &f->ret_missing);
	if (rc < 0 || f->ret_missing != 0)
		return rc;
	rc = sq_number(q, untold, SQ_ARGS(SQ_INT(f->run_id), SQ_INT(step)), &one);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (f->needs_done) {
		int has_failed = sq_step_has_failed(q, f->run_id, step);
		if (has_failed < 0)
			return SQ_FAILED;
		f->ret_blocked = has_failed == 1 && last == 0;
	}
	return f->ret_blocked || q->is_replay ? 0 : sq_run_advance(q, f->run_id, step, now_ms);
}

int sq_run_finish(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_finish *f = &op->u.run_finish;
	enum run_state state = RUN_LOADING;
	int rc = sq_run_at(q, f->run_id, &state, &f->ret_step);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to finish", (long long)f->run_id);
	f->ret_missing = 0;
	if (state == RUN_OPEN && f->ret_step == rule_step(f->step)) {
		if (sq_step_finish(q, f, rule_ms(txn->now)) < 0 ||
		    sq_run_at(q, f->run_id, &state, &f->ret_step) < 0)
			return SQ_FAILED;
	}
	f->ret_finished = state == RUN_FINISHED;
	return sq_count(q, f->run_id, rule_step(f->step), txn->inc, &f->ret_counts);
}

int sq_run_counts(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_counts *c = &op->u.run_counts;
	int rc = sq_run_at(q, c->run_id, &c->ret_state, &c->ret_step);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to count", (long long)c->run_id);
	return sq_count(q, c->run_id, c->step, txn->inc, &c->ret_counts);
}
