/* SPDX-License-Identifier: Apache-2.0 */
#include "work/answer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "script/body_test.h"

struct answer_tests {
	const struct job_work *work;
	struct body_test **list; /* as of work->tests */
	bool has_done;
};

static const enum outcome outcomes[] = {[JOB_DONE_WHEN] = OUTCOME_DONE,
					[JOB_RETRY_WHEN] = OUTCOME_RETRY,
					[JOB_DEAD_WHEN] = OUTCOME_DEAD,
					[JOB_DOUBT_WHEN] = OUTCOME_UNKNOWN};

/* The most careful first. */
static const enum job_when order[] = {JOB_DOUBT_WHEN, JOB_DEAD_WHEN, JOB_RETRY_WHEN, JOB_DONE_WHEN};

int answer_tests_open(const struct job *job, const struct template_run *run,
		      struct answer_tests **ret_tests, struct err *err)
{
	const struct job_work *work = &job->work;

	assert(ret_tests != NULL && err != NULL);
	*ret_tests = NULL;
	if (work->n_tests == 0)
		return 0;
	struct answer_tests *tests = xnew(struct answer_tests);
	tests->work = work;
	tests->list = xcalloc(work->n_tests, sizeof(struct body_test *));
	for (size_t i = 0; i < work->n_tests; i++) {
		int rc = body_test_open(job, &work->tests[i], run, &tests->list[i], err);
		if (rc < 0) {
			answer_tests_free(tests);
			return rc;
		}
		tests->has_done = tests->has_done || work->tests[i].when == JOB_DONE_WHEN;
	}
	*ret_tests = tests;
	return 0;
}

/* True when the status decides before any test: it is listed, it hits every item alike, or HTTP
 * says by it that nothing was done (429). */
static bool is_decided(const struct job_work *work, int64_t status, enum outcome by_status)
{
	size_t bit = (size_t)status;

	if (by_status == OUTCOME_ALL || (work->kind == WORK_HTTP && by_status == OUTCOME_RETRY))
		return true;
	return bits_get(work->retry_when, bit) || bits_get(work->dead_when, bit) ||
	       bits_get(work->doubt_when, bit);
}

/* True when a test of this list holds. The first that fails is kept in `failure`. */
static bool holds(struct answer_tests *tests, enum job_when when, const struct body_answer *answer,
		  struct err *failure)
{
	for (size_t i = 0; i < tests->work->n_tests; i++) {
		struct err err = ERR_INIT;
		bool is_true = false;
		if (tests->work->tests[i].when != when)
			continue;
		int rc = body_test_run(tests->list[i], answer, &is_true, &err);
		if (rc < 0 && failure->code == 0)
			*failure = err;
		if (rc == 0 && is_true)
			return true;
	}
	return false;
}

enum outcome answer_judge(struct answer_tests *tests, const struct body_answer *answer,
			  enum outcome by_status, struct err *ret_why)
{
	struct err failure = ERR_INIT;

	assert(answer != NULL && ret_why != NULL);
	*ret_why = ERR_INIT;
	if (tests == NULL || is_decided(tests->work, answer->status, by_status))
		return by_status;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (!holds(tests, order[i], answer, &failure))
			continue;
		if (order[i] != JOB_DONE_WHEN)
			err_set(ret_why, ERR_DATA, 0, "a test of %s holds",
				job_when_name(order[i]));
		return outcomes[order[i]];
	}
	bool is_listed = bits_get(tests->work->done_when, (size_t)answer->status);
	if (by_status != OUTCOME_DONE || (failure.code == 0 && (is_listed || !tests->has_done)))
		return by_status;
	if (failure.code != 0)
		*ret_why = failure;
	else
		err_set(ret_why, ERR_DATA, 0, "nothing of done_when holds");
	return OUTCOME_UNKNOWN;
}

void answer_tests_free(struct answer_tests *tests)
{
	if (tests == NULL)
		return;
	for (size_t i = 0; i < tests->work->n_tests; i++)
		body_test_free(tests->list[i]);
	free(tests->list);
	free(tests);
}
