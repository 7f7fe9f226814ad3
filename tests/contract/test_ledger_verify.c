/* SPDX-License-Identifier: Apache-2.0 */
/* Every invariant is broken behind the ledger's back, and verify finds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "contract/bench.h"
#include "contract/suites.h"

enum { NAMES_MAX = 1024 };

/* A run with everything in it: run 1 with a closed chunk 1 (item 0 dead, 1 done by a person), a
 * chunk 2 that instance 1 holds (items 4 and 5 started, 6 done), a ready chunk 3; run 2 is
 * finished. */
static void furnish(struct bench *b)
{
	struct held held;
	static const int64_t item = 1;
	static const struct ledger_reject reject = {.path = "f", .line = 1, .reason = "bad"};

	int64_t run = run_create(b, b->a, &(struct plan){0});
	run_join(b, b->a, run);
	int32_t epoch = run_load(b, b->a, run,
				 &(struct plan){.n_chunks = 3, .n = 4, .has_keys = true});
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_PUT);
	op->u.load_put = (struct lop_load_put){.run_id = run,
					       .epoch = epoch,
					       .rejects = &reject,
					       .n_rejects = 1,
					       .cursor = "end",
					       .cursor_len = 3,
					       .add_read = 1};
	commit(b);
	run_open(b, b->a, run, epoch);
	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 0, LOOSE_DEAD);
	(void)loose_put(b, &held, 1, LOOSE_ASKED);
	bits_fill(held.done, 0, 4);
	chunk_progress(b, &held, true);
	commit(b);
	assert_int_equal(person(b, PERSON_RESOLVE_DONE, run, &item, 1)->u.person.ret_changed, 1);
	assert_true(chunk_claim(b, b->a, run, &held));
	bits_set(held.done, 2);
	chunk_start(b, b->a, &held, 0, 2);
	int64_t over = run_ready(b, b->a, &(struct plan){.due = "2/1", .n_chunks = 1, .n = 2});
	chunk_work(b, b->a, over, 0);
	assert_true(finish(b, b->a, over));
}

static void shell(const struct bench *b, const char *sql)
{
	sqlite3 *db = NULL;
	char *error = NULL;

	assert_int_equal(sqlite3_open(b->url + strlen("sqlite:"), &db), SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_exec(db,
			   "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys ="
			   " OFF",
			   NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	if (sqlite3_changes(db) == 0)
		fail_msg("%s: changes nothing", sql);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void note(void *arg, const char *invariant, const char *where, const char *what)
{
	char *names = arg;
	size_t used = strlen(names);

	(void)snprintf(names + used, NAMES_MAX - used, "[%s] %s: %s\n", invariant, where, what);
}

/* After `sql` verify must find what has this name. */
static void breaks(void **state, const char *sql, const char *invariant)
{
	struct bench *b = *state;
	char names[NAMES_MAX] = "";
	char wanted[64];
	struct err err = ERR_INIT;
	int64_t findings = 0;

	furnish(b);
	assert_int_equal(bench_verify(b), 0);
	b->is_broken_on_purpose = true;
	shell(b, sql);
	assert_int_equal(ledger_verify(b->ledger, note, names, &findings, &err), 0);
	(void)snprintf(wanted, sizeof(wanted), "[%s]", invariant);
	assert_true(findings > 0);
	if (strstr(names, wanted) == NULL)
		fail_msg("%s: found only\n%s", sql, names);
}

#define BREAKS(name, sql, invariant)                                                               \
	static void name(void **state)                                                             \
	{                                                                                          \
		breaks(state, sql, invariant);                                                     \
	}

BREAKS(a_lost_chunk, "DELETE FROM chunk WHERE id = 3", "I1")
BREAKS(a_wrong_count_of_items, "UPDATE run_ SET n_items = n_items + 1 WHERE id = 1", "I1")
BREAKS(a_gap_between_chunks, "UPDATE chunk SET first_item = 9 WHERE id = 3", "I1")
BREAKS(a_loose_item_without_its_bit,
       "UPDATE chunk SET done = x'70', n_done = 3, state = 0 WHERE id = 1", "I1")
BREAKS(a_loose_item_of_no_chunk, "UPDATE loose SET chunk_id = 77 WHERE item = 0", "I1")
BREAKS(a_loose_item_of_another_chunk, "UPDATE loose SET chunk_id = 3 WHERE item = 0", "I1")
BREAKS(a_holder_that_is_dead, "UPDATE chunk SET owner = 9 WHERE id = 2", "I2")
BREAKS(a_holder_that_was_reaped, "UPDATE instance_ SET state = 4", "I2")
BREAKS(a_held_item_of_the_dead, "UPDATE loose SET state = 2, owner = 9 WHERE item = 0", "I2")
BREAKS(a_held_item_of_nobody, "UPDATE loose SET state = 2 WHERE item = 0", "I2")
BREAKS(a_loader_that_is_dead,
       "UPDATE run_ SET state = 1, was_open = 0 WHERE id = 1;"
       "UPDATE run_step SET state = 1, loader = 9 WHERE run_id = 1",
       "I2")
BREAKS(doubt_in_a_free_chunk, "UPDATE chunk SET state = 0, owner = NULL WHERE id = 2", "I7")
BREAKS(a_closed_chunk_with_work, "UPDATE chunk SET done = x'70', n_done = 3 WHERE id = 1", "I9")
BREAKS(a_decision_that_nobody_took, "DELETE FROM audit_", "I13")
BREAKS(a_repeat_that_nobody_asked_for, "UPDATE loose SET redo = 1 WHERE item = 0", "I13")
BREAKS(a_finished_run_with_an_open_chunk,
       "UPDATE run_ SET state = 4, ended_at = 1 WHERE id ="
       " 1",
       "I15")
BREAKS(a_finished_run_with_a_retry,
       "UPDATE run_ SET state = 4, ended_at = 1 WHERE id = 1;"
       "UPDATE loose SET state = 1 WHERE item = 0",
       "I15")
BREAKS(a_finished_run_that_nobody_was_told_of,
       "UPDATE chunk SET told = x'00', n_told = 0 WHERE run_id = 2", "I15")
BREAKS(a_counter_that_is_wrong, "UPDATE chunk SET n_done = 2 WHERE id = 2", "counters")
BREAKS(a_running_counter_that_is_wrong, "UPDATE chunk SET n_running = 0 WHERE id = 2", "counters")
BREAKS(a_told_counter_that_is_wrong, "UPDATE chunk SET n_told = 1 WHERE id = 2", "counters")
BREAKS(bits_of_no_item, "UPDATE chunk SET started = x'c8' WHERE id = 2", "bits")
BREAKS(a_lost_body, "DELETE FROM chunk_body WHERE chunk_id = 3", "body")
BREAKS(a_changed_body, "UPDATE chunk_body SET body = x'00' WHERE chunk_id = 3", "body")
BREAKS(keys_that_are_too_few, "UPDATE chunk_keys SET keys = '[\"a\"]' WHERE chunk_id = 3", "keys")
BREAKS(keys_that_are_none, "UPDATE chunk_keys SET keys = 'x' WHERE chunk_id = 3", "keys")
BREAKS(records_that_vanished, "UPDATE run_ SET n_read = n_read + 1 WHERE id = 1", "conservation")
BREAKS(a_step_whose_items_vanished, "UPDATE run_step SET n_items = 0, n_read = 0 WHERE run_id = 1",
       "conservation")
BREAKS(a_chunk_of_no_step, "UPDATE chunk SET step = 7 WHERE id = 3", "steps")
BREAKS(a_finished_step_with_an_open_chunk, "UPDATE run_step SET state = 4 WHERE run_id = 1", "I15")
BREAKS(a_finished_run_with_an_open_step, "UPDATE run_step SET state = 2 WHERE run_id = 2", "steps")
BREAKS(rejects_that_vanished, "DELETE FROM reject_", "conservation")
BREAKS(failures_of_no_attempt,
       "INSERT INTO failure_ VALUES (1, 'exec of job', 'exit-1', 1, 1, 1, 'no')", "conservation")
BREAKS(durations_that_are_none,
       "INSERT INTO latency VALUES (1, 'exec of job', 'total', 1, x'0105')", "latency")
BREAKS(a_run_without_its_job, "DELETE FROM run_text WHERE run_id = 2", "run")
BREAKS(an_instance_without_its_batch, "DELETE FROM instance_batch", "batch")
BREAKS(a_row_of_no_run, "UPDATE reject_ SET run_id = 77", "storage")
BREAKS(a_value_that_cannot_be, "UPDATE chunk SET state = 7 WHERE id = 3", "storage")
BREAKS(an_end_before_the_end, "UPDATE run_ SET ended_at = 5 WHERE id = 1", "state")
BREAKS(an_open_run_that_was_never_open, "UPDATE run_ SET was_open = 0 WHERE id = 2", "state")

/* The unique index stands in the way: it is taken away as well. */
static void one_slot_for_two_runs(void **state)
{
	struct bench *b = *state;
	char names[NAMES_MAX] = "";
	struct err err = ERR_INIT;
	int64_t findings = 0;

	furnish(b);
	b->is_broken_on_purpose = true;
	shell(b, "CREATE TABLE other AS SELECT id, job, due_key, name, slot, date, params, n,"
		 " first_n, state, was_open, reason, started_at, ended_at, n_items, n_read,"
		 " n_filtered, n_rejected, n_held_back, made_by, made_in, step"
		 " FROM run_; DROP VIEW item; DROP VIEW run; DROP VIEW attempt; DROP VIEW reject;"
		 "DROP VIEW instance; DROP VIEW audit; DROP VIEW minute; DROP VIEW failure;"
		 "DROP VIEW note; DROP VIEW ending; DROP VIEW endpoint; DROP VIEW step;"
		 "DROP VIEW pool;"
		 "DROP VIEW IF EXISTS run_now;"
		 "DROP TABLE run_;"
		 "ALTER TABLE other RENAME TO run_;"
		 "UPDATE run_ SET due_key = 'same/1'");
	assert_int_equal(ledger_verify(b->ledger, note, names, &findings, &err), 0);
	if (strstr(names, "[I12]") == NULL)
		fail_msg("found only\n%s", names);
}

static const struct CMUnitTest cases[] = {
	CASE(a_lost_chunk),
	CASE(a_wrong_count_of_items),
	CASE(a_gap_between_chunks),
	CASE(a_loose_item_without_its_bit),
	CASE(a_loose_item_of_no_chunk),
	CASE(a_loose_item_of_another_chunk),
	CASE(a_holder_that_is_dead),
	CASE(a_holder_that_was_reaped),
	CASE(a_held_item_of_the_dead),
	CASE(a_held_item_of_nobody),
	CASE(a_loader_that_is_dead),
	CASE(doubt_in_a_free_chunk),
	CASE(a_closed_chunk_with_work),
	CASE(one_slot_for_two_runs),
	CASE(a_decision_that_nobody_took),
	CASE(a_repeat_that_nobody_asked_for),
	CASE(a_finished_run_with_an_open_chunk),
	CASE(a_finished_run_with_a_retry),
	CASE(a_finished_run_that_nobody_was_told_of),
	CASE(a_counter_that_is_wrong),
	CASE(a_running_counter_that_is_wrong),
	CASE(a_told_counter_that_is_wrong),
	CASE(bits_of_no_item),
	CASE(a_lost_body),
	CASE(a_changed_body),
	CASE(keys_that_are_too_few),
	CASE(keys_that_are_none),
	CASE(records_that_vanished),
	CASE(a_step_whose_items_vanished),
	CASE(a_chunk_of_no_step),
	CASE(a_finished_step_with_an_open_chunk),
	CASE(a_finished_run_with_an_open_step),
	CASE(rejects_that_vanished),
	CASE(failures_of_no_attempt),
	CASE(durations_that_are_none),
	CASE(a_run_without_its_job),
	CASE(an_instance_without_its_batch),
	CASE(a_row_of_no_run),
	CASE(a_value_that_cannot_be),
	CASE(an_end_before_the_end),
	CASE(an_open_run_that_was_never_open),
};

int main(void)
{
	bench_backend = "sqlite";
	return cmocka_run_group_tests_name("verify", cases, NULL, NULL);
}
