/* SPDX-License-Identifier: Apache-2.0 */
/* What is done once, at the end of a step or of a run: whose it is, and what came of it. */
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

static struct mem_ending *mem_ending_find(const struct mem_run *run, int32_t step,
					  enum ledger_ending kind)
{
	for (size_t k = 0; k < run->endings.n; k++) {
		struct mem_ending *e = run->endings.at[k];
		if (e->step == rule_ending_step(step, kind) && e->kind == kind)
			return e;
	}
	return NULL;
}

static void mem_ending_give(struct arena *a, const struct mem_ending *e,
			    struct ledger_ending_row *ret_row)
{
	*ret_row = (struct ledger_ending_row){.kind = e->kind,
					      .step = e->step,
					      .is_done = e->is_done,
					      .owner = e->owner,
					      .epoch = e->epoch,
					      .tries = e->tries,
					      .not_before = rule_utime(e->not_before_ms),
					      .err = arena_str(a, e->err),
					      .result = arena_str(a, e->result)};
}

int mem_ending_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_ending_take *t = &op->u.ending_take;
	struct mem_run *run = mem_run_find(m, t->run_id);
	int32_t step = rule_step(t->step);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to end", (long long)t->run_id);
	t->ret_taken = false;
	t->ret_row = (struct ledger_ending_row){.kind = t->kind, .err = "", .result = ""};
	t->ret_is_settled = run->row.state == RUN_OPEN && run->row.step == step &&
			    mem_step_is_empty(run, step);
	struct mem_ending *e = mem_ending_find(run, step, t->kind);
	if (e == NULL && t->ret_is_settled && !m->is_replay) {
		e = arena_new(&m->arena, struct mem_ending);
		e->kind = t->kind;
		e->step = rule_ending_step(step, t->kind);
		e->err = e->result = "";
		mem_list_push(m, &run->endings, e);
	}
	if (e == NULL)
		return 0;
	if (t->ret_is_settled && !m->is_replay && !e->is_done &&
	    (e->owner == 0 || e->owner == txn->inc) && e->not_before_ms <= rule_ms(txn->now)) {
		MEM_TOUCH(m, e);
		e->owner = txn->inc;
		e->epoch++;
	}
	t->ret_taken = t->ret_is_settled && !e->is_done && e->owner == txn->inc;
	mem_ending_give(&txn->arena, e, &t->ret_row);
	return 0;
}

int mem_ending_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_ending_put *p = &op->u.ending_put;
	const struct mem_run *run = mem_run_find(m, p->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to end", (long long)p->run_id);
	struct mem_ending *e = mem_ending_find(run, rule_step(p->step), p->kind);
	if (m->is_replay) {
		p->ret_late = e == NULL || e->epoch != p->epoch || e->is_done != p->is_done;
		return 0;
	}
	p->ret_late = e == NULL || e->owner != txn->inc || e->epoch != p->epoch;
	if (e == NULL || e->owner != txn->inc)
		return 0;
	MEM_TOUCH(m, e);
	e->owner = 0;
	if (p->ret_late)
		return 0;
	e->is_done = p->is_done;
	e->tries = p->is_done ? 0 : e->tries + 1;
	e->not_before_ms = rule_ms_up(p->not_before);
	e->err = mem_text(m, p->err);
	e->result = mem_text(m, p->result);
	return 0;
}

void mem_endings_free(struct memory *m, const struct mem_run *run, int64_t inc,
		      int64_t not_before_ms)
{
	for (size_t k = 0; k < run->endings.n; k++) {
		struct mem_ending *e = run->endings.at[k];
		if (e->owner != inc)
			continue;
		MEM_TOUCH(m, e);
		e->owner = 0;
		if (e->not_before_ms < not_before_ms)
			e->not_before_ms = not_before_ms;
	}
}

void mem_endings_reopen(struct memory *m, const struct mem_run *run, int32_t step)
{
	bool is_over = rule_run_is_over(run->row.state);
	bool is_step_over = mem_step_find(run, step)->row.state == RUN_FINISHED;

	for (size_t k = 0; k < run->endings.n && !is_over; k++) {
		struct mem_ending *e = run->endings.at[k];
		if (e->step != 0 && (e->step != step || is_step_over))
			continue;
		MEM_TOUCH(m, e);
		e->is_done = false; /* who makes it keeps it until he has heard of that */
		e->epoch++;
		e->tries = 0;
		e->not_before_ms = 0;
		e->err = "";
	}
}

uint32_t mem_endings_missing(const struct mem_run *run, int32_t step, uint32_t endings)
{
	uint32_t missing = endings;

	for (size_t k = 0; k < run->endings.n; k++) {
		const struct mem_ending *e = run->endings.at[k];
		if (e->is_done && (e->step == 0 || e->step == step))
			missing &= ~ENDING_BIT(e->kind);
	}
	return missing;
}
