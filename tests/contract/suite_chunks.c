/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

static void chunks_are_claimed_in_order_with_their_bodies(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 5, .n = 7});
	struct ledger_op *op = begin(b, b->a, LOP_CHUNK_CLAIM);

	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 3;
	commit(b);
	assert_int_equal(op->u.chunk_claim.ret_n, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct ledger_chunk_row *row = &op->u.chunk_claim.ret_rows[i];
		char body[16];
		int len = snprintf(body, sizeof(body), "body %zu", i);
		assert_int_equal(row->first_item, (int64_t)(7 * i));
		assert_int_equal(row->n, 7);
		assert_int_equal(row->epoch, 1);
		assert_int_equal(row->rev, 0);
		assert_int_equal(row->crashes, 0);
		assert_int_equal(row->body_len, (size_t)len);
		assert_memory_equal(row->body, body, (size_t)len);
		assert_int_equal(bits_count(row->started, 7), 0);
		assert_int_equal(bits_count(row->done, 7), 0);
		assert_int_equal(bits_count(row->told, 7), 7);
	}
	actor_begin(b, b->b);
	op = begin(b, b->b, LOP_CHUNK_CLAIM);
	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 10;
	commit(b);
	assert_int_equal(op->u.chunk_claim.ret_n, 2);
	assert_int_equal(op->u.chunk_claim.ret_rows[0].first_item, 21);
}

static void two_claims_in_one_transaction_take_different_chunks(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 1});
	struct ledger_op *one = begin(b, b->a, LOP_CHUNK_CLAIM);
	struct ledger_op *two = also(b, LOP_CHUNK_CLAIM);

	one->u.chunk_claim.run_id = two->u.chunk_claim.run_id = run;
	one->u.chunk_claim.max = two->u.chunk_claim.max = 1;
	commit(b);
	int64_t first = one->u.chunk_claim.ret_rows[0].id;
	int64_t second = two->u.chunk_claim.ret_rows[0].id;
	assert_int_not_equal(first, second);
	resend(b);
	assert_int_equal(one->u.chunk_claim.ret_n, 1);
	assert_int_equal(two->u.chunk_claim.ret_n, 1);
	assert_int_equal(one->u.chunk_claim.ret_rows[0].id, first);
	assert_int_equal(two->u.chunk_claim.ret_rows[0].id, second);
}

static void big_bodies_come_back_whole(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});
	static const size_t sizes[] = {0, 1, 4095, 4096, 100000, 4 << 20};
	struct ledger_new_chunk chunks[ARRAY_LEN(sizes)];

	run_join(b, b->a, run);
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	int32_t epoch = op->u.load_take.ret_epoch;
	op = begin(b, b->a, LOP_LOAD_PUT);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *body = arena_alloc(&b->txn->arena, sizes[i] + 1);
		for (size_t k = 0; k < sizes[i]; k++)
			body[k] = (char)(k * 31 + i);
		chunks[i] = (struct ledger_new_chunk){
			.n = 4096, .body = body, .body_len = sizes[i]};
	}
	op->u.load_put = (struct lop_load_put){.run_id = run,
					       .epoch = epoch,
					       .chunks = chunks,
					       .n_chunks = ARRAY_LEN(sizes),
					       .add_read = 4096 * (int64_t)ARRAY_LEN(sizes)};
	commit(b);
	run_open(b, b->a, run, epoch);
	op = begin(b, b->a, LOP_CHUNK_CLAIM);
	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 10;
	commit(b);
	assert_int_equal(op->u.chunk_claim.ret_n, ARRAY_LEN(sizes));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		const struct ledger_chunk_row *row = &op->u.chunk_claim.ret_rows[i];
		const char *body = row->body;
		assert_int_equal(row->body_len, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			if (body[k] != (char)(k * 31 + i))
				fail_msg("chunk %zu differs at %zu", i, k);
	}
}

static void progress_adds_bits_and_never_takes_any_away(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 13});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	chunk_start(b, b->a, &held, 0, 4);
	chunk_done(b, b->a, &held, 0, 2);
	memset(held.started, 0, sizeof(held.started));
	memset(held.done, 0, sizeof(held.done));
	chunk_start(b, b->a, &held, 12, 13);
	struct ledger_op *op = begin(b, b->a, LOP_CHUNK_PROGRESS); /* without any bits */
	op->u.chunk_progress = (struct lop_chunk_progress){.run_id = run,
							   .chunk_id = held.id,
							   .epoch = held.epoch,
							   .rev = ++held.rev,
							   .n = 13,
							   .add_crashes = 2};
	commit(b);
	const struct ledger_counts c = counts_of(b, run);
	assert_int_equal(c.done, 2);
	assert_int_equal(c.running, 3);
	assert_int_equal(c.waiting, 8);
}

static void what_is_not_held_so_is_refused(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 4});
	struct held held;

	actor_begin(b, b->b);
	assert_true(chunk_claim(b, b->a, run, &held));
	chunk_start(b, b->a, &held, 0, 1);
	const struct lop_chunk_progress right = {.run_id = run,
						 .chunk_id = held.id,
						 .epoch = held.epoch,
						 .rev = held.rev + 1,
						 .n = 4,
						 .done = held.started};
	struct lop_chunk_progress wrong[6];
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		wrong[i] = right;
	wrong[0].epoch++;
	wrong[1].rev = held.rev; /* not newer */
	wrong[2].chunk_id++;	 /* nobody's */
	wrong[3].n = 5;
	wrong[4].run_id++;
	wrong[5].close = true; /* not all are done */
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct ledger_op *op = begin(b, b->a, LOP_CHUNK_PROGRESS);
		op->u.chunk_progress = wrong[i];
		refused(b, LEDGER_LOST);
		assert_ptr_equal(b->txn->lost, op);
	}
	struct ledger_op *op = begin(b, b->b, LOP_CHUNK_PROGRESS); /* another's */
	op->u.chunk_progress = right;
	refused(b, LEDGER_LOST);
	op = begin(b, b->a, LOP_CHUNK_PROGRESS);
	op->u.chunk_progress = right;
	commit(b);
}

static void one_lost_guard_undoes_the_whole_transaction(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 3, .n = 4, .has_keys = true});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	struct ledger_op *op = begin(b, b->a, LOP_LANE_PUT);
	op->u.lane_put.pid = 77;
	op = also(b, LOP_CHUNK_CLAIM);
	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 2;
	op = also(b, LOP_RUN_CREATE);
	op->u.run_create.row = (struct ledger_run_row){
		.job = "job", .due_key = "z/1", .effect = EFFECT_PURE, .doubt = DOUBT_ASK};
	(void)loose_put(b, &held, 0, LOOSE_RETRY);
	chunk_progress(b, &held, false);
	op = also(b, LOP_RUN_LEAVE);
	op->u.run_leave.run_id = run;
	op->u.run_leave.reason = "leaving";
	struct ledger_op *wrong = also(b, LOP_CHUNK_PROGRESS);
	wrong->u.chunk_progress = (struct lop_chunk_progress){
		.run_id = run, .chunk_id = 999, .rev = 1, .n = 4};
	refused(b, LEDGER_LOST);
	assert_ptr_equal(b->txn->lost, wrong);
	/* and the number of the batch is free still */
	held.rev = 0;
	chunk_done(b, b->a, &held, 0, 4);
	op = begin(b, NULL, LOP_INSTANCE_LIST);
	commit(b);
	assert_int_equal(op->u.instance_list.ret_rows[0].n_lanes, 0);
}

static void a_closed_chunk_is_not_touched_again(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 4});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	chunk_done(b, b->a, &held, 0, 4);
	struct ledger_op *op = begin(b, b->a, LOP_LANE_DROP);
	op->u.lane_drop.pid = 1;
	chunk_progress(b, &held, false);
	refused(b, LEDGER_LOST);
	assert_false(chunk_claim(b, b->a, run, &held));
}

static void giving_back_frees_what_is_not_under_way(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 4, .n = 4});
	int64_t other = run_ready(b, b->a, &(struct plan){.due = "o/1", .n_chunks = 1, .n = 4});
	struct held held[4];
	struct held elsewhere;

	for (size_t i = 0; i < 4; i++)
		assert_true(chunk_claim(b, b->a, run, &held[i]));
	assert_true(chunk_claim(b, b->a, other, &elsewhere));
	chunk_start(b, b->a, &held[0], 0, 1); /* under way: stays */
	chunk_done(b, b->a, &held[1], 0, 2);  /* partly done: goes on later */
	bits_fill(held[2].done, 0, 4);	      /* all done, not closed: closes */
	struct ledger_op *op = begin(b, b->a, LOP_LANE_DROP);
	op->u.lane_drop.pid = 1;
	chunk_progress(b, &held[2], false);
	commit(b);
	op = begin(b, b->a, LOP_GIVE_BACK);
	op->u.give_back.run_id = run;
	commit(b);
	assert_int_equal(op->u.give_back.ret_chunks, 3);
	struct ledger_counts c = counts_of(b, run);
	assert_int_equal(c.ready_chunks, 2);
	assert_int_equal(c.held_by_others, 1);
	assert_int_equal(c.done, 6);
	op = begin(b, b->a, LOP_GIVE_BACK);
	commit(b);
	assert_int_equal(op->u.give_back.ret_chunks, 1);
	assert_int_equal(counts_of(b, other).ready_chunks, 1);
	/* what was done stays done, and the epoch tells old owners from new ones */
	actor_begin(b, b->b);
	struct held again;
	assert_true(chunk_claim(b, b->b, run, &again));
	assert_int_equal(again.id, held[1].id);
	assert_int_equal(again.epoch, held[1].epoch + 1);
	assert_int_equal(bits_count(again.done, 4), 2);
	chunk_done(b, b->b, &again, 0, 4);
}

static void runs_that_are_not_open_give_no_chunks(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});
	struct held held;

	assert_false(chunk_claim(b, b->a, 999, &held));
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_ABANDONED, "x", false};
	commit(b);
	assert_false(chunk_claim(b, b->a, run, &held));
}

static void a_run_of_many_chunks_is_worked_to_its_end(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 100, .n = 9});
	struct held held;
	uint32_t chunks = 0;

	while (chunk_claim(b, b->a, run, &held)) {
		chunk_start(b, b->a, &held, 0, 5);
		chunk_done(b, b->a, &held, 0, 9);
		chunks++;
	}
	assert_int_equal(chunks, 100);
	assert_int_equal(counts_of(b, run).done, 900);
	assert_true(finish(b, b->a, run));
}

static const struct CMUnitTest cases[] = {
	CASE(chunks_are_claimed_in_order_with_their_bodies),
	CASE(two_claims_in_one_transaction_take_different_chunks),
	CASE(big_bodies_come_back_whole),
	CASE(progress_adds_bits_and_never_takes_any_away),
	CASE(what_is_not_held_so_is_refused),
	CASE(one_lost_guard_undoes_the_whole_transaction),
	CASE(a_closed_chunk_is_not_touched_again),
	CASE(giving_back_frees_what_is_not_under_way),
	CASE(runs_that_are_not_open_give_no_chunks),
	CASE(a_run_of_many_chunks_is_worked_to_its_end),
};

const struct suite suite_chunks = SUITE("chunks", cases);
