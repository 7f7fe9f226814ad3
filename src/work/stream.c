/* SPDX-License-Identifier: Apache-2.0 */
/* Work by long-lived workers: who gets what (stream.h). */
#include "work/stream.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "job/job.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "work/backend.h"
#include "work/exec_check.h"
#include "work/exec_mask.h"
#include "work/exec_plan.h"
#include "work/exec_spawn.h"
#include "work/exec_user.h"
#include "work/stream_answer.h"
#include "work/stream_line.h"

/* When a worker cannot be started beside others: so long is done without. */
#define START_AGAIN_US US_PER_S

/* ---- telling ---- */

void stream_tell(struct stream *stream, struct stream_item *item, struct frame_outcome *outcome)
{
	outcome->ticket = item->what.ticket;
	outcome->cancelled = outcome->cancelled || item->is_cancelled;
	list_remove(&item->node);
	item->is_used = false;
	stream->context->done(stream->context->arg, outcome);
}

void stream_tell_waiting(struct stream *stream, enum outcome outcome, const char *class,
			 const char *words)
{
	while (!list_is_empty(&stream->waiting)) {
		struct stream_item *item = CONTAINER_OF(list_first(&stream->waiting),
							struct stream_item, node);
		stream_tell(stream, item,
			    &(struct frame_outcome){
				    .outcome = (uint8_t)outcome, .err_class = class, .err = words});
	}
}

/* Nobody was given any of it, and nobody ever can be. */
static void stream_tell_too_long(struct stream *stream, struct stream_item *item)
{
	char words[STREAM_WORDS_BYTES];

	(void)snprintf(words, sizeof(words), "its line would have more than %d MiB",
		       STREAM_LINE_MAX >> 20); /* fits */
	stream_tell(stream, item,
		    &(struct frame_outcome){
			    .outcome = OUTCOME_DEAD, .err_class = "bad-item", .err = words});
}

/* ---- who gets what ---- */

static struct stream_worker *worker_at(struct list *node)
{
	return CONTAINER_OF(node, struct stream_worker, node);
}

/* The one with the fewest items that can take one more; NULL when there is none. */
static struct stream_worker *stream_pick(struct stream *stream)
{
	struct stream_worker *best = NULL;

	for (struct list *node = stream->workers.next; node != &stream->workers;
	     node = node->next) {
		struct stream_worker *w = worker_at(node);
		if (stream_worker_has_room(w) && (best == NULL || w->n_items < best->n_items))
			best = w;
	}
	return best;
}

static bool stream_may_start(const struct stream *stream)
{
	return stream->n_workers < stream->workers_max &&
	       clock_monotonic_us() >= stream->not_before_us;
}

/* A new one, NULL when there cannot be one now: then what waits is told why, unless others can take
 * it. */
static struct stream_worker *stream_start(struct stream *stream)
{
	struct stream_worker *w = NULL;
	struct stream_failure failure = {.class = "", .err = ERR_INIT};

	if (stream_worker_start(stream, &w, &failure) == 0)
		return w;
	stream->not_before_us = clock_monotonic_us() + START_AGAIN_US;
	if (stream->n_workers == 0)
		stream_tell_waiting(stream, failure.outcome, failure.class, failure.err.text);
	return NULL;
}

/* For an item that waits: an idle worker, a new one, or the least busy. */
static struct stream_worker *stream_find(struct stream *stream)
{
	struct stream_worker *w = stream_pick(stream);

	if ((w == NULL || w->n_items > 0) && stream_may_start(stream)) {
		struct stream_worker *fresh = stream_start(stream);
		return fresh != NULL ? fresh : w;
	}
	return w;
}

/* Something waits and nobody can take it: when a worker may be started again is known. */
static void stream_wait(struct stream *stream)
{
	int64_t now = clock_monotonic_us();

	if (stream->n_workers < stream->workers_max && stream->not_before_us > now)
		loop_timer_set(stream->timer, stream->not_before_us - now);
}

static void stream_turn(struct stream *stream)
{
	while (!list_is_empty(&stream->waiting)) {
		struct stream_worker *w = stream_find(stream);
		struct list *node = list_first(&stream->waiting);
		if (node == NULL)
			break; /* they were told that there can be no worker */
		if (w == NULL) {
			stream_wait(stream);
			break;
		}
		struct stream_item *item = CONTAINER_OF(node, struct stream_item, node);
		if (!stream_worker_add(w, item))
			stream_tell_too_long(stream, item);
	}
	struct list *node = NULL;
	struct list *next = NULL;
	LIST_EACH (node, next, &stream->workers) {
		if (!worker_at(node)->is_blocked)
			stream_worker_write(worker_at(node));
	}
}

static void stream_on_timer(void *arg)
{
	struct stream *stream = OBJ_CAST(arg, struct stream, STREAM_MAGIC);

	stream->turn_is_due = false;
	stream_turn(stream);
}

void stream_turn_soon(struct stream *stream)
{
	if (stream->turn_is_due)
		return;
	stream->turn_is_due = true;
	loop_timer_set(stream->timer, 0);
}

void stream_on_gone(struct stream *stream)
{
	stream_turn_soon(stream);
	if (stream->is_closing && stream->n_workers == 0)
		stream->context->closed(stream->context->arg);
}

/* ---- the work ---- */

static void stream_begin(void *state, const struct work_attempt *what)
{
	struct stream *stream = OBJ_CAST(state, struct stream, STREAM_MAGIC);
	struct stream_item *item = &stream->items[FRAME_TICKET_SLOT(what->ticket)];

	assert(!item->is_used && !stream->is_closing);
	*item = (struct stream_item){.what = *what, .is_used = true};
	list_append(&stream->waiting, &item->node);
	stream_turn_soon(stream);
}

/* Those that wait were not begun; a worker has no way to give one of several up, so it is ended. */
static void item_cancel(struct stream *stream, struct stream_item *item)
{
	item->is_cancelled = true;
	if (item->worker == NULL) {
		stream_tell(stream, item,
			    &(struct frame_outcome){.outcome = OUTCOME_NOT_BEGUN,
						    .err_class = "cancelled",
						    .err = "not begun"});
		return;
	}
	stream_worker_blame(item->worker, NULL);
	stream_worker_end(item->worker, "cancelled", "ended on request, before it was done");
}

static void stream_cancel(void *state, uint32_t ticket)
{
	struct stream *stream = OBJ_CAST(state, struct stream, STREAM_MAGIC);

	if (ticket != UINT32_MAX) {
		struct stream_item *item = &stream->items[FRAME_TICKET_SLOT(ticket)];
		if (item->is_used && item->what.ticket == ticket)
			item_cancel(stream, item);
		return;
	}
	for (uint32_t i = 0; i < FRAME_TICKETS_MAX; i++)
		if (stream->items[i].is_used)
			item_cancel(stream, &stream->items[i]);
}

static bool stream_close(void *state)
{
	struct stream *stream = OBJ_CAST(state, struct stream, STREAM_MAGIC);
	struct list *node = NULL;
	struct list *next = NULL;

	stream->is_closing = true;
	LIST_EACH (node, next, &stream->workers)
		stream_worker_close(worker_at(node));
	return stream->n_workers == 0;
}

static void stream_free(void *state)
{
	struct stream *stream = OBJ_CAST(state, struct stream, STREAM_MAGIC);

	while (!list_is_empty(&stream->workers)) {
		struct stream_worker *w = worker_at(list_first(&stream->workers));
		stream_worker_kill(w, SIGKILL);
		stream_worker_free(w);
	}
	loop_timer_free(stream->timer);
	exec_plan_free(stream->plan);
	exec_mask_free(stream->mask);
	exec_user_free(stream->user);
	stream_line_free(stream->line);
	json_doc_free(stream->doc);
	free(stream->space);
	free(stream->items);
	stream->magic = 0;
	free(stream);
}

static bool has_sensitive_field(const struct job *job)
{
	for (size_t i = 0; i < job->n_fields; i++)
		if (job->fields[i].sensitive)
			return true;
	return false;
}

static uint32_t workers_of(const struct work_context *context)
{
	if (context->workers > 0)
		return context->workers;
	if (context->job->work.workers > 0)
		return (uint32_t)context->job->work.workers;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	return cpus < 1 ? 1 : (uint32_t)cpus;
}

static int stream_open(const struct work_context *context, void **ret_state, struct err *err)
{
	const struct job *job = context->job;
	struct stream *stream = xnew(struct stream);
	int rc = 0;

	stream->magic = STREAM_MAGIC;
	stream->context = context;
	stream->space = xcalloc(1, STREAM_READ_BYTES);
	stream->items = xcalloc(FRAME_TICKETS_MAX, sizeof(*stream->items));
	stream->mask = exec_mask_new(job);
	stream->line = stream_line_new(job);
	stream->doc = stream_answer_doc();
	stream->shows = !has_sensitive_field(job);
	stream->workers_max = workers_of(context);
	stream->timer = loop_timer_new(context->loop, stream_on_timer, stream);
	list_init(&stream->workers);
	list_init(&stream->waiting);
	if (job->work.user != NULL)
		rc = exec_user_find(job->work.user, &stream->user, err);
	if (rc == 0)
		rc = exec_plan_new(context, stream->user, &stream->plan, err);
	if (rc < 0) {
		stream_free(stream);
		return rc;
	}
	*ret_state = stream;
	return 0;
}

const struct work_backend work_stream = {
	.name = "stream",
	.open = stream_open,
	.start = stream_begin,
	.cancel = stream_cancel,
	.close = stream_close,
	.free = stream_free,
	.check = exec_check,
};
