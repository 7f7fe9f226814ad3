/* SPDX-License-Identifier: Apache-2.0 */
/* Row exec of "What an attempt can end as", all 256 statuses of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/bits.h"
#include "job/job.h"
#include "work/classify.h"

static enum outcome expected(int status)
{
	switch (status) {
	case 0:
		return OUTCOME_DONE;
	case 64:
	case 65:
	case 66:
	case 67:
	case 68:
	case 76:
		return OUTCOME_DEAD;
	case 69:
	case 77:
	case 78:
	case 126:
	case 127:
		return OUTCOME_ALL;
	default:
		return OUTCOME_RETRY;
	}
}

static void each_exit_status_means_what_the_table_says(void **state)
{
	const struct job_work work = {0};

	for (int status = 0; status < 256; status++)
		assert_int_equal(classify_exit(&work, status), expected(status));
}

static void what_the_job_says_goes_first_in_its_order(void **state)
{
	struct job_work work = {0};

	bits_set(work.doubt_when, 0);
	bits_set(work.dead_when, 1);
	bits_set(work.retry_when, 65);
	bits_set(work.done_when, 127);
	bits_set(work.done_when, 255);
	bits_set(work.retry_when, 255);
	bits_set(work.doubt_when, 255);
	assert_int_equal(classify_exit(&work, 0), OUTCOME_UNKNOWN);
	assert_int_equal(classify_exit(&work, 1), OUTCOME_DEAD);
	assert_int_equal(classify_exit(&work, 65), OUTCOME_RETRY);
	assert_int_equal(classify_exit(&work, 127), OUTCOME_DONE);
	assert_int_equal(classify_exit(&work, 255), OUTCOME_DONE);
	assert_int_equal(classify_exit(&work, 126), OUTCOME_ALL); /* not touched */
}

static void assert_start(int os_errno, enum outcome outcome, const char *class)
{
	const char *got = NULL;

	assert_int_equal(classify_start(os_errno, &got), outcome);
	assert_string_equal(got, class);
}

static void why_a_program_cannot_be_started_is_told_apart(void **state)
{
	assert_start(ENOENT, OUTCOME_ALL, "exit-127");
	assert_start(EACCES, OUTCOME_ALL, "exit-126");
	assert_start(ENOEXEC, OUTCOME_ALL, "exit-126");
	assert_start(EPERM, OUTCOME_ALL, "exit-126");
	assert_start(E2BIG, OUTCOME_DEAD, "bad-item");
	assert_start(EAGAIN, OUTCOME_NOT_BEGUN, "busy");
	assert_start(EMFILE, OUTCOME_NOT_BEGUN, "busy");
	assert_start(ENOMEM, OUTCOME_NOT_BEGUN, "busy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_exit_status_means_what_the_table_says),
		cmocka_unit_test(what_the_job_says_goes_first_in_its_order),
		cmocka_unit_test(why_a_program_cannot_be_started_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
