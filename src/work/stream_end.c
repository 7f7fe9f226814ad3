/* SPDX-License-Identifier: Apache-2.0 */
/* How a worker ends, and what becomes of what it held (stream.h). */
#include "work/stream.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/text.h"
#include "job/job.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "work/classify.h"
#include "work/exec_mask.h"
#include "work/exec_plan.h"

enum {
	LEFT_TURNS = 10,    /* how often it is looked for readers that are left of its group … */
	DRAIN_TURNS = 64,   /* more than a pipe can hold */
	WORDS_BYTES = 1024, /* of an attempt that was lost */
};

/* From TERM to KILL; from KILL to giving up on a process that even that does not end; until who has
 * closed its output is told to end; … and after what time each. */
#define TERM_US (2 * US_PER_S)
#define KILL_US (10 * US_PER_S)
#define MUTE_US (200 * US_PER_MS)
#define LEFT_US (20 * US_PER_MS)
/* Before a new one, when the last ones ended without an answer. */
#define AGAIN_US (100 * US_PER_MS)
#define AGAIN_MAX_US (10 * US_PER_S)

static struct stream_item *item_at(struct list *node)
{
	return CONTAINER_OF(node, struct stream_item, node);
}

/* ---- being ended ---- */

/* Its whole process group; see exec_attempt_kill. */
void stream_worker_kill(const struct stream_worker *w, int sig)
{
	(void)kill(-w->pid, sig); /* ESRCH: nobody is left, which is what is wanted */
}

void stream_worker_blame(struct stream_worker *w, const struct stream_item *culprit)
{
	if (w->class[0] != '\0' || w->state == STREAM_EXITED)
		return;
	w->has_culprit = true;
	w->culprit = culprit;
}

void stream_worker_end(struct stream_worker *w, const char *class, const char *fmt, ...)
{
	va_list ap;

	if (w->class[0] != '\0' || w->state == STREAM_EXITED)
		return;
	(void)snprintf(w->class, sizeof(w->class), "%s", class); /* a literal of ours: it fits */
	va_start(ap, fmt);
	(void)vsnprintf(w->words, sizeof(w->words), fmt, ap); /* cut: it says enough */
	va_end(ap);
	w->state = STREAM_TERM;
	stream_worker_kill(w, SIGTERM);
	stream_worker_kill(w, SIGCONT); /* a stopped process would not see it */
	loop_timer_set(w->timer, TERM_US);
}

void stream_worker_is_mute(struct stream_worker *w, const char *what)
{
	if (w->state != STREAM_RUNNING)
		return;
	w->state = STREAM_MUTE;
	w->mute = what;
	loop_timer_set(w->timer, MUTE_US);
}

void stream_worker_close(struct stream_worker *w)
{
	assert(w->n_items == 0);
	if (w->state != STREAM_RUNNING)
		return; /* it is ending already */
	w->state = STREAM_CLOSING;
	loop_watch_close(w->in);
	w->in = NULL;
	w->in_fd = -1;
	loop_timer_set(w->timer, w->stream->context->job->window.grace_us);
}

/* ---- time limits ---- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Whose time is over first, of those that were written; NULL when there is none. Those that were
 * overtaken stand at the head, in the order of their times. */
static const struct stream_item *worker_first_due(const struct stream_worker *w, int64_t *ret_us)
{
	int64_t limit = w->stream->context->job->work.timeout_us;
	const struct stream_item *first = NULL;

	*ret_us = INT64_MAX;
	if (w->unanswered != &w->items && item_at(w->unanswered)->began_at != 0) {
		first = item_at(w->unanswered);
		*ret_us = later(first->since_us, w->answered_us) + limit;
	}
	if (w->items.next != w->unanswered && item_at(w->items.next)->since_us + limit < *ret_us) {
		first = item_at(w->items.next);
		*ret_us = first->since_us + limit;
	}
	return first;
}

static void worker_check_limits(struct stream_worker *w)
{
	int64_t due = 0;
	int64_t now = clock_monotonic_us();
	const struct stream_item *item = worker_first_due(w, &due);
	AUTO(buf) struct buf span = BUF_INIT(WORDS_BYTES);

	w->timer_is_set = item != NULL;
	if (item == NULL)
		return;
	if (due > now) {
		loop_timer_set(w->timer, due - now);
		return;
	}
	while (stream_worker_read(w)) /* the answer may stand there since long */
		continue;
	if (worker_first_due(w, &due) != item || w->state != STREAM_RUNNING) {
		if (w->state == STREAM_RUNNING)
			loop_timer_set(w->timer, 0);
		return;
	}
	text_put_span(&span, w->stream->context->job->work.timeout_us);
	stream_worker_blame(w, item);
	stream_worker_end(w, "timeout", "not answered within %s", buf_str(&span));
}

void stream_worker_watch_limits(struct stream_worker *w)
{
	if (w->state != STREAM_RUNNING || w->timer_is_set)
		return;
	w->timer_is_set = true;
	loop_timer_set(w->timer, w->stream->context->job->work.timeout_us);
}

/* ---- what it held ---- */

static void worker_put_end(const struct stream_worker *w, struct buf *out)
{
	const char *name = NULL;

	if (w->class[0] != '\0') {
		buf_puts(out, w->words);
	} else if (w->state == STREAM_EXITED && WIFEXITED(w->status)) {
		buf_printf(out, "the worker exited with status %d", WEXITSTATUS(w->status));
	} else if (w->state == STREAM_EXITED && WIFSIGNALED(w->status)) {
		name = sigabbrev_np(WTERMSIG(w->status));
		buf_printf(out, "the worker was ended by signal %d (%s)", WTERMSIG(w->status),
			   name == NULL ? "unknown" : name);
	} else {
		buf_puts(out, "the worker ended, and nobody knows how");
	}
}

static void worker_find_class(const struct stream_worker *w, char class[STREAM_CLASS_BYTES])
{
	if (w->class[0] != '\0')
		memcpy(class, w->class, STREAM_CLASS_BYTES);
	else if (w->state == STREAM_EXITED && WIFEXITED(w->status))
		(void)snprintf(class, STREAM_CLASS_BYTES, "exit-%d", WEXITSTATUS(w->status));
	else if (w->state == STREAM_EXITED && WIFSIGNALED(w->status))
		(void)snprintf(class, STREAM_CLASS_BYTES, "signal-%d", WTERMSIG(w->status));
	else
		(void)snprintf(class, STREAM_CLASS_BYTES, "lost"); /* all of them fit */
}

static enum frame_lost how_lost(const struct stream_worker *w, const struct stream_item *item,
				uint32_t n_lost)
{
	if (item == w->culprit || item->is_cancelled)
		return LOST_NOT;
	if (w->has_culprit)
		return LOST_BY_OTHER;
	return n_lost == 1 ? LOST_ALONE : LOST_AMONG;
}

static void tell_lost(struct stream_worker *w, struct stream_item *item, uint32_t n_lost)
{
	AUTO(buf) struct buf words = BUF_INIT(WORDS_BYTES);
	AUTO(buf) struct buf said = BUF_INIT(FRAME_BYTES_MAX / 2);
	char class[STREAM_CLASS_BYTES] = "";
	enum frame_lost lost = how_lost(w, item, n_lost);

	worker_find_class(w, class);
	worker_put_end(w, &words);
	if (lost == LOST_AMONG || lost == LOST_BY_OTHER)
		buf_printf(&words, "; this is one of %u that it held", n_lost);
	exec_output_put(&w->said, w->stream->mask, item->what.item.item, &said);
	w->n_items--;
	stream_tell(w->stream, item,
		    &(struct frame_outcome){.outcome = OUTCOME_UNKNOWN,
					    .lost = (uint8_t)lost,
					    .began_at = item->began_at,
					    .took_us = clock_monotonic_us() - item->began_us,
					    /* The engine knows suspects by this word. */
					    .err_class = lost == LOST_AMONG	 ? "crash"
							 : lost == LOST_BY_OTHER ? "lost"
										 : class,
					    .err = buf_str(&words),
					    .output = said.data,
					    .output_len = said.len,
					    .output_cut = exec_output_is_cut(&w->said)});
}

/* It was certainly not begun: back to those that wait, before them. */
static void item_give_back(struct stream_worker *w, struct stream_item *item)
{
	struct stream *stream = w->stream;
	struct lane_slot *slots = stream->context->slots;

	if (slots != NULL)
		atomic_store(&slots[FRAME_TICKET_SLOT(item->what.ticket)].begun, 0);
	list_remove(&item->node);
	list_prepend(&stream->waiting, &item->node);
	item->worker = NULL;
	item->began_at = 0;
	w->n_items--;
	if (item->is_cancelled)
		stream_tell(stream, item,
			    &(struct frame_outcome){.outcome = OUTCOME_NOT_BEGUN,
						    .err_class = "cancelled",
						    .err = "not begun"});
}

static bool was_read(const struct stream_item *item, uint64_t read_to)
{
	return item->began_at != 0 && item->at < read_to;
}

/* ---- being gone ---- */

/* Whether and when a new one may be started. */
static void stream_note_death(struct stream *stream, const struct stream_worker *w)
{
	int64_t wait = AGAIN_US;
	char class[STREAM_CLASS_BYTES] = "";
	AUTO(buf) struct buf words = BUF_INIT(WORDS_BYTES);
	bool is_alike = w->class[0] == '\0' && !w->has_answered && w->state == STREAM_EXITED &&
			WIFEXITED(w->status) &&
			classify_exit(&stream->context->job->work, WEXITSTATUS(w->status)) ==
				OUTCOME_ALL;

	if (stream->deaths++ > 0) { /* the first one costs nothing */
		for (int i = 2; i < stream->deaths && wait < AGAIN_MAX_US; i++)
			wait *= 2;
		stream->not_before_us = clock_monotonic_us() +
					(wait < AGAIN_MAX_US ? wait : AGAIN_MAX_US);
	}
	if (stream->n_workers > 1 || (!is_alike && stream->deaths < STREAM_DEATHS_MAX))
		return;
	worker_find_class(w, class);
	worker_put_end(w, &words);
	if (!is_alike)
		buf_puts(&words, ", as others before it, and none has answered");
	stream_tell_waiting(stream, OUTCOME_ALL, class, buf_str(&words));
}

/* `read_to`: so much of what it was given has been read, at most. */
static void worker_gone(struct stream_worker *w, uint64_t read_to)
{
	struct stream *stream = w->stream;
	struct list *node = NULL;
	struct list *prev = NULL;
	uint32_t n_lost = 0;
	bool was_closing = stream->is_closing;

	stream_worker_listen(w);
	/* Backwards, so that those at the head of what waits keep their order. */
	for (node = w->items.prev; node != &w->items; node = prev) {
		prev = node->prev;
		if (was_read(item_at(node), read_to))
			n_lost++;
		else
			item_give_back(w, item_at(node));
	}
	while (!list_is_empty(&w->items))
		tell_lost(w, item_at(list_first(&w->items)), n_lost);
	if (!was_closing)
		stream_note_death(stream, w);
	stream_worker_free(w);
	stream_on_gone(stream);
}

/* Once nobody is left who could read them, the bytes in its pipe will never be read. Who has left
 * its process group and reads on is a stranger; then nothing is certain. */
static void worker_try_gone(struct stream_worker *w)
{
	struct pollfd p = {.fd = w->in_fd, .events = POLLOUT};
	int unread = 0;

	if (w->in_fd < 0) {
		worker_gone(w, w->written);
		return;
	}
	if (poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0) {
		if (ioctl(w->in_fd, FIONREAD, &unread) < 0 || unread < 0 ||
		    (uint64_t)unread > w->written)
			unread = 0;
		worker_gone(w, w->written - (uint64_t)unread);
		return;
	}
	if (w->turns_left-- > 0)
		loop_timer_set(w->timer, LEFT_US);
	else
		worker_gone(w, w->written);
}

void stream_worker_on_exit(void *arg, pid_t pid, int status)
{
	struct stream_worker *w = OBJ_CAST(arg, struct stream_worker, STREAM_WORKER_MAGIC);

	(void)pid;			/* its own */
	stream_worker_kill(w, SIGKILL); /* what it left behind */
	/* What it has answered before counts. */
	for (int i = 0; i < DRAIN_TURNS && stream_worker_read(w); i++)
		continue;
	w->state = STREAM_EXITED;
	w->status = status;
	w->turns_left = LEFT_TURNS;
	worker_try_gone(w);
}

void stream_worker_on_timer(void *arg)
{
	struct stream_worker *w = OBJ_CAST(arg, struct stream_worker, STREAM_WORKER_MAGIC);

	switch (w->state) {
	case STREAM_RUNNING:
		worker_check_limits(w);
		break;
	case STREAM_CLOSING:
		stream_worker_end(w, "closing", "it goes on though there is no more work");
		break;
	case STREAM_MUTE:
		stream_worker_end(w, "closed", "the worker has closed its %s and goes on", w->mute);
		break;
	case STREAM_TERM:
		w->state = STREAM_KILL;
		stream_worker_kill(w, SIGKILL);
		loop_timer_set(w->timer, KILL_US);
		break;
	case STREAM_KILL: /* it hangs in the kernel */
		worker_gone(w, w->written);
		break;
	case STREAM_EXITED:
		worker_try_gone(w);
		break;
	}
}
