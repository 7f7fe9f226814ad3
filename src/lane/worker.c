/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/worker.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "core/outcome.h"
#include "job/item.h"
#include "job/job.h"
#include "lane/age.h"
#include "lane/brief.h"
#include "lane/bulk.h"
#include "lane/chunk.h"
#include "lane/gate.h"
#include "lane/link.h"
#include "lane/reshape.h"
#include "lane/unit.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "work/work.h"

enum {
	WORKER_MAGIC = 0x576b6572,
	EXIT_ENGINE_GONE = 75,
	TEXT_BYTES_MAX = 1024 * 1024, /* a key, a person's address */
};

/* One attempt of ours, from WORK to OUTCOME. */
struct ticket {
	struct list node;    /* of those that wait */
	struct chunk *chunk; /* held */
	struct frame_work_item what;
	struct item item;
	struct value *fields; /* what the transform made of it, or NULL */
	char idempotency_key[ITEM_KEY_CHARS + 1];
};

struct worker {
	uint32_t magic;
	const struct brief *brief;
	struct link *link;
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_timer *flush; /* set to 0 when there are frames to write */
	struct loop_timer *gate;  /* when the next of those that wait may begin */
	struct loop_timer *units; /* set to 0 when units wait */
	struct work *work;
	struct lane_slot *slots;      /* shared with the engine, */
	const _Atomic int64_t *until; /* and this */
	struct chunk_table chunks;
	struct ticket *tickets[FRAME_TICKETS_MAX]; /* by slot; NULL: free */
	struct list waiting;			   /* tickets that were not begun, oldest first */
	uint32_t may_run;			   /* at once */
	struct reshape reshape;
	struct unit_desk desk;
	struct bulk_desk bulk;
	utime begin_before; /* 0: whenever */
	int person;	    /* the field that says for whom an item is, or -1 */
	bool is_stopping;
	bool is_closing; /* the work lets go of what outlives items */
	int exit_status;
	struct arena arena; /* of the frame that is being read */
	struct buf key;	    /* scratch */
	struct buf who;	    /* scratch */
};

/* Ends the process's work: nothing goes on, what runs is killed by worker_done. */
static void worker_end(struct worker *w, int exit_status)
{
	w->exit_status = exit_status;
	loop_stop(w->loop);
}

static void worker_fail(struct worker *w, const struct err *err)
{
	log_error("worker: %s", err->text);
	worker_end(w, err_exit_status(err));
}

/* ---- answers ---- */

static void worker_flush_soon(struct worker *w)
{
	loop_timer_set(w->flush, 0);
}

/* When more waits than the engine has read lately, all else has to wait with it: what would come
 * next is only more of the same, and memory has a limit. */
static void worker_relieve(struct worker *w)
{
	struct err err = ERR_INIT;

	if (!link_is_congested(w->link))
		return;
	int rc = link_send(w->link, &err);
	if (rc == LINK_END)
		worker_end(w, EXIT_ENGINE_GONE);
	else if (rc < 0)
		worker_fail(w, &err);
}

static const char *as_text(struct buf *scratch, const char *text, size_t len)
{
	buf_reset(scratch);
	buf_put(scratch, text, len);
	return buf_str(scratch);
}

/* Answers for an item, which may be NULL when it cannot be read. */
static void worker_answer(struct worker *w, const struct item *item,
			  const struct frame_outcome *outcome)
{
	struct frame_outcome o = *outcome;

	o.key = "";
	o.person = "";
	if (item != NULL) {
		o.key = as_text(&w->key, item->key, item->key_len);
		if (w->person >= 0 && !item->fields[w->person].is_null)
			o.person = as_text(&w->who, item->fields[w->person].text,
					   item->fields[w->person].len);
	}
	frame_put_outcome(&w->link->out, &o);
	worker_flush_soon(w);
	worker_relieve(w);
}

static void ticket_free(struct worker *w, struct ticket *ticket)
{
	list_remove(&ticket->node);
	w->tickets[FRAME_TICKET_SLOT(ticket->what.ticket)] = NULL;
	chunk_release(ticket->chunk);
	free(ticket->fields);
	free(ticket);
}

static void worker_begin_next(struct worker *w);

static void worker_on_done(void *arg, const struct frame_outcome *outcome)
{
	struct worker *w = OBJ_CAST(arg, struct worker, WORKER_MAGIC);
	struct ticket *ticket = w->tickets[FRAME_TICKET_SLOT(outcome->ticket)];

	assert(ticket != NULL);
	(void)FAULT("lane.outcome");
	worker_answer(w, &ticket->item, outcome);
	ticket_free(w, ticket);
	worker_begin_next(w);
}

/* ---- chunks that cannot be worked ---- */

static void worker_tell_changed(struct worker *w, const struct chunk *chunk)
{
	frame_put_source_changed(&w->link->out,
				 &(struct frame_source_changed){.handle = chunk->handle,
								.is_elsewhere = chunk->is_elsewhere,
								.text = chunk->err.text});
	worker_flush_soon(w);
}

/* ---- frames ---- */

static int worker_on_chunk(struct worker *w, const struct frame *frame, struct err *err)
{
	struct frame_chunk chunk = {0};
	int rc = frame_get_chunk(frame, &chunk, err);

	return rc < 0 ? rc : chunk_add(&w->chunks, &chunk, err);
}

static int worker_on_drop(struct worker *w, const struct frame *frame, struct err *err)
{
	uint32_t handle = 0;
	int rc = frame_get_u32(frame, &handle, err);

	if (rc < 0)
		return rc;
	struct chunk *chunk = chunk_find(&w->chunks, handle);
	if (chunk == NULL)
		return ERR(err, ERR_BUG, "chunk %u is dropped and was never given", handle);
	chunk_drop(chunk);
	return 0;
}

/* An item that takes effect in a database; it is over when this comes back. */
static void ticket_do(struct worker *w, struct ticket *ticket, int64_t number)
{
	struct frame_outcome outcome = {0};
	const struct template_item item = {.item = &ticket->item,
					   .number = number,
					   .attempt = ticket->what.attempt,
					   .idempotency_key = ticket->idempotency_key};

	unit_desk_item(&w->desk,
		       &(struct unit_item){.ticket = ticket->what.ticket,
					   .chunk = ticket->chunk,
					   .index = ticket->what.index,
					   .is_redo = ticket->what.redo > 0,
					   .item = &item},
		       &outcome);
	worker_answer(w, &ticket->item, &outcome);
	ticket_free(w, ticket);
}

static void ticket_begin(struct worker *w, struct ticket *ticket)
{
	int64_t number = ticket->chunk->first_item + ticket->what.index;

	brief_make_key(w->brief, &ticket->item, number, ticket->what.redo, ticket->idempotency_key);
	if (job_has_target(w->brief->job)) {
		ticket_do(w, ticket, number);
		return;
	}
	panic_context(w->brief->run.name, number);
	work_start(w->work, &(struct work_attempt){
				    .ticket = ticket->what.ticket,
				    .is_probe = ticket->what.is_probe,
				    .item = {.item = &ticket->item,
					     .number = number,
					     .attempt = ticket->what.attempt,
					     .idempotency_key = ticket->idempotency_key},
				    .request = ticket->what.is_probe ? 0 : ticket->what.request});
	panic_context(NULL, 0);
}

/* What the transform fails on is answered for, and the ticket is gone. */
static bool ticket_reshape(struct worker *w, struct ticket *ticket)
{
	const char *why = reshape_item(&w->reshape, &ticket->item, &ticket->fields);

	if (why == NULL)
		return true;
	worker_answer(w, &ticket->item,
		      &(struct frame_outcome){.ticket = ticket->what.ticket,
					      .outcome = OUTCOME_DEAD,
					      .began_at = clock_now(),
					      .err_class = RESHAPE_CLASS,
					      .err = why});
	ticket_free(w, ticket);
	return false;
}

/* Reads the item of a ticket. What cannot be read is answered for, and the ticket is gone. */
static bool ticket_read(struct worker *w, struct ticket *ticket)
{
	struct chunk *chunk = ticket->chunk;
	struct frame_outcome o = {.ticket = ticket->what.ticket};
	struct err why = ERR_INIT;

	if (chunk_open(&w->chunks, chunk, false))
		worker_tell_changed(w, chunk);
	if (chunk->state != CHUNK_READ) {
		chunk_verdict(chunk, &o);
	} else if (chunk_item(&w->chunks, chunk, ticket->what.index, &ticket->item, &why) < 0) {
		o.outcome = OUTCOME_DEAD;
		o.err_class = "bad-item";
		o.err = why.text;
	} else {
		return ticket_reshape(w, ticket);
	}
	worker_answer(w, NULL, &o);
	ticket_free(w, ticket);
	return false;
}

/* It was not begun, and is nobody's fault. */
static void ticket_give_back(struct worker *w, struct ticket *ticket)
{
	worker_answer(w, NULL,
		      &(struct frame_outcome){.ticket = ticket->what.ticket,
					      .outcome = OUTCOME_NOT_BEGUN,
					      .cancelled = true,
					      .err_class = "",
					      .err = ""});
	ticket_free(w, ticket);
}

/* Too old to be begun: it is answered for, and gone. */
static bool ticket_is_too_old(struct worker *w, struct ticket *ticket)
{
	const struct job *job = w->brief->job;
	char why[AGE_WHY_MAX];

	if (ticket->what.is_probe || !age_is_over(job, &ticket->item, clock_now(), why))
		return false;
	worker_answer(w, &ticket->item,
		      &(struct frame_outcome){.ticket = ticket->what.ticket,
					      .outcome = OUTCOME_DEAD,
					      .err_class = "too-old",
					      .err = why});
	ticket_free(w, ticket);
	return true;
}

/* Reading it may have taken a while: the gate is asked again. */
static void ticket_try(struct worker *w, struct ticket *ticket)
{
	int64_t wait_us = 0;

	list_remove(&ticket->node);
	if (!ticket_read(w, ticket))
		return;
	/* Safety: others may take an engine for dead that is stopped, and we are not stopped with
	 * it. */
	if (lane_is_lapsed(w->until, clock_boot_us()) ||
	    gate_ask(&ticket->what, clock_boot_us(), &wait_us) != GATE_OPEN ||
	    gate_is_cut_off(&ticket->what, w->begin_before, clock_now()))
		ticket_give_back(w, ticket);
	else if (!ticket_is_too_old(w, ticket))
		ticket_begin(w, ticket);
}

/* Begins what waits, as far as it may run. */
static void worker_begin_next(struct worker *w)
{
	while (!list_is_empty(&w->waiting) && work_in_flight(w->work) < w->may_run) {
		struct ticket *ticket = CONTAINER_OF(list_first(&w->waiting), struct ticket, node);
		int64_t wait_us = 0;
		switch (gate_ask(&ticket->what, clock_boot_us(), &wait_us)) {
		case GATE_OPEN:
			ticket_try(w, ticket);
			if (!job_has_target(w->brief->job))
				break;
			loop_timer_set(w->gate, 0); /* the socket has its turn in between */
			return;
		case GATE_WAIT:
			loop_timer_set(w->gate, wait_us);
			return;
		case GATE_MISSED:
			ticket_give_back(w, ticket);
			break;
		}
	}
}

static void worker_on_gate(void *arg)
{
	worker_begin_next(OBJ_CAST(arg, struct worker, WORKER_MAGIC));
}

/* Gives back what waits: none of it was begun. `number`: one ticket, or UINT32_MAX for all. */
static void worker_give_back(struct worker *w, uint32_t number)
{
	struct list *node = NULL;
	struct list *next = NULL;

	LIST_EACH (node, next, &w->waiting) {
		struct ticket *ticket = CONTAINER_OF(node, struct ticket, node);
		if (number != UINT32_MAX && number != ticket->what.ticket)
			continue;
		ticket_give_back(w, ticket);
	}
}

static int worker_on_item(struct worker *w, const struct frame_work_item *what, struct err *err)
{
	struct chunk *chunk = chunk_find(&w->chunks, what->handle);

	if (chunk == NULL || what->index >= chunk->n)
		return ERR(err, ERR_BUG, "item %u of chunk %u was never given", what->index,
			   what->handle);
	if (w->tickets[FRAME_TICKET_SLOT(what->ticket)] != NULL)
		return ERR(err, ERR_BUG, "ticket %u is in use", what->ticket);
	struct ticket *ticket = xnew(struct ticket);
	ticket->chunk = chunk;
	ticket->what = *what;
	chunk_hold(chunk);
	w->tickets[FRAME_TICKET_SLOT(what->ticket)] = ticket;
	list_append(&w->waiting, &ticket->node);
	return 0;
}

static int worker_on_work(struct worker *w, const struct frame *frame, struct err *err)
{
	struct frame_work work = {0};
	int rc = frame_get_work(frame, &w->arena, &work, err);

	for (uint32_t i = 0; rc == 0 && i < work.n; i++)
		rc = worker_on_item(w, &work.items[i], err);
	if (rc < 0)
		return rc;
	w->may_run = work.slots;
	worker_begin_next(w);
	return 0;
}

static void worker_on_units(void *arg)
{
	struct worker *w = OBJ_CAST(arg, struct worker, WORKER_MAGIC);

	if (unit_desk_is_idle(&w->desk))
		return;
	if (lane_is_lapsed(w->until, clock_boot_us()))
		unit_desk_recall(&w->desk);
	else
		unit_desk_work(&w->desk);
	worker_flush_soon(w);
	worker_relieve(w);
	if (!unit_desk_is_idle(&w->desk)) /* what came meanwhile is read first */
		loop_timer_set(w->units, 0);
}

static int worker_on_unit(struct worker *w, const struct frame_bulk *bulk, struct err *err)
{
	int rc = unit_desk_add(&w->desk, bulk, err);

	if (rc == 0)
		loop_timer_set(w->units, 0);
	return rc;
}

/* A chunk as one unit. */
static int worker_on_bulk(struct worker *w, const struct frame *frame, struct err *err)
{
	struct frame_bulk bulk = {0};
	int rc = frame_get_bulk(frame, &bulk, err);

	if (rc < 0)
		return rc;
	if (job_has_target(w->brief->job))
		return worker_on_unit(w, &bulk, err);
	rc = bulk_desk_work(&w->bulk, &bulk, err);
	worker_flush_soon(w);
	return rc;
}

static int worker_on_frame(struct worker *w, const struct frame *frame, struct err *err)
{
	uint32_t ticket = 0;
	int rc = 0;

	arena_reset(&w->arena);
	switch ((int)frame->type) { /* the other types never come this way */
	case FRAME_CHUNK:
		return worker_on_chunk(w, frame, err);
	case FRAME_DROP:
		return worker_on_drop(w, frame, err);
	case FRAME_WORK:
		return worker_on_work(w, frame, err);
	case FRAME_BULK:
		return worker_on_bulk(w, frame, err);
	case FRAME_CANCEL:
		rc = frame_get_u32(frame, &ticket, err);
		if (rc == 0) {
			worker_give_back(w, ticket);
			work_cancel(w->work, ticket);
		}
		return rc;
	case FRAME_CUTOFF:
		return frame_get_cutoff(frame, &w->begin_before, err);
	case FRAME_RECALL:
		worker_give_back(w, UINT32_MAX);
		unit_desk_recall(&w->desk);
		worker_flush_soon(w);
		return frame_get_empty(frame, err);
	case FRAME_STOP:
		w->is_stopping = true;
		worker_flush_soon(w); /* which looks whether anything is left */
		return frame_get_empty(frame, err);
	default:
		return ERR(err, ERR_BUG, "%s is not for a worker", frame_name(frame->type));
	}
}

/* ---- the socket ---- */

static void worker_flush(struct worker *w)
{
	struct err err = ERR_INIT;
	int rc = link_flush(w->link, &err);

	if (rc < 0) {
		worker_fail(w, &err);
		return;
	}
	if (rc == LINK_END) {
		worker_end(w, EXIT_ENGINE_GONE);
		return;
	}
	if (rc == 0 && w->is_stopping && !w->is_closing && work_in_flight(w->work) == 0 &&
	    list_is_empty(&w->waiting) && unit_desk_is_idle(&w->desk)) {
		w->is_closing = true;
		if (work_close(w->work)) {
			worker_end(w, 0);
			return;
		}
	}
	int events = link_is_congested(w->link) ? 0 : LOOP_READ;
	if (rc == LINK_WAIT)
		events |= LOOP_WRITE;
	loop_watch_set(w->watch, events);
}

/* Does what the frames say that have come. */
static void worker_take_frames(struct worker *w)
{
	struct err err = ERR_INIT;
	struct frame frame = {0};
	int rc = 0;

	while (rc == 0) {
		rc = link_next(w->link, &frame, &err);
		if (rc == 0)
			rc = worker_on_frame(w, &frame, &err);
	}
	if (rc < 0)
		worker_fail(w, &err);
}

static void worker_read(struct worker *w)
{
	struct err err = ERR_INIT;
	int rc = link_fill(w->link, &err);

	if (rc == LINK_END)
		worker_end(w, EXIT_ENGINE_GONE);
	else if (rc < 0)
		worker_fail(w, &err);
	else if (rc == 0)
		worker_take_frames(w);
}

static void worker_on_socket(void *arg, int fd, int events)
{
	struct worker *w = OBJ_CAST(arg, struct worker, WORKER_MAGIC);

	(void)fd; /* the link's */
	if ((events & LOOP_WRITE) != 0)
		worker_flush(w);
	if ((events & LOOP_READ) != 0)
		worker_read(w);
}

static void worker_on_flush(void *arg)
{
	worker_flush(OBJ_CAST(arg, struct worker, WORKER_MAGIC));
}

/* ---- life ---- */

static void worker_on_changed(void *arg, const struct chunk *chunk)
{
	worker_tell_changed(OBJ_CAST(arg, struct worker, WORKER_MAGIC), chunk);
}

static void worker_on_closed(void *arg)
{
	worker_end(OBJ_CAST(arg, struct worker, WORKER_MAGIC), 0);
}

static int worker_init(struct worker *w, struct lane_shared *shared, struct err *err)
{
	const struct job *job = w->brief->job;
	const struct work_context context = {.loop = w->loop,
					     .job = job,
					     .run = &w->brief->run,
					     .run_date = w->brief->hello.date,
					     .nonce = w->brief->hello.nonce,
					     .workers = w->brief->hello.workers,
					     .core = w->brief->core,
					     .slots = shared->slots,
					     .until = &shared->until,
					     .arg = w,
					     .done = worker_on_done,
					     .closed = worker_on_closed};

	w->slots = shared->slots;
	w->until = &shared->until;
	w->begin_before = w->brief->hello.begin_before;
	list_init(&w->waiting);
	w->person = -1;
	if (job->person != NULL)
		w->person = job_find_work_field(job, job->person, strlen(job->person));
	buf_init(&w->key, TEXT_BYTES_MAX);
	buf_init(&w->who, TEXT_BYTES_MAX);
	chunk_table_init(&w->chunks, w->brief);
	w->flush = loop_timer_new(w->loop, worker_on_flush, w);
	w->gate = loop_timer_new(w->loop, worker_on_gate, w);
	w->watch = loop_watch_new(w->loop, w->link->fd, LOOP_READ, worker_on_socket, w);
	w->units = loop_timer_new(w->loop, worker_on_units, w);
	int rc = reshape_init(&w->reshape, w->brief, err);
	w->desk = (struct unit_desk){.brief = w->brief,
				     .link = w->link,
				     .chunks = &w->chunks,
				     .reshape = &w->reshape,
				     .slots = w->slots,
				     .arg = w,
				     .changed = worker_on_changed};
	if (rc == 0)
		rc = unit_desk_init(&w->desk, err);
	w->bulk = (struct bulk_desk){.brief = w->brief,
				     .link = w->link,
				     .chunks = &w->chunks,
				     .reshape = &w->reshape,
				     .slots = w->slots,
				     .until = w->until,
				     .arg = w,
				     .changed = worker_on_changed};
	if (rc == 0)
		rc = bulk_desk_init(&w->bulk, err);
	return rc < 0 ? rc : work_open(&context, &w->work, err);
}

static void worker_done(struct worker *w)
{
	/* Safety: programs are killed before the memory that their items stand in is given back. */
	work_free(w->work);
	unit_desk_done(&w->desk);
	for (size_t i = 0; i < FRAME_TICKETS_MAX; i++) {
		if (w->tickets[i] == NULL)
			continue;
		chunk_release(w->tickets[i]->chunk);
		free(w->tickets[i]->fields);
		free(w->tickets[i]);
	}
	chunk_table_done(&w->chunks);
	reshape_done(&w->reshape);
	bulk_desk_done(&w->bulk);
	loop_watch_free(w->watch);
	loop_timer_free(w->flush);
	loop_timer_free(w->gate);
	loop_timer_free(w->units);
	loop_free(w->loop);
	arena_done(&w->arena);
	buf_done(&w->key);
	buf_done(&w->who);
	w->magic = 0;
	free(w);
}

int worker_run(const struct brief *brief, struct link *link, struct lane_shared *shared)
{
	struct err err = ERR_INIT;
	struct worker *w = xnew(struct worker);

	assert(brief != NULL && link != NULL && shared != NULL);
	w->magic = WORKER_MAGIC;
	w->brief = brief;
	w->link = link;
	w->loop = loop_new();
	if (worker_init(w, shared, &err) < 0) {
		worker_fail(w, &err);
	} else {
		frame_put_empty(&link->out, FRAME_READY);
		worker_flush_soon(w);
		worker_take_frames(w); /* what came together with HELLO */
		loop_run(w->loop);
	}
	int exit_status = w->exit_status;
	worker_done(w);
	return exit_status;
}
