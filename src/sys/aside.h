/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that may never come back, made aside: by a thread of its own, which is left alone when the
 * caller has waited long enough. Any thread.
 */
#ifndef STINT_SYS_ASIDE_H
#define STINT_SYS_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Calls `fn` with `arg` and waits for its end, at most `us`. After that it may still be at work, so
 * that `arg` is its own, and nobody else's, from here on. False when there was no thread to be had:
 * it was not called. */
ST_MUST_CHECK bool aside_call(void (*fn)(void *arg), void *arg, int64_t us);

#endif
