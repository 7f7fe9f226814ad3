/* SPDX-License-Identifier: Apache-2.0 */
#include "host/limits.h"

#include <assert.h>

#include "base/err.h"
#include "job/job.h"
#include "sys/priority.h"

static int check_nice(const char *key, int nice, struct err *err)
{
	struct err why = ERR_INIT;

	if (priority_check_nice(nice, &why) == 0)
		return 0;
	return ERR(err, ERR_UNAVAILABLE, "%s cannot be applied here: %s", key, why.text);
}

int limits_check(const struct job *job, struct err *err)
{
	int rc = 0;

	assert(job != NULL && err != NULL);
	if (job->process.nice != JOB_NICE_AS_IS)
		rc = check_nice("process.nice", job->process.nice, err);
	return rc;
}
