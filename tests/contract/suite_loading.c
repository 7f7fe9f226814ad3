/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

static void one_loads_and_others_are_told_who(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});

	actor_begin(b, b->b);
	run_join(b, b->a, run);
	run_join(b, b->b, run);
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	assert_true(op->u.load_take.ret_taken);
	assert_null(op->u.load_take.ret_cursor);
	assert_int_equal(op->u.load_take.ret_cursor_len, 0);
	op = begin(b, b->b, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	assert_false(op->u.load_take.ret_taken);
	assert_int_equal(op->u.load_take.ret_loader, b->a->inc);
}

static void what_is_put_can_be_counted_and_goes_on_where_it_stopped(void **state)
{
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 3, .n = 5};
	int64_t run = run_create(b, b->a, &plan);
	static const struct ledger_reject rejects[2] = {
		{"in.csv", 7, 2, 120, "not a number: 'x'", "a,x\n", 4, false, NULL},
		{"in.csv", 9, 1, 160, "duplicate", "b,2\n", 4, true, "b"},
	};

	run_join(b, b->a, run);
	int32_t epoch = run_load(b, b->a, run, &plan);
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_PUT);
	op->u.load_put = (struct lop_load_put){.run_id = run,
					       .epoch = epoch,
					       .rejects = rejects,
					       .n_rejects = 2,
					       .cursor = "at the end",
					       .cursor_len = 10,
					       .add_read = 6,
					       .add_filtered = 3,
					       .add_held_back = 1};
	commit(b);
	op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	assert_true(op->u.load_take.ret_epoch > epoch);
	assert_int_equal(op->u.load_take.ret_cursor_len, 10);
	assert_memory_equal(op->u.load_take.ret_cursor, "at the end", 10);
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	const struct ledger_run_row *row = &op->u.run_join.ret_row;
	assert_int_equal(row->n_items, 15);
	assert_int_equal(row->n_read, 21);
	assert_int_equal(row->n_filtered, 3);
	assert_int_equal(row->n_rejected, 2);
	assert_int_equal(row->n_held_back, 1);
	assert_int_equal(op->u.run_join.ret_counts.waiting, 15);
	assert_int_equal(op->u.run_join.ret_counts.ready_chunks, 3);
}

static void puts_of_one_transaction_come_one_after_the_other(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});
	static const struct ledger_new_chunk chunks[4] = {
		{.n = 2, .body = "1", .body_len = 1},
		{.n = 3, .body = "2", .body_len = 1},
		{.n = 4, .body = "3", .body_len = 1, .keys = "[\"a\",\"b\",\"c\",\"d\"]"},
		{.n = 1, .body = "4", .body_len = 1},
	};
	static const char *const cursors[3] = {"first", "second", "third"};
	static const int64_t firsts[4] = {0, 2, 5, 9};
	struct held held = {0};

	run_join(b, b->a, run);
	int32_t epoch = run_load(b, b->a, run, &(struct plan){0});
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	for (size_t i = 0; i < 3; i++) {
		struct ledger_op *op = also(b, LOP_LOAD_PUT);
		op->u.load_put = (struct lop_load_put){.run_id = run,
						       .epoch = epoch,
						       .chunks = &chunks[i],
						       .n_chunks = i == 2 ? 2 : 1,
						       .cursor = cursors[i],
						       .cursor_len = strlen(cursors[i]),
						       .add_filtered = 1,
						       .add_read = i == 2 ? 6 : chunks[i].n + 1};
		op = also(b, LOP_KEYS_FIND);
		op->u.keys_find = (struct lop_keys_find){.job = "job", .run_id = run};
	}
	commit(b);
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	assert_int_equal(op->u.load_take.ret_cursor_len, 5);
	assert_memory_equal(op->u.load_take.ret_cursor, "third", 5);
	int32_t epoch_now = op->u.load_take.ret_epoch;
	for (int is_open = 0; is_open < 2; is_open++) {
		if (is_open == 1)
			run_open(b, b->a, run, epoch_now);
		op = begin(b, b->a, LOP_RUN_JOIN);
		op->u.run_join.run_id = run;
		commit(b);
		assert_int_equal(op->u.run_join.ret_row.n_items, 10);
		assert_int_equal(op->u.run_join.ret_row.steps[0].n_items, 10);
		assert_int_equal(op->u.run_join.ret_row.n_read, 13);
		assert_int_equal(op->u.run_join.ret_row.n_filtered, 3);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_true(chunk_claim(b, b->a, run, &held));
		assert_int_equal(held.first_item, firsts[i]);
		assert_int_equal(held.n, chunks[i].n);
	}
}

static void who_does_not_load_may_not_put(void **state)
{
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 1, .n = 5};
	int64_t run = run_create(b, b->a, &plan);
	static const struct ledger_new_chunk chunk = {.n = 2, .body = "ab", .body_len = 2};

	run_join(b, b->a, run);
	int32_t epoch = run_load(b, b->a, run, &plan);
	actor_begin(b, b->b);
	struct ledger_op *op = begin(b, b->b, LOP_LOAD_PUT);
	op->u.load_put = (struct lop_load_put){
		.run_id = run, .epoch = epoch, .chunks = &chunk, .n_chunks = 1, .add_read = 2};
	refused(b, LEDGER_LOST);
	assert_ptr_equal(b->txn->lost, op);
	op = begin(b, b->a, LOP_LOAD_PUT);
	op->u.load_put = (struct lop_load_put){
		.run_id = run, .epoch = epoch + 1, .chunks = &chunk, .n_chunks = 1, .add_read = 2};
	refused(b, LEDGER_LOST);
	op = begin(b, b->b, LOP_LOAD_OPEN);
	op->u.load_open.run_id = run;
	op->u.load_open.epoch = epoch;
	refused(b, LEDGER_LOST);
	run_open(b, b->a, run, epoch);
	op = begin(b, b->a, LOP_LOAD_PUT); /* it is complete */
	op->u.load_put = (struct lop_load_put){
		.run_id = run, .epoch = epoch, .chunks = &chunk, .n_chunks = 1, .add_read = 2};
	refused(b, LEDGER_LOST);
}

static void a_dead_loader_hands_over_at_its_reap(void **state)
{
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 2, .n = 5};
	int64_t run = run_create(b, b->a, &plan);

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	int32_t epoch = run_load(b, b->b, run, &plan);
	struct actor dead = *b->b;
	actor_kill(b, b->b);
	struct ledger_op *op = begin(b, b->a, LOP_REAP);
	op->u.reap.dead = dead.inc;
	op->u.reap.beat = BENCH_BEAT;
	op = also(b, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	assert_true(b->txn->first->u.reap.ret_done);
	assert_true(op->u.load_take.ret_taken);
	assert_true(op->u.load_take.ret_epoch > epoch);
	assert_memory_equal(op->u.load_take.ret_cursor, "cursor", 6);
	run_open(b, b->a, run, op->u.load_take.ret_epoch);
	assert_int_equal(counts_of(b, run).waiting, 10);
}

static void a_run_that_is_open_cannot_be_loaded(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_TAKE);

	op->u.load_take.run_id = run;
	commit(b);
	assert_false(op->u.load_take.ret_taken);
	assert_int_equal(op->u.load_take.ret_loader, 0);
	op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = 999;
	refused(b, LEDGER_LOST);
}

static void items_are_not_claimed_while_the_run_loads(void **state)
{
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 2, .n = 5};
	int64_t run = run_create(b, b->a, &plan);
	struct held held;

	run_join(b, b->a, run);
	int32_t epoch = run_load(b, b->a, run, &plan);
	assert_false(chunk_claim(b, b->a, run, &held));
	run_open(b, b->a, run, epoch);
	assert_true(chunk_claim(b, b->a, run, &held));
}

static void keys_are_open_in_earlier_runs_of_the_job_only(void **state)
{
	struct bench *b = *state;
	int64_t first = run_ready(b, b->a, &(struct plan){.due = "1/1", .n_chunks = 1, .n = 6});
	static const enum loose_state states[6] = {LOOSE_RETRY, LOOSE_DOUBT, LOOSE_ASKED,
						   LOOSE_DEAD,	LOOSE_DONE,  LOOSE_WAIVED};
	static const char *const keys[] = {"KEY-0", "KEY-1", "KEY-2", "KEY-3",
					   "KEY-4", "KEY-5", "KEY-6"};
	struct held held;

	assert_true(chunk_claim(b, b->a, first, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	for (uint32_t i = 0; i < 6; i++)
		(void)loose_put(b, &held, i, states[i]);
	chunk_progress(b, &held, true);
	commit(b);
	int64_t second = run_create(b, b->a, &(struct plan){.due = "2/1"});
	struct ledger_op *op = begin(b, b->a, LOP_KEYS_FIND);
	op->u.keys_find = (struct lop_keys_find){
		.job = "job", .run_id = second, .keys = keys, .n = 7};
	struct ledger_op *same = also(b, LOP_KEYS_FIND);
	same->u.keys_find = (struct lop_keys_find){
		.job = "job", .run_id = first, .keys = keys, .n = 7};
	struct ledger_op *other = also(b, LOP_KEYS_FIND);
	other->u.keys_find = (struct lop_keys_find){
		.job = "other", .run_id = second, .keys = keys, .n = 7};
	commit(b);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(bits_get(op->u.keys_find.ret_open, i), i < 3);
		assert_false(bits_get(op->u.keys_find.ret_seen, i));
		assert_false(bits_get(same->u.keys_find.ret_open, i));
		assert_false(bits_get(other->u.keys_find.ret_open, i));
	}
	assert_false(op->u.keys_find.ret_none_open);
	assert_true(same->u.keys_find.ret_none_open);
	assert_true(other->u.keys_find.ret_none_open);
}

static void keys_that_were_done_are_remembered_with_their_time(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	static const char *const done_keys[] = {"A", "B"};
	static const char *const keys[] = {"A", "B", "KEY-2", "C"};
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	bits_fill(held.done, 0, 2);
	struct ledger_op *loose = loose_put(b, &held, 2, LOOSE_DONE);
	loose->u.loose_put.remember_key = true;
	chunk_progress(b, &held, true);
	b->txn->last->u.chunk_progress.done_keys = done_keys;
	b->txn->last->u.chunk_progress.n_done_keys = 2;
	commit(b);
	struct ledger_op *op = begin(b, b->a, LOP_KEYS_FIND);
	op->u.keys_find = (struct lop_keys_find){
		.job = "job", .run_id = run, .keys = keys, .n = 4, .seen = true};
	struct ledger_op *since = also(b, LOP_KEYS_FIND);
	since->u.keys_find = (struct lop_keys_find){.job = "job",
						    .run_id = run,
						    .keys = keys,
						    .n = 4,
						    .seen = true,
						    .seen_since = b->now + US_PER_S};
	struct ledger_op *not_asked = also(b, LOP_KEYS_FIND);
	not_asked->u.keys_find = (struct lop_keys_find){
		.job = "job", .run_id = run, .keys = keys, .n = 4};
	struct ledger_op *other = also(b, LOP_KEYS_FIND);
	other->u.keys_find = (struct lop_keys_find){
		.job = "other", .run_id = run, .keys = keys, .n = 4, .seen = true};
	commit(b);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(bits_get(op->u.keys_find.ret_seen, i), i < 3);
		assert_false(bits_get(since->u.keys_find.ret_seen, i));
		assert_false(bits_get(not_asked->u.keys_find.ret_seen, i));
		assert_false(bits_get(other->u.keys_find.ret_seen, i));
	}
}

static const char *content_find(struct bench *b, int64_t run, const char *digest)
{
	struct ledger_op *op = begin(b, b->a, LOP_CONTENT_FIND);

	op->u.content_find = (struct lop_content_find){.job = "job",
						       .run_id = run,
						       .path = "/in/file.csv",
						       .digest = (const uint8_t *)digest,
						       .digest_len = strlen(digest)};
	commit(b);
	return op->u.content_find.ret_run;
}

static void content_that_another_run_read_is_found(void **state)
{
	struct bench *b = *state;
	int64_t first = run_create(b, b->a, &(struct plan){.due = "1/1"});
	int64_t second = run_create(b, b->a, &(struct plan){.due = "2/1"});

	assert_null(content_find(b, first, "12345678"));
	assert_null(content_find(b, first, "12345678")); /* its own does not count */
	assert_string_equal(content_find(b, second, "12345678"), "job@2026-11-23");
	assert_null(content_find(b, second, "87654321"));
	struct ledger_op *op = begin(b, b->a, LOP_CONTENT_FIND);
	op->u.content_find.job = "job";
	op->u.content_find.run_id = 999;
	op->u.content_find.digest = (const uint8_t *)"x";
	op->u.content_find.digest_len = 1;
	refused(b, LEDGER_LOST);
}

static void content_of_runs_that_came_to_nothing_does_not_count(void **state)
{
	struct bench *b = *state;
	int64_t failed = run_create(b, b->a, &(struct plan){.due = "1/1"});
	int64_t given_up = run_ready(b, b->a, &(struct plan){.due = "2/1"});
	int64_t third = run_create(b, b->a, &(struct plan){.due = "3/1"});

	(void)content_find(b, failed, "12345678");
	(void)content_find(b, given_up, "12345678");
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){failed, RUN_FAILED, "x", false};
	op = also(b, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){given_up, RUN_ABANDONED, "x", false};
	commit(b);
	assert_null(content_find(b, third, "12345678"));
}

static const struct CMUnitTest cases[] = {
	CASE(one_loads_and_others_are_told_who),
	CASE(what_is_put_can_be_counted_and_goes_on_where_it_stopped),
	CASE(puts_of_one_transaction_come_one_after_the_other),
	CASE(who_does_not_load_may_not_put),
	CASE(a_dead_loader_hands_over_at_its_reap),
	CASE(a_run_that_is_open_cannot_be_loaded),
	CASE(items_are_not_claimed_while_the_run_loads),
	CASE(keys_are_open_in_earlier_runs_of_the_job_only),
	CASE(keys_that_were_done_are_remembered_with_their_time),
	CASE(content_that_another_run_read_is_found),
	CASE(content_of_runs_that_came_to_nothing_does_not_count),
};

const struct suite suite_loading = SUITE("loading", cases);
