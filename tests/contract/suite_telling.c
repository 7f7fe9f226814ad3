/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

static struct ledger_op *untold(struct bench *b, int64_t run, int64_t after, uint32_t max)
{
	struct ledger_op *op = begin(b, b->a, LOP_UNTOLD_LIST);

	op->u.untold_list.run_id = run;
	op->u.untold_list.after = after;
	op->u.untold_list.max = max;
	commit(b);
	return op;
}

static void tell(struct bench *b, int64_t run, int64_t chunk)
{
	struct ledger_op *op = begin(b, b->a, LOP_TOLD_PUT);

	op->u.told_put.run_id = run;
	op->u.told_put.chunk_id = chunk;
	commit(b);
}

static void a_run_is_finished_when_everybody_was_told(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 3, .n = 4, .tell = true});

	chunk_work(b, b->a, run, 1);
	chunk_work(b, b->a, run, 0);
	assert_int_equal(untold(b, run, 0, 10)->u.untold_list.ret_n, 0); /* not yet */
	chunk_work(b, b->a, run, 0);
	assert_false(finish(b, b->a, run));
	struct ledger_op *op = untold(b, run, 0, 2);
	assert_int_equal(op->u.untold_list.ret_n, 2);
	assert_true(op->u.untold_list.ret_is_settled);
	const struct ledger_chunk_row *rows = op->u.untold_list.ret_rows;
	assert_int_equal(rows[0].first_item, 0);
	assert_int_equal(bits_count(rows[0].started, 4), 3); /* the dead one did not end well */
	assert_false(bits_get(rows[0].started, 0));
	assert_int_equal(bits_count(rows[0].done, 4), 4);
	assert_int_equal(bits_count(rows[0].told, 4), 0);
	assert_memory_equal(rows[0].body, "body 0", 6);
	int64_t first = rows[0].id;
	int64_t second = rows[1].id;
	op = untold(b, run, second, 2);
	assert_int_equal(op->u.untold_list.ret_n, 1);
	assert_int_equal(op->u.untold_list.ret_rows[0].first_item, 8);
	tell(b, run, first);
	assert_int_equal(untold(b, run, 0, 10)->u.untold_list.ret_n, 2);
	assert_false(finish(b, b->a, run));
	tell(b, run, 0);
	assert_int_equal(untold(b, run, 0, 10)->u.untold_list.ret_n, 0);
	assert_true(finish(b, b->a, run));
}

static void nobody_is_told_of_a_run_that_has_open_items(void **state)
{
	static const struct {
		enum loose_state state;
		bool told;
	} all[] = {{LOOSE_RETRY, false}, {LOOSE_DOUBT, false}, {LOOSE_ASKED, true},
		   {LOOSE_DEAD, true},	 {LOOSE_DONE, true},   {LOOSE_WAIVED, true}};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char due[16];
		struct held held;
		(void)snprintf(due, sizeof(due), "%zu/1", i);
		int64_t run = run_ready(
			b, b->a, &(struct plan){.due = due, .n_chunks = 1, .n = 2, .tell = true});
		assert_true(chunk_claim(b, b->a, run, &held));
		(void)begin(b, b->a, LOP_INSTANCE_LIST);
		(void)loose_put(b, &held, 0, all[i].state);
		bits_set(held.done, 1);
		chunk_progress(b, &held, true);
		commit(b);
		struct ledger_op *op = untold(b, run, 0, 1);
		assert_int_equal(op->u.untold_list.ret_n, all[i].told ? 1 : 0);
		if (!all[i].told)
			continue;
		bool ended_well = all[i].state == LOOSE_DONE || all[i].state == LOOSE_WAIVED;
		assert_int_equal(bits_get(op->u.untold_list.ret_rows[0].started, 0), ended_well);
		assert_true(bits_get(op->u.untold_list.ret_rows[0].started, 1));
	}
}

static void what_a_person_decides_is_told_again(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3, .tell = true});
	struct held held;
	static const int64_t item = 1;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 1, LOOSE_ASKED);
	bits_fill(held.done, 0, 3);
	chunk_progress(b, &held, true);
	commit(b);
	tell(b, run, 0);
	assert_true(finish(b, b->a, run));
	assert_int_equal(person(b, PERSON_RESOLVE_DONE, run, &item, 1)->u.person.ret_changed, 1);
	assert_int_equal(state_of(b, run), RUN_OPEN); /* somebody is to be told */
	struct ledger_op *op = untold(b, run, 0, 10);
	assert_int_equal(op->u.untold_list.ret_n, 1);
	assert_int_equal(bits_count(op->u.untold_list.ret_rows[0].told, 3), 2);
	assert_int_equal(bits_count(op->u.untold_list.ret_rows[0].started, 3), 3);
	int64_t chunk = op->u.untold_list.ret_rows[0].id;
	assert_false(finish(b, b->a, run));
	tell(b, run, chunk);
}

static void where_nobody_is_told_a_resolved_run_stays_finished(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	struct held held;
	static const int64_t item = 1;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 1, LOOSE_ASKED);
	bits_fill(held.done, 0, 3);
	chunk_progress(b, &held, true);
	commit(b);
	assert_true(finish(b, b->a, run));
	assert_int_equal(person(b, PERSON_RESOLVE_SKIP, run, &item, 1)->u.person.ret_changed, 1);
	assert_int_equal(state_of(b, run), RUN_FINISHED);
	assert_int_equal(counts_of(b, run).skipped, 1);
}

static struct ledger_op *ended(struct bench *b, int64_t run, int64_t after, uint32_t max)
{
	struct ledger_op *op = begin(b, b->a, LOP_ENDED_LIST);

	op->u.ended_list.run_id = run;
	op->u.ended_list.after = after;
	op->u.ended_list.max = max;
	commit(b);
	return op;
}

/* Of a chunk of at most 8 items; what was listed goes with the next transaction. */
struct told_bits {
	int64_t chunk_id;
	uint32_t n;
	uint8_t done, dead, quiet;
};

static struct told_bits bits_of(const struct ledger_ended *row)
{
	return (struct told_bits){.chunk_id = row->chunk_id,
				  .n = row->n,
				  .done = row->done[0],
				  .dead = row->dead[0],
				  .quiet = row->quiet[0]};
}

static void say(struct bench *b, int64_t run, const struct told_bits *bits)
{
	struct ledger_op *op = begin(b, b->a, LOP_ENDED_TOLD);

	op->u.ended_told = (struct lop_ended_told){.run_id = run,
						   .chunk_id = bits->chunk_id,
						   .n = bits->n,
						   .done = &bits->done,
						   .dead = &bits->dead,
						   .quiet = &bits->quiet};
	commit(b);
}

/* Items 0, 1, … as the bits of a number. */
static unsigned items_of(const uint8_t *bits, uint32_t n)
{
	unsigned items = 0;

	for (uint32_t i = 0; i < n; i++)
		items |= bits_get(bits, i) ? 1U << i : 0;
	return items;
}

static void what_ended_is_listed_while_others_are_open(void **state)
{
	static const enum loose_state states[] = {LOOSE_RETRY,	LOOSE_DEAD, LOOSE_ASKED,
						  LOOSE_WAIVED, LOOSE_DONE, LOOSE_DOUBT};
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 8, .tell = true});
	struct held held;

	assert_int_equal(ended(b, run, 0, 10)->u.ended_list.ret_n, 0);
	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	for (uint32_t i = 0; i < ARRAY_LEN(states); i++)
		(void)loose_put(b, &held, i, states[i]);
	bits_set(held.done, 6); /* the last one is still to be done */
	chunk_progress(b, &held, false);
	commit(b);
	const struct lop_ended_list *l = &ended(b, run, 0, 10)->u.ended_list;
	assert_int_equal(l->ret_n, 1);
	assert_false(l->ret_more);
	const struct ledger_ended row = l->ret_rows[0];
	assert_int_equal(row.n, 8);
	assert_memory_equal(row.body, "body 0", 6);
	assert_int_equal(items_of(row.done, 8), 1 << 4 | 1 << 6);
	assert_int_equal(items_of(row.dead, 8), 1 << 1);
	assert_int_equal(items_of(row.quiet, 8), 1 << 2 | 1 << 3);
	const struct told_bits bits = bits_of(&row);
	say(b, run, &bits);
	assert_int_equal(ended(b, run, 0, 10)->u.ended_list.ret_n, 0);
	assert_false(finish(b, b->a, run));
}

static void who_was_dead_when_told_and_is_tried_again_is_not_told_of(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3, .tell = true});
	struct held held;
	static const int64_t item = 1;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 1, LOOSE_DEAD);
	bits_fill(held.done, 0, 3);
	chunk_progress(b, &held, true);
	commit(b);
	const struct ledger_ended row = ended(b, run, 0, 10)->u.ended_list.ret_rows[0];
	assert_int_equal(items_of(row.dead, 3), 1 << 1);
	struct told_bits bits = bits_of(&row);
	assert_int_equal(person(b, PERSON_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	say(b, run, &bits); /* it was told as dead, and is not that any more */
	assert_int_equal(ended(b, run, 0, 10)->u.ended_list.ret_n, 0);
	assert_false(finish(b, b->a, run));
	assert_int_equal(person(b, PERSON_SKIP, run, &item, 1)->u.person.ret_changed, 1);
	const struct lop_ended_list *l = &ended(b, run, 0, 10)->u.ended_list;
	assert_int_equal(l->ret_n, 1);
	assert_int_equal(items_of(l->ret_rows[0].quiet, 3), 1 << 1);
	assert_int_equal(items_of(l->ret_rows[0].done, 3), 0);
	bits = bits_of(&l->ret_rows[0]);
	say(b, run, &bits);
	assert_true(finish(b, b->a, run));
}

static void telling_of_no_run_is_refused(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_TOLD_PUT);

	op->u.told_put.run_id = 999;
	refused(b, LEDGER_LOST);
	assert_int_equal(untold(b, 999, 0, 1)->u.untold_list.ret_n, 0);
}

static const struct CMUnitTest cases[] = {
	CASE(a_run_is_finished_when_everybody_was_told),
	CASE(what_ended_is_listed_while_others_are_open),
	CASE(who_was_dead_when_told_and_is_tried_again_is_not_told_of),
	CASE(nobody_is_told_of_a_run_that_has_open_items),
	CASE(what_a_person_decides_is_told_again),
	CASE(where_nobody_is_told_a_resolved_run_stays_finished),
	CASE(telling_of_no_run_is_refused),
};

const struct suite suite_telling = SUITE("telling", cases);
