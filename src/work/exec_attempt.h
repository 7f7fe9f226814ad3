/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of exec share: one attempt, from its start to its outcome.
 *
 * exec_start.c begins it, exec_attempt.c follows it while it runs, exec_outcome.c says how it
 * ended; exec.c is the work that has them all.
 */
#ifndef STINT_WORK_EXEC_ATTEMPT_H
#define STINT_WORK_EXEC_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "core/outcome.h"
#include "work/exec_output.h"
#include "work/work.h"

struct exec_mask;
struct answer_tests;
struct exec_plan;
struct exec_user;

enum {
	EXEC_MAGIC = 0x45786563,
	ATTEMPT_MAGIC = 0x45417474,
	EXEC_READ_BYTES = 64 * 1024, /* what a pipe holds */
};

enum exec_phase { PHASE_NOT_STARTED, PHASE_RUNNING, PHASE_TERM, PHASE_KILL, PHASE_EXITED };

struct exec {
	uint32_t magic;
	const struct work_context *context;
	struct exec_plan *plan;
	struct exec_mask *mask;
	struct answer_tests *tests; /* NULL: the job has none */
	struct exec_user *user;	    /* NULL: as this process */
	int null_fd;
	char *space; /* EXEC_READ_BYTES */
	struct list attempts;
};

struct exec_attempt {
	uint32_t magic;
	struct list node;
	struct exec *exec;
	struct work_attempt what;
	enum exec_phase phase;
	bool timed_out;
	bool cancelled;
	pid_t pid;
	int status; /* as of waitpid; valid in PHASE_EXITED */
	utime began_at;
	int64_t began_us;
	int64_t start_us; /* until it ran */
	int64_t took_us;  /* until it exited */
	struct loop_child *child;
	struct loop_timer *timer;
	struct loop_watch *out; /* NULL: the end was read */
	struct loop_watch *in;	/* NULL: all was written, or nobody reads it */
	struct buf input;
	size_t input_at;
	struct exec_output output;
	/* when it could not be started */
	enum outcome outcome;
	const char *class;
	struct err err;
};

/* Gives it to `exec`, whose it is until it was told. */
struct exec_attempt *exec_attempt_new(struct exec *exec, const struct work_attempt *what);
/* Begins it: afterwards it runs, or its failure will be told in the next turn. */
void exec_attempt_begin(struct exec_attempt *a);
/* It runs: follows it to its end. Takes the descriptors; `in_fd` is -1 when all was written. */
void exec_attempt_follow(struct exec_attempt *a, int in_fd, int out_fd);
/* Its failure will be told in the next turn. */
void exec_attempt_fail(struct exec_attempt *a, enum outcome outcome, const char *class);
/* Writes of its input what the pipe takes. False when there is nothing more to do: all is written,
 * or the program does not read it (EPIPE), which is its own business. */
bool exec_attempt_feed(struct exec_attempt *a, int fd);
/* Has it exited, and only nobody has been told yet? Then it was not us who ended it. */
bool exec_attempt_has_exited(const struct exec_attempt *a);
/* TERM now, KILL later. */
void exec_attempt_end(struct exec_attempt *a);
/* Sends the signal to its whole process group. */
void exec_attempt_kill(const struct exec_attempt *a, int sig);
/* Tells how it ended, or why it was not started; frees it. */
void exec_attempt_tell(struct exec_attempt *a);
void exec_attempt_tell_failure(struct exec_attempt *a);
/* Without telling, without killing. */
void exec_attempt_free(struct exec_attempt *a);

/* Closes a descriptor of ours that may be -1, and says that it is. */
void exec_fd_close(int *fd);

#endif
