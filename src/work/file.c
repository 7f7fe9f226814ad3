/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: an item is written into a file. Chunks are written by the lane without coming here
 * (lane/segment.h); what does come are items that left their chunk. Of them it is only asked
 * whether they can be written: the segment of their chunk is made anew at the end.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "core/outcome.h"
#include "job/job.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "work/backend.h"
#include "work/exec_mask.h"
#include "work/exec_plan.h"
#include "work/output.h"

enum { FILE_MAGIC = 0x46696c65, WORDS_MAX = 4 * ERR_TEXT_MAX, ITEM_BYTES_MAX = 64 * 1024 * 1024 };

struct file_work {
	uint32_t magic;
	const struct work_context *context;
	struct output *output;
	struct exec_mask *mask;
	struct loop_timer *timer;
	struct list attempts; /* not told */
};

struct file_attempt {
	struct list node;
	struct frame_outcome outcome;
	char *words; /* of the outcome */
};

static void attempt_free(struct file_attempt *a)
{
	list_remove(&a->node);
	free(a->words);
	free(a);
}

static void file_due(void *arg)
{
	struct file_work *work = OBJ_CAST(arg, struct file_work, FILE_MAGIC);

	/* What begins meanwhile sets the timer again. */
	while (!list_is_empty(&work->attempts)) {
		struct file_attempt *a = CONTAINER_OF(list_first(&work->attempts),
						      struct file_attempt, node);
		list_remove(&a->node);
		work->context->done(work->context->arg, &a->outcome);
		free(a->words);
		free(a);
	}
}

static int file_open(const struct work_context *context, void **ret_state, struct err *err)
{
	struct file_work *work = xnew(struct file_work);

	(void)err; /* nothing can fail */
	work->magic = FILE_MAGIC;
	work->context = context;
	work->output = output_new(context->job);
	work->mask = exec_mask_new(context->job);
	work->timer = loop_timer_new(context->loop, file_due, work);
	list_init(&work->attempts);
	*ret_state = work;
	return 0;
}

static void file_start(void *state, const struct work_attempt *what)
{
	struct file_work *work = OBJ_CAST(state, struct file_work, FILE_MAGIC);
	struct file_attempt *a = xnew(struct file_attempt);
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX);
	AUTO(buf) struct buf text = BUF_INIT(ITEM_BYTES_MAX);
	struct err err = ERR_INIT;

	a->outcome = (struct frame_outcome){.ticket = what->ticket,
					    .began_at = clock_now(),
					    .outcome = OUTCOME_DONE,
					    .err_class = ""};
	if (output_put_item(work->output, what->item.item, &text, &err) < 0) {
		a->outcome.outcome = OUTCOME_DEAD;
		a->outcome.err_class = "bad-item";
		exec_mask_put_err(work->mask, what->item.item, &err, &words);
	}
	a->words = xstrdup(buf_str(&words));
	a->outcome.err = a->words;
	list_append(&work->attempts, &a->node);
	loop_timer_set(work->timer, 0);
}

static void file_cancel(void *state, uint32_t ticket)
{
	(void)state; /* it has ended already */
	(void)ticket;
}

static void file_free(void *state)
{
	struct file_work *work = OBJ_CAST(state, struct file_work, FILE_MAGIC);

	while (!list_is_empty(&work->attempts))
		attempt_free(CONTAINER_OF(list_first(&work->attempts), struct file_attempt, node));
	output_free(work->output);
	exec_mask_free(work->mask);
	loop_timer_free(work->timer);
	work->magic = 0;
	free(work);
}

/* What does not change by itself. A disk that is full, or away, may be back when it is written. */
static int check_directory(const char *path, struct err *err)
{
	struct stat st = {0};

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return ERR(err, ERR_CONFIG, "'%s' is no directory", path);
	if (access(path, W_OK | X_OK) == 0)
		return 0;
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return ERR(err, ERR_CONFIG, "directory '%s' does not exist", path);
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_SYS(err, ERR_PERM, errno, "cannot write into '%s'", path);
	default:
		return 0;
	}
}

/* As far as the job alone says where; what placeholders stand for, a run knows. */
static int file_check(const struct job *job, struct err *err)
{
	const char *path = job->work.output.path;
	const char *base = strrchr(path, '/');
	const char *unknown = strstr(path, "${");
	struct stat st = {0};

	if (base != NULL && unknown != NULL && unknown < base)
		return 0;
	AUTO(str) char *whole = exec_plan_join(job->directory, path);
	AUTO(str) char *parent = xstrndup(whole, (size_t)(strrchr(whole, '/') + 1 - whole));
	int rc = check_directory(parent, err);
	if (rc == 0 && unknown == NULL && stat(whole, &st) == 0 && S_ISDIR(st.st_mode))
		rc = ERR(err, ERR_CONFIG, "'%s' is a directory, not a file", whole);
	return rc;
}

const struct work_backend work_file = {
	.name = "file",
	.open = file_open,
	.start = file_start,
	.cancel = file_cancel,
	.free = file_free,
	.check = file_check,
};
