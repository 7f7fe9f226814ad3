/* SPDX-License-Identifier: Apache-2.0 */
/* The loop itself, signals, and the wake from other threads. */
#include "loop/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "loop/inside.h"

enum {
	LOOP_MAGIC = 0x4c6f6f70,
	SIGNAL_MAGIC = 0x4c536967,
	WAKE_MAGIC = 0x4c57616b,
};

struct loop_signal {
	uint32_t magic;
	struct loop *loop;
	uv_signal_t uv;
	loop_signal_fn fn;
	void *arg;
};

struct loop_wake {
	uint32_t magic;
	struct loop *loop;
	uv_async_t uv;
	loop_wake_fn fn;
	void *arg;
};

void loop_expect(int rc, const char *what)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "stint: %s: %s\n", what, uv_strerror(rc)); /* last words */
	unreachable(what);
}

void loop_own(struct loop *loop)
{
	assert(loop != NULL && loop->magic == LOOP_MAGIC);
	loop->n_owned++;
}

void loop_disown(struct loop *loop)
{
	assert(loop->magic == LOOP_MAGIC && loop->n_owned > 0);
	loop->n_owned--;
}

struct loop *loop_new(void)
{
	struct loop *loop = xnew(struct loop);

	loop->magic = LOOP_MAGIC;
	loop_expect(uv_loop_init(&loop->uv), "event loop");
	loop_timers_init(loop);
	loop_children_init(loop);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	assert(loop->magic == LOOP_MAGIC && loop->n_owned == 0);
	loop_timers_done(loop);
	loop_children_done(loop);
	/* Nothing is active any more: this only tells the handles that they are closed. A stop that
	 * nobody ran into makes the first call return at once. */
	while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0 || uv_loop_alive(&loop->uv))
		;
	loop_expect(uv_loop_close(&loop->uv), "closing the event loop");
	loop->magic = 0;
	free(loop);
}

void loop_run(struct loop *loop)
{
	assert(loop != NULL && loop->magic == LOOP_MAGIC);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* whether handles are left, which we know */
}

void loop_stop(struct loop *loop)
{
	assert(loop != NULL && loop->magic == LOOP_MAGIC);
	uv_stop(&loop->uv);
}

/* ---- signals ---- */

static void signal_called(uv_signal_t *uv, int signal_number)
{
	struct loop_signal *s = OBJ_CAST(uv->data, struct loop_signal, SIGNAL_MAGIC);

	s->fn(s->arg, signal_number);
}

static void signal_closed(uv_handle_t *uv)
{
	struct loop_signal *s = OBJ_CAST(uv->data, struct loop_signal, SIGNAL_MAGIC);

	s->magic = 0;
	free(s);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, loop_signal_fn fn,
				    void *arg)
{
	struct loop_signal *s = xnew(struct loop_signal);

	assert(fn != NULL);
	loop_own(loop);
	s->magic = SIGNAL_MAGIC;
	s->loop = loop;
	s->fn = fn;
	s->arg = arg;
	s->uv.data = s;
	loop_expect(uv_signal_init(&loop->uv, &s->uv), "watching a signal");
	loop_expect(uv_signal_start(&s->uv, signal_called, signal_number), "watching a signal");
	return s;
}

void loop_signal_free(struct loop_signal *s)
{
	if (s == NULL)
		return;
	assert(s->magic == SIGNAL_MAGIC);
	loop_disown(s->loop);
	uv_close((uv_handle_t *)&s->uv, signal_closed);
}

/* ---- wakes ---- */

static void wake_called(uv_async_t *uv)
{
	struct loop_wake *wake = OBJ_CAST(uv->data, struct loop_wake, WAKE_MAGIC);

	wake->fn(wake->arg);
}

static void wake_closed(uv_handle_t *uv)
{
	struct loop_wake *wake = OBJ_CAST(uv->data, struct loop_wake, WAKE_MAGIC);

	wake->magic = 0;
	free(wake);
}

struct loop_wake *loop_wake_new(struct loop *loop, loop_wake_fn fn, void *arg)
{
	struct loop_wake *wake = xnew(struct loop_wake);

	assert(fn != NULL);
	loop_own(loop);
	wake->magic = WAKE_MAGIC;
	wake->loop = loop;
	wake->fn = fn;
	wake->arg = arg;
	wake->uv.data = wake;
	loop_expect(uv_async_init(&loop->uv, &wake->uv, wake_called), "a wake");
	return wake;
}

void loop_wake_send(struct loop_wake *wake)
{
	assert(wake != NULL && wake->magic == WAKE_MAGIC);
	loop_expect(uv_async_send(&wake->uv), "waking the loop");
}

void loop_wake_free(struct loop_wake *wake)
{
	if (wake == NULL)
		return;
	assert(wake->magic == WAKE_MAGIC);
	loop_disown(wake->loop);
	uv_close((uv_handle_t *)&wake->uv, wake_closed);
}
