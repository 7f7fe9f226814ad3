/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam: everything that the engine may do to, or learn from, the world is in this table.
 *
 * Promise: the engine is callbacks only. It never blocks, never sleeps, has no threads, no globals
 *          and calls nothing outside this table and the pure libraries (tools/check-seam asks nm).
 *          So
 * the same object code runs on the real world (host/) and on a simulated one (tests/sim). Calls in:
 * session_start, session_on_* of engine/session.h, one at a time, never from within a call out (an
 * answer comes in a later turn, also when it is known at once).
 */
#ifndef STINT_ENGINE_WORLD_H
#define STINT_ENGINE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "frame/frame.h"

struct buf;
struct err;
struct ledger_lane_row;
struct ledger_txn;

enum say_level { SAY_ERROR, SAY_WARNING, SAY_INFO, SAY_DETAIL };

struct world_lane { /* what identifies a lane's process for good */
	int64_t pid;
	int64_t start_time;
};

struct world_ops {
	/* Wall clock, UTC. May jump; only for rows, due times and windows. */
	utime (*now)(void *world);
	/* The machine's zone then: seconds east of UTC. */
	int (*zone_offset_s)(void *world, utime at);
	/* The moment of a time of day, in the job's time zone. `date` is 2026-11-23. */
	utime (*day_time)(void *world, const char *date, int minute);
	/* A clock that never jumps and counts suspend (CLOCK_BOOTTIME). For every timeout. */
	int64_t (*boot_us)(void *world);
	uint64_t (*random)(void *world);
	/* session_on_timer is to be called at or soon after this boot_us; replaces the earlier
	 * wish. INT64_MAX: no wish. */
	void (*timer)(void *world, int64_t at_boot_us);

	/* Takes a transaction; session_on_ledger gives it back, in the order of submission. */
	void (*ledger)(void *world, struct ledger_txn *txn);

	/* One beat of this instance, beside all transactions; session_on_beat tells what became of
	 * it. At most one is under way. Asked for only where the ledger has beats. */
	void (*beat)(void *world, int64_t inc, const uint8_t nonce[16]);
	/* From this boot_us on no lane passes a point of no return: what waits there goes back. */
	void (*lease)(void *world, int64_t until_boot_us);

	/* Starts a process of that role under the number `lane` (chosen by the engine, never reused
	 * in a session). ERR_TEMP when there is none to be had now. */
	int (*lane_start)(void *world, enum lane_role role, uint32_t lane,
			  struct world_lane *ret_lane, struct err *err);
	/* Sends whole frames; empties `frames`. Sending to a lane that has died does nothing: its
	 * end is told by session_on_lane_end. */
	void (*lane_send)(void *world, uint32_t lane, struct buf *frames);
	/* Kills the lane and everything it started. session_on_lane_end follows. */
	void (*lane_kill)(void *world, uint32_t lane);
	/* The shared slot of a ticket: was the point of no return passed? */
	bool (*lane_begun)(void *world, uint32_t lane, uint32_t ticket);
	void (*lane_clear)(void *world, uint32_t lane, uint32_t ticket);

	/* Makes all lanes, and what they started, at least that nice, as far as that can be. */
	void (*nice)(void *world, int nice);

	/* Proves that the lanes of a dead incarnation, and all they started (STINT_NONCE), are
	 * gone, killing what is not. session_on_buried follows. */
	void (*bury)(void *world, int64_t inc, const uint8_t nonce[16],
		     const struct ledger_lane_row *lanes, size_t n);

	/* A line for people, without a final newline. */
	void (*say)(void *world, enum say_level level, const char *text);
	/* The session is over; nothing will be called any more. */
	void (*end)(void *world, int exit_status);
};

#endif
