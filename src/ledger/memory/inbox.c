/* SPDX-License-Identifier: Apache-2.0 */
/* What applications put in, until it is moved into a run. */
#include <string.h>

#include "ledger/memory/memory.h"
#include "ledger/rules.h"

int mem_inbox_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_inbox_add *add = &op->u.inbox_add;

	mem_touch(m, &m->last_inbox, sizeof(m->last_inbox));
	for (size_t i = 0; i < add->n; i++) {
		struct mem_inbox *item = arena_new(&m->arena, struct mem_inbox);
		*item = (struct mem_inbox){
			.job = mem_text(m, add->job),
			.row = {.id = ++m->last_inbox,
				.added_at = rule_utime(rule_ms(txn->now)),
				.key = mem_text_or_null(m, add->rows[i].key),
				.fields = arena_text(&m->arena, add->rows[i].fields,
						     add->rows[i].len),
				.len = add->rows[i].len,
				.size = (int64_t)add->rows[i].len}};
		mem_list_push(m, &m->inbox, item);
	}
	return 0;
}

static bool mem_inbox_is_read(const struct mem_run *run, const struct mem_step *own)
{
	for (size_t k = 0; k < run->steps.n; k++) {
		const struct mem_step *step = run->steps.at[k];
		if (step != own && step->loader != 0 && step->inbox_epoch == step->loader_epoch)
			return true;
	}
	return false;
}

int mem_inbox_begin(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_inbox_begin *b = &op->u.inbox_begin;
	struct mem_run *run = mem_run_find(m, b->run_id);
	struct mem_step *step = run == NULL ? NULL : mem_step_find(run, rule_step(b->step));

	if (step == NULL || step->loader != txn->inc || step->loader_epoch != b->epoch)
		return mem_lost(txn, "run %lld is not loaded by instance %lld any more",
				(long long)b->run_id, (long long)txn->inc);
	b->ret_other = NULL;
	b->ret_upto = m->last_inbox;
	for (size_t k = 0; k < m->runs.n; k++) {
		const struct mem_run *other = m->runs.at[k];
		if (strcmp(other->row.job, b->job) != 0 || !mem_inbox_is_read(other, step))
			continue;
		b->ret_other = arena_str(&txn->arena, other->row.name);
		return 0;
	}
	if (m->is_replay)
		return 0;
	MEM_TOUCH(m, step);
	step->inbox_epoch = step->loader_epoch;
	return 0;
}

int mem_inbox_read(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_inbox_read *r = &op->u.inbox_read;
	struct ledger_inbox_row *rows = arena_alloc(&txn->arena, r->max * sizeof(*rows));
	int64_t bytes = 0;

	r->ret_n = 0;
	for (size_t i = 0; i < m->inbox.n && r->ret_n < r->max && bytes < r->max_bytes; i++) {
		const struct mem_inbox *item = m->inbox.at[i];
		struct ledger_inbox_row *row = &rows[r->ret_n];
		if (item->row.id <= r->after || item->row.id > r->upto ||
		    strcmp(item->job, r->job) != 0)
			continue;
		*row = item->row;
		row->key = arena_str(&txn->arena, row->key);
		if (row->len > LEDGER_INBOX_ITEM_MAX)
			row->len = LEDGER_INBOX_SHOWN_MAX;
		row->fields = arena_text(&txn->arena, row->fields, row->len);
		bytes += (int64_t)row->len;
		r->ret_n++;
	}
	r->ret_rows = rows;
	r->ret_from = r->after;
	r->ret_whole_to = 0;
	return 0;
}

static struct mem_inbox *mem_inbox_find(struct memory *m, const char *job, int64_t id)
{
	for (size_t i = 0; i < m->inbox.n; i++) {
		struct mem_inbox *item = m->inbox.at[i];
		if (item->row.id == id && strcmp(item->job, job) == 0)
			return item;
	}
	return NULL;
}

int mem_inbox_take(struct memory *m, struct ledger_txn *txn, const struct ledger_inbox_taken *taken)
{
	for (size_t i = 0; i < taken->n; i++) {
		struct mem_inbox *item = mem_inbox_find(m, taken->job, taken->ids[i]);
		if (item == NULL)
			return mem_lost(txn, "item %lld is not in the inbox of %s any more",
					(long long)taken->ids[i], taken->job);
		mem_list_remove(m, &m->inbox, item);
	}
	return 0;
}
