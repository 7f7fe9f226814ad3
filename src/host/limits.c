/* SPDX-License-Identifier: Apache-2.0 */
#include "host/limits.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "sys/cgroup.h"
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

int limits_make_group(const struct job *job, char **ret_group, struct err *err)
{
	const struct cgroup_limits limits = {.memory_max = job->process.memory_max,
					     .cpu_weight = job->process.cpu_weight};
	AUTO(str) char *own = NULL;
	char name[32];
	struct err why = ERR_INIT;

	assert(job != NULL && ret_group != NULL && err != NULL);
	*ret_group = NULL;
	if (limits.memory_max == 0 && limits.cpu_weight == 0)
		return 0;
	(void)snprintf(name, sizeof(name), "%d", (int)getpid());
	int rc = cgroup_find_own(&own, &why);
	if (rc == 0)
		rc = cgroup_make(own, name, &limits, ret_group, &why);
	if (rc == 0)
		return 0;
	return ERR(err, ERR_UNAVAILABLE, "%s cannot be applied here: %s",
		   limits.memory_max > 0 ? "process.memory_max" : "process.cpu_weight", why.text);
}
