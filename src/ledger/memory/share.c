/* SPDX-License-Identifier: Apache-2.0 */
/* What instances and jobs share out among themselves: slots of rates, and quotas. */
#include <string.h>

#include "ledger/memory/memory.h"
#include "ledger/rules.h"

static struct mem_rate *mem_rate_find(struct memory *m, const char *name)
{
	for (size_t i = 0; i < m->rates.n; i++) {
		struct mem_rate *rate = m->rates.at[i];
		if (strcmp(rate->name, name) == 0)
			return rate;
	}
	struct mem_rate *rate = arena_new(&m->arena, struct mem_rate);
	rate->name = mem_text(m, name);
	rate->last_ns = -1;
	mem_list_push(m, &m->rates, rate);
	return rate;
}

int mem_rate_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_rate_take *take = &op->u.rate_take;
	struct mem_rate *rate = mem_rate_find(m, take->name);
	int64_t token = rule_claim_token(txn, op);

	if (m->is_replay) {
		bool is_ours = rate->taken_by == txn->inc && rate->token == token;
		take->ret_n = is_ours ? rate->n : 0;
		take->ret_first_ns = is_ours ? rate->first_ns : take->now_ns;
		return 0;
	}
	bool was_used = rate->boot_id != NULL;
	bool is_this_boot = was_used && strcmp(rate->boot_id, take->boot_id) == 0;
	int64_t last = rule_rate_take(take, is_this_boot ? rate->last_ns : -1, was_used);
	if (take->ret_n == 0)
		return 0;
	MEM_TOUCH(m, rate);
	rate->last_ns = last;
	if (!is_this_boot)
		rate->boot_id = mem_text(m, take->boot_id);
	rate->taken_by = txn->inc;
	rate->token = token;
	rate->first_ns = take->ret_first_ns;
	rate->n = take->ret_n;
	return 0;
}

static struct mem_quota *mem_quota_find(struct memory *m, const char *name)
{
	for (size_t i = 0; i < m->quotas.n; i++) {
		struct mem_quota *quota = m->quotas.at[i];
		if (strcmp(quota->name, name) == 0)
			return quota;
	}
	struct mem_quota *quota = arena_new(&m->arena, struct mem_quota);
	quota->name = mem_text(m, name);
	quota->is.period_ms = INT64_MIN;
	mem_list_push(m, &m->quotas, quota);
	return quota;
}

int mem_quota_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_quota_take *take = &op->u.quota_take;
	struct mem_quota *quota = mem_quota_find(m, take->name);
	int64_t token = rule_claim_token(txn, op);

	if (m->is_replay) {
		bool is_ours = quota->taken_by == txn->inc && quota->token == token;
		take->ret_n = is_ours ? quota->n : 0;
		take->ret_left = take->most > quota->is.used ? take->most - quota->is.used : 0;
		return 0;
	}
	MEM_TOUCH(m, quota);
	rule_quota_take(take, &quota->is);
	quota->taken_by = txn->inc;
	quota->token = token;
	quota->n = take->ret_n;
	return 0;
}
