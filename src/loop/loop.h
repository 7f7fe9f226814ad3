/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: libuv behind a small face. One loop, one thread.
 *
 * Promise: callbacks run on the loop's thread, one after another. A descriptor is unregistered
 *          before it is closed, always (libuv aborts otherwise): loop_watch_close does both in the
 *          right order.
 * Owner:   every watch, timer, child and wake is made by a function here and belongs to the caller
 *          until its _free; freeing inside its own callback is allowed, and no callback comes after
 *          that. The loop's thread calls everything here, only loop_wake_send may come from others.
 * Failure: a lack of memory or descriptors for the loop itself ends the process, as does a
 *          descriptor that cannot be watched (a plain file, one that is watched already): our own
 *          mistake.
 */
#ifndef STINT_LOOP_LOOP_H
#define STINT_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct err;
struct loop;
struct loop_watch;
struct loop_timer;
struct loop_signal;
struct loop_child;
struct loop_wake;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_new(void);
/* All watches, timers, … must have been freed. */
void loop_free(struct loop *loop);
/* Runs until loop_stop, or until there is nothing left to wait for. Can be called again. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Watches a non-blocking descriptor. `events` is a set of loop_events; 0 pauses. An error or a
 * hangup is told as the events that were asked for: reading or writing then says what it is. */
typedef void (*loop_watch_fn)(void *arg, int fd, int events);
struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_fn fn,
				  void *arg);
void loop_watch_set(struct loop_watch *watch, int events);
/* Stops watching; the descriptor stays open. */
void loop_watch_free(struct loop_watch *watch);
/* Stops watching and closes the descriptor. */
void loop_watch_close(struct loop_watch *watch);

typedef void (*loop_timer_fn)(void *arg);
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *arg);
/* Once, after `us` (0: in the next turn); replaces an earlier setting. */
void loop_timer_set(struct loop_timer *timer, int64_t us);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

typedef void (*loop_signal_fn)(void *arg, int signal_number);
struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, loop_signal_fn fn,
				    void *arg);
void loop_signal_free(struct loop_signal *s);

/* Tells when a child (of this process) ends, by its pidfd; reaps it. `status` as of waitpid, or
 * LOOP_CHILD_LOST (neither exited nor signaled) when somebody else has reaped it. */
enum { LOOP_CHILD_LOST = -1 };
typedef void (*loop_child_fn)(void *arg, pid_t pid, int status);
struct loop_child *loop_child_new(struct loop *loop, pid_t pid, loop_child_fn fn, void *arg);
/* Stops telling; does not kill and does not reap. */
void loop_child_free(struct loop_child *child);

/* Wakes the loop from another thread; several calls may be told once. */
typedef void (*loop_wake_fn)(void *arg);
struct loop_wake *loop_wake_new(struct loop *loop, loop_wake_fn fn, void *arg);
void loop_wake_send(struct loop_wake *wake);
void loop_wake_free(struct loop_wake *wake);

#endif
