/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A circuit breaker: stops sending when what failed would fail for every item alike. Pure.
 *
 * Closed: everything goes. Open: nothing goes until `until`. Half open: one probe goes; when it
 *         ends well
 * the breaker closes, when it fails alike it opens again for twice as long, up to open_max. Open
 * for more than give_up_after since it first opened: it gave up. Waiting for it never uses up an
 * attempt.
 */
#ifndef STINT_CORE_BREAKER_H
#define STINT_CORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker_policy {
	int64_t open_for_us;
	int64_t open_max_us;
	int64_t give_up_after_us;
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATE_COUNT_ };

struct breaker {
	enum breaker_state state;
	bool probe_out;	       /* half open, and its one probe is under way */
	int64_t until_us;      /* open: when a probe may go */
	int64_t open_for_us;   /* how long this opening lasts */
	int64_t first_open_us; /* since when it has not been closed */
};

/* Times are of one clock that never jumps, in microseconds. */

/* May an item be sent now? When open and due, becomes half open. */
bool breaker_may_send(struct breaker *b, int64_t now_us);
/* Nothing may be sent, whatever else comes: it is open and its time has not come. */
bool breaker_holds(const struct breaker *b, int64_t now_us);
/* An item was sent. */
void breaker_sent(struct breaker *b);
/* An item ended in a way that says the endpoint works (also: its own failure). */
void breaker_close(struct breaker *b);
/* An item failed in the way that all would. */
void breaker_open(struct breaker *b, const struct breaker_policy *policy, int64_t now_us);
/* The probe came back without an answer (cancelled, lane lost): another may go. */
void breaker_probe_lost(struct breaker *b);
bool breaker_gave_up(const struct breaker *b, const struct breaker_policy *policy, int64_t now_us);

#endif
