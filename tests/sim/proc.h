/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that an engine started: a lane, a reader or a finisher, with the pipe in both
 * directions, the memory it shares with its engine, and its death.
 *
 * Promise: bytes keep their order and take time; what was sent before a death still arrives. A
 *          process that has ended may have left children behind: they act until it is `gone`. The
 *          engine hears of the end only then, unless the end is unproven.
 */
#ifndef STINT_TESTS_SIM_PROC_H
#define STINT_TESTS_SIM_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame/frame.h"
#include "sim/instance.h"
#include "sim/machine.h"

struct attempt;
struct finisher_sim;
struct lane_sim;
struct reader_sim;

/* A body that a lane was given, as the engine's side of the pipe knows it. */
struct handle_view {
	struct handle_view *next;
	uint32_t handle;
	int64_t first_item;
	uint32_t n;
	uint32_t *records;
};

struct proc {
	struct proc *next;	/* of the machine */
	struct proc *inst_next; /* of the instance */
	struct machine *m;
	struct instance *inst;
	uint32_t lane;
	enum lane_role role;
	int64_t pid;
	int64_t start_time;
	int64_t started_us; /* boot clock */
	int64_t timeout_us; /* by the job file that its engine has then, of any step */

	bool is_alive;	     /* it runs */
	bool is_gone;	     /* and nothing that it started does */
	bool is_killed;	     /* by its engine */
	bool is_orphan;	     /* its engine is no more */
	bool is_unproven;    /* its engine was told that something may still act */
	bool is_at_large;    /* whoever buried its engine was told so, or its engine */
	int64_t at_large_us; /* … then */
	bool has_row;	     /* the ledger knows it */
	bool had_hello;
	bool is_deaf;
	bool has_failed;   /* a finisher that could not do a part */
	int64_t end_epoch; /* … is making the end of the run, this try of it; 0: it is not … */
	int end_kind;	   /* enum ledger_ending */
	uint32_t end_of;   /* … so far of so many items */
	bool is_stopping;  /* FRAME_STOP came */
	int signal;

	int64_t in_at;	    /* when the last bytes on the way to it arrive */
	int64_t out_at;	    /* and those on the way from it */
	int64_t run_id;	    /* from HELLO */
	utime begin_before; /* likewise, and CUTOFF; 0: whenever */
	uint8_t begun[FRAME_TICKETS_MAX / 8];
	int64_t sent_run_id;	  /* the same by the sender's books, as are … */
	int sent_step;		  /* … the step of the run, */
	struct handle_view *sent; /* … the bodies that it was given, */
	int32_t in_hand;	  /* and tickets given and not answered */
	int sent_allowed;	  /* how many might run at once when what it reads was sent */

	struct lane_sim *worker;
	struct reader_sim *reader;
	struct finisher_sim *finisher;
};

struct proc *proc_start(struct instance *inst, enum lane_role role, uint32_t lane);
struct proc *proc_find(struct instance *inst, uint32_t lane);
struct proc *proc_find_pid(struct machine *m, int64_t pid);

/* From the engine: whole frames. Checks what may be sent, then they are on their way. */
void proc_take_frames(struct proc *p, const char *bytes, size_t len);
/* To the engine: one whole frame, emptied; `attempt` when it is one's outcome. */
void proc_send(struct proc *p, struct buf *frame, struct attempt *attempt);

/* It ends now; 0 when by itself. */
void proc_die(struct proc *p, int by_signal);
/* It is killed with all that it started; unless `surely`, the latter may fail. */
void proc_kill(struct proc *p, bool surely);
/* Its engine died: it will notice. */
void proc_orphan(struct proc *p);

#endif
