/* SPDX-License-Identifier: Apache-2.0 */
/* What a job wants before any item is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "unit/job/parsed.h"

#define LEAST "job: a\nwork: {noop: {}}\n"

static void nothing_is_required_that_is_not_said(void **state)
{
	AUTO(job) struct job *job = job_of(LEAST);

	assert_int_equal(job->require.n_pools, 0);
}

static void pools_are_in_the_order_of_their_names(void **state)
{
	AUTO(job)
	struct job *job = job_of(LEAST "require: {pools: {warehouse: 2, disk: 1, mail: 30}}\n");
	const struct job_require *require = &job->require;

	assert_int_equal(require->n_pools, 3);
	assert_string_equal(require->pools[0].name, "disk");
	assert_int_equal(require->pools[0].units, 1);
	assert_string_equal(require->pools[1].name, "mail");
	assert_int_equal(require->pools[1].units, 30);
	assert_string_equal(require->pools[2].name, "warehouse");
	assert_int_equal(require->pools[2].units, 2);
	assert_int_equal(require->wait_us, 30 * US_PER_MIN);
}

static void the_wait_is_as_said(void **state)
{
	AUTO(job) struct job *job = job_of(LEAST "require: {pools: {w: 1}, wait: 90s}\n");

	assert_int_equal(job->require.wait_us, 90 * US_PER_S);
}

static void wrong_pools_are_named(void **state)
{
	assert_only_fault(LEAST "require: {pools: {w: 0}}\n",
			  "3:22: require.pools.w: 0 is out of range; it may be 1 to 1000000000");
	assert_only_fault(LEAST "require: {pools: {w: much}}\n",
			  "3:22: require.pools.w: expected a whole number, found 'much'");
	assert_only_fault(LEAST "require: {pools: [w]}\n",
			  "3:18: require.pools: expected a map of names, found a list");
	assert_only_fault(LEAST "require: {pools: {a b: 1}}\n",
			  "3:19: require.pools.a b: 'a b' is no name: it begins with a letter or "
			  "'_', then come letters, digits, '-' and '_', at most 100");
	assert_only_fault(LEAST "require: {pools: {w: 1}, wait: soon}\n",
			  "3:32: require.wait: expected a duration such as 30s or 1h30m, found "
			  "'soon'");
}

static void there_are_not_any_number_of_them(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(10000);

	buf_puts(&text, LEAST "require:\n  pools:\n");
	for (int i = 0; i < JOB_POOLS_MAX; i++)
		buf_printf(&text, "    p%02d: 1\n", i);
	struct job *job = job_of(buf_str(&text));
	assert_int_equal(job->require.n_pools, JOB_POOLS_MAX);
	job_free(job);
	buf_puts(&text, "    p99: 1\n");
	assert_only_fault(buf_str(&text), "4:3: require.pools: at most 64 of them");
}

static void another_requirement_is_no_other_job(void **state)
{
	AUTO(job) struct job *was = job_of(LEAST "require: {pools: {w: 1}, wait: 1s}\n");
	AUTO(job) struct job *now = job_of(LEAST "require: {pools: {v: 2}}\n");
	AUTO(buf) struct buf difference = BUF_INIT(1000);

	assert_int_equal(job_refresh(was, now, &difference), 0);
	assert_string_equal(buf_str(&difference), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_required_that_is_not_said),
		cmocka_unit_test(pools_are_in_the_order_of_their_names),
		cmocka_unit_test(the_wait_is_as_said),
		cmocka_unit_test(wrong_pools_are_named),
		cmocka_unit_test(there_are_not_any_number_of_them),
		cmocka_unit_test(another_requirement_is_no_other_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
