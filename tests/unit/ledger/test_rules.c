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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
