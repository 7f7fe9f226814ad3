/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: what a lane does with one item. One file per kind behind struct work_backend.
 *
 * Promise: each started attempt ends in exactly one outcome, within the attempt's time limit plus
 *          the time that TERM and KILL need; nothing of an item reaches a shell; what a child
 * leaves behind is killed with its process group.
 * Owner:   the lane's loop thread. An attempt belongs to the work until its callback was called.
 * Needs:   descriptors 0 to 2 open, all others O_CLOEXEC, SIGPIPE ignored, SIGCHLD not ignored
 *          (lane_main sees to that). The program gets none of it but the three.
 */
#ifndef STINT_WORK_WORK_H
#define STINT_WORK_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "frame/frame.h"
#include "job/template.h"

struct err;
struct item;
struct job;
struct loop;
struct rlimit;
struct work;

/* In the environment of a lane: names of variables that programs do not get, each with a blank
 * behind. */
#define WORK_HIDDEN_VARIABLE "STINT_HIDDEN"

struct work_context {
	struct loop *loop;
	const struct job *job;
	const struct template_run *run;
	const char *run_date;
	const char *nonce;	      /* STINT_NONCE */
	uint32_t workers;	      /* mode: stream, how many; 0: as the job says */
	const struct rlimit *core;    /* for programs, of core files; NULL: as it is */
	bool asks;		      /* the work asks whether an item took effect, see verify.h */
	struct lane_slot *slots;      /* shared memory, FRAME_TICKETS_MAX of them; NULL in tests */
	const _Atomic int64_t *until; /* likewise: of struct lane_shared */
	void *arg;
	/* The attempt with this ticket ended. `outcome` is lent for the call; its `key` and
	 * `person` are NULL: who started the attempt knows the item. The work may not be freed in
	 * here. */
	void (*done)(void *arg, const struct frame_outcome *outcome);
	/* After a work_close that was false: now all is gone. May be NULL where that is not called.
	 */
	void (*closed)(void *arg);
};

struct work_attempt {
	uint32_t ticket;
	bool is_probe; /* asks whether the item took effect; only where the job says how (verify) */
	struct template_item item; /* lent until `done` */
	uint64_t request;	   /* what the first attempt sent, see struct frame_outcome; 0 */
};

/* Makes what the job's work section asks for: parses its templates, finds its program and user.
 * Keeps what `context` points to. ERR_CONFIG for what cannot be at all. A program that is not there
 * is none of that (it may come back, and work_check says so before a run): its attempts end as "all
 * alike", exit-127 or exit-126. Gives. */
ST_MUST_CHECK int work_open(const struct work_context *context, struct work **ret_work,
			    struct err *err);
/* Begins an attempt; `done` is called later, never from within, also for attempts that could not
 * begin. A ticket is used for one attempt at a time. */
void work_start(struct work *work, const struct work_attempt *attempt);
/* Ends an attempt early (TERM, then KILL after 2 s); `done` comes with cancelled, or as it would
 * have if it had just ended by itself. UINT32_MAX: all. */
void work_cancel(struct work *work, uint32_t ticket);
size_t work_in_flight(const struct work *work);
/* Nothing is under way, and nothing more will be started: lets end what outlives attempts, within
 * window.grace. True when there is nothing left of it; else `closed` is called. */
bool work_close(struct work *work);
/* Kills what is under way, without calling `done`. NULL is allowed. */
void work_free(struct work *work);

/* Before a run, without side effects: is what the work names there? For `run` (exit 78 before the
 * first item) and `check`. */
ST_MUST_CHECK int work_check(const struct job *job, struct err *err);

#endif
