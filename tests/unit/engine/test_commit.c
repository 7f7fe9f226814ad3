/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit, with a ledger that answers what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "engine/commit.h"

enum { TOLD_MAX = 8, WORDS_MAX = 64 };

/* The world: a clock, and what was last handed to the ledger. */
struct world {
	int64_t clock_us;
	struct ledger_txn *sent;
	int n_sent;
};

static struct world world;
static struct commit commit;
static char told[TOLD_MAX + 1];
static size_t n_told;
static int n_troubles;
static enum ledger_status trouble;
static char unloaded[WORDS_MAX];

static int64_t world_clock(void *arg)
{
	return ((const struct world *)arg)->clock_us;
}

static void world_ledger(void *arg, struct ledger_txn *txn)
{
	struct world *w = arg;

	w->sent = txn;
	w->n_sent++;
}

static const struct world_ops ops = {
	.now = world_clock, .boot_us = world_clock, .ledger = world_ledger};

static void on_trouble(void *arg, enum ledger_status status, const char *text)
{
	n_troubles++;
	trouble = status;
}

static void on_unloaded(void *arg, const char *text)
{
	(void)snprintf(unloaded, sizeof(unloaded), "%s", text);
}

/* `arg` is a letter. */
static void on_durable(void *arg, struct ledger_op *op)
{
	assert_true(n_told < TOLD_MAX);
	told[n_told++] = *(const char *)arg;
}

static int set_up(void **state)
{
	world = (struct world){.clock_us = 1000};
	commit_init(&commit, &ops, &world);
	commit.on_trouble = on_trouble;
	commit.on_unloaded = on_unloaded;
	commit.inc = 7;
	memset(told, 0, sizeof(told));
	memset(unloaded, 0, sizeof(unloaded));
	n_told = 0;
	n_troubles = 0;
	return 0;
}

static int tear_down(void **state)
{
	commit_done(&commit);
	return 0;
}

static struct ledger_op *add(enum ledger_op_kind kind, const char *letter)
{
	return commit_add(&commit, kind, on_durable, (void *)(uintptr_t)letter);
}

/* The one that was sent comes back so. */
static void answer(enum ledger_status status)
{
	struct ledger_txn *txn = world.sent;

	world.sent = NULL;
	txn->status = status;
	commit_on_ledger(&commit, txn);
}

static void lose(struct ledger_op *op)
{
	world.sent->lost = op;
	(void)ERR(&world.sent->err, ERR_LEDGER, "the run has ended");
	answer(LEDGER_LOST);
}

static void what_comes_in_meanwhile_goes_out_as_one(void **state)
{
	(void)add(LOP_RUN_NOTE, "a");
	commit_flush(&commit);
	(void)add(LOP_RUN_NOTE, "b");
	(void)add(LOP_RUN_NOTE, "c");
	commit_flush(&commit);
	assert_int_equal(world.n_sent, 1);
	assert_int_equal(world.sent->batch, 1);
	answer(LEDGER_APPLIED);
	assert_string_equal(told, "a");
	commit_flush(&commit);
	assert_int_equal(world.sent->n_ops, 2);
	assert_int_equal(world.sent->batch, 2);
	answer(LEDGER_APPLIED);
	assert_string_equal(told, "abc");
	assert_true(commit_is_idle(&commit));
}

static void what_only_records_waits_for_more(void **state)
{
	(void)add(LOP_ATTEMPT_PUT, "a");
	commit_flush(&commit);
	assert_int_equal(world.n_sent, 0);
	world.clock_us = commit_deadline(&commit);
	commit_flush(&commit);
	assert_int_equal(world.n_sent, 1);
	answer(LEDGER_APPLIED);
}

static void of_unknown_fate_it_is_sent_again_under_the_same_number(void **state)
{
	static const enum ledger_status again[] = {LEDGER_UNKNOWN, LEDGER_BUSY, LEDGER_NO_SPACE};
	int64_t last_wait = 0;

	(void)add(LOP_RUN_NOTE, "a");
	commit_flush(&commit);
	const struct ledger_txn *first = world.sent;
	for (size_t i = 0; i < ARRAY_LEN(again); i++) {
		answer(again[i]);
		assert_int_equal(n_told, 0);
		int64_t wait = commit_deadline(&commit) - world.clock_us;
		assert_true(wait > last_wait);
		last_wait = wait;
		commit_on_timer(&commit); /* too early */
		assert_null(world.sent);
		world.clock_us += wait;
		commit_on_timer(&commit);
		assert_ptr_equal(world.sent, first);
		assert_int_equal(world.sent->batch, 1);
	}
	answer(LEDGER_APPLIED);
	assert_string_equal(told, "a");
}

/* A person ended the run: all that went in the same transaction is sent without the load. */
static void a_load_that_is_refused_takes_nothing_with_it(void **state)
{
	static const enum ledger_op_kind loads[] = {LOP_LOAD_PUT, LOP_LOAD_OPEN, LOP_INBOX_BEGIN};

	for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
		(void)set_up(state);
		(void)add(LOP_RUN_NOTE, "a");
		struct ledger_op *load = add(loads[i], "-");
		(void)add(LOP_RUN_NOTE, "b");
		commit_flush(&commit);
		lose(load);
		assert_string_equal(unloaded, "the run has ended");
		assert_int_equal(n_troubles, 0);
		assert_int_equal(world.n_sent, 2);
		assert_int_equal(world.sent->n_ops, 2);
		assert_int_equal(world.sent->batch, 1);
		assert_null(world.sent->lost);
		answer(LEDGER_APPLIED);
		assert_string_equal(told, "ab");
	}
}

/* Only what is applied and writes uses a number up: the next one follows on the last. */
static void what_is_left_without_the_load_may_only_read(void **state)
{
	(void)add(LOP_RUN_COUNTS, "a");
	struct ledger_op *load = add(LOP_LOAD_PUT, "-");
	commit_flush(&commit);
	assert_int_equal(world.sent->batch, 1);
	lose(load);
	assert_int_equal(world.sent->batch, 0);
	answer(LEDGER_APPLIED);
	assert_string_equal(told, "a");
	(void)add(LOP_RUN_NOTE, "b");
	commit_flush(&commit);
	assert_int_equal(world.sent->batch, 1);
	answer(LEDGER_APPLIED);
}

static void any_other_guard_that_finds_nothing_freezes_it(void **state)
{
	static const enum ledger_op_kind guarded[] = {LOP_CHUNK_PROGRESS, LOP_LOOSE_SETTLE};

	for (size_t i = 0; i <= ARRAY_LEN(guarded); i++) {
		(void)set_up(state);
		struct ledger_op *op = i < ARRAY_LEN(guarded) ? add(guarded[i], "-") : NULL;
		(void)add(LOP_RUN_NOTE, "a");
		commit_flush(&commit);
		lose(op);
		assert_int_equal(n_troubles, 1);
		assert_int_equal(trouble, LEDGER_LOST);
		assert_string_equal(unloaded, "");
		assert_int_equal(n_told, 0);
		(void)add(LOP_RUN_NOTE, "b");
		commit_flush(&commit);
		assert_int_equal(world.n_sent, 1);
		commit_done(&commit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_comes_in_meanwhile_goes_out_as_one, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_only_records_waits_for_more, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			of_unknown_fate_it_is_sent_again_under_the_same_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_load_that_is_refused_takes_nothing_with_it,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_left_without_the_load_may_only_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(any_other_guard_that_finds_nothing_freezes_it,
						set_up, tear_down),
	};

	return cmocka_run_group_tests_name("engine/commit", tests, NULL, NULL);
}
