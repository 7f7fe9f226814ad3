/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer thread: the only one of a process that writes to its ledger.
 *
 * Promise: tasks (ledger transactions) are applied in the order they were given, one at a time,
 *          and come back on the loop's thread in that order. At most WRITER_QUEUE_MAX are inside
 *          (asserted: the engine has two under way at most).
 * Owner:   a task is taken by writer_submit and given back through `done`. All is called on the
 *          loop's thread but `apply`; `done` may submit, and may free the writer.
 */
#ifndef STINT_LOOP_WRITER_H
#define STINT_LOOP_WRITER_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct loop;
struct writer;

enum { WRITER_QUEUE_MAX = 64 };

/* `apply` runs on the writer's thread, `done` on the loop's. `applied` is false for a task that was
 * still waiting when the writer was freed. */
typedef void (*writer_apply_fn)(void *arg, void *task);
typedef void (*writer_done_fn)(void *arg, void *task, bool applied);

/* Starts the thread. ERR_TEMP when the system has none. Keeps `loop` and `arg` until writer_free.
 */
ST_MUST_CHECK int writer_new(struct loop *loop, writer_apply_fn apply, writer_done_fn done,
			     void *arg, struct writer **ret_writer, struct err *err);
void writer_submit(struct writer *writer, void *task);
/* Waits for the one that is being applied, then ends the thread; all that are inside come back
 * before this returns, and none may be submitted meanwhile. */
void writer_free(struct writer *writer);

#endif
