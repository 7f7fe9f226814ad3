/* SPDX-License-Identifier: Apache-2.0 */
#include "script/check.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "job/job.h"
#include "script/action.h"
#include "script/body_test.h"
#include "script/filter.h"
#include "script/transform.h"

/* "filter:2: what": the second line of a script whose first character is at `at`. */
static int fault_at(const struct job *job, const struct job_place *at, const struct err *why,
		    struct err *err)
{
	const char *number = why->text + strcspn(why->text, ":");
	char *rest = NULL;
	long line = number[0] == ':' ? strtol(number + 1, &rest, 10) : 0;

	if (line < 1 || line > INT16_MAX * 2 || rest[0] != ':')
		line = 1;
	return ERR(err, ERR_CONFIG, "%s:%d:%d: %s", job->path, at->line + (int)line - 1, at->column,
		   why->text);
}

static int check_test(const struct job *job, const struct job_test *test, struct err *err)
{
	struct body_test *compiled = NULL;
	struct err why = ERR_INIT;

	if (body_test_open(job, test, NULL, &compiled, &why) < 0)
		return fault_at(job, &test->at, &why, err);
	body_test_free(compiled);
	return 0;
}

static int check_action(const struct job *job, struct err *err)
{
	struct action *compiled = NULL;
	struct err why = ERR_INIT;

	if (action_open(job, NULL, &compiled, &why) < 0)
		return fault_at(job, &job->work.script_at, &why, err);
	action_free(compiled);
	return 0;
}

int script_check(const struct job *job, struct err *err)
{
	struct err why = ERR_INIT;
	struct filter *filter = NULL;
	struct transform *transform = NULL;
	int rc = 0;

	assert(job != NULL && err != NULL);
	if (job->filter != NULL && filter_open(job, NULL, &filter, &why) < 0)
		rc = fault_at(job, &job->filter_at, &why, err);
	else if (job->transform != NULL && transform_open(job, NULL, &transform, &why) < 0)
		rc = fault_at(job, &job->transform_at, &why, err);
	filter_free(filter);
	transform_free(transform);
	if (rc == 0 && job->work.script != NULL)
		rc = check_action(job, err);
	for (size_t i = 0; rc == 0 && i < job->work.n_tests; i++)
		rc = check_test(job, &job->work.tests[i], err);
	return rc;
}
