/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency keys against values made by another program:
 *
 *     base64.b32encode(hashlib.sha256(b'stint1' + bytes(range(16)) + struct.pack('>QQ', run, item)
 *                                     + struct.pack('>II', 0, redo)).digest()[:20]).lower()
 *
 * A value that changes here makes other systems do things twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "work/key.h"

static const uint8_t ledger[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void assert_key(struct work_key k, const char *expected)
{
	char key[ITEM_KEY_CHARS + 1] = "";

	k.ledger_uuid = ledger;
	work_key_format(&k, key);
	assert_string_equal(key, expected);
}

static void a_key_is_made_of_ledger_run_item_and_redo(void **state)
{
	assert_key((struct work_key){.run_id = 17, .item = 42}, "ifr4owze7437skx3t7gz2akgjb2gjyju");
	assert_key((struct work_key){.run_id = 17, .item = 42, .redo = 1},
		   "ypyx2zxrmbfjngsba7ch5yur6ai47d5e");
	assert_key((struct work_key){.run_id = INT64_MAX}, "jui4syndskq6tf5i6xmljftka5elg2ot");
}

static void a_key_over_runs_is_made_of_job_and_key(void **state)
{
	char long_key[300];

	memset(long_key, 'k', sizeof(long_key));
	assert_key((struct work_key){.job = "invoice-mail", .key = "inv-1", .key_len = 5},
		   "u4xykwo6tihbit2co5szvihasdw7pfj6");
	assert_key((struct work_key){.job = "invoice-mail", .key = "", .redo = 2},
		   "bdck4mkes2p574sggrl26gabgkon4kll");
	assert_key((struct work_key){.job = "j", .key = long_key, .key_len = sizeof(long_key)},
		   "2hbvgfiyzharh3o34g7745bubu2z3rgy");
	/* The run does not come into it. */
	assert_key((struct work_key){.job = "invoice-mail",
				     .key = "inv-1",
				     .key_len = 5,
				     .run_id = 9,
				     .item = 9},
		   "u4xykwo6tihbit2co5szvihasdw7pfj6");
}

static void texts_do_not_run_into_each_other(void **state)
{
	char one[ITEM_KEY_CHARS + 1] = "";
	char two[ITEM_KEY_CHARS + 1] = "";

	work_key_format(
		&(struct work_key){.ledger_uuid = ledger, .job = "ab", .key = "c", .key_len = 1},
		one);
	work_key_format(
		&(struct work_key){.ledger_uuid = ledger, .job = "a", .key = "bc", .key_len = 2},
		two);
	assert_string_not_equal(one, two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_made_of_ledger_run_item_and_redo),
		cmocka_unit_test(a_key_over_runs_is_made_of_job_and_key),
		cmocka_unit_test(texts_do_not_run_into_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
