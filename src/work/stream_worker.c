/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's process while it works: lines out, answers in (stream.h). */
#include "work/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/timing.h"
#include "job/job.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "work/classify.h"
#include "work/exec_attempt.h"
#include "work/exec_mask.h"
#include "work/exec_plan.h"
#include "work/exec_spawn.h"
#include "work/keep.h"
#include "work/stream_answer.h"
#include "work/stream_line.h"

enum {
	READS_MAX = 16, /* of one worker, before others have their turn */
	WORDS_BYTES_MAX = 1024,
	PIPE_ENDS = 2,
};

static struct stream_item *item_at(struct list *node)
{
	return CONTAINER_OF(node, struct stream_item, node);
}

/* ---- lines out ---- */

bool stream_worker_has_room(const struct stream_worker *w)
{
	return w->state == STREAM_RUNNING && !w->is_blocked &&
	       w->queue.len - w->queue_at < STREAM_QUEUE_BYTES;
}

bool stream_worker_add(struct stream_worker *w, struct stream_item *item)
{
	uint64_t id = (w->count + 1) * FRAME_TICKETS_MAX + FRAME_TICKET_SLOT(item->what.ticket);
	size_t before = w->queue.len;

	stream_line_put(w->stream->line, id, &item->what.item, &w->queue);
	if (w->queue.failed) {
		buf_truncate(&w->queue, before);
		w->queue.failed = false; /* the lines before it are whole */
		return false;
	}
	item->worker = w;
	item->id = id;
	item->at = w->written + (before - w->queue_at);
	w->count++;
	list_remove(&item->node);
	list_append(&w->items, &item->node);
	w->n_items++;
	if (w->unwritten == &w->items)
		w->unwritten = &item->node;
	if (w->unanswered == &w->items)
		w->unanswered = &item->node;
	return true;
}

static void item_set_begun(const struct stream_item *item, uint32_t begun)
{
	struct stream *stream = item->worker->stream;
	struct lane_slot *slots = stream->context->slots;

	if (slots != NULL)
		atomic_store_explicit(&slots[FRAME_TICKET_SLOT(item->what.ticket)].begun, begun,
				      memory_order_release);
}

static void worker_set_begun(struct stream_worker *w, uint32_t begun)
{
	for (struct list *node = w->unwritten; node != &w->items; node = node->next)
		item_set_begun(item_at(node), begun);
}

/* Notes how far the pipe took it. */
static void worker_has_written(struct stream_worker *w, size_t n)
{
	int64_t now_us = clock_monotonic_us();
	utime now = clock_now();

	w->queue_at += n;
	w->written += n;
	while (w->unwritten != &w->items && item_at(w->unwritten)->at < w->written) {
		struct stream_item *item = item_at(w->unwritten);
		item->began_at = now;
		item->began_us = now_us;
		item->since_us = now_us;
		w->unwritten = w->unwritten->next;
	}
	if (w->queue_at == w->queue.len) {
		if (w->queue.cap > (size_t)2 * STREAM_QUEUE_BYTES)
			buf_done(&w->queue);
		else
			buf_reset(&w->queue);
		w->queue_at = 0;
	}
	stream_worker_watch_limits(w);
}

void stream_worker_write(struct stream_worker *w)
{
	if (w->queue_at == w->queue.len || w->in == NULL)
		return;
	assert(!w->queue.failed);
	/* Safety: the marks stand before the worker can have read anything. Were they set later,
	 * and this lane killed in between, items that have taken effect would be given out as not
	 * begun. */
	worker_set_begun(w, 1);
	ssize_t n = write(w->in_fd, w->queue.data + w->queue_at, w->queue.len - w->queue_at);
	if (n > 0)
		worker_has_written(w, (size_t)n);
	worker_set_begun(w, 0); /* of what the pipe did not take */
	bool is_broken = n < 0 && errno != EAGAIN && errno != EINTR;
	w->is_blocked = w->queue_at < w->queue.len;
	if (is_broken) { /* what it did not read can still be counted, so our end stays open */
		loop_watch_set(w->in, 0);
		stream_worker_is_mute(w, "input");
		return;
	}
	loop_watch_set(w->in, w->is_blocked ? LOOP_WRITE : 0);
}

static void worker_on_input(void *arg, int fd, int events)
{
	struct stream_worker *w = OBJ_CAST(arg, struct stream_worker, STREAM_WORKER_MAGIC);

	(void)fd; /* w->in_fd */
	(void)events;
	stream_worker_write(w);
	if (!w->is_blocked)
		stream_turn_soon(w->stream);
}

/* ---- answers in ---- */

/* What a worker said, as far as it may be shown. */
static const char *quote(const struct stream_worker *w, const char *text, size_t len, char *space,
			 size_t size)
{
	return w->stream->shows ? err_quote(space, size, text, len)
				: "(not shown: fields are sensitive)";
}

static void worker_distrust(struct stream_worker *w, const char *why, const char *line, size_t len)
{
	char space[128];

	w->is_distrusted = true;
	stream_worker_end(w, "bad-answer", "the worker gave a bad answer, %s: %s", why,
			  quote(w, line, len, space, sizeof(space)));
}

static struct stream_item *worker_find(const struct stream_worker *w, uint64_t id)
{
	struct stream_item *item = &w->stream->items[id % FRAME_TICKETS_MAX];

	return item->is_used && item->worker == w && item->id == id && item->began_at != 0 ? item
											   : NULL;
}

/* Those that were written before it, and are still not answered, are overtaken: from now on their
 * time does not begin again with each answer. */
static void worker_note_order(struct stream_worker *w, const struct stream_item *item)
{
	if (item->id < w->overtaken)
		return;
	for (struct list *node = w->unanswered; node != &item->node; node = node->next)
		if (item_at(node)->since_us < w->answered_us)
			item_at(node)->since_us = w->answered_us;
	w->unanswered = item->node.next;
	w->overtaken = item->id;
}

/* Why it is not done, in the worker's own words where it has any. */
static void put_words(const struct stream_worker *w, const struct stream_item *item,
		      const struct stream_answer *answer, struct buf *out)
{
	AUTO(buf) struct buf masked = BUF_INIT(2 * STREAM_ANSWER_MAX);
	const struct mask_text text = {.data = answer->error, .len = answer->error_len};

	exec_mask_put(w->stream->mask, item->what.item.item, &text, &masked);
	if (masked.len > 0)
		text_put_printable(out, masked.data, masked.len, OUTPUT_LINE_COLUMNS);
	else
		buf_printf(out, "the worker said %s", outcome_name(answer->outcome));
}

static void worker_settle(struct stream_worker *w, struct stream_item *item,
			  const struct stream_answer *answer)
{
	struct stream *stream = w->stream;
	bool is_done = answer->outcome == OUTCOME_DONE;
	AUTO(buf) struct buf words = BUF_INIT(WORDS_BYTES_MAX);
	AUTO(buf) struct buf said = BUF_INIT(FRAME_BYTES_MAX / 2);
	AUTO(buf) struct buf keep = BUF_INIT(KEEP_BYTES_MAX);
	int64_t now = clock_monotonic_us();
	struct frame_outcome outcome = {
		.outcome = (uint8_t)answer->outcome,
		.began_at = item->began_at,
		.took_us = now - item->began_us,
		.err_class = "",
		.err = "",
		.timings_us = {[TIMING_WAIT] = timing_us(item->began_us, now)}};

	if (!is_done) {
		stream_worker_listen(w);
		put_words(w, item, answer, &words);
		exec_output_put(&w->said, stream->mask, item->what.item.item, &said);
		outcome.err_class = outcome_name(answer->outcome);
		outcome.err = buf_str(&words);
		outcome.output = said.data;
		outcome.output_len = said.len;
		outcome.output_cut = exec_output_is_cut(&w->said);
	}
	if (answer->keep != NULL)
		keep_put_object(stream->mask, item->what.item.item, answer->keep, &keep);
	outcome.keep = buf_str(&keep);
	worker_note_order(w, item);
	w->answered_us = now;
	w->has_answered = true;
	w->n_items--;
	if (w->culprit == item)
		w->culprit = NULL;
	stream->deaths = 0;
	stream_tell(stream, item, &outcome);
}

static void worker_on_line(struct stream_worker *w, const char *line, size_t len)
{
	struct stream_answer answer = {0};
	struct err err = ERR_INIT;
	int rc = stream_answer_parse(w->stream->doc, line, len, &answer, &err);
	struct stream_item *item = answer.id == 0 ? NULL : worker_find(w, answer.id);
	bool was_given = answer.id / FRAME_TICKETS_MAX >= 1 &&
			 answer.id / FRAME_TICKETS_MAX <= w->count;

	if (rc == 0 && item != NULL) {
		worker_settle(w, item, &answer);
		return;
	}
	if (item != NULL)
		stream_worker_blame(w, item);
	if (rc == 0)
		(void)ERR(&err, ERR_DATA, "%s",
			  was_given ? "it has answered for that \"id\" before"
				    : "its \"id\" was never given to it");
	worker_distrust(w, err.text, line, len);
}

/* Keeps the beginning of a line until its end comes. */
static void worker_keep(struct stream_worker *w, const char *data, size_t len)
{
	buf_put(&w->line, data, len);
	if (w->line.failed)
		worker_distrust(w, "it is longer than 1 MiB", w->line.data, w->line.len);
}

static void worker_take(struct stream_worker *w, const char *data, size_t len)
{
	const char *end = data + len;

	while (!w->is_distrusted && data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));
		if (stop == NULL) {
			worker_keep(w, data, (size_t)(end - data));
			return;
		}
		if (w->line.len == 0) {
			worker_on_line(w, data, (size_t)(stop - data));
		} else {
			worker_keep(w, data, (size_t)(stop - data));
			if (!w->is_distrusted)
				worker_on_line(w, w->line.data, w->line.len);
			buf_reset(&w->line);
		}
		data = stop + 1;
	}
}

bool stream_worker_read(struct stream_worker *w)
{
	for (int i = 0; i < READS_MAX && w->out_fd >= 0 && !w->is_distrusted; i++) {
		ssize_t n = read(w->out_fd, w->stream->space, STREAM_READ_BYTES);
		if (n < 0)
			return errno == EINTR;
		if (n == 0) {
			loop_watch_close(w->out);
			w->out = NULL;
			w->out_fd = -1;
			return false;
		}
		worker_take(w, w->stream->space, (size_t)n);
		if (n < STREAM_READ_BYTES)
			return false; /* all for now; the rest of the pipe comes by event */
	}
	return w->out_fd >= 0 && !w->is_distrusted;
}

static void worker_on_output(void *arg, int fd, int events)
{
	struct stream_worker *w = OBJ_CAST(arg, struct stream_worker, STREAM_WORKER_MAGIC);

	(void)fd; /* w->out_fd */
	(void)events;
	(void)stream_worker_read(w); /* the rest comes by event */
	if (w->is_distrusted) {
		loop_watch_close(w->out);
		w->out = NULL;
		w->out_fd = -1;
	} else if (w->out_fd < 0) {
		stream_worker_is_mute(w, "output");
	}
}

void stream_worker_listen(struct stream_worker *w)
{
	for (int i = 0; i < READS_MAX && w->err_fd >= 0; i++) {
		char space[4096];
		ssize_t n = read(w->err_fd, space, sizeof(space));
		if (n < 0)
			return;
		if (n == 0) {
			loop_watch_close(w->err);
			w->err = NULL;
			w->err_fd = -1;
			return;
		}
		exec_output_add(&w->said, space, (size_t)n);
	}
}

static void worker_on_stderr(void *arg, int fd, int events)
{
	(void)fd; /* its err_fd */
	(void)events;
	stream_worker_listen(OBJ_CAST(arg, struct stream_worker, STREAM_WORKER_MAGIC));
}

/* ---- life ---- */

struct pipes {
	int in[PIPE_ENDS];
	int out[PIPE_ENDS];
	int err[PIPE_ENDS];
};

static void pipes_close(struct pipes *p)
{
	int *const all[] = {&p->in[0], &p->in[1], &p->out[0], &p->out[1], &p->err[0], &p->err[1]};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		exec_fd_close(all[i]);
}

/* Our ends do not block; the program's do. */
static int pipes_open(struct pipes *p)
{
	*p = (struct pipes){.in = {-1, -1}, .out = {-1, -1}, .err = {-1, -1}};
	if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0 ||
	    pipe2(p->err, O_CLOEXEC) < 0 || fd_set_nonblocking(p->in[1]) < 0 ||
	    fd_set_nonblocking(p->out[0]) < 0 || fd_set_nonblocking(p->err[0]) < 0)
		return errno;
	return 0;
}

/* What is wrong is nobody's fault but the job's or the machine's. */
static int fail_start(const struct exec_call *call, int os_errno, struct stream_failure *ret)
{
	ret->outcome = classify_start(os_errno, &ret->class);
	if (ret->outcome == OUTCOME_DEAD) { /* too long an environment: the job's */
		ret->outcome = OUTCOME_ALL;
		ret->class = "config";
	}
	(void)ERR_SYS(&ret->err, ERR_CONFIG, os_errno, "starting the worker '%s'", call->program);
	if (access(call->directory, X_OK) < 0)
		(void)ERR_SYS(&ret->err, ERR_CONFIG, errno, "directory '%s'", call->directory);
	return os_errno;
}

static struct stream_worker *worker_new(struct stream *stream, pid_t pid, struct pipes *p)
{
	struct stream_worker *w = xnew(struct stream_worker);
	struct loop *loop = stream->context->loop;
	size_t keep = stream->shows ? (size_t)stream->context->job->work.keep_output_bytes : 0;

	w->magic = STREAM_WORKER_MAGIC;
	w->stream = stream;
	w->pid = pid;
	w->in_fd = p->in[1];
	w->out_fd = p->out[0];
	w->err_fd = p->err[0];
	w->in = loop_watch_new(loop, w->in_fd, 0, worker_on_input, w);
	w->out = loop_watch_new(loop, w->out_fd, LOOP_READ, worker_on_output, w);
	w->err = loop_watch_new(loop, w->err_fd, LOOP_READ, worker_on_stderr, w);
	w->child = loop_child_new(loop, pid, stream_worker_on_exit, w);
	w->timer = loop_timer_new(loop, stream_worker_on_timer, w);
	buf_init(&w->queue, (size_t)STREAM_QUEUE_BYTES + STREAM_LINE_MAX);
	buf_init(&w->line, STREAM_ANSWER_MAX);
	exec_output_init(&w->said, keep, exec_mask_longest(stream->mask, NULL));
	list_init(&w->items);
	w->unwritten = &w->items;
	w->unanswered = &w->items;
	list_append(&stream->workers, &w->node);
	stream->n_workers++;
	return w;
}

int stream_worker_start(struct stream *stream, struct stream_worker **ret_worker,
			struct stream_failure *ret_failure)
{
	struct exec_call call = {0};
	struct pipes pipes = {0};
	pid_t pid = 0;

	ret_failure->outcome = OUTCOME_ALL;
	ret_failure->class = "config";
	int rc = exec_plan_call(stream->plan, NULL, &call, &ret_failure->err);
	if (rc < 0)
		return rc;
	int os_errno = pipes_open(&pipes);
	if (os_errno == 0) {
		const struct exec_spawn spec = {
			.program = call.program,
			.argv = call.argv,
			.envp = call.envp,
			.directory = call.directory,
			.in_fd = pipes.in[0],
			.out_fd = pipes.out[1],
			.err_fd = pipes.err[1],
			.umask = stream->context->job->work.umask,
			.core = stream->context->core,
			.user = stream->user,
		};
		os_errno = exec_spawn(&spec, &pid);
	}
	if (os_errno != 0) {
		pipes_close(&pipes);
		return fail_start(&call, os_errno, ret_failure);
	}
	exec_fd_close(&pipes.in[0]);
	exec_fd_close(&pipes.out[1]);
	exec_fd_close(&pipes.err[1]);
	*ret_worker = worker_new(stream, pid, &pipes);
	return 0;
}

void stream_worker_free(struct stream_worker *w)
{
	list_remove(&w->node);
	w->stream->n_workers--;
	loop_child_free(w->child);
	loop_timer_free(w->timer);
	loop_watch_close(w->in);
	loop_watch_close(w->out);
	loop_watch_close(w->err);
	buf_done(&w->queue);
	buf_done(&w->line);
	exec_output_done(&w->said);
	w->magic = 0;
	free(w);
}
