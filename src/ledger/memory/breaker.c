/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/memory/memory.h"
#include "ledger/rules.h"

static struct mem_breaker *mem_breaker_find(struct memory *m, const char *endpoint)
{
	for (size_t i = 0; i < m->breakers.n; i++) {
		struct mem_breaker *b = m->breakers.at[i];
		if (strcmp(b->endpoint, endpoint) == 0)
			return b;
	}
	return NULL;
}

static struct breaker_row mem_breaker_row(struct arena *a, const struct mem_breaker *b)
{
	struct breaker_row row = {.reason = ""};

	if (b == NULL)
		return row;
	row = b->row;
	row.reason = arena_str(a, row.reason);
	return row;
}

int mem_breaker_get(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_breaker_get *get = &op->u.breaker_get;

	get->ret_row = mem_breaker_row(&txn->arena, mem_breaker_find(m, get->endpoint));
	return 0;
}

/* As the ledger keeps it: in milliseconds. */
static struct breaker_row mem_breaker_rounded(struct memory *m, const struct breaker_row *row)
{
	struct breaker_row kept = *row;

	kept.first_open = rule_utime(rule_ms(row->first_open));
	kept.until = rule_utime(rule_ms_up(row->until));
	kept.open_for_us = rule_ms_up(row->open_for_us) * US_PER_MS;
	kept.probe_until = rule_utime(rule_ms_up(row->probe_until));
	kept.probe_for_us = rule_ms_up(row->probe_for_us) * US_PER_MS;
	kept.reason = mem_text(m, row->reason);
	return kept;
}

int mem_breaker_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_breaker_put *put = &op->u.breaker_put;
	struct mem_breaker *b = mem_breaker_find(m, put->endpoint);

	if (!m->is_replay && b == NULL && put->row.version == 1) {
		b = arena_new(&m->arena, struct mem_breaker);
		b->endpoint = mem_text(m, put->endpoint);
		b->row = mem_breaker_rounded(m, &put->row);
		mem_list_push(m, &m->breakers, b);
	} else if (!m->is_replay && b != NULL && b->row.version == put->row.version - 1) {
		MEM_TOUCH(m, b);
		b->row = mem_breaker_rounded(m, &put->row);
	}
	put->ret_row = mem_breaker_row(&txn->arena, b);
	return 0;
}

/* Only people read it, by SQL. */
int mem_endpoint_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	(void)m, (void)txn, (void)op;
	return 0;
}

void mem_breakers_release(struct memory *m, int64_t inc)
{
	for (size_t i = 0; i < m->breakers.n; i++) {
		struct mem_breaker *b = m->breakers.at[i];
		if (b->row.probe != inc)
			continue;
		MEM_TOUCH(m, b);
		b->row = breaker_row_released(&b->row);
	}
}
