/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: asked directly before an attempt begins, whether it may.
 *
 * The engine decides what is to be done; but between its decision and the attempt lie a queue and a
 * busy machine. What must hold at the very moment (a slot of a rate) is asked here.
 * Pure.
 */
#ifndef STINT_LANE_GATE_H
#define STINT_LANE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "frame/frame.h"

enum gate_answer {
	GATE_OPEN,
	GATE_WAIT,  /* ask again in `ret_wait_us` */
	GATE_MISSED /* it goes back, as if it had never been given */
};

enum gate_answer gate_ask(const struct frame_work_item *what, int64_t boot_us,
			  int64_t *ret_wait_us);

/* The business date is over (`begin_before`, 0: that does not matter). Whether an attempt took
 * effect may be asked at any time. */
bool gate_is_cut_off(const struct frame_work_item *what, utime begin_before, utime now);

#endif
