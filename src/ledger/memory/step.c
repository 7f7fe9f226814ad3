/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a step, for a later one that takes them, and what their attempts kept. */
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"

/* Attempts are for people, who have no way to ask a memory ledger; but what they kept is not. */
int mem_attempt_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_attempt_put *p = &op->u.attempt_put;
	struct mem_run *run = mem_run_find(m, p->run_id);
	struct mem_chunk *c = run == NULL ? NULL : mem_chunk_of(run, p->item);

	(void)txn;
	if (c == NULL || p->keep == NULL || p->keep[0] == '\0')
		return 0;
	if (c->kept == NULL) {
		MEM_TOUCH(m, &c->kept);
		c->kept = arena_alloc(&m->arena, c->n * sizeof(*c->kept));
	}
	const char **kept = &c->kept[p->item - c->first_item];
	MEM_TOUCH(m, kept);
	*kept = mem_text(m, p->keep);
	return 0;
}

static uint8_t *mem_step_ended(struct arena *a, const struct mem_chunk *c, enum loose_state wanted)
{
	uint8_t *ended = rule_step_ended(a, c->done, c->n, wanted);

	for (uint32_t i = 0; i < c->n; i++) {
		const struct mem_loose *l = mem_loose_find(c, c->first_item + i);
		if (l != NULL)
			rule_step_loose(ended, i, l->state, wanted);
	}
	return ended;
}

static void mem_step_kept(struct arena *a, const struct mem_chunk *c, struct lop_step_items *s)
{
	struct ledger_kept *kept = arena_alloc(a, c->n * sizeof(*kept));
	uint32_t i = s->from > c->first_item ? (uint32_t)(s->from - c->first_item) : 0;
	size_t bytes = 0;

	s->ret_kept = kept;
	s->ret_n_kept = 0;
	for (; i < c->n && bytes < s->max_bytes && c->kept != NULL; i++) {
		if (c->kept[i] == NULL || !bits_get(s->ret_ended, i))
			continue;
		bytes += strlen(c->kept[i]);
		kept[s->ret_n_kept++] = (struct ledger_kept){.index = i,
							     .keep = arena_str(a, c->kept[i])};
	}
	s->ret_end = bytes < s->max_bytes ? c->n : i;
}

int mem_step_items(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_step_items *s = &op->u.step_items;
	const struct mem_run *run = mem_run_find(m, s->run_id);

	s->ret_n = 0;
	for (size_t k = 0; run != NULL && k < run->chunks.n; k++) {
		const struct mem_chunk *c = run->chunks.at[k];
		if (c->step != rule_step(s->step) || c->first_item + c->n <= s->from)
			continue;
		s->ret_n = c->n;
		s->ret_first_item = c->first_item;
		s->ret_body = arena_dup(&txn->arena, c->body, c->body_len);
		s->ret_body_len = c->body_len;
		s->ret_ended = mem_step_ended(&txn->arena, c, s->state);
		mem_step_kept(&txn->arena, c, s);
		return 0;
	}
	return 0;
}
