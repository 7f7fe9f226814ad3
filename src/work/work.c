/* SPDX-License-Identifier: Apache-2.0 */
#include "work/work.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/outcome.h"
#include "core/timing.h"
#include "job/job.h"
#include "work/backend.h"

enum { WORK_MAGIC = 0x576f726b };

struct work {
	uint32_t magic;
	const struct work_backend *backend;
	void *state;
	struct work_context inner; /* what the backend sees */
	void *arg;
	void (*done)(void *arg, const struct frame_outcome *outcome);
	void (*closed)(void *arg);
	size_t in_flight;
};

static const struct work_backend *backend_of(const struct job *job)
{
	if (job_is_stream(job))
		return &work_stream;
	switch (job->work.kind) {
	case WORK_EXEC:
		return &work_exec;
	case WORK_HTTP:
		return &work_http;
	case WORK_NOOP:
	case WORK_KIND_COUNT_:
		break;
	}
	return &work_noop;
}

static_assert(FRAME_OUTCOME_MAX == OUTCOME_COUNT_ - 1, "frame.h knows how many outcomes there are");
static_assert((int)FRAME_TIMINGS == (int)TIMING_LANE_COUNT,
	      "frame.h knows how many timings lanes take");

static void work_ended(void *arg, const struct frame_outcome *outcome)
{
	struct work *work = OBJ_CAST(arg, struct work, WORK_MAGIC);

	assert(work->in_flight > 0);
	assert(outcome->outcome >= OUTCOME_DONE && outcome->outcome < OUTCOME_COUNT_);
	assert((outcome->outcome == OUTCOME_DONE) == (outcome->err_class[0] == '\0'));
	work->in_flight--;
	work->done(work->arg, outcome);
}

static void work_is_closed(void *arg)
{
	struct work *work = OBJ_CAST(arg, struct work, WORK_MAGIC);

	work->closed(work->arg);
}

int work_open(const struct work_context *context, struct work **ret_work, struct err *err)
{
	assert(context != NULL && context->loop != NULL && context->job != NULL);
	assert(context->run != NULL && context->done != NULL && ret_work != NULL);
	struct work *work = xnew(struct work);
	work->magic = WORK_MAGIC;
	work->backend = backend_of(context->job);
	work->arg = context->arg;
	work->done = context->done;
	work->closed = context->closed;
	work->inner = *context;
	work->inner.arg = work;
	work->inner.done = work_ended;
	work->inner.closed = work_is_closed;
	int rc = work->backend->open(&work->inner, &work->state, err);
	if (rc < 0) {
		work->magic = 0;
		free(work);
		err_add(err, "work: ");
		return rc;
	}
	*ret_work = work;
	return 0;
}

void work_start(struct work *work, const struct work_attempt *attempt)
{
	assert(work != NULL && work->magic == WORK_MAGIC);
	assert(attempt != NULL && attempt->item.item != NULL);
	work->in_flight++;
	work->backend->start(work->state, attempt);
}

void work_cancel(struct work *work, uint32_t ticket)
{
	assert(work != NULL && work->magic == WORK_MAGIC);
	work->backend->cancel(work->state, ticket);
}

size_t work_in_flight(const struct work *work)
{
	assert(work != NULL && work->magic == WORK_MAGIC);
	return work->in_flight;
}

bool work_close(struct work *work)
{
	assert(work != NULL && work->magic == WORK_MAGIC && work->in_flight == 0);
	return work->backend->close == NULL || work->backend->close(work->state);
}

void work_free(struct work *work)
{
	if (work == NULL)
		return;
	assert(work->magic == WORK_MAGIC);
	work->backend->free(work->state);
	work->magic = 0;
	free(work);
}

int work_check(const struct job *job, struct err *err)
{
	assert(job != NULL);
	int rc = backend_of(job)->check(job, err);
	if (rc < 0)
		err_add(err, "work: ");
	return rc;
}
