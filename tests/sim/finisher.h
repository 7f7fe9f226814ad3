/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated finisher (then: move, delete): is told which items ended well, and answers.
 */
#ifndef STINT_TESTS_SIM_FINISHER_H
#define STINT_TESTS_SIM_FINISHER_H

#include "frame/frame.h"

struct proc;

void finisher_on_frame(struct proc *p, const struct frame *frame);
/* Its engine gets this frame of it: it knows now what was said. */
void finisher_heard(struct proc *p, const struct frame *frame);

#endif
