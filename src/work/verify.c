/* SPDX-License-Identifier: Apache-2.0 */
#include "work/verify.h"

#include <assert.h>
#include <stddef.h>

#include "base/err.h"
#include "job/job.h"
#include "work/backend.h"

enum { KEEP_OUTPUT_BYTES = 16 * 1024 };

/* What a program of a kind of work that starts none is started with. */
static const struct job_work plain = {.umask = -1, .keep_output_bytes = KEEP_OUTPUT_BYTES};

void verify_job(const struct job *job, struct job *ret_job)
{
	assert(job != NULL && job_verifies(job) && ret_job != NULL);
	*ret_job = *job;
	struct job_work *work = &ret_job->work;
	if (job->work.kind != WORK_EXEC) {
		*work = plain;
		work->verify = job->work.verify;
		work->timeout_us = job->work.timeout_us;
	}
	/* A worker of mode: stream gets its items as lines; a program gets one as its input. */
	if (job->work.kind != WORK_EXEC || job_is_stream(job))
		work->input = job->source.kind == SOURCE_NONE ? EXEC_INPUT_NONE : EXEC_INPUT_JSON;
	work->kind = WORK_EXEC;
	work->mode = EXEC_EACH;
	work->command = work->verify.command;
	work->shell = NULL;
}

const struct work_backend *verify_backend(const struct job *job)
{
	assert(job_verifies(job));
	return &work_exec;
}

int verify_check(const struct job *job, struct err *err)
{
	struct job asking;

	assert(job != NULL);
	if (!job_verifies(job))
		return 0;
	verify_job(job, &asking);
	int rc = verify_backend(job)->check(&asking, err);
	if (rc < 0)
		err_add(err, "verify: ");
	return rc;
}
