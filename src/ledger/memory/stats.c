/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of attempts in sums. */
#include "ledger/stats.h"

#include <string.h>

#include "ledger/memory/memory.h"

int mem_rollup_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_rollup_add *r = &op->u.rollup_add;
	struct mem_run *run = mem_run_find(m, r->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to count", (long long)r->run_id);
	struct ledger_effort *e = &run->effort;
	MEM_TOUCH(m, e);
	e->done += r->done;
	e->failed += r->failed;
	e->took_us += r->took_us;
	e->failed_us += r->failed_us;
	e->again += r->again;
	e->again_us += r->again_us;
	e->over_quota += r->over_quota;
	e->worked_us += r->worked_us;
	e->items += r->items;
	e->tries += r->tries;
	e->tries_squares += r->tries_squares;
	e->tries_us += r->tries_us;
	return 0;
}

int mem_latency_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_latency_add *l = &op->u.latency_add;
	struct mem_run *run = mem_run_find(m, l->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to measure", (long long)l->run_id);
	struct mem_latency *row = arena_new(&m->arena, struct mem_latency);
	row->names.endpoint = mem_text(m, l->endpoint);
	row->names.phase = mem_text(m, l->phase);
	row->data = arena_dup(&m->arena, l->histogram, l->len);
	row->len = l->len;
	mem_list_push(m, &run->latency, row);
	return 0;
}

int mem_failure_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_failure_add *f = &op->u.failure_add;
	struct mem_run *run = mem_run_find(m, f->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to count", (long long)f->run_id);
	for (size_t i = 0; i < run->failures.n; i++) {
		struct mem_failure *known = run->failures.at[i];
		if (known->inc != txn->inc || strcmp(known->row.endpoint, f->endpoint) != 0 ||
		    strcmp(known->row.err_class, f->err_class) != 0)
			continue;
		MEM_TOUCH(m, known);
		known->row.n += f->n;
		known->row.took_us += f->took_us;
		return 0;
	}
	struct mem_failure *failure = arena_new(&m->arena, struct mem_failure);
	failure->inc = txn->inc;
	failure->row = (struct ledger_failure_row){.endpoint = mem_text(m, f->endpoint),
						   .err_class = mem_text(m, f->err_class),
						   .sample = mem_text(m, f->sample),
						   .n = f->n,
						   .took_us = f->took_us};
	mem_list_push(m, &run->failures, failure);
	return 0;
}

int mem_run_stats(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_stats *s = &op->u.run_stats;
	const struct mem_run *run = mem_run_find(m, s->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to look at", (long long)s->run_id);
	s->ret_stats.effort = run->effort;
	for (size_t i = 0; i < run->latency.n; i++) {
		const struct mem_latency *l = run->latency.at[i];
		ledger_stats_add_latency(&s->ret_stats, &txn->arena, &l->names, l->data, l->len);
	}
	for (size_t i = 0; i < run->failures.n; i++) {
		const struct mem_failure *f = run->failures.at[i];
		ledger_stats_add_failure(&s->ret_stats, &txn->arena, &f->row);
	}
	ledger_stats_sort(&s->ret_stats);
	return 0;
}
