/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that does nothing: to try a source or a transform, and to measure. Whole chunks of it are
 * done by the lane without coming here; what does come are loose items.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"
#include "core/outcome.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "work/backend.h"

enum { NOOP_MAGIC = 0x4e6f6f70 };

struct noop {
	uint32_t magic;
	const struct work_context *context;
	struct loop_timer *timer;
	struct list attempts;
};

struct noop_attempt {
	struct list node;
	uint32_t ticket;
};

static void noop_due(void *arg)
{
	struct noop *noop = OBJ_CAST(arg, struct noop, NOOP_MAGIC);

	/* What begins meanwhile sets the timer again. */
	while (!list_is_empty(&noop->attempts)) {
		struct noop_attempt *a = CONTAINER_OF(list_first(&noop->attempts),
						      struct noop_attempt, node);
		const struct frame_outcome outcome = {.ticket = a->ticket,
						      .outcome = OUTCOME_DONE,
						      .began_at = clock_now(),
						      .err_class = "",
						      .err = ""};
		list_remove(&a->node);
		free(a);
		noop->context->done(noop->context->arg, &outcome);
	}
}

static int noop_open(const struct work_context *context, void **ret_state, struct err *err)
{
	struct noop *noop = xnew(struct noop);

	(void)err; /* nothing can fail */
	noop->magic = NOOP_MAGIC;
	noop->context = context;
	noop->timer = loop_timer_new(context->loop, noop_due, noop);
	list_init(&noop->attempts);
	*ret_state = noop;
	return 0;
}

static void noop_start(void *state, const struct work_attempt *attempt)
{
	struct noop *noop = OBJ_CAST(state, struct noop, NOOP_MAGIC);
	struct noop_attempt *a = xnew(struct noop_attempt);

	a->ticket = attempt->ticket;
	list_append(&noop->attempts, &a->node);
	loop_timer_set(noop->timer, 0);
}

static void noop_cancel(void *state, uint32_t ticket)
{
	(void)state; /* it is as good as done */
	(void)ticket;
}

static void noop_free(void *state)
{
	struct noop *noop = OBJ_CAST(state, struct noop, NOOP_MAGIC);

	while (!list_is_empty(&noop->attempts)) {
		struct list *node = list_first(&noop->attempts);
		list_remove(node);
		free(CONTAINER_OF(node, struct noop_attempt, node));
	}
	loop_timer_free(noop->timer);
	noop->magic = 0;
	free(noop);
}

static int noop_check(const struct job *job, struct err *err)
{
	(void)job; /* it needs nothing */
	(void)err;
	return 0;
}

const struct work_backend work_noop = {
	.name = "noop",
	.open = noop_open,
	.start = noop_start,
	.cancel = noop_cancel,
	.free = noop_free,
	.check = noop_check,
};
