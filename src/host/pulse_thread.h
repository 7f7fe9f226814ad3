/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that beats: beside the writer's, so that a slow transaction holds no beat up.
 *
 * Owner: the host's loop thread; `done` is called on it. One beat at a time.
 */
#ifndef STINT_HOST_PULSE_THREAD_H
#define STINT_HOST_PULSE_THREAD_H

#include <stdint.h>

#include "base/attr.h"
#include "ledger/ledger.h"

struct err;
struct loop;
struct pulse_thread;

typedef void (*pulse_done_fn)(void *arg, enum ledger_status status);

/* ERR_TEMP when there is no thread to be had. Keeps `loop`, `ledger` and `arg`. */
ST_MUST_CHECK int pulse_thread_new(struct loop *loop, struct ledger *ledger, pulse_done_fn done,
				   void *arg, struct pulse_thread **ret_thread, struct err *err);
void pulse_thread_beat(struct pulse_thread *t, int64_t inc,
		       const uint8_t nonce[LEDGER_NONCE_BYTES]);
/* Waits for the beat that is under way; `done` is not called any more after this. */
void pulse_thread_free(struct pulse_thread *t);

#endif
