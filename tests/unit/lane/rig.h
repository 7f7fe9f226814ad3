/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's side of a lane, for tests: a forked child lives lane_main, this side sends and
 * expects frames. Every wait has a limit, after which the test fails.
 */
#ifndef STINT_TESTS_UNIT_LANE_RIG_H
#define STINT_TESTS_UNIT_LANE_RIG_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "frame/frame.h"
#include "lane/link.h"

struct rig {
	pid_t pid;
	struct link link;
	struct lane_slot *slots;
	int shared_fd;
	int stdin_fd;	    /* what the lane has at 0; -1: as this process */
	struct arena arena; /* of what was read */
	char directory[64]; /* of the job and its files */
	uint32_t may_run;   /* of the items of rig_work, at once */
	char nonce[32];	    /* no other rig has it, on the whole machine */
};

/* A directory of its own, no process yet. */
void rig_init(struct rig *rig);
/* Ends the process, if there is one, and removes the directory. */
void rig_done(struct rig *rig);
/* Writes a file into the directory. */
void rig_write(const struct rig *rig, const char *name, const char *text);

/* target.db in the directory, made where it is not there; to be closed. */
sqlite3 *rig_open_target(const struct rig *rig);
/* Executes statements there. */
void rig_execute(const struct rig *rig, const char *sql);

/* Starts the process. Descriptors 3 and 4 of it are as host/ makes them. */
void rig_start(struct rig *rig);
/* Sends HELLO and expects READY. `hello` may lack everything but role and job_text. */
void rig_hello(struct rig *rig, const struct frame_hello *hello);
/* rig_start and rig_hello. */
void rig_begin(struct rig *rig, enum lane_role role, const char *job_text);
void rig_send(struct rig *rig);
/* The next frame, which must be of that type. */
struct frame rig_expect(struct rig *rig, enum frame_type type);
/* Fails when a frame comes within `us`. */
void rig_expect_nothing(struct rig *rig, int64_t us);
/* Waits for the end of the process; its status as of waitpid. */
int rig_wait(struct rig *rig);
/* STOP, and expects exit status 0. */
void rig_stop(struct rig *rig);

/* Has a reader read the source of the job, and expects one chunk: its body. Gives. */
void *rig_read_chunk(struct rig *rig, const char *job_text, uint32_t expected_n, size_t *ret_len);

struct frame_outcome rig_expect_outcome(struct rig *rig);
/* Sends WORK for one item with attempt 1. */
void rig_work(struct rig *rig, uint32_t ticket, uint32_t handle, uint32_t index);
/* How many processes have the rig's nonce; sends them `sig`. */
size_t rig_children(const struct rig *rig, int sig);
/* Waits until there are none. */
void rig_expect_no_children(const struct rig *rig);

#endif
