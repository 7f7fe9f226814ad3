/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated worker lane: takes chunks and work as the real one does, lets each attempt begin,
 * take effect and end at random times, and goes wrong in all the ways that lanes go wrong
 * (lane_plan.c).
 */
#ifndef STINT_TESTS_SIM_LANE_H
#define STINT_TESTS_SIM_LANE_H

#include <stdbool.h>

#include "frame/frame.h"

struct attempt;
struct machine;
struct proc;

/* How an attempt is going to end. */
enum lane_plan {
	PLAN_DONE,
	PLAN_RETRY,
	PLAN_DEAD,
	PLAN_ALIKE,
	PLAN_UNKNOWN_DONE, /* takes effect, and nobody can say so */
	PLAN_UNKNOWN_NOT,
	PLAN_NOT_BEGUN,
	PLAN_HANG_BEFORE, /* never ends, without effect */
	PLAN_HANG_AFTER,
	PLAN_LATE, /* longer than the time limit: the lane itself ends it */
	PLAN_DIE_BEFORE,
	PLAN_DIE_BEGUN,
	PLAN_DIE_EFFECT,
	PLAN_DOWN /* the service refuses whatever comes */
};

void lane_on_frame(struct proc *p, const struct frame *frame);
/* The process and all that it started are gone, and so is what was in its hands. */
void lane_on_gone(struct proc *p);
/* Attempts that the lane has not answered. */
struct attempt *lane_attempts(struct proc *p);
/* Decides how an attempt ends, as it begins. */
enum lane_plan lane_plan(struct attempt *a);

#endif
