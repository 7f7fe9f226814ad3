/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: a script in Lua for each item. It can do nothing but look at the item and say what becomes
 * of it, so an attempt is over before another begins; its outcome is told in the next turn.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "core/outcome.h"
#include "job/job.h"
#include "loop/loop.h"
#include "script/action.h"
#include "sys/clock.h"
#include "work/backend.h"
#include "work/exec_mask.h"

enum { LUA_MAGIC = 0x4c756177, WORDS_MAX = 4 * ERR_TEXT_MAX };

struct lua_work {
	uint32_t magic;
	const struct work_context *context;
	struct action *action;
	struct exec_mask *mask;
	struct loop_timer *timer;
	struct list attempts; /* not told */
};

struct lua_attempt {
	struct list node;
	struct frame_outcome outcome;
	char *words; /* of the outcome */
};

static void lua_due(void *arg)
{
	struct lua_work *work = OBJ_CAST(arg, struct lua_work, LUA_MAGIC);

	/* What begins meanwhile sets the timer again. */
	while (!list_is_empty(&work->attempts)) {
		struct lua_attempt *a = CONTAINER_OF(list_first(&work->attempts),
						     struct lua_attempt, node);
		list_remove(&a->node);
		work->context->done(work->context->arg, &a->outcome);
		free(a->words);
		free(a);
	}
}

static void lua_free(void *state)
{
	struct lua_work *work = OBJ_CAST(state, struct lua_work, LUA_MAGIC);

	while (!list_is_empty(&work->attempts)) {
		struct lua_attempt *a = CONTAINER_OF(list_first(&work->attempts),
						     struct lua_attempt, node);
		list_remove(&a->node);
		free(a->words);
		free(a);
	}
	action_free(work->action);
	exec_mask_free(work->mask);
	loop_timer_free(work->timer);
	work->magic = 0;
	free(work);
}

static int lua_open(const struct work_context *context, void **ret_state, struct err *err)
{
	struct lua_work *work = xnew(struct lua_work);

	work->magic = LUA_MAGIC;
	work->context = context;
	work->mask = exec_mask_new(context->job);
	work->timer = loop_timer_new(context->loop, lua_due, work);
	list_init(&work->attempts);
	int rc = action_open(context->job, context->run, &work->action, err);
	if (rc < 0) {
		lua_free(work);
		return rc;
	}
	*ret_state = work;
	return 0;
}

static void judge(int rc, struct frame_outcome *outcome)
{
	switch (rc) {
	case 0:
		outcome->outcome = OUTCOME_DONE;
		outcome->err_class = "";
		return;
	case ACTION_RETRY:
		outcome->outcome = OUTCOME_RETRY;
		outcome->err_class = "retry";
		return;
	case ACTION_DEAD:
		outcome->outcome = OUTCOME_DEAD;
		outcome->err_class = "dead";
		return;
	default:
		outcome->outcome = OUTCOME_DEAD;
		outcome->err_class = "script";
		return;
	}
}

static void lua_start(void *state, const struct work_attempt *what)
{
	struct lua_work *work = OBJ_CAST(state, struct lua_work, LUA_MAGIC);
	struct lane_slot *slots = work->context->slots;
	struct lua_attempt *a = xnew(struct lua_attempt);
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX);
	struct err err = ERR_INIT;
	int64_t began_us = clock_monotonic_us();

	a->outcome = (struct frame_outcome){.ticket = what->ticket, .began_at = clock_now()};
	/* What ends this process here is the item's doing. */
	if (slots != NULL)
		atomic_store(&slots[FRAME_TICKET_SLOT(what->ticket)].begun, 1);
	int rc = action_run(work->action, &what->item, &err);
	judge(rc, &a->outcome);
	if (rc != 0)
		exec_mask_put_err(work->mask, what->item.item, &err, &words);
	a->words = xstrdup(buf_str(&words));
	a->outcome.err = a->words;
	a->outcome.took_us = clock_monotonic_us() - began_us;
	list_append(&work->attempts, &a->node);
	loop_timer_set(work->timer, 0);
}

static void lua_cancel(void *state, uint32_t ticket)
{
	(void)state; /* it has ended already */
	(void)ticket;
}

static int lua_check(const struct job *job, struct err *err)
{
	(void)job; /* it needs nothing but itself */
	(void)err;
	return 0;
}

const struct work_backend work_lua = {
	.name = "lua",
	.open = lua_open,
	.start = lua_start,
	.cancel = lua_cancel,
	.free = lua_free,
	.check = lua_check,
};
