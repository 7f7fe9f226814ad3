/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated reader: records 0 … n-1 of a source, in chunks, with rejects and a cursor behind
 * each; asks for keys where the job wants it, keeps to its credit, and dies in the middle.
 */
#ifndef STINT_TESTS_SIM_READER_H
#define STINT_TESTS_SIM_READER_H

#include "frame/frame.h"

struct proc;

void reader_on_hello(struct proc *p, const struct frame_hello *hello);
void reader_on_frame(struct proc *p, const struct frame *frame);

#endif
