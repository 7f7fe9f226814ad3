/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/txn.h"

static void operations_keep_their_order(void **state)
{
	struct ledger_txn *txn = ledger_txn_new();
	int kind = 0;

	for (; kind < LEDGER_OP_COUNT_; kind++)
		assert_int_equal(ledger_txn_add(txn, (enum ledger_op_kind)kind)->kind, kind);
	assert_int_equal(txn->n_ops, LEDGER_OP_COUNT_);
	kind = 0;
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next)
		assert_int_equal(op->kind, kind++);
	assert_int_equal(txn->last->kind, LEDGER_OP_COUNT_ - 1);
	ledger_txn_free(txn);
	ledger_txn_free(NULL);
}

static void what_writes_is_known(void **state)
{
	static const enum ledger_op_kind reads[] = {
		LOP_INSTANCE_LIST, LOP_RUN_LIST,    LOP_RUN_COUNTS,  LOP_KEYS_FIND,
		LOP_REQUEST_LIST,  LOP_UNTOLD_LIST, LOP_RUN_STATS,   LOP_BREAKER_GET,
		LOP_ENDED_LIST,	   LOP_CURSOR_FIND, LOP_RUN_COMPANY, LOP_STEP_ITEMS,
		LOP_INBOX_READ};

	for (int kind = 0; kind < LEDGER_OP_COUNT_; kind++) {
		struct ledger_txn *txn = ledger_txn_new();
		bool only_reads = false;
		(void)ledger_txn_add(txn, (enum ledger_op_kind)kind);
		for (size_t i = 0; i < ARRAY_LEN(reads); i++)
			only_reads = only_reads || reads[i] == (enum ledger_op_kind)kind;
		assert_int_equal(ledger_txn_is_read_only(txn), only_reads);
		(void)ledger_txn_add(txn, LOP_LANE_PUT);
		assert_false(ledger_txn_is_read_only(txn));
		ledger_txn_free(txn);
	}
}

static void a_dry_run_only_reads(void **state)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct ledger_op *op = ledger_txn_add(txn, LOP_PERSON);

	assert_false(ledger_txn_is_read_only(txn));
	op->u.person.dry_run = true;
	assert_true(ledger_txn_is_read_only(txn));
	ledger_txn_free(txn);
}

static void rewinding_keeps_what_was_asked(void **state)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct ledger_op *list = ledger_txn_add(txn, LOP_RUN_LIST);
	struct ledger_op *create = ledger_txn_add(txn, LOP_RUN_CREATE);

	list->u.run_list.job = "job";
	list->u.run_list.ret_n = 3;
	list->u.run_list.ret_history[19] = 7;
	list->u.run_list.ret_n_history = 20;
	create->u.run_create.row.job = "job";
	create->u.run_create.row.n = 2;
	create->u.run_create.ret_exists = true;
	create->u.run_create.ret_id = 9;
	txn->status = LEDGER_LOST;
	txn->lost = create;
	txn->space_is_low = true;
	txn->batch = 5;
	ledger_txn_rewind(txn);
	assert_string_equal(list->u.run_list.job, "job");
	assert_int_equal(list->u.run_list.ret_n, 0);
	assert_int_equal(list->u.run_list.ret_history[19], 0);
	assert_int_equal(list->u.run_list.ret_n_history, 0);
	assert_int_equal(create->u.run_create.row.n, 2);
	assert_false(create->u.run_create.ret_exists);
	assert_int_equal(create->u.run_create.ret_id, 0);
	assert_int_equal(txn->status, LEDGER_PENDING);
	assert_null(txn->lost);
	assert_false(txn->space_is_low);
	assert_int_equal(txn->batch, 5);
	ledger_txn_free(txn);
}

static void what_follows_an_end_is_late_if_it_writes(void **state)
{
	struct ledger_txn *txn = ledger_txn_new();

	(void)ledger_txn_add(txn, LOP_LANE_DROP);
	assert_null(ledger_txn_find_late(txn));
	(void)ledger_txn_add(txn, LOP_INSTANCE_END);
	assert_null(ledger_txn_find_late(txn));
	(void)ledger_txn_add(txn, LOP_RUN_COUNTS);
	assert_null(ledger_txn_find_late(txn));
	struct ledger_op *late = ledger_txn_add(txn, LOP_LOAD_TAKE);
	assert_ptr_equal(ledger_txn_find_late(txn), late);
	ledger_txn_free(txn);
}

static void what_was_added_last_may_come_first(void **state)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct ledger_op *one = ledger_txn_add(txn, LOP_LANE_DROP);

	ledger_txn_move_first(txn, one);
	assert_ptr_equal(txn->first, one);
	struct ledger_op *two = ledger_txn_add(txn, LOP_RUN_COUNTS);
	struct ledger_op *three = ledger_txn_add(txn, LOP_LANE_PUT);
	ledger_txn_move_first(txn, three);
	struct ledger_op *four = ledger_txn_add(txn, LOP_RUN_LEAVE);
	assert_ptr_equal(txn->first, three);
	assert_ptr_equal(three->next, one);
	assert_ptr_equal(one->next, two);
	assert_ptr_equal(two->next, four);
	assert_null(four->next);
	ledger_txn_free(txn);
}

static void everything_has_a_name(void **state)
{
	assert_string_equal(ledger_op_name(LOP_CHUNK_CLAIM), "chunk_claim");
	assert_string_equal(ledger_op_name(LOP_PERSON), "person");
	for (int kind = 0; kind < LEDGER_OP_COUNT_; kind++)
		assert_non_null(ledger_op_name((enum ledger_op_kind)kind));
	assert_string_equal(run_state_name(RUN_LOADING), "loading");
	assert_string_equal(run_state_name(RUN_MISSED), "missed");
	assert_string_equal(loose_state_name(LOOSE_WAIVED), "skipped");
	assert_string_equal(loose_state_name(LOOSE_ASKED), "in_doubt");
	assert_string_equal(instance_state_name(INSTANCE_REAPED), "reaped");
	assert_string_equal(run_state_name((enum run_state)99), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_keep_their_order),
		cmocka_unit_test(what_writes_is_known),
		cmocka_unit_test(a_dry_run_only_reads),
		cmocka_unit_test(rewinding_keeps_what_was_asked),
		cmocka_unit_test(what_follows_an_end_is_late_if_it_writes),
		cmocka_unit_test(what_was_added_last_may_come_first),
		cmocka_unit_test(everything_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
