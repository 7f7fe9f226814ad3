/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: a program for each item.
 *
 * An attempt lives from exec_start to its outcome:
 *
 *   starting ──▶ running ──▶ ended, while output may come ──▶ told
 *       │           └─▶ told to end (TERM) ─▶ killed ─┘
 *       └─▶ not started: told in the next turn
 *
 * It is over when the program has exited and either all of its output was read, or the grace for
 * those that it left behind with its output has passed; whatever is left of its process group is
 * killed then. The outcome is that of the program's exit, unless it was told to end: then nobody
 * knows.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "job/job.h"
#include "loop/loop.h"
#include "work/answer.h"
#include "work/backend.h"
#include "work/exec_attempt.h"
#include "work/exec_check.h"
#include "work/exec_mask.h"
#include "work/exec_plan.h"
#include "work/exec_spawn.h"
#include "work/exec_user.h"

static void exec_start(void *state, const struct work_attempt *what)
{
	struct exec *exec = OBJ_CAST(state, struct exec, EXEC_MAGIC);

	exec_attempt_begin(exec_attempt_new(exec, what));
}

static void exec_cancel(void *state, uint32_t ticket)
{
	struct exec *exec = OBJ_CAST(state, struct exec, EXEC_MAGIC);
	struct list *node = NULL;
	struct list *next = NULL;

	LIST_EACH (node, next, &exec->attempts) {
		struct exec_attempt *a = CONTAINER_OF(node, struct exec_attempt, node);
		if (ticket != UINT32_MAX && ticket != a->what.ticket)
			continue;
		if (a->phase != PHASE_RUNNING || exec_attempt_has_exited(a))
			continue; /* it is ending already */
		a->cancelled = true;
		exec_attempt_end(a);
	}
}

static void exec_free(void *state)
{
	struct exec *exec = OBJ_CAST(state, struct exec, EXEC_MAGIC);

	while (!list_is_empty(&exec->attempts)) {
		struct exec_attempt *a = CONTAINER_OF(list_first(&exec->attempts),
						      struct exec_attempt, node);
		if (a->phase != PHASE_NOT_STARTED)
			exec_attempt_kill(a, SIGKILL);
		exec_attempt_free(a);
	}
	exec_plan_free(exec->plan);
	exec_mask_free(exec->mask);
	answer_tests_free(exec->tests);
	exec_user_free(exec->user);
	exec_fd_close(&exec->null_fd);
	free(exec->space);
	exec->magic = 0;
	free(exec);
}

static int exec_fill(struct exec *exec, struct err *err)
{
	const struct job_work *work = &exec->context->job->work;

	if (work->user != NULL) {
		int found = exec_user_find(work->user, &exec->user, err);
		if (found < 0)
			return found;
	}
	int rc = answer_tests_open(exec->context->job, exec->context->run, &exec->tests, err);
	if (rc < 0)
		return rc;
	exec->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (exec->null_fd < 0)
		return ERR_SYS(err, ERR_IO, errno, "opening /dev/null");
	return exec_plan_new(exec->context, exec->user, &exec->plan, err);
}

static int exec_open(const struct work_context *context, void **ret_state, struct err *err)
{
	struct exec *exec = xnew(struct exec);

	exec->magic = EXEC_MAGIC;
	exec->context = context;
	exec->null_fd = -1;
	exec->space = xcalloc(1, EXEC_READ_BYTES);
	exec->mask = exec_mask_new(context->job);
	list_init(&exec->attempts);
	int rc = exec_fill(exec, err);
	if (rc < 0) {
		exec_free(exec);
		return rc;
	}
	*ret_state = exec;
	return 0;
}

const struct work_backend work_exec = {
	.name = "exec",
	.open = exec_open,
	.start = exec_start,
	.cancel = exec_cancel,
	.free = exec_free,
	.check = exec_check,
};
