/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of loop/ share: the loop itself. Nobody else includes this.
 *
 * Every handle of libuv is a member of an object that starts with a magic number and lives on until
 * libuv has closed the handle, in the next turn; the owner's pointer is dead from _free on.
 */
#ifndef STINT_LOOP_INSIDE_H
#define STINT_LOOP_INSIDE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "loop/loop.h"

struct loop {
	uint32_t magic;
	size_t n_owned; /* watches, timers, … that were made and not freed */
	uv_loop_t uv;
	uv_idle_t idle;	     /* runs in the next turn, while timers are due at once */
	struct list due;     /* timers set to 0 */
	uv_signal_t sigchld; /* only while a child has no pidfd */
	struct list plain;   /* children without pidfd */
	size_t n_plain;
};

/* Ends the process with libuv's words when `rc` is an error: for calls that fail by our own
 * mistake, or for want of memory or descriptors without which nothing goes on. */
void loop_expect(int rc, const char *what);

/* Tells the loop that an object of its was made, and freed. */
void loop_own(struct loop *loop);
void loop_disown(struct loop *loop);

/* The parts of loop_child.c and loop_timer.c in a loop's life. */
void loop_timers_init(struct loop *loop);
void loop_timers_done(struct loop *loop);
void loop_children_init(struct loop *loop);
void loop_children_done(struct loop *loop);

#endif
