/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

static struct ledger_op *reap(struct bench *b, struct actor *by, int64_t dead,
			      int64_t quarantine_us)
{
	struct ledger_op *op = begin(b, by, LOP_REAP);

	op->u.reap.dead = dead;
	op->u.reap.beat = BENCH_BEAT;
	op->u.reap.quarantine_us = quarantine_us;
	commit(b);
	return op;
}

/* claim -> start 4 -> settle 2, one of them to retry -> reap: the doubtful items are in doubt, the
 * retry is a retry, the chunk is ready, and the zombie is refused. */
static void what_a_dead_instance_had_started_is_in_doubt(void **state)
{
	struct bench *b = *state;
	struct held held;

	actor_begin(b, b->b);
	int64_t run = run_ready(b, b->b, &(struct plan){.n_chunks = 1, .n = 8, .has_keys = true});
	assert_true(chunk_claim(b, b->b, run, &held));
	const utime claimed = b->now;
	b->now += US_PER_S;
	chunk_start(b, b->b, &held, 0, 4);
	(void)begin(b, b->b, LOP_INSTANCE_LIST);
	bits_set(held.done, 0);
	(void)loose_put(b, &held, 1, LOOSE_RETRY);
	chunk_progress(b, &held, false);
	commit(b);

	struct actor zombie = *b->b;
	struct held old = held;
	zombie.ledger = b->a->ledger;
	actor_kill(b, b->b);
	struct ledger_op *op = reap(b, b->a, zombie.inc, US_PER_MIN);
	assert_true(op->u.reap.ret_done);
	assert_int_equal(op->u.reap.ret_doubtful, 2);
	struct ledger_counts c = counts_of(b, run);
	assert_int_equal(c.done, 1);
	assert_int_equal(c.retry, 1);
	assert_int_equal(c.in_doubt, 2);
	assert_int_equal(c.waiting, 4);
	assert_int_equal(c.running, 0);
	assert_int_equal(c.ready_chunks, 1);

	/* the zombie writes nothing, and its chunk is another's */
	op = begin(b, &zombie, LOP_LANE_PUT);
	op->u.lane_put.pid = 1;
	refused(b, LEDGER_FENCED);
	op = begin(b, &zombie, LOP_LANE_DROP);
	chunk_progress(b, &old, false);
	refused(b, LEDGER_FENCED);
	assert_true(chunk_claim(b, b->a, run, &held));
	assert_int_equal(held.id, old.id);
	assert_int_equal(held.epoch, old.epoch + 1);
	assert_int_equal(held.rev, 0);
	assert_int_equal(bits_count(held.done, 8), 4);
	chunk_done(b, b->a, &held, 0, 8);

	/* the doubt knows when it began, and its key */
	op = begin(b, b->a, LOP_DOUBT_RESOLVE);
	op->u.doubt_resolve = (struct lop_doubt_resolve){
		run, DOUBT_RETRY, 0, b->now + US_PER_MIN, false, 1, 0, 0, 0};
	op = also(b, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){
		.run_id = run, .now = b->now + US_PER_MIN, .max = 10};
	commit(b);
	assert_int_equal(op->u.loose_claim.ret_n, 3);
	const struct ledger_loose_row *row = &op->u.loose_claim.ret_rows[1];
	assert_int_equal(row->item, 2);
	assert_string_equal(row->key, "KEY-2");
	assert_int_equal(row->first_started, claimed);
	assert_int_equal(row->attempt, 0);
	assert_int_equal(row->crashes, 0); /* an engine's death blames nobody */
	assert_string_equal(row->err_class, "owner-lost");
}

/* What nobody could prove dead may still act after a person has looked: "again" is not taken
 * before. */
static void a_person_does_not_shorten_the_quarantine(void **state)
{
	struct bench *b = *state;
	struct held held;
	const int64_t item = 0;

	actor_begin(b, b->b);
	int64_t run = run_ready(b, b->b, &(struct plan){.n_chunks = 1, .n = 1});
	assert_true(chunk_claim(b, b->b, run, &held));
	chunk_start(b, b->b, &held, 0, 1);
	int64_t dead = b->b->inc;
	actor_kill(b, b->b);
	(void)reap(b, b->a, dead, US_PER_MIN);
	utime quiet = b->now + US_PER_MIN;
	b->now = quiet - US_PER_S;
	assert_int_equal(person(b, PERSON_RESOLVE_RETRY, run, &item, 1)->u.person.ret_refused, 1);
	b->now = quiet;
	assert_int_equal(person(b, PERSON_RESOLVE_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){.run_id = run, .now = quiet, .max = 1};
	commit(b);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
}

/* Where repeating is harmless nothing is marked: any item of the chunk may still be worked on. */
static void without_marks_all_of_a_chunk_waits_for_what_may_still_act(void **state)
{
	static const enum effect_class effects[] = {EFFECT_PURE, EFFECT_PURE, EFFECT_KEYED};
	static const int64_t quarantines[] = {US_PER_MIN, 0, US_PER_MIN};
	static const int64_t wanted[] = {3, 0, 0};
	struct bench *b = *state;
	struct held held;

	for (size_t i = 0; i < ARRAY_LEN(effects); i++) {
		char due[16];
		(void)snprintf(due, sizeof(due), "day-%zu/1", i);
		actor_begin(b, b->b);
		int64_t run = run_ready(
			b, b->b,
			&(struct plan){.due = due, .effect = effects[i], .n_chunks = 2, .n = 4});
		assert_true(chunk_claim(b, b->b, run, &held));
		chunk_done(b, b->b, &held, 0, 1);
		int64_t dead = b->b->inc;
		actor_kill(b, b->b);
		int64_t doubtful = reap(b, b->a, dead, quarantines[i])->u.reap.ret_doubtful;
		assert_int_equal(doubtful, wanted[i]);
		assert_int_equal(counts_of(b, run).in_doubt, wanted[i]);
		assert_int_equal(counts_of(b, run).waiting, 7 - wanted[i]);
		assert_int_equal(counts_of(b, run).done, 1);
	}
}

static void loose_items_of_the_dead_are_in_doubt(void **state)
{
	struct bench *b = *state;
	struct held held;

	actor_begin(b, b->b);
	int64_t run = run_ready(b, b->b, &(struct plan){.n_chunks = 1, .n = 2});
	assert_true(chunk_claim(b, b->b, run, &held));
	(void)begin(b, b->b, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 0, LOOSE_RETRY);
	(void)loose_put(b, &held, 1, LOOSE_RETRY);
	chunk_progress(b, &held, true);
	commit(b);
	struct ledger_op *op = begin(b, b->b, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){.run_id = run, .now = b->now, .max = 1};
	commit(b);
	int32_t epoch = op->u.loose_claim.ret_rows[0].epoch;
	struct actor zombie = *b->b;
	zombie.ledger = b->a->ledger;
	actor_kill(b, b->b);
	assert_int_equal(reap(b, b->a, zombie.inc, 0)->u.reap.ret_doubtful, 1);
	assert_int_equal(counts_of(b, run).in_doubt, 1);
	assert_int_equal(counts_of(b, run).retry, 1);
	assert_int_equal(counts_of(b, run).next_due, b->now);
	op = begin(b, &zombie, LOP_LOOSE_SETTLE);
	op->u.loose_settle.row = (struct ledger_loose_row){
		.run_id = run, .state = LOOSE_DONE, .epoch = epoch};
	refused(b, LEDGER_FENCED);
	/* an old epoch is nobody's */
	op = begin(b, b->a, LOP_LOOSE_SETTLE);
	op->u.loose_settle.row = (struct ledger_loose_row){
		.run_id = run, .state = LOOSE_DONE, .epoch = epoch};
	refused(b, LEDGER_LOST);
}

static void the_living_are_not_reaped(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	assert_false(reap(b, b->a, b->b->inc, 0)->u.reap.ret_done);
	assert_false(reap(b, b->a, b->a->inc, 0)->u.reap.ret_done);
	assert_false(reap(b, b->a, 999, 0)->u.reap.ret_done);
	(void)begin(b, b->b, LOP_INSTANCE_STOPPING);
	commit(b);
	assert_false(reap(b, b->a, b->b->inc, 0)->u.reap.ret_done);
	actor_kill(b, b->b);
	assert_true(reap(b, b->a, b->b->inc, 0)->u.reap.ret_done);
	assert_false(reap(b, b->a, b->b->inc, 0)->u.reap.ret_done); /* once */
}

/* A free lock alone proves nothing, nor does a beat that stands still beside a held one. */
static void who_beats_is_not_reaped(void **state)
{
	struct bench *b = *state;

	if (!b->has_beats)
		return;
	actor_begin(b, b->b);
	struct ledger_op *op = begin(b, b->a, LOP_INSTANCE_LIST);
	commit(b);
	assert_int_equal(op->u.instance_list.ret_rows[0].beat, BENCH_BEAT);
	assert_int_equal(actor_beat(b->b), LEDGER_APPLIED);
	struct actor dead = *b->b;
	actor_kill(b, b->b);
	assert_false(reap(b, b->a, dead.inc, 0)->u.reap.ret_done);
	op = begin(b, b->a, LOP_REAP);
	op->u.reap = (struct lop_reap){.dead = dead.inc, .beat = BENCH_BEAT, .is_hung = true};
	commit(b);
	assert_false(op->u.reap.ret_done);
	op = begin(b, b->a, LOP_REAP);
	op->u.reap = (struct lop_reap){.dead = dead.inc, .beat = BENCH_BEAT + 1};
	commit(b);
	assert_true(op->u.reap.ret_done);
}

static void who_hangs_is_reaped_with_its_lock_held_and_its_pulse_is_fenced(void **state)
{
	struct bench *b = *state;

	if (!b->has_beats)
		return;
	actor_begin(b, b->b);
	assert_false(reap(b, b->a, b->b->inc, 0)->u.reap.ret_done);
	struct ledger_op *op = begin(b, b->a, LOP_REAP);
	op->u.reap = (struct lop_reap){.dead = b->b->inc, .beat = BENCH_BEAT, .is_hung = true};
	commit(b);
	assert_true(op->u.reap.ret_done);
	assert_int_equal(actor_beat(b->b), LEDGER_FENCED);
}

static void chunks_without_marks_are_simply_free_again(void **state)
{
	struct bench *b = *state;
	struct held held;

	actor_begin(b, b->b);
	int64_t run = run_ready(b, b->b,
				&(struct plan){.n_chunks = 3, .n = 4, .effect = EFFECT_PURE});
	assert_true(chunk_claim(b, b->b, run, &held));
	chunk_done(b, b->b, &held, 0, 2);
	assert_true(chunk_claim(b, b->b, run, &held));
	chunk_start(b, b->b, &held, 0, 4); /* all doubtful: nothing is left in the chunk */
	actor_kill(b, b->b);
	assert_int_equal(reap(b, b->a, b->b->inc, 0)->u.reap.ret_doubtful, 4);
	struct ledger_counts c = counts_of(b, run);
	assert_int_equal(c.ready_chunks, 2);
	assert_int_equal(c.waiting, 6);
	assert_int_equal(c.done, 2);
	assert_int_equal(c.in_doubt, 4);
}

static void the_dead_are_on_no_run_and_have_no_lanes(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	struct ledger_op *op = begin(b, b->b, LOP_LANE_PUT);
	op->u.lane_put.pid = 5;
	commit(b);
	actor_kill(b, b->b);
	assert_true(reap(b, b->a, b->b->inc, 0)->u.reap.ret_done);
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_int_equal(op->u.run_join.ret_n_others, 0);
	op = begin(b, b->a, LOP_INSTANCE_LIST);
	commit(b);
	assert_int_equal(op->u.instance_list.ret_n, 0);
}

static void a_restore_puts_open_work_of_once_runs_in_doubt(void **state)
{
	struct bench *b = *state;
	const struct plan once = {.due = "1/1", .n_chunks = 3, .n = 4, .has_keys = true};
	const struct plan pure = {.due = "2/1", .n_chunks = 2, .n = 4, .effect = EFFECT_PURE};
	const struct plan loading = {.due = "3/1", .n_chunks = 1, .n = 2};
	struct held held;
	struct err err = ERR_INIT;
	int64_t doubtful = 0;

	int64_t first = run_ready(b, b->a, &once);
	int64_t second = run_ready(b, b->a, &pure);
	int64_t third = run_create(b, b->a, &loading);
	run_join(b, b->a, third);
	(void)run_load(b, b->a, third, &loading);
	chunk_work(b, b->a, first, 1);
	assert_true(chunk_claim(b, b->a, first, &held));
	chunk_start(b, b->a, &held, 0, 1);
	assert_true(chunk_claim(b, b->a, second, &held));
	assert_true(ledger_restored(b->ledger, b->now, &doubtful, &err) < 0);
	assert_int_equal(err.code, ERR_TEMP); /* somebody is alive */
	actor_kill(b, b->a);
	assert_int_equal(ledger_restored(b->ledger, b->now, &doubtful, &err), 0);
	assert_int_equal(doubtful, 8);
	struct ledger_counts c = counts_of(b, first);
	assert_int_equal(c.in_doubt, 8);
	assert_int_equal(c.done, 3);
	assert_int_equal(c.dead, 1);
	assert_int_equal(c.waiting, 0);
	c = counts_of(b, second);
	assert_int_equal(c.waiting, 8);
	assert_int_equal(c.ready_chunks, 2);
	assert_int_equal(state_of(b, third), RUN_ABANDONED);
	assert_int_equal(state_of(b, first), RUN_OPEN);
}

static const struct CMUnitTest cases[] = {
	CASE(what_a_dead_instance_had_started_is_in_doubt),
	CASE(a_person_does_not_shorten_the_quarantine),
	CASE(without_marks_all_of_a_chunk_waits_for_what_may_still_act),
	CASE(loose_items_of_the_dead_are_in_doubt),
	CASE(the_living_are_not_reaped),
	CASE(who_beats_is_not_reaped),
	CASE(who_hangs_is_reaped_with_its_lock_held_and_its_pulse_is_fenced),
	CASE(chunks_without_marks_are_simply_free_again),
	CASE(the_dead_are_on_no_run_and_have_no_lanes),
	CASE(a_restore_puts_open_work_of_once_runs_in_doubt),
};

const struct suite suite_reap = SUITE("reaping", cases);
