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
	CASE(nobody_is_told_of_a_run_that_has_open_items),
	CASE(what_a_person_decides_is_told_again),
	CASE(where_nobody_is_told_a_resolved_run_stays_finished),
	CASE(telling_of_no_run_is_refused),
};

const struct suite suite_telling = SUITE("telling", cases);
