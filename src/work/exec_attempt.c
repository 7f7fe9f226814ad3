/* SPDX-License-Identifier: Apache-2.0 */
/* Following a program while it runs. */
#include "work/exec_attempt.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "job/job.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "work/exec_mask.h"

enum {
	READS_MAX = 16, /* of one program, before others have their turn */
	INPUT_BYTES_MAX = 64 * 1024 * 1024,
};

/* From TERM to KILL; from the end of a program to the end of those that it left behind; and from
 * KILL to giving up on a process that even that does not end (it hangs in the kernel). */
#define TERM_US (2 * US_PER_S)
#define LEFT_US (200 * US_PER_MS)
#define KILL_US (10 * US_PER_S)

void exec_fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* a pipe of ours: there is nothing that could fail */
	*fd = -1;
}

/* Its whole process group. The group's number cannot have been given to another before the program
 * was reaped, and hardly within LEFT_US after that: numbers come again when all others were used.
 */
void exec_attempt_kill(const struct exec_attempt *a, int sig)
{
	(void)kill(-a->pid, sig); /* ESRCH: nobody is left, which is what is wanted */
}

void exec_attempt_free(struct exec_attempt *a)
{
	list_remove(&a->node);
	loop_child_free(a->child);
	loop_timer_free(a->timer);
	loop_watch_close(a->out);
	loop_watch_close(a->in);
	if (a->input.data != NULL)
		explicit_bzero(a->input.data, a->input.cap); /* secrets may be in it */
	buf_done(&a->input);
	exec_output_done(&a->output);
	a->magic = 0;
	free(a);
}

static void attempt_on_exit(void *arg, pid_t pid, int status)
{
	struct exec_attempt *a = OBJ_CAST(arg, struct exec_attempt, ATTEMPT_MAGIC);

	(void)pid; /* its own */
	a->phase = PHASE_EXITED;
	a->status = status;
	a->took_us = clock_monotonic_us() - a->began_us;
	/* Who reads the rest of the input now is none that counts. */
	loop_watch_close(a->in);
	a->in = NULL;
	if (a->out == NULL) {
		exec_attempt_tell(a);
		return;
	}
	loop_timer_set(a->timer, LEFT_US);
}

static void attempt_on_output(void *arg, int fd, int events)
{
	struct exec_attempt *a = OBJ_CAST(arg, struct exec_attempt, ATTEMPT_MAGIC);
	ssize_t n = 0;

	(void)events; /* only reading was asked for */
	for (int i = 0; i < READS_MAX; i++) {
		n = read(fd, a->exec->space, EXEC_READ_BYTES);
		if (n <= 0)
			break;
		exec_output_add(&a->output, a->exec->space, (size_t)n);
		if (n <
		    EXEC_READ_BYTES) /* that was all for now; the rest of the pipe comes by event */
			return;
	}
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	loop_watch_close(a->out);
	a->out = NULL;
	if (a->phase == PHASE_EXITED)
		exec_attempt_tell(a);
}

/* Writes what the pipe takes. False when there is nothing more to do: all is written, or the
 * program does not read it (EPIPE), which is its own business. */
bool exec_attempt_feed(struct exec_attempt *a, int fd)
{
	while (a->input_at < a->input.len) {
		ssize_t n = write(fd, a->input.data + a->input_at, a->input.len - a->input_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		a->input_at += (size_t)n;
	}
	return false;
}

static void attempt_on_input(void *arg, int fd, int events)
{
	struct exec_attempt *a = OBJ_CAST(arg, struct exec_attempt, ATTEMPT_MAGIC);

	(void)events; /* only writing was asked for */
	if (exec_attempt_feed(a, fd))
		return;
	loop_watch_close(a->in);
	a->in = NULL;
}

/* Has it exited, and only nobody has been told yet? Then it was not us who ended it. */
bool exec_attempt_has_exited(const struct exec_attempt *a)
{
	siginfo_t info = {0};

	return a->phase == PHASE_EXITED ||
	       (waitid(P_PID, (id_t)a->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == a->pid);
}

void exec_attempt_end(struct exec_attempt *a)
{
	a->phase = PHASE_TERM;
	exec_attempt_kill(a, SIGTERM);
	/* A stopped process would not see it. */
	exec_attempt_kill(a, SIGCONT);
	loop_timer_set(a->timer, TERM_US);
}

static void attempt_on_timer(void *arg)
{
	struct exec_attempt *a = OBJ_CAST(arg, struct exec_attempt, ATTEMPT_MAGIC);

	switch (a->phase) {
	case PHASE_NOT_STARTED:
		exec_attempt_tell_failure(a);
		break;
	case PHASE_RUNNING:
		if (FAULT("work.timeout"))
			break;
		if (exec_attempt_has_exited(a)) /* in this very moment: the loop is about to tell */
			break;
		a->timed_out = true;
		exec_attempt_end(a);
		break;
	case PHASE_TERM:
		a->phase = PHASE_KILL;
		exec_attempt_kill(a, SIGKILL);
		loop_timer_set(a->timer, KILL_US);
		break;
	case PHASE_KILL:
	case PHASE_EXITED:
		exec_attempt_tell(a);
		break;
	}
}

void exec_attempt_follow(struct exec_attempt *a, int in_fd, int out_fd)
{
	struct loop *loop = a->exec->context->loop;

	a->phase = PHASE_RUNNING;
	a->out = loop_watch_new(loop, out_fd, LOOP_READ, attempt_on_output, a);
	if (in_fd >= 0)
		a->in = loop_watch_new(loop, in_fd, LOOP_WRITE, attempt_on_input, a);
	a->child = loop_child_new(loop, a->pid, attempt_on_exit, a);
	loop_timer_set(a->timer, a->exec->context->job->work.timeout_us);
}

void exec_attempt_fail(struct exec_attempt *a, enum outcome outcome, const char *class)
{
	a->outcome = outcome;
	a->class = class;
	loop_timer_set(a->timer, 0);
}

struct exec_attempt *exec_attempt_new(struct exec *exec, const struct work_attempt *what)
{
	struct exec_attempt *a = xnew(struct exec_attempt);
	size_t keep = (size_t)exec->context->job->work.keep_output_bytes;

	a->magic = ATTEMPT_MAGIC;
	a->exec = exec;
	a->what = *what;
	a->timer = loop_timer_new(exec->context->loop, attempt_on_timer, a);
	buf_init(&a->input, INPUT_BYTES_MAX);
	exec_output_init(&a->output, keep, exec_mask_longest(exec->mask, what->item.item));
	list_append(&exec->attempts, &a->node);
	return a;
}
