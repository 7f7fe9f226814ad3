/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children. Each has a pidfd in the loop's epoll set, so that the end of one costs the same however
 * many there are, and only that one is waited for. When there is no pidfd to be had (no descriptors
 * left), the child is looked at whenever SIGCHLD comes.
 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/inside.h"
#include "sys/proc.h"

enum { CHILD_MAGIC = 0x4c436864 };

struct loop_child {
	uint32_t magic;
	pid_t pid;
	struct loop *loop;
	struct loop_watch *watch; /* of the pidfd; NULL without, and once it has ended */
	bool is_plain;		  /* there is no pidfd; then in the loop's list */
	struct list plain;
	loop_child_fn fn;
	void *arg;
};

/* Stops watching, by whichever way. */
static void child_forget(struct loop_child *child)
{
	struct loop *loop = child->loop;

	loop_watch_close(child->watch);
	child->watch = NULL;
	list_remove(&child->plain);
	if (!child->is_plain)
		return;
	child->is_plain = false;
	loop->n_plain--;
	if (loop->n_plain == 0)
		loop_expect(uv_signal_stop(&loop->sigchld), "SIGCHLD");
}

/* Reaps it if it has ended, and tells. */
static void child_look(struct loop_child *child)
{
	int status = 0;
	pid_t pid = waitpid(child->pid, &status, WNOHANG);

	if (pid == 0 || (pid < 0 && errno == EINTR))
		return;
	if (pid < 0) /* ECHILD: somebody else has reaped it */
		status = LOOP_CHILD_LOST;
	child_forget(child);
	child->fn(child->arg, child->pid, status); /* may free it */
}

static void child_readable(void *arg, int fd, int events)
{
	(void)fd; /* there is nothing to read from a pidfd */
	(void)events;
	child_look(OBJ_CAST(arg, struct loop_child, CHILD_MAGIC));
}

static void children_look(uv_signal_t *uv, int signal_number)
{
	struct loop *loop = uv->data;
	struct list todo = {0};

	/* Any of them may be freed by the callback of any other. */
	(void)signal_number;
	list_init(&todo);
	while (!list_is_empty(&loop->plain)) {
		struct list *node = list_first(&loop->plain);
		list_remove(node);
		list_append(&todo, node);
	}
	while (!list_is_empty(&todo)) {
		struct list *node = list_first(&todo);
		list_remove(node);
		list_append(&loop->plain, node);
		child_look(CONTAINER_OF(node, struct loop_child, plain));
	}
}

void loop_children_init(struct loop *loop)
{
	list_init(&loop->plain);
	loop->sigchld.data = loop;
	loop_expect(uv_signal_init(&loop->uv, &loop->sigchld), "SIGCHLD");
}

void loop_children_done(struct loop *loop)
{
	assert(loop->n_plain == 0);
	uv_close((uv_handle_t *)&loop->sigchld, NULL);
}

/* Nothing is told from within this, even when the child has ended already. */
struct loop_child *loop_child_new(struct loop *loop, pid_t pid, loop_child_fn fn, void *arg)
{
	struct loop_child *child = xnew(struct loop_child);

	assert(pid > 0 && fn != NULL);
	loop_own(loop);
	child->magic = CHILD_MAGIC;
	child->pid = pid;
	child->loop = loop;
	child->fn = fn;
	child->arg = arg;
	list_init(&child->plain);
	int fd = proc_open_pidfd(pid);
	if (fd >= 0) {
		child->watch = loop_watch_new(loop, fd, LOOP_READ, child_readable, child);
		return child;
	}
	child->is_plain = true;
	loop->n_plain++;
	list_append(&loop->plain, &child->plain);
	loop_expect(uv_signal_start(&loop->sigchld, children_look, SIGCHLD), "SIGCHLD");
	/* It may have ended before SIGCHLD was watched. */
	(void)kill(getpid(), SIGCHLD); /* to oneself, it cannot fail */
	return child;
}

void loop_child_free(struct loop_child *child)
{
	if (child == NULL)
		return;
	assert(child->magic == CHILD_MAGIC);
	child_forget(child);
	loop_disown(child->loop);
	child->magic = 0;
	free(child);
}
