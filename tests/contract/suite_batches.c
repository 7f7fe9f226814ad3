/* SPDX-License-Identifier: Apache-2.0 */
/* A numbered batch is applied once, however often it is sent, and its results come back each
 * time. */
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

static void a_claim_that_is_sent_again_gives_the_same_chunks(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 4, .n = 3});
	struct ledger_op *op = begin(b, b->a, LOP_CHUNK_CLAIM);

	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 2;
	b->txn->claims = true;
	commit(b);
	int64_t first = op->u.chunk_claim.ret_rows[0].id;
	int64_t second = op->u.chunk_claim.ret_rows[1].id;
	for (int i = 0; i < 2; i++) {
		resend(b);
		assert_int_equal(op->u.chunk_claim.ret_n, 2);
		assert_int_equal(op->u.chunk_claim.ret_rows[0].id, first);
		assert_int_equal(op->u.chunk_claim.ret_rows[1].id, second);
		assert_int_equal(op->u.chunk_claim.ret_rows[1].epoch, 1);
		assert_memory_equal(op->u.chunk_claim.ret_rows[1].body, "body 1", 6);
	}
	assert_int_equal(counts_of(b, run).ready_chunks, 2);
}

static void loose_claims_come_back_too(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	for (uint32_t i = 0; i < 3; i++)
		(void)loose_put(b, &held, i, LOOSE_RETRY);
	chunk_progress(b, &held, true);
	commit(b);
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){.run_id = run, .now = b->now, .max = 2};
	commit(b);
	resend(b);
	assert_int_equal(op->u.loose_claim.ret_n, 2);
	assert_int_equal(op->u.loose_claim.ret_rows[0].item, 0);
	assert_int_equal(op->u.loose_claim.ret_rows[1].item, 1);
	assert_int_equal(op->u.loose_claim.ret_rows[1].epoch, 1);
	assert_memory_equal(op->u.loose_claim.ret_rows[1].body, "body 0", 6);
}

static void progress_and_loading_are_not_done_twice(void **state)
{
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 2, .n = 3};
	int64_t run = run_create(b, b->a, &plan);

	run_join(b, b->a, run);
	resend(b);
	int32_t epoch = run_load(b, b->a, run, &plan);
	resend(b); /* the chunks are there once */
	run_open(b, b->a, run, epoch);
	resend(b);
	struct held held;
	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 0, LOOSE_DEAD);
	struct ledger_op *op = also(b, LOP_ATTEMPT_PUT);
	op->u.attempt_put = (struct lop_attempt_put){
		.at = b->now, .run_id = run, .outcome = OUTCOME_DEAD, .attempt = 1};
	op = also(b, LOP_ROLLUP_ADD);
	op->u.rollup_add = (struct lop_rollup_add){
		.run_id = run, .minute = b->now, .done = 2, .failed = 1, .took_us = 10};
	op = also(b, LOP_RUN_NOTE);
	op->u.run_note = (struct lop_run_note){run, b->now, "window.expect", "late", b->now};
	bits_fill(held.done, 0, 3);
	chunk_progress(b, &held, true);
	commit(b);
	resend(b);
	resend(b);
	assert_int_equal(counts_of(b, run).waiting, 3);
	assert_int_equal(counts_of(b, run).dead, 1);
}

static void what_was_made_is_not_taken_for_what_was_there(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});
	struct ledger_op *op = b->txn->first;

	resend(b);
	assert_false(op->u.run_create.ret_exists);
	assert_int_equal(op->u.run_create.ret_id, run);
}

static void results_of_a_load_a_join_and_an_end_come_back(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});
	struct ledger_op *join = begin(b, b->a, LOP_RUN_JOIN);

	join->u.run_join.run_id = run;
	struct ledger_op *take = also(b, LOP_LOAD_TAKE);
	take->u.load_take.run_id = run;
	commit(b);
	int32_t epoch = take->u.load_take.ret_epoch;
	resend(b);
	assert_int_equal(join->u.run_join.ret_row.id, run);
	assert_false(join->u.run_join.ret_over);
	assert_true(take->u.load_take.ret_taken);
	assert_int_equal(take->u.load_take.ret_epoch, epoch);
	run_open(b, b->a, run, epoch);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_FINISH);
	op->u.run_finish.run_id = run;
	commit(b);
	resend(b);
	assert_true(op->u.run_finish.ret_finished);
	int64_t second = run_create(b, b->a, &(struct plan){.due = "2/1"});
	op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){second, RUN_FAILED, "x", false};
	commit(b);
	resend(b);
	assert_true(op->u.run_end.ret_done);
}

static void a_reap_is_remembered_as_ones_own(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	actor_kill(b, b->b);
	struct ledger_op *op = begin(b, b->a, LOP_REAP);
	op->u.reap.dead = b->b->inc;
	op->u.reap.beat = BENCH_BEAT;
	commit(b);
	resend(b);
	assert_true(op->u.reap.ret_done);
}

static void an_end_that_was_not_heard_can_be_asked_for(void **state)
{
	struct bench *b = *state;

	(void)begin(b, b->a, LOP_INSTANCE_END);
	commit(b);
	resend(b);
	(void)begin(b, b->a, LOP_INSTANCE_STOPPING); /* nothing new, though */
	refused(b, LEDGER_FENCED);
}

static void numbers_follow_each_other(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_LANE_PUT);

	op->u.lane_put.pid = 1;
	b->a->batch += 1; /* one is left out */
	refused(b, LEDGER_LOST);
	assert_null(b->txn->lost);
	b->a->batch -= 1;
	commit(b);
	/* an old one was applied, whatever it says now */
	b->a->batch -= 1;
	op = begin(b, b->a, LOP_LANE_PUT);
	op->u.lane_put.pid = 2;
	commit(b);
	op = begin(b, NULL, LOP_INSTANCE_LIST);
	commit(b);
	assert_int_equal(op->u.instance_list.ret_rows[0].n_lanes, 1);
}

static void reading_uses_no_number_and_no_fence(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_INSTANCE_LIST);

	b->txn->inc = 999;
	commit(b);
	assert_int_equal(op->u.instance_list.ret_n, 1);
	assert_int_equal(b->txn->batch, 0);
}

static void a_rewound_transaction_has_no_results(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	struct ledger_op *op = begin(b, b->a, LOP_CHUNK_CLAIM);

	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 2;
	commit(b);
	ledger_txn_rewind(b->txn);
	assert_int_equal(b->txn->status, LEDGER_PENDING);
	assert_int_equal(op->u.chunk_claim.ret_n, 0);
	assert_null(op->u.chunk_claim.ret_rows);
	assert_int_equal(op->u.chunk_claim.max, 2);
	assert_int_equal(op->u.chunk_claim.run_id, run);
}

static const struct CMUnitTest cases[] = {
	CASE(a_claim_that_is_sent_again_gives_the_same_chunks),
	CASE(loose_claims_come_back_too),
	CASE(progress_and_loading_are_not_done_twice),
	CASE(what_was_made_is_not_taken_for_what_was_there),
	CASE(results_of_a_load_a_join_and_an_end_come_back),
	CASE(a_reap_is_remembered_as_ones_own),
	CASE(an_end_that_was_not_heard_can_be_asked_for),
	CASE(numbers_follow_each_other),
	CASE(reading_uses_no_number_and_no_fence),
	CASE(a_rewound_transaction_has_no_results),
};

const struct suite suite_batches = SUITE("batches", cases);
