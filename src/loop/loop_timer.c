/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers. libuv counts milliseconds, so a time is rounded up: never early. A timer of 0 does not go
 * to libuv, which would call it in the same pass over the timers (1.44: one that sets itself again
 * would starve everything else), but to a list that the idle handle works through, one turn later.
 */
#include "loop/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "loop/inside.h"

enum { TIMER_MAGIC = 0x4c54696d };

struct loop_timer {
	uint32_t magic;
	struct loop *loop;
	uv_timer_t uv;
	struct list due; /* in the loop's list while set to 0 */
	loop_timer_fn fn;
	void *arg;
};

static void timers_due(uv_idle_t *uv)
{
	struct loop *loop = uv->data;
	struct list now = {0};

	/* What is set to 0 meanwhile waits for the next turn. */
	list_init(&now);
	while (!list_is_empty(&loop->due)) {
		struct list *node = list_first(&loop->due);
		list_remove(node);
		list_append(&now, node);
	}
	loop_expect(uv_idle_stop(uv), "the idle handle");
	while (!list_is_empty(&now)) {
		struct list *node = list_first(&now);
		struct loop_timer *timer = CONTAINER_OF(node, struct loop_timer, due);
		list_remove(node);
		timer->fn(timer->arg); /* may free it, or any other */
	}
}

void loop_timers_init(struct loop *loop)
{
	list_init(&loop->due);
	loop->idle.data = loop;
	loop_expect(uv_idle_init(&loop->uv, &loop->idle), "the idle handle");
}

void loop_timers_done(struct loop *loop)
{
	assert(list_is_empty(&loop->due));
	uv_close((uv_handle_t *)&loop->idle, NULL);
}

static void timer_called(uv_timer_t *uv)
{
	struct loop_timer *timer = OBJ_CAST(uv->data, struct loop_timer, TIMER_MAGIC);

	timer->fn(timer->arg);
}

static void timer_closed(uv_handle_t *uv)
{
	struct loop_timer *timer = OBJ_CAST(uv->data, struct loop_timer, TIMER_MAGIC);

	timer->magic = 0;
	free(timer);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *arg)
{
	struct loop_timer *timer = xnew(struct loop_timer);

	assert(fn != NULL);
	loop_own(loop);
	timer->magic = TIMER_MAGIC;
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->uv.data = timer;
	list_init(&timer->due);
	loop_expect(uv_timer_init(&loop->uv, &timer->uv), "a timer");
	return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t us)
{
	assert(timer != NULL && timer->magic == TIMER_MAGIC);
	loop_timer_stop(timer);
	if (us <= 0) {
		struct loop *loop = timer->loop;
		list_append(&loop->due, &timer->due);
		loop_expect(uv_idle_start(&loop->idle, timers_due), "the idle handle");
		return;
	}
	/* The fraction of a millisecond that has passed by libuv's clock would make it early: hence
	 * one more. */
	int64_t ms = us / US_PER_MS + (us % US_PER_MS != 0 ? 1 : 0) + 1;
	uv_update_time(&timer->loop->uv);
	loop_expect(uv_timer_start(&timer->uv, timer_called, (uint64_t)ms, 0), "a timer");
}

void loop_timer_stop(struct loop_timer *timer)
{
	assert(timer != NULL && timer->magic == TIMER_MAGIC);
	list_remove(&timer->due);
	loop_expect(uv_timer_stop(&timer->uv), "a timer");
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	assert(timer->magic == TIMER_MAGIC);
	list_remove(&timer->due);
	loop_disown(timer->loop);
	uv_close((uv_handle_t *)&timer->uv, timer_closed);
}
