/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "loop/inside.h"

enum { WATCH_MAGIC = 0x4c576174 };

struct loop_watch {
	uint32_t magic;
	int fd;
	int events; /* as was asked for */
	struct loop *loop;
	uv_poll_t uv;
	loop_watch_fn fn;
	void *arg;
};

static void watch_start(struct loop_watch *watch);

static void watch_called(uv_poll_t *uv, int status, int uv_events)
{
	struct loop_watch *watch = OBJ_CAST(uv->data, struct loop_watch, WATCH_MAGIC);
	int events = 0;

	if (status < 0) {
		/* libuv reports an error condition (EPOLLERR: the reader of a pipe has gone) once,
		 * and stops. Whoever reads or writes then learns what it is, so it is told as that;
		 * and told again for as long as nothing is done about it, as with any other event.
		 */
		events = watch->events;
		watch_start(watch);
	} else {
		events |= (uv_events & UV_READABLE) != 0 ? LOOP_READ : 0;
		events |= (uv_events & UV_WRITABLE) != 0 ? LOOP_WRITE : 0;
	}
	watch->fn(watch->arg, watch->fd, events);
}

static void watch_start(struct loop_watch *watch)
{
	int events = 0;

	events |= (watch->events & LOOP_READ) != 0 ? UV_READABLE : 0;
	events |= (watch->events & LOOP_WRITE) != 0 ? UV_WRITABLE : 0;
	if (events == 0)
		loop_expect(uv_poll_stop(&watch->uv), "watching a descriptor");
	else
		loop_expect(uv_poll_start(&watch->uv, events, watch_called),
			    "watching a descriptor");
}

static void watch_closed(uv_handle_t *uv)
{
	struct loop_watch *watch = OBJ_CAST(uv->data, struct loop_watch, WATCH_MAGIC);

	watch->magic = 0;
	free(watch);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_fn fn,
				  void *arg)
{
	struct loop_watch *watch = xnew(struct loop_watch);

	assert(fd >= 0 && fn != NULL);
	loop_own(loop);
	watch->magic = WATCH_MAGIC;
	watch->fd = fd;
	watch->events = events;
	watch->loop = loop;
	watch->fn = fn;
	watch->arg = arg;
	watch->uv.data = watch;
	loop_expect(uv_poll_init(&loop->uv, &watch->uv, fd), "watching a descriptor");
	if (events != 0)
		watch_start(watch);
	return watch;
}

void loop_watch_set(struct loop_watch *watch, int events)
{
	assert(watch != NULL && watch->magic == WATCH_MAGIC);
	if (watch->events == events) /* libuv would take it out of epoll and put it in again */
		return;
	watch->events = events;
	watch_start(watch);
}

void loop_watch_free(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	assert(watch->magic == WATCH_MAGIC);
	loop_disown(watch->loop);
	/* Takes it out of epoll at once, only the callback waits for the next turn: the descriptor
	 * may be closed as soon as this returns. */
	uv_close((uv_handle_t *)&watch->uv, watch_closed);
}

void loop_watch_close(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	int fd = watch->fd;
	loop_watch_free(watch);
	(void)close(fd); /* a pipe or socket: there is nothing left that could fail */
}
