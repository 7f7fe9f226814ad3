/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program for an item. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "job/job.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "work/classify.h"
#include "work/exec_attempt.h"
#include "work/exec_plan.h"
#include "work/exec_spawn.h"

static struct lane_slot *attempt_slot(const struct exec_attempt *a)
{
	struct lane_slot *slots = a->exec->context->slots;

	return slots == NULL ? NULL : &slots[FRAME_TICKET_SLOT(a->what.ticket)];
}

/* A failure to make the call of the item: whose fault is it? */
static void attempt_fail_by(struct exec_attempt *a, int rc)
{
	if (rc == ERR_DATA || rc == ERR_TOO_BIG)
		exec_attempt_fail(a, OUTCOME_DEAD, "bad-item");
	else
		exec_attempt_fail(a, OUTCOME_ALL, "config");
}

static void attempt_fail_start(struct exec_attempt *a, const struct exec_call *call, int os_errno)
{
	const char *class = "";
	enum outcome outcome = classify_start(os_errno, &class);
	struct err interpreter = ERR_INIT;

	if (outcome == OUTCOME_ALL && call->is_of_item)
		outcome = OUTCOME_RETRY;
	(void)ERR_SYS(&a->err, ERR_CONFIG, os_errno, "starting '%s'", call->program);
	if (os_errno != E2BIG && access(call->directory, X_OK) < 0)
		(void)ERR_SYS(&a->err, ERR_CONFIG, errno, "directory '%s'", call->directory);
	else if (os_errno == ENOEXEC)
		(void)ERR(&a->err, ERR_CONFIG, "'%s' is no program: it does not begin with #!",
			  call->program);
	else if (os_errno == ENOENT && proc_check_interpreter(call->program, &interpreter) < 0)
		a->err = interpreter;
	exec_attempt_fail(a, outcome, class);
}

struct pipes {
	int in[2];
	int out[2];
};

static void pipes_close(struct pipes *p)
{
	exec_fd_close(&p->in[0]);
	exec_fd_close(&p->in[1]);
	exec_fd_close(&p->out[0]);
	exec_fd_close(&p->out[1]);
}

/* Our ends do not block; the program's do. */
static int pipes_open(struct pipes *p, bool has_input)
{
	*p = (struct pipes){.in = {-1, -1}, .out = {-1, -1}};
	if (pipe2(p->out, O_CLOEXEC) < 0 || fd_set_nonblocking(p->out[0]) < 0)
		return errno;
	if (has_input && (pipe2(p->in, O_CLOEXEC) < 0 || fd_set_nonblocking(p->in[1]) < 0))
		return errno;
	return 0;
}

/* Writes what fits into the pipe before there is anybody to read it: mostly that is all. */
static void attempt_feed_first(struct exec_attempt *a, struct pipes *p)
{
	if (p->in[1] >= 0 && !exec_attempt_feed(a, p->in[1]))
		exec_fd_close(&p->in[1]);
}

static int attempt_spawn(struct exec_attempt *a, const struct exec_call *call, struct pipes *p)
{
	struct exec *exec = a->exec;
	struct lane_slot *slot = attempt_slot(a);
	const struct exec_spawn spec = {
		.program = call->program,
		.argv = call->argv,
		.envp = call->envp,
		.directory = call->directory,
		.in_fd = p->in[0] >= 0 ? p->in[0] : exec->null_fd,
		.out_fd = p->out[1],
		.err_fd = p->out[1],
		.umask = exec->context->job->work.umask,
		.user = exec->user,
		.core = exec->context->core,
	};

	a->began_at = clock_now();
	a->began_us = clock_monotonic_us();
	/* Safety: the mark stands before the program can have done anything. Were it set later, and
	 * this lane killed in between, an item that has taken effect would be given out as not
	 * begun. */
	(void)FAULT("work.begin");
	if (slot != NULL)
		atomic_store(&slot->begun, 1);
	(void)FAULT("work.begun");
	int rc = exec_spawn(&spec, &a->pid);
	a->start_us = clock_monotonic_us() - a->began_us;
	(void)FAULT("work.started");
	if (slot != NULL && rc == 0)
		atomic_store(&slot->pid, a->pid);
	if (slot != NULL && rc != 0)
		atomic_store(&slot->begun, 0); /* it certainly was not */
	return rc;
}

void exec_attempt_begin(struct exec_attempt *a)
{
	struct exec *exec = a->exec;
	const struct template_item *item = &a->what.item;
	struct exec_call call = {0};
	struct pipes pipes = {0};

	int rc = exec_plan_call(exec->plan, item, &call, &a->err);
	if (rc == 0 && exec_plan_has_input(exec->plan))
		rc = exec_plan_put_input(exec->plan, item, &a->input, &a->err);
	if (rc < 0) {
		attempt_fail_by(a, rc);
		return;
	}
	int os_errno = pipes_open(&pipes, exec_plan_has_input(exec->plan));
	if (os_errno == 0) {
		attempt_feed_first(a, &pipes);
		os_errno = attempt_spawn(a, &call, &pipes);
	}
	if (os_errno != 0) {
		pipes_close(&pipes);
		attempt_fail_start(a, &call, os_errno);
		return;
	}
	exec_fd_close(&pipes.in[0]);
	exec_fd_close(&pipes.out[1]);
	exec_attempt_follow(a, pipes.in[1], pipes.out[0]);
}
