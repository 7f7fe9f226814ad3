/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger read from end to end, and what is done after a restore from backup. */
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/hash.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

static void mem_walk_chunks(struct arena *a, const struct mem_run *run,
			    const struct ledger_visitor *v)
{
	for (size_t k = 0; k < run->chunks.n && v->chunk != NULL; k++) {
		struct ledger_chunk_row row;
		mem_put_chunk(a, run->chunks.at[k], false, &row);
		row.sums = ((const struct mem_chunk *)run->chunks.at[k])->sums;
		v->chunk(v->arg, &row);
	}
	for (size_t k = 0; k < run->chunks.n && v->loose != NULL; k++) {
		const struct mem_chunk *c = run->chunks.at[k];
		for (size_t i = 0; c->loose != NULL && i < c->n; i++) {
			struct ledger_loose_row row;
			if (c->loose[i] == NULL)
				continue;
			mem_put_loose(a, c->loose[i], &row);
			row.has_done_bit = bits_get(c->done, i);
			v->loose(v->arg, &row);
		}
	}
}

int mem_walk(struct ledger *ledger, const struct ledger_visitor *v, struct err *err)
{
	struct memory *m = mem_of(ledger);
	struct arena a = {0};

	(void)err;
	for (size_t k = 0; k < m->instances.n && v->instance != NULL; k++) {
		struct ledger_instance_row row;
		mem_put_instance(m, &a, m->instances.at[k], &row);
		v->instance(v->arg, &row);
	}
	for (size_t k = 0; k < m->runs.n; k++) {
		struct ledger_run_row row;
		mem_put_run(&a, m->runs.at[k], &row);
		row.sums = ((const struct mem_run *)m->runs.at[k])->sums;
		if (v->run != NULL)
			v->run(v->arg, &row);
		mem_walk_chunks(&a, m->runs.at[k], v);
		arena_reset(&a);
	}
	arena_done(&a);
	return 0;
}

int mem_check_storage(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		      struct err *err)
{
	struct memory *m = mem_of(ledger);

	(void)err;
	*ret_findings = 0;
	for (size_t k = 0; k < m->chunks.n; k++) {
		const struct mem_chunk *c = m->chunks.at[k];
		char where[64];
		if (c == NULL || hash_xxh64(c->body, c->body_len) == c->body_hash)
			continue;
		(void)snprintf(where, sizeof(where), "chunk %lld", (long long)c->id); /* fits */
		fn(arg, "body", where, "its content is not what was loaded");
		(*ret_findings)++;
	}
	return 0;
}

/* ---- restored ---- */

static int64_t mem_restore_chunk(struct memory *m, struct arena *a, struct mem_chunk *c,
				 int64_t now_ms)
{
	const char *const *keys = rule_keys(a, c->keys, c->n);
	int64_t doubtful = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		if (bits_get(c->done, i))
			continue;
		struct mem_loose *l = mem_loose_add(m, c, c->first_item + i);
		l->key = mem_text_or_null(m, keys[i]);
		l->state = LOOSE_DOUBT;
		l->not_before_ms = l->quiet_until_ms = now_ms;
		l->err_class = "restored";
		l->err = RULE_RESTORED_TEXT;
		bits_set(c->done, i);
		doubtful++;
	}
	mem_chunk_free(m, c);
	return doubtful;
}

static bool mem_is_unsafe(const struct mem_run *run, const struct mem_chunk *c)
{
	return mem_step_find(run, c->step)->row.effect == EFFECT_UNSAFE;
}

static int64_t mem_restore_run(struct memory *m, struct arena *a, struct mem_run *run,
			       int64_t now_ms)
{
	int64_t doubtful = 0;

	const struct mem_step *now = mem_step_now(run);

	if (rule_run_is_over(run->row.state))
		return 0;
	if (now->row.effect == EFFECT_UNSAFE && now->row.state == RUN_LOADING) {
		run->row.state = RUN_ABANDONED;
		run->row.reason = RULE_RESTORED_LOADING;
		run->row.ended_at = rule_utime(now_ms);
		return 0;
	}
	for (size_t k = 0; k < run->loose.n; k++) {
		struct mem_loose *l = run->loose.at[k];
		if (l->state != LOOSE_RETRY || !mem_is_unsafe(run, l->chunk))
			continue;
		l->state = LOOSE_DOUBT;
		l->not_before_ms = l->quiet_until_ms = now_ms;
		l->err_class = "restored";
		l->err = RULE_RESTORED_TEXT;
		doubtful++;
	}
	for (size_t k = 0; k < run->chunks.n; k++) {
		struct mem_chunk *c = run->chunks.at[k];
		if (c->state != CHUNK_CLOSED && mem_is_unsafe(run, c))
			doubtful += mem_restore_chunk(m, a, c, now_ms);
	}
	return doubtful;
}

int mem_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err)
{
	struct memory *m = mem_of(ledger);
	struct ledger_txn *txn = ledger_txn_new();
	int64_t doubtful = 0;

	for (size_t k = 0; k < m->instances.n; k++) {
		const struct mem_instance *i = m->instances.at[k];
		if (!mem_instance_works(m, i) || i->is_killed)
			continue;
		ledger_txn_free(txn);
		return ERR(err, ERR_TEMP, "instance %lld is still running: stop it first",
			   (long long)i->row.inc);
	}
	txn->now = now;
	for (size_t k = 0; k < m->instances.n; k++) {
		const struct mem_instance *i = m->instances.at[k];
		struct ledger_op op = {.kind = LOP_REAP,
				       .u.reap = {.dead = i->row.inc, .beat = i->row.beat}};
		(void)mem_reap(m, txn, &op); /* cannot lose: it answers what it did */
		doubtful += op.u.reap.ret_doubtful;
	}
	for (size_t k = 0; k < m->runs.n; k++)
		doubtful += mem_restore_run(m, &txn->arena, m->runs.at[k], rule_ms(now));
	mem_commit(m);
	ledger_txn_free(txn);
	*ret_doubtful = doubtful;
	return 0;
}
