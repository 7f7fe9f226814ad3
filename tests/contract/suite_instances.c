/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

static void a_new_instance_gets_a_number_and_is_seen_by_others(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	assert_int_not_equal(b->a->inc, b->b->inc);
	struct ledger_op *op = begin(b, b->a, LOP_INSTANCE_LIST);
	commit(b);
	const struct lop_instance_list *l = &op->u.instance_list;
	assert_int_equal(l->ret_n, 1);
	assert_int_equal(l->ret_rows[0].inc, b->b->inc);
	assert_int_equal(l->ret_rows[0].state, INSTANCE_LIVE);
	assert_memory_equal(l->ret_rows[0].nonce, b->b->nonce, LEDGER_NONCE_BYTES);
	assert_string_equal(l->ret_rows[0].name, "instance");
	assert_string_equal(l->ret_rows[0].host, "host");
	assert_string_equal(l->ret_rows[0].boot_id, "boot");
	assert_false(l->ret_rows[0].is_gone);
	assert_int_equal(l->ret_rows[0].started_at, b->now);
}

static void one_that_begins_twice_with_one_nonce_is_one(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, NULL, LOP_INSTANCE_BEGIN);

	memcpy(op->u.instance_begin.nonce, b->a->nonce, LEDGER_NONCE_BYTES);
	op->u.instance_begin.name = op->u.instance_begin.host = op->u.instance_begin.boot_id = "x";
	commit(b);
	assert_int_equal(op->u.instance_begin.ret_inc, b->a->inc);
}

static void a_killed_instance_is_gone_and_a_living_one_is_not(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	actor_begin(b, b->c);
	actor_kill(b, b->b);
	struct ledger_op *op = begin(b, b->a, LOP_INSTANCE_LIST);
	commit(b);
	const struct lop_instance_list *l = &op->u.instance_list;
	assert_int_equal(l->ret_n, 2);
	assert_int_equal(l->ret_rows[0].is_gone, !b->has_beats);
	assert_int_equal(l->ret_rows[0].is_lock_free, b->has_beats);
	assert_false(l->ret_rows[1].is_gone);
	assert_false(l->ret_rows[1].is_lock_free);
}

static void lanes_are_listed_until_they_are_dropped(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	for (int64_t pid = 1; pid <= 3; pid++) {
		struct ledger_op *op = begin(b, b->b, LOP_LANE_PUT);
		op->u.lane_put.pid = pid;
		op->u.lane_put.start_time = 10 * pid;
		commit(b);
	}
	struct ledger_op *op = begin(b, b->b, LOP_LANE_DROP);
	op->u.lane_drop.pid = 2;
	op->u.lane_drop.start_time = 20;
	op = also(b, LOP_LANE_PUT); /* known already: nothing happens */
	op->u.lane_put.pid = 3;
	op->u.lane_put.start_time = 30;
	commit(b);
	op = begin(b, b->a, LOP_INSTANCE_LIST);
	commit(b);
	const struct ledger_instance_row *row = &op->u.instance_list.ret_rows[0];
	assert_int_equal(row->n_lanes, 2);
	assert_int_equal(row->lanes[0].pid, 1);
	assert_int_equal(row->lanes[0].start_time, 10);
	assert_int_equal(row->lanes[0].inc, b->b->inc);
	assert_int_equal(row->lanes[1].pid, 3);
}

static int64_t quarantine_of_b(struct bench *b)
{
	struct ledger_op *op = begin(b, b->a, LOP_INSTANCE_LIST);

	commit(b);
	assert_int_equal(op->u.instance_list.ret_n, 1);
	return op->u.instance_list.ret_rows[0].quarantine_us;
}

static void how_long_its_work_may_act_is_listed_and_never_less(void **state)
{
	static const int64_t said[] = {90 * US_PER_S, US_PER_MIN, 7 * US_PER_HOUR, US_PER_S + 1};
	static const int64_t known[] = {90 * US_PER_S, 90 * US_PER_S, 7 * US_PER_HOUR,
					7 * US_PER_HOUR};
	struct bench *b = *state;

	actor_begin(b, b->b);
	assert_int_equal(quarantine_of_b(b), 0);
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct ledger_op *op = begin(b, b->b, LOP_INSTANCE_QUARANTINE);
		op->u.instance_quarantine.quarantine_us = said[i];
		commit(b);
		assert_int_equal(quarantine_of_b(b), known[i]);
	}
}

static void a_wrong_nonce_is_fenced(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_LANE_PUT);

	op->u.lane_put.pid = 1;
	b->txn->nonce[5] ^= 1;
	refused(b, LEDGER_FENCED);
}

static void an_unknown_instance_is_fenced(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_LANE_PUT);

	op->u.lane_put.pid = 1;
	b->txn->inc = 999;
	refused(b, LEDGER_FENCED);
}

static void a_stopping_instance_claims_nothing_but_settles(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 4});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_STOPPING);
	commit(b);
	struct ledger_op *op = begin(b, b->a, LOP_CHUNK_CLAIM);
	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 1;
	commit(b);
	assert_int_equal(op->u.chunk_claim.ret_n, 0);
	op = begin(b, b->a, LOP_CHUNK_CLAIM);
	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 1;
	b->txn->claims = true;
	refused(b, LEDGER_LOST);
	chunk_done(b, b->a, &held, 0, 4);
	assert_int_equal(counts_of(b, run).done, 4);
}

static void one_that_holds_something_cannot_end(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 4});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_END);
	refused(b, LEDGER_LOST);
	assert_ptr_equal(b->txn->lost, b->txn->first);
	chunk_done(b, b->a, &held, 0, 4);
	(void)begin(b, b->a, LOP_INSTANCE_END);
	commit(b);
	(void)begin(b, b->a, LOP_INSTANCE_STOPPING);
	refused(b, LEDGER_FENCED);
}

static void one_that_ended_is_listed_no_more_and_is_on_no_run(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	int64_t run = run_create(b, b->a, &(struct plan){0});
	run_join(b, b->b, run);
	struct ledger_op *op = begin(b, b->b, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	(void)begin(b, b->b, LOP_INSTANCE_END);
	commit(b);
	op = begin(b, b->a, LOP_INSTANCE_LIST);
	commit(b);
	assert_int_equal(op->u.instance_list.ret_n, 0);
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_int_equal(op->u.run_join.ret_n_others, 0);
	assert_int_equal(op->u.run_join.ret_row.loader, 0);
}

static const struct CMUnitTest cases[] = {
	CASE(a_new_instance_gets_a_number_and_is_seen_by_others),
	CASE(one_that_begins_twice_with_one_nonce_is_one),
	CASE(a_killed_instance_is_gone_and_a_living_one_is_not),
	CASE(lanes_are_listed_until_they_are_dropped),
	CASE(how_long_its_work_may_act_is_listed_and_never_less),
	CASE(a_wrong_nonce_is_fenced),
	CASE(an_unknown_instance_is_fenced),
	CASE(a_stopping_instance_claims_nothing_but_settles),
	CASE(one_that_holds_something_cannot_end),
	CASE(one_that_ended_is_listed_no_more_and_is_on_no_run),
};

const struct suite suite_instances = SUITE("instances", cases);
