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
#include "work/verify.h"

enum { WORK_MAGIC = 0x576f726b };

/* One backend at work. */
struct side {
	const struct work_backend *backend; /* NULL: there is none */
	void *state;
	struct work_context inner; /* what the backend sees */
};

struct work {
	uint32_t magic;
	struct side items;
	struct side probes;    /* verify */
	struct job verify_job; /* what `probes` sees for its job */
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
	case WORK_LUA:
		return &work_lua;
	case WORK_FILE:
		return &work_file;
	case WORK_SQL:
	case WORK_TABLE: /* the lane does these by the chunk, see lane/unit.h */
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

static void side_free(struct side *side)
{
	if (side->backend != NULL)
		side->backend->free(side->state);
	side->backend = NULL;
}

static int side_open(struct work *work, struct side *side, const struct work_backend *backend,
		     struct err *err)
{
	side->inner.arg = work;
	side->inner.done = work_ended;
	side->inner.closed = work_is_closed;
	int rc = backend->open(&side->inner, &side->state, err);
	if (rc == 0)
		side->backend = backend;
	return rc;
}

static int work_open_probes(struct work *work, const struct work_context *context, struct err *err)
{
	if (!job_verifies(context->job))
		return 0;
	verify_job(context->job, &work->verify_job);
	work->probes.inner = *context;
	work->probes.inner.job = &work->verify_job;
	work->probes.inner.asks = true;
	int rc = side_open(work, &work->probes, verify_backend(context->job), err);
	if (rc < 0)
		err_add(err, "verify: ");
	return rc;
}

int work_open(const struct work_context *context, struct work **ret_work, struct err *err)
{
	assert(context != NULL && context->loop != NULL && context->job != NULL);
	assert(context->run != NULL && context->done != NULL && ret_work != NULL);
	struct work *work = xnew(struct work);
	work->magic = WORK_MAGIC;
	work->arg = context->arg;
	work->done = context->done;
	work->closed = context->closed;
	work->items.inner = *context;
	int rc = side_open(work, &work->items, backend_of(context->job), err);
	if (rc == 0)
		rc = work_open_probes(work, context, err);
	if (rc < 0) {
		work_free(work);
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
	assert(!attempt->is_probe || work->probes.backend != NULL);
	struct side *side = attempt->is_probe ? &work->probes : &work->items;
	work->in_flight++;
	side->backend->start(side->state, attempt);
}

void work_cancel(struct work *work, uint32_t ticket)
{
	assert(work != NULL && work->magic == WORK_MAGIC);
	work->items.backend->cancel(work->items.state, ticket);
	if (work->probes.backend != NULL)
		work->probes.backend->cancel(work->probes.state, ticket);
}

size_t work_in_flight(const struct work *work)
{
	assert(work != NULL && work->magic == WORK_MAGIC);
	return work->in_flight;
}

bool work_close(struct work *work)
{
	assert(work != NULL && work->magic == WORK_MAGIC && work->in_flight == 0);
	/* A program that was asked leaves nothing that outlives it. */
	return work->items.backend->close == NULL || work->items.backend->close(work->items.state);
}

void work_free(struct work *work)
{
	if (work == NULL)
		return;
	assert(work->magic == WORK_MAGIC);
	side_free(&work->probes);
	side_free(&work->items);
	work->magic = 0;
	free(work);
}

int work_check(const struct job *job, struct err *err)
{
	assert(job != NULL);
	int rc = backend_of(job)->check(job, err);
	if (rc == 0)
		rc = verify_check(job, err);
	if (rc < 0)
		err_add(err, "work: ");
	return rc;
}
