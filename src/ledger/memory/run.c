/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: list, create, join, leave, end, finish, count. */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

static bool mem_run_lives_elsewhere(const struct memory *m, const struct mem_run *run, int64_t inc)
{
	for (size_t k = 0; k < run->joined.n; k++) {
		const struct mem_instance *i = run->joined.at[k];
		if (i->row.inc != inc && mem_instance_works(m, i))
			return true;
	}
	return false;
}

/* Whether due_key is base, a slash and the run's own number. */
static bool mem_has_base(const struct ledger_run_row *row, const char *base)
{
	size_t len = strlen(base);

	if (strncmp(row->due_key, base, len) != 0 || row->due_key[len] != '/')
		return false;
	return strchr(row->due_key + len + 1, '/') == NULL;
}

static void mem_run_history(const struct memory *m, struct lop_run_list *l)
{
	l->ret_n_history = 0;
	l->ret_past_id = 0;
	for (size_t k = m->runs.n; k > 0 && l->ret_n_history < ARRAY_LEN(l->ret_history); k--) {
		const struct mem_run *run = m->runs.at[k - 1];
		if (run->row.state != RUN_FINISHED || strcmp(run->row.job, l->job) != 0)
			continue;
		int64_t n = mem_step_find(run, 1)->row.n_items;
		l->ret_history[l->ret_n_history++] = n;
		if (l->ret_past_id != 0 || n == 0)
			continue;
		l->ret_past_id = run->row.id;
		l->ret_past_started_at = run->row.started_at;
	}
}

int mem_run_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_list *l = &op->u.run_list;
	struct arena *a = &txn->arena;
	struct ledger_run_row *rows = arena_alloc(a, m->runs.n * sizeof(*rows));
	bool *elsewhere = arena_alloc(a, m->runs.n * sizeof(*elsewhere));

	l->ret_n = 0;
	l->ret_due = NULL;
	l->ret_due_live_elsewhere = false;
	l->ret_last_n = 0;
	for (size_t k = 0; k < m->runs.n; k++) {
		const struct mem_run *run = m->runs.at[k];
		if (strcmp(run->row.job, l->job) != 0)
			continue;
		if (!rule_run_is_over(run->row.state)) {
			mem_put_run(a, run, &rows[l->ret_n]);
			elsewhere[l->ret_n++] = mem_run_lives_elsewhere(m, run, txn->inc);
		}
		if (l->due_key != NULL && strcmp(run->row.due_key, l->due_key) == 0) {
			struct ledger_run_row *due = arena_new(a, struct ledger_run_row);
			mem_put_run(a, run, due);
			l->ret_due = due;
			l->ret_due_live_elsewhere = mem_run_lives_elsewhere(m, run, txn->inc);
		}
		if (l->due_base != NULL && run->row.n > l->ret_last_n &&
		    mem_has_base(&run->row, l->due_base))
			l->ret_last_n = run->row.n;
	}
	l->ret_rows = rows;
	l->ret_live_elsewhere = elsewhere;
	mem_run_history(m, l);
	return 0;
}

static struct mem_run *mem_run_by_due(const struct memory *m, const char *job, const char *due_key)
{
	for (size_t k = 0; k < m->runs.n; k++) {
		struct mem_run *run = m->runs.at[k];
		if (strcmp(run->row.job, job) == 0 && strcmp(run->row.due_key, due_key) == 0)
			return run;
	}
	return NULL;
}

static void mem_steps_add(struct memory *m, struct mem_run *run, const struct ledger_run_row *row)
{
	const struct ledger_step_row only = rule_only_step(row);
	const struct ledger_step_row *from = row->n_steps == 0 ? &only : row->steps;
	size_t n = row->n_steps == 0 ? 1 : row->n_steps;

	for (size_t k = 0; k < n; k++) {
		struct mem_step *step = arena_new(&m->arena, struct mem_step);
		step->row = (struct ledger_step_row){
			.step = (int32_t)k + 1,
			.name = mem_text(m, from[k].name),
			.effect = from[k].effect,
			.doubt = from[k].doubt,
			.key_valid_us = rule_utime(rule_ms(from[k].key_valid_us)),
			.state = RUN_LOADING};
		mem_list_push(m, &run->steps, step);
	}
}

int mem_run_create(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_create *c = &op->u.run_create;
	const struct mem_run *known = mem_run_by_due(m, c->row.job, c->row.due_key);

	bool is_ours = known != NULL && m->is_replay && known->made_by == txn->inc &&
		       known->made_in == txn->batch;
	c->ret_exists = known != NULL && !is_ours;
	c->ret_id = known == NULL ? 0 : known->row.id;
	if (known != NULL || m->is_replay)
		return 0;
	struct mem_run *run = arena_new(&m->arena, struct mem_run);
	run->row = (struct ledger_run_row){
		.id = (int64_t)m->runs.n + 1,
		.job = mem_text(m, c->row.job),
		.due_key = mem_text(m, c->row.due_key),
		.name = mem_text(m, c->row.name),
		.slot = mem_text(m, c->row.slot),
		.date = mem_text(m, c->row.date),
		.params = mem_text(m, c->row.params),
		.n = c->row.n,
		.job_text = mem_text(m, c->row.job_text),
		.job_path = mem_text(m, c->row.job_path),
		.state = RUN_LOADING,
		.reason = "",
		.started_at = rule_utime(rule_ms(txn->now)),
		.step = 1,
		.first_n = c->row.first_n,
		.source_path = mem_text(m, c->row.source_path),
	};
	mem_steps_add(m, run, &c->row);
	run->made_by = txn->inc;
	run->made_in = txn->batch;
	mem_list_push(m, &m->runs, run);
	c->ret_id = run->row.id;
	return 0;
}

/* Nothing that a load of the step put there remains; a step that was never open has had no effect,
 * and is the last that loaded anything. Totals and the contents of files are the first step's. */
static void mem_step_unload(struct memory *m, struct mem_run *run, struct mem_step *step)
{
	struct ledger_step_row *row = &step->row;

	while (run->chunks.n > 0) {
		const struct mem_chunk *c = run->chunks.at[run->chunks.n - 1];
		if (c->step != row->step)
			break;
		void **slot = &m->chunks.at[c->id - 1];
		MEM_TOUCH(m, slot);
		*slot = NULL;
		run->chunks.n--;
	}
	while (run->loose.n > 0 &&
	       ((const struct mem_loose *)run->loose.at[run->loose.n - 1])->chunk->step ==
		       row->step)
		run->loose.n--;
	if (row->step == 1) {
		run->contents.n = 0;
		run->sums = NULL;
	}
	run->first_ready = 0;
	MEM_TOUCH(m, step);
	step->cursor = NULL;
	step->cursor_len = 0;
	step->loader = 0;
	run->row.n_items -= row->n_items;
	run->row.n_read -= row->n_read;
	run->row.n_filtered -= row->n_filtered;
	run->row.n_rejected -= row->n_rejected;
	run->row.n_held_back -= row->n_held_back;
	row->n_items = row->n_read = row->n_filtered = row->n_rejected = row->n_held_back = 0;
	mem_requests_lapse(m, run->row.id, 0);
}

static void mem_run_resume(struct memory *m, struct mem_run *run)
{
	MEM_TOUCH(m, run);
	if (run->row.state == RUN_FAILED) {
		run->row.state = mem_step_now(run)->row.state;
		/* What was moved out of an inbox is nowhere else: it stays. */
		if (run->row.state == RUN_LOADING && mem_step_now(run)->inbox_epoch == 0)
			mem_step_unload(m, run, mem_step_now(run));
	}
	run->row.reason = "";
	run->row.ended_at = 0;
}

static void mem_put_others(const struct memory *m, struct ledger_txn *txn,
			   const struct mem_run *run, struct lop_run_join *j)
{
	struct ledger_instance_row *rows = arena_alloc(&txn->arena, run->joined.n * sizeof(*rows));

	j->ret_n_others = 0;
	for (size_t k = 0; k < run->joined.n; k++) {
		const struct mem_instance *i = run->joined.at[k];
		if (i->row.inc != txn->inc && mem_instance_works(m, i))
			mem_put_instance(m, &txn->arena, i, &rows[j->ret_n_others++]);
	}
	j->ret_others = rows;
}

int mem_run_company(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_company *c = &op->u.run_company;
	const struct mem_run *run = mem_run_find(m, c->run_id);
	enum instance_state *states = arena_alloc(&txn->arena, c->n_known * sizeof(*states) + 1);
	size_t n_joined = run == NULL ? 0 : run->joined.n;
	struct ledger_instance_row *rows = arena_alloc(&txn->arena, n_joined * sizeof(*rows) + 1);

	c->ret_n_others = 0;
	for (size_t k = 0; k < n_joined; k++) {
		const struct mem_instance *i = run->joined.at[k];
		bool is_over = i->row.state == INSTANCE_ENDED || i->row.state == INSTANCE_REAPED;
		if (i->row.inc == txn->inc || is_over)
			continue;
		mem_put_instance(m, &txn->arena, i, &rows[c->ret_n_others]);
		rows[c->ret_n_others++].n_lanes = 0;
	}
	for (size_t k = 0; k < c->n_known; k++) {
		const struct mem_instance *i = mem_instance_find(m, c->known[k]);
		states[k] = i == NULL ? 0 : i->row.state;
	}
	c->ret_others = rows;
	c->ret_states = states;
	return 0;
}

/* By number, as they are listed. */
static void mem_run_add(struct memory *m, struct mem_run *run, struct mem_instance *me)
{
	size_t place = 0;

	mem_list_remove(m, &run->joined, me);
	while (place < run->joined.n) {
		const struct mem_instance *other = run->joined.at[place];
		if (other->row.inc > me->row.inc)
			break;
		place++;
	}
	mem_list_insert(m, &run->joined, place, me);
}

int mem_run_join(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_join *j = &op->u.run_join;
	struct mem_run *run = mem_run_find(m, j->run_id);
	struct mem_instance *me = mem_instance_find(m, txn->inc);

	if (run == NULL || me == NULL)
		return mem_lost(txn, "there is no run %lld to join", (long long)j->run_id);
	j->ret_over = rule_run_is_over(run->row.state);
	if (!j->ret_over && !m->is_replay) {
		mem_run_resume(m, run);
		mem_run_add(m, run, me);
	}
	mem_put_run(&txn->arena, run, &j->ret_row);
	mem_count(run, j->ret_over ? 0 : run->row.step, txn->inc, &j->ret_counts);
	mem_put_others(m, txn, run, j);
	return 0;
}

void mem_run_unloaded(struct memory *m, const struct mem_run *run, int64_t inc)
{
	for (size_t k = 0; k < run->steps.n; k++) {
		struct mem_step *step = run->steps.at[k];
		if (step->loader == 0 || (inc != 0 && step->loader != inc))
			continue;
		MEM_TOUCH(m, step);
		step->loader = 0;
	}
}

int mem_run_leave(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_run_leave *l = &op->u.run_leave;
	struct mem_run *run = mem_run_find(m, l->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to leave", (long long)l->run_id);
	mem_list_remove(m, &run->joined, mem_instance_find(m, txn->inc));
	MEM_TOUCH(m, run);
	mem_run_unloaded(m, run, txn->inc);
	mem_endings_free(m, run, txn->inc, 0);
	if (!rule_run_is_over(run->row.state) && run->row.state != RUN_FAILED)
		run->row.reason = mem_text(m, l->reason);
	return 0;
}

int mem_run_end(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_end *e = &op->u.run_end;
	struct mem_run *run = mem_run_find(m, e->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to end", (long long)e->run_id);
	if (m->is_replay) {
		e->ret_done = run->row.state == e->state;
		return 0;
	}
	e->ret_done = rule_run_may_end(run->row.state, e->state);
	if (!e->ret_done)
		return 0;
	MEM_TOUCH(m, run);
	run->row.state = e->state;
	run->row.reason = mem_text(m, e->reason);
	run->row.ended_at = rule_utime(rule_ms(txn->now));
	mem_run_unloaded(m, run, 0);
	return 0;
}

static bool mem_step_is_told(const struct mem_run *run, int32_t step)
{
	for (size_t k = 0; k < run->chunks.n; k++) {
		const struct mem_chunk *c = run->chunks.at[k];
		if (c->step == step && bits_count(c->told, c->n) < c->n)
			return false;
	}
	return true;
}

/* The first that is not finished after this one is; NULL: there is none. */
static struct mem_step *mem_step_next(const struct mem_run *run, int32_t step)
{
	for (size_t k = 0; k < run->steps.n; k++) {
		struct mem_step *s = run->steps.at[k];
		if (s->row.step != step && s->row.state != RUN_FINISHED)
			return s;
	}
	return NULL;
}

static bool mem_step_has_failed(const struct mem_run *run, int32_t step)
{
	for (size_t k = 0; k < run->loose.n; k++) {
		const struct mem_loose *l = run->loose.at[k];
		if (l->chunk->step == step && l->state != LOOSE_DONE && l->state != LOOSE_WAIVED)
			return true;
	}
	return mem_step_find(run, step)->row.n_rejected > 0;
}

/* The step is over: the run goes to the next that is not, or is finished. */
static void mem_run_advance(struct memory *m, struct ledger_txn *txn, struct mem_run *run)
{
	struct mem_step *step = mem_step_now(run);
	struct mem_step *next = mem_step_next(run, run->row.step);

	MEM_TOUCH(m, run);
	MEM_TOUCH(m, step);
	step->row.state = RUN_FINISHED;
	if (next != NULL) {
		MEM_TOUCH(m, next);
		if (next->row.state == RUN_LOADING && next->cursor == NULL)
			next->row.first_item = run->row.n_items;
		run->row.step = next->row.step;
		run->row.state = next->row.state;
		return;
	}
	run->row.state = RUN_FINISHED;
	run->row.ended_at = rule_utime(rule_ms(txn->now));
	mem_requests_lapse(m, run->row.id, 0);
}

int mem_run_finish(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_finish *f = &op->u.run_finish;
	struct mem_run *run = mem_run_find(m, f->run_id);
	int32_t step = rule_step(f->step);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to finish", (long long)f->run_id);
	f->ret_blocked = false;
	f->ret_missing = 0;
	bool is_last = mem_step_next(run, step) == NULL;
	if (run->row.state == RUN_OPEN && run->row.step == step && mem_step_is_empty(run, step))
		f->ret_missing = mem_endings_missing(run, step, rule_endings(f->endings, is_last));
	if (f->ret_missing == 0 && run->row.state == RUN_OPEN && run->row.step == step &&
	    mem_step_is_empty(run, step) && mem_step_is_told(run, step)) {
		f->ret_blocked = f->needs_done && mem_step_has_failed(run, step) && !is_last;
		if (!f->ret_blocked && !m->is_replay)
			mem_run_advance(m, txn, run);
	}
	f->ret_finished = run->row.state == RUN_FINISHED;
	f->ret_step = run->row.step;
	mem_count(run, step, txn->inc, &f->ret_counts);
	return 0;
}

int mem_run_counts(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_counts *c = &op->u.run_counts;
	const struct mem_run *run = mem_run_find(m, c->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to count", (long long)c->run_id);
	mem_count(run, c->step, txn->inc, &c->ret_counts);
	c->ret_state = run->row.state;
	c->ret_step = run->row.step;
	return 0;
}
