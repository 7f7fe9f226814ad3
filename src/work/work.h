/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: what a lane does with one item. One file per kind behind struct work_backend.
 *
 * Promise: each started attempt ends in exactly one outcome, within the attempt's time limit plus the
 *          time that TERM and KILL need; nothing of an item reaches a shell; what a child leaves
 * behind is killed with its process group.
 * Owner:   the lane's loop thread. An attempt belongs to the work until its callback was called.
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
struct work;

struct work_context {
	struct loop *loop;
	const struct job *job;
	const struct template_run *run;
	const char *run_date;
	const char *nonce;	 /* STINT_NONCE */
	struct lane_slot *slots; /* shared memory, FRAME_TICKETS_MAX of them; NULL in tests */
	void *arg;
	/* The attempt with this ticket ended. `outcome` is lent for the call. */
	void (*done)(void *arg, const struct frame_outcome *outcome);
};

struct work_attempt {
	uint32_t ticket;
	struct template_item item; /* lent until `done` */
};

/* Makes what the job's work section asks for: parses its templates, finds programs. ERR_CONFIG
 * names a program that is not there or is not executable. Gives. */
ST_MUST_CHECK int work_open(const struct work_context *context, struct work **ret_work,
			    struct err *err);
/* Begins an attempt; `done` is called later, also for attempts that could not begin. */
void work_start(struct work *work, const struct work_attempt *attempt);
/* Ends an attempt early (TERM, then KILL after 2 s); `done` comes with cancelled. UINT32_MAX: all.
 */
void work_cancel(struct work *work, uint32_t ticket);
size_t work_in_flight(const struct work *work);
void work_free(struct work *work);

/* Before a run, without side effects: is what the work names there? For `run` (exit 78 before the
 * first item) and `check`. */
ST_MUST_CHECK int work_check(const struct job *job, struct err *err);

#endif
