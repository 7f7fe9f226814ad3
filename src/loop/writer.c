/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two rings under one lock: what waits for the thread, and what waits for the loop. Never is a
 * callback called with the lock held.
 */
#include "loop/writer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "sys/lock.h"

enum { WRITER_MAGIC = 0x57726974 };

struct ring {
	void *tasks[WRITER_QUEUE_MAX];
	size_t first;
	size_t n;
};

struct writer {
	uint32_t magic;
	pthread_t thread;
	struct lock lock;
	pthread_cond_t changed; /* something came in, or `ending` */
	struct ring in;		/* under the lock */
	struct ring out;	/* under the lock */
	bool ending;		/* under the lock */
	size_t n_inside;	/* tasks taken and not given back; the loop's thread only */
	bool *ret_gone;		/* told when the writer is freed by a callback of writer_deliver */
	struct loop_wake *wake;
	writer_apply_fn apply;
	writer_done_fn done;
	void *arg;
};

static void ring_put(struct ring *ring, void *task)
{
	assert(ring->n < WRITER_QUEUE_MAX);
	ring->tasks[(ring->first + ring->n) % WRITER_QUEUE_MAX] = task;
	ring->n++;
}

/* NULL when empty. */
static void *ring_get(struct ring *ring)
{
	if (ring->n == 0)
		return NULL;
	void *task = ring->tasks[ring->first];
	ring->first = (ring->first + 1) % WRITER_QUEUE_MAX;
	ring->n--;
	return task;
}

/* The next task, or NULL when the thread is to end. */
static void *writer_wait(struct writer *writer)
{
	void *task = NULL;

	lock_take(&writer->lock);
	while (!writer->ending && writer->in.n == 0)
		lock_wait(&writer->lock, &writer->changed);
	if (!writer->ending)
		task = ring_get(&writer->in);
	lock_give(&writer->lock);
	return task;
}

static void *writer_main(void *arg)
{
	struct writer *writer = OBJ_CAST(arg, struct writer, WRITER_MAGIC);

	for (void *task = writer_wait(writer); task != NULL; task = writer_wait(writer)) {
		writer->apply(writer->arg, task);
		lock_take(&writer->lock);
		ring_put(&writer->out, task);
		lock_give(&writer->lock);
		loop_wake_send(writer->wake);
	}
	return NULL;
}

/* Gives back what was applied. The writer may be freed by what it calls. */
static void writer_deliver(void *arg)
{
	struct writer *writer = OBJ_CAST(arg, struct writer, WRITER_MAGIC);
	bool gone = false;

	writer->ret_gone = &gone;
	while (!gone) {
		lock_take(&writer->lock);
		void *task = ring_get(&writer->out);
		lock_give(&writer->lock);
		if (task == NULL) {
			writer->ret_gone = NULL;
			return;
		}
		writer->n_inside--;
		writer->done(writer->arg, task, true);
	}
}

/* With all signals blocked, so that they go to the loop's thread. */
static int writer_start(struct writer *writer)
{
	sigset_t all = {0};
	sigset_t before = {0};

	(void)sigfillset(&all); /* with a valid pointer it cannot fail */
	int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc != 0)
		return rc;
	rc = pthread_create(&writer->thread, NULL, writer_main, writer);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* as it was, which was valid */
	if (rc == 0)
		(void)pthread_setname_np(writer->thread,
					 "ledger"); /* for top; nothing hangs on it */
	return rc;
}

int writer_new(struct loop *loop, writer_apply_fn apply, writer_done_fn done, void *arg,
	       struct writer **ret_writer, struct err *err)
{
	assert(loop != NULL && apply != NULL && done != NULL && ret_writer != NULL);
	struct writer *writer = xnew(struct writer);
	writer->magic = WRITER_MAGIC;
	writer->apply = apply;
	writer->done = done;
	writer->arg = arg;
	lock_init(&writer->lock, "writer");
	(void)pthread_cond_init(&writer->changed, NULL); /* without attributes it cannot fail */
	writer->wake = loop_wake_new(loop, writer_deliver, writer);
	int rc = writer_start(writer);
	if (rc == 0) {
		*ret_writer = writer;
		return 0;
	}
	loop_wake_free(writer->wake);
	(void)pthread_cond_destroy(&writer->changed); /* nobody waits */
	lock_done(&writer->lock);
	writer->magic = 0;
	free(writer);
	return ERR_SYS(err, ERR_TEMP, rc, "starting the ledger's thread");
}

void writer_submit(struct writer *writer, void *task)
{
	assert(writer != NULL && writer->magic == WRITER_MAGIC && task != NULL);
	assert(writer->n_inside < WRITER_QUEUE_MAX);
	writer->n_inside++;
	lock_take(&writer->lock);
	ring_put(&writer->in, task);
	(void)pthread_cond_signal(&writer->changed); /* cannot fail */
	lock_give(&writer->lock);
}

static void writer_return(struct writer *writer, struct ring *ring, bool applied)
{
	for (void *task = ring_get(ring); task != NULL; task = ring_get(ring)) {
		writer->n_inside--;
		writer->done(writer->arg, task, applied);
	}
}

void writer_free(struct writer *writer)
{
	if (writer == NULL)
		return;
	assert(writer->magic == WRITER_MAGIC);
	lock_take(&writer->lock);
	writer->ending = true;
	(void)pthread_cond_signal(&writer->changed); /* cannot fail */
	lock_give(&writer->lock);
	(void)pthread_join(writer->thread, NULL); /* our own, joined once */
	if (writer->ret_gone != NULL)
		*writer->ret_gone = true;
	loop_wake_free(writer->wake);
	/* The thread is gone: what is left belongs to this one. */
	writer_return(writer, &writer->out, true);
	writer_return(writer, &writer->in, false);
	assert(writer->n_inside == 0);
	(void)pthread_cond_destroy(&writer->changed); /* nobody waits */
	lock_done(&writer->lock);
	writer->magic = 0;
	free(writer);
}
