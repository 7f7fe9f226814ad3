/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes as processes: started with a socket and shared memory, fed with frames, and certainly
 * gone, with everything they started, before their end is told.
 *
 * Owner: the host's loop thread. Callbacks come from the loop, never from within a call.
 */
#ifndef STINT_HOST_PROCESS_H
#define STINT_HOST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/world.h"

struct buf;
struct err;
struct loop;
struct processes;

struct process_events {
	void *arg;
	void (*frame)(void *arg, uint32_t lane, const struct frame *frame);
	void (*frames_end)(void *arg); /* … and these were all, for now */
	void (*end)(void *arg, uint32_t lane, int exit_status, int by_signal, bool proven);
	void (*buried)(void *arg, int64_t inc, bool proven);
};

/* What the program is started with to become a lane: `stint @lane ROLE`. */
#define PROCESS_LANE_VERB "@lane"

struct processes *processes_new(struct loop *loop, const uint8_t nonce[16],
				const struct process_events *events);
/* Processes are started in this control group; NULL: in ours. Keeps `group`. */
void processes_use_group(struct processes *ps, const char *group);
/* Kills what is left. */
void processes_free(struct processes *ps);

ST_MUST_CHECK int process_start(struct processes *ps, enum lane_role role, uint32_t lane,
				struct world_lane *ret_lane, struct err *err);
void process_send(struct processes *ps, uint32_t lane, struct buf *frames);
void process_kill(struct processes *ps, uint32_t lane);
bool process_begun(struct processes *ps, uint32_t lane, uint32_t ticket);
void process_clear(struct processes *ps, uint32_t lane, uint32_t ticket);
/* From that boot clock on no lane begins anything, those included that are started later. */
void processes_lease(struct processes *ps, int64_t until);
/* Makes all lanes, and what they started, at least that nice. */
void processes_nice(struct processes *ps, int nice);

/* Kills the lanes of a dead incarnation and all that carries its nonce, until none is left. */
void process_bury(struct processes *ps, int64_t inc, const uint8_t nonce[16],
		  const struct ledger_lane_row *lanes, size_t n);

#endif
