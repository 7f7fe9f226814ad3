/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "ledger/rules.h"

static void times_are_rounded_so_that_nothing_is_early(void **state)
{
	assert_int_equal(rule_ms(0), 0);
	assert_int_equal(rule_ms(1999), 1);
	assert_int_equal(rule_ms(2000), 2);
	assert_int_equal(rule_ms_up(0), 0);
	assert_int_equal(rule_ms_up(1), 1);
	assert_int_equal(rule_ms_up(2000), 2);
	assert_int_equal(rule_ms_up(2001), 3);
	assert_int_equal(rule_utime(3), 3000);
}

static void never_stays_never(void **state)
{
	assert_int_equal(rule_ms(UTIME_NEVER), INT64_MAX);
	assert_int_equal(rule_ms_up(UTIME_NEVER), INT64_MAX);
	assert_int_equal(rule_utime(INT64_MAX), UTIME_NEVER);
	assert_int_equal(rule_utime(INT64_MAX / 1000 + 1), UTIME_NEVER);
}

static void doubt_goes_where_the_job_says(void **state)
{
	assert_int_equal(rule_doubt(DOUBT_ASK, 0, 1, 2), LOOSE_ASKED);
	assert_int_equal(rule_doubt(DOUBT_SKIP, 0, 1, 2), LOOSE_WAIVED);
	assert_int_equal(rule_doubt(DOUBT_RETRY, 0, 1, INT64_MAX), LOOSE_RETRY); /* for ever */
	assert_int_equal(rule_doubt(DOUBT_RETRY, 0, 0, 5), LOOSE_RETRY);
}

static void a_key_is_used_for_nine_tenths_of_its_time(void **state)
{
	const int64_t valid = 1000 * US_PER_S;

	assert_int_equal(rule_doubt(DOUBT_RETRY, valid, 5000, 5000), LOOSE_RETRY);
	assert_int_equal(rule_doubt(DOUBT_RETRY, valid, 5000, 905000), LOOSE_RETRY);
	assert_int_equal(rule_doubt(DOUBT_RETRY, valid, 5000, 905001), LOOSE_ASKED);
	assert_int_equal(rule_doubt(DOUBT_RETRY, valid, 0, 1), LOOSE_ASKED); /* nobody knows */
	/* a clock that was set back does no harm */
	assert_int_equal(rule_doubt(DOUBT_RETRY, valid, 5000, 1), LOOSE_RETRY);
	assert_int_equal(rule_doubt(DOUBT_RETRY, INT64_MAX, 5000, INT64_MAX / 2), LOOSE_ASKED);
}

static void keys_are_taken_from_a_list_of_texts(void **state)
{
	struct arena a = {0};
	const char *const *keys = rule_keys(&a, "[\"a\", \"b\\u00e9\\n\", 7, \"d\"]", 6);

	assert_string_equal(keys[0], "a");
	assert_string_equal(keys[1], "b\xc3\xa9\n");
	assert_null(keys[2]);
	assert_string_equal(keys[3], "d");
	assert_null(keys[4]);
	assert_null(keys[5]);
	keys = rule_keys(&a, NULL, 2);
	assert_null(keys[0]);
	keys = rule_keys(&a, "not json", 2);
	assert_null(keys[0]);
	keys = rule_keys(&a, "{\"a\": \"b\"}", 2);
	assert_null(keys[0]);
	keys = rule_keys(&a, "[\"a\", \"b\"]", 1);
	assert_string_equal(keys[0], "a");
	arena_done(&a);
}

static void claims_of_one_batch_are_told_apart(void **state)
{
	struct ledger_txn *txn = ledger_txn_new();
	const struct ledger_op *first = ledger_txn_add(txn, LOP_CHUNK_CLAIM);
	const struct ledger_op *second = ledger_txn_add(txn, LOP_LOOSE_CLAIM);

	assert_int_equal(rule_claim_token(txn, first), 0);
	assert_int_equal(rule_claim_token(txn, second), 0);
	txn->batch = 3;
	assert_true(rule_claim_token(txn, first) > 0);
	assert_int_not_equal(rule_claim_token(txn, first), rule_claim_token(txn, second));
	int64_t before = rule_claim_token(txn, second);
	txn->batch = 4;
	assert_true(rule_claim_token(txn, first) > before);
	ledger_txn_free(txn);
}

static void a_run_ends_once_but_a_failed_one_can_be_given_up(void **state)
{
	assert_true(rule_run_may_end(RUN_LOADING, RUN_FAILED));
	assert_true(rule_run_may_end(RUN_OPEN, RUN_ABANDONED));
	assert_true(rule_run_may_end(RUN_PAUSED, RUN_FAILED));
	assert_true(rule_run_may_end(RUN_FAILED, RUN_ABANDONED));
	assert_false(rule_run_may_end(RUN_FAILED, RUN_FAILED));
	assert_false(rule_run_may_end(RUN_FINISHED, RUN_FAILED));
	assert_false(rule_run_may_end(RUN_ABANDONED, RUN_FAILED));
	assert_false(rule_run_may_end(RUN_MISSED, RUN_ABANDONED));
}

static void every_verb_has_a_name(void **state)
{
	for (int verb = 0; verb < PERSON_VERB_COUNT_; verb++)
		assert_non_null(person_verb_name((enum person_verb)verb));
	assert_string_equal(person_verb_name(PERSON_RESOLVE_DONE), "resolve --done");
}

/* ---- what a person may do ---- */

enum { LOOSE_COUNT = 8 };
static const enum loose_state all_loose[LOOSE_COUNT] = {LOOSE_RETRY,   LOOSE_HELD,  LOOSE_DOUBT,
							LOOSE_PROBING, LOOSE_ASKED, LOOSE_DEAD,
							LOOSE_DONE,    LOOSE_WAIVED};

static bool is_one_of(enum loose_state state, const char *names)
{
	return strstr(names, loose_state_name(state)) != NULL;
}

/* A verb changes items in these states to that one, and refuses all others. */
static void expect_change(enum person_verb verb, const char *from, enum loose_state to)
{
	for (size_t i = 0; i < LOOSE_COUNT; i++) {
		enum loose_state becomes = LOOSE_HELD;
		enum rule_person_effect effect = rule_person_loose(verb, all_loose[i], false,
								   &becomes);
		if (all_loose[i] == LOOSE_HELD && verb == PERSON_SKIP) {
			assert_int_equal(effect, RULE_REQUEST);
		} else if (is_one_of(all_loose[i], from)) {
			assert_int_equal(effect, RULE_CHANGE);
			assert_int_equal(becomes, to);
		} else {
			assert_int_equal(effect, RULE_REFUSE);
		}
	}
}

static void a_verb_changes_what_it_is_for_and_refuses_the_rest(void **state)
{
	expect_change(PERSON_RETRY, "dead", LOOSE_RETRY);
	expect_change(PERSON_RESOLVE_DONE, "in_doubt", LOOSE_DONE);
	expect_change(PERSON_RESOLVE_RETRY, "in_doubt", LOOSE_RETRY);
	expect_change(PERSON_RESOLVE_SKIP, "in_doubt", LOOSE_WAIVED);
	expect_change(PERSON_SKIP, "retry, in_doubt, dead", LOOSE_WAIVED);
	expect_change(PERSON_STOP, "", LOOSE_RETRY);
	expect_change(PERSON_ABANDON, "", LOOSE_RETRY);
}

static void nobody_says_again_of_what_may_still_be_acted_on(void **state)
{
	enum loose_state becomes = LOOSE_HELD;

	assert_int_equal(rule_person_loose(PERSON_RESOLVE_RETRY, LOOSE_DOUBT, true, &becomes),
			 RULE_REFUSE);
	assert_int_equal(rule_person_loose(PERSON_RESOLVE_DONE, LOOSE_DOUBT, true, &becomes),
			 RULE_CHANGE);
	assert_true(rule_in_quarantine(1000, 998));
	assert_false(rule_in_quarantine(1000, 999)); /* one was rounded up, the other down */
	assert_false(rule_in_quarantine(0, 5));
}

static void of_a_chunk_only_what_is_not_done_is_skipped(void **state)
{
	assert_int_equal(rule_person_bulk(PERSON_SKIP, CHUNK_READY, false), RULE_CHANGE);
	assert_int_equal(rule_person_bulk(PERSON_SKIP, CHUNK_HELD, false), RULE_REQUEST);
	assert_int_equal(rule_person_bulk(PERSON_SKIP, CHUNK_HELD, true), RULE_REFUSE);
	assert_int_equal(rule_person_bulk(PERSON_SKIP, CHUNK_CLOSED, false), RULE_REFUSE);
	assert_int_equal(rule_person_bulk(PERSON_RETRY, CHUNK_READY, false), RULE_REFUSE);
	assert_true(rule_person_run(RUN_FINISHED) && rule_person_run(RUN_FAILED));
	assert_false(rule_person_run(RUN_ABANDONED) || rule_person_run(RUN_MISSED));
}

/* ---- who is dead ---- */

static void where_nothing_is_marked_all_of_it_may_be_acted_on(void **state)
{
	assert_true(rule_only_started(EFFECT_UNSAFE, false));
	assert_true(rule_only_started(EFFECT_UNSAFE, true));
	assert_true(rule_only_started(EFFECT_PURE, true));
	assert_false(rule_only_started(EFFECT_PURE, false));
}

static void by_the_clock_alone_nobody_seems_gone(void **state)
{
	struct ledger_instance_row row = {.quiet_us = 3600 * US_PER_S};

	assert_false(rule_seems_gone(&row));
	row.is_lock_free = true;
	assert_true(rule_seems_gone(&row));
	row.quiet_us = US_PER_S;
	assert_false(rule_seems_gone(&row));
	row.is_gone = true;
	assert_true(rule_seems_gone(&row));
}

/* ---- rates and quotas ---- */

static void slots_of_a_rate_follow_each_other(void **state)
{
	struct lop_rate_take take = {.spacing_ns = 10, .now_ns = 100, .until_ns = 141, .max = 9};

	/* Nobody ever took any. */
	assert_int_equal(rule_rate_take(&take, -1, false), 140);
	assert_int_equal(take.ret_first_ns, 100);
	assert_int_equal(take.ret_n, 5);
	/* The last one opens later than now. */
	take.max = 2;
	assert_int_equal(rule_rate_take(&take, 115, false), 135);
	assert_int_equal(take.ret_first_ns, 125);
	assert_int_equal(take.ret_n, 2);
	/* All are taken. */
	assert_int_equal(rule_rate_take(&take, 140, false), 140);
	assert_int_equal(take.ret_n, 0);
	/* What was taken before this boot counts as taken at its beginning. */
	take = (struct lop_rate_take){.spacing_ns = 10, .now_ns = 3, .until_ns = 30, .max = 1};
	assert_int_equal(rule_rate_take(&take, -1, true), 10);
	assert_int_equal(take.ret_first_ns, 10);
}

static void a_quota_is_used_up_given_back_and_begins_anew(void **state)
{
	struct rule_quota quota = {.period_ms = INT64_MIN};
	struct lop_quota_take take = {.period = 5000, .most = 10, .want = 6};

	rule_quota_take(&take, &quota);
	assert_int_equal(take.ret_n, 6);
	assert_int_equal(take.ret_left, 4);
	rule_quota_take(&take, &quota);
	assert_int_equal(take.ret_n, 4);
	assert_int_equal(quota.used, 10);
	take.give = 3;
	take.give_period = 5000;
	rule_quota_take(&take, &quota);
	assert_int_equal(take.ret_n, 3);
	/* What was taken in another period is not given back to this one. */
	take.give_period = 4000;
	rule_quota_take(&take, &quota);
	assert_int_equal(take.ret_n, 0);
	take = (struct lop_quota_take){.period = 6000, .most = 10, .want = 1, .seen_used = 9};
	rule_quota_take(&take, &quota);
	assert_int_equal(take.ret_n, 1); /* as much as others are known to have used */
	assert_int_equal(take.ret_left, 0);
	/* Who is late in an earlier period takes from the new one. */
	take = (struct lop_quota_take){.period = 5000, .most = 12, .want = 5};
	rule_quota_take(&take, &quota);
	assert_int_equal(take.ret_n, 2);
	assert_int_equal(quota.period_ms, 6);
}

/* ---- counting and telling ---- */

static void every_item_is_counted_in_one_state(void **state)
{
	struct ledger_counts counts = {0};

	for (size_t i = 0; i < LOOSE_COUNT; i++)
		rule_count_loose(&counts, all_loose[i], 10);
	rule_count_done(&counts, 100, 8 * 10);
	assert_int_equal(counts.retry, 10);
	assert_int_equal(counts.running, 10);
	assert_int_equal(counts.in_doubt, 30);
	assert_int_equal(counts.asked, 10);
	assert_int_equal(counts.dead, 10);
	assert_int_equal(counts.skipped, 10);
	assert_int_equal(counts.done, 30);
	assert_int_equal(counts.retry + counts.running + counts.in_doubt + counts.dead +
				 counts.skipped + counts.done,
			 100);
}

static void what_ended_is_told_once_and_as_what_it_is(void **state)
{
	/* Of eight items: 0 done, 1 dead, 2 skipped, 3 to be tried again, 4 told before, 5 open. */
	static const uint8_t done = 0xf8;
	static const uint8_t was_told = 0x08;
	uint8_t told = was_told;
	struct rule_ended e = {0};
	struct arena a = {0};

	rule_ended_init(&e, &a, &done, &was_told, 8);
	rule_ended_loose(&e, 1, LOOSE_DEAD);
	rule_ended_loose(&e, 2, LOOSE_WAIVED);
	rule_ended_loose(&e, 3, LOOSE_RETRY);
	rule_ended_loose(&e, 4, LOOSE_DEAD); /* it was told */
	assert_int_equal(e.done[0], 0x80);
	assert_int_equal(e.dead[0], 0x40);
	assert_int_equal(e.quiet[0], 0x20);
	assert_false(rule_ended_is_empty(&e, 8));
	/* Who told the first as done, and the second as done, too, told one that is so. */
	const uint8_t said_done = 0xc0;
	const uint8_t said_none = 0;
	rule_ended_tell(
		&e,
		&(struct lop_ended_told){
			.n = 8, .done = &said_done, .dead = &said_none, .quiet = &said_none},
		&told, 8);
	assert_int_equal(told, 0x88);
	rule_ended_tell(
		&e,
		&(struct lop_ended_told){.n = 8, .done = e.done, .dead = e.dead, .quiet = e.quiet},
		&told, 8);
	assert_int_equal(told, 0xe8);
	rule_ended_init(&e, &a, &was_told, &was_told, 8);
	assert_true(rule_ended_is_empty(&e, 8));
	arena_done(&a);
}

static void a_step_takes_what_ended_as_it_wants(void **state)
{
	static const uint8_t done = 0xe0;
	struct arena a = {0};
	uint8_t *ended = rule_step_ended(&a, &done, 8, LOOSE_DONE);

	rule_step_loose(ended, 1, LOOSE_DEAD, LOOSE_DONE);
	rule_step_loose(ended, 2, LOOSE_DONE, LOOSE_DONE);
	assert_int_equal(ended[0], 0xa0);
	ended = rule_step_ended(&a, &done, 8, LOOSE_DEAD);
	rule_step_loose(ended, 1, LOOSE_DEAD, LOOSE_DEAD);
	rule_step_loose(ended, 2, LOOSE_DONE, LOOSE_DEAD);
	assert_int_equal(ended[0], 0x40);
	arena_done(&a);
}

static void the_end_of_a_run_belongs_to_its_last_step(void **state)
{
	uint32_t all = ENDING_BIT(ENDING_RUN) | ENDING_BIT(ENDING_WORK);

	assert_int_equal(rule_endings(all, true), all);
	assert_int_equal(rule_endings(all, false), ENDING_BIT(ENDING_WORK));
	assert_int_equal(rule_ending_step(3, ENDING_RUN), 0);
	assert_int_equal(rule_step(0), 1);
	assert_int_equal(rule_step(4), 4);
	struct ledger_step_row only = rule_only_step(&(struct ledger_run_row){
		.effect = EFFECT_UNSAFE, .doubt = DOUBT_ASK, .key_valid_us = 7});
	assert_int_equal(only.step, 1);
	assert_int_equal(only.effect, EFFECT_UNSAFE);
	assert_int_equal(only.doubt, DOUBT_ASK);
	assert_int_equal(only.key_valid_us, 7);
	assert_int_equal(only.state, RUN_LOADING);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_rounded_so_that_nothing_is_early),
		cmocka_unit_test(never_stays_never),
		cmocka_unit_test(doubt_goes_where_the_job_says),
		cmocka_unit_test(a_key_is_used_for_nine_tenths_of_its_time),
		cmocka_unit_test(keys_are_taken_from_a_list_of_texts),
		cmocka_unit_test(claims_of_one_batch_are_told_apart),
		cmocka_unit_test(a_run_ends_once_but_a_failed_one_can_be_given_up),
		cmocka_unit_test(every_verb_has_a_name),
		cmocka_unit_test(a_verb_changes_what_it_is_for_and_refuses_the_rest),
		cmocka_unit_test(nobody_says_again_of_what_may_still_be_acted_on),
		cmocka_unit_test(of_a_chunk_only_what_is_not_done_is_skipped),
		cmocka_unit_test(where_nothing_is_marked_all_of_it_may_be_acted_on),
		cmocka_unit_test(by_the_clock_alone_nobody_seems_gone),
		cmocka_unit_test(slots_of_a_rate_follow_each_other),
		cmocka_unit_test(a_quota_is_used_up_given_back_and_begins_anew),
		cmocka_unit_test(every_item_is_counted_in_one_state),
		cmocka_unit_test(what_ended_is_told_once_and_as_what_it_is),
		cmocka_unit_test(a_step_takes_what_ended_as_it_wants),
		cmocka_unit_test(the_end_of_a_run_belongs_to_its_last_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
