/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances on a ledger where no kernel's lock tells who lives: their beats, their leases, what
 * cuts them off, and whether anybody is taken for dead too soon, or acts too late.
 *
 * Promise: by the ledger's own truth, which no engine sees, nobody is reaped within WATCH_GONE_US
 *          of his last beat; who was reaped is told so when he beats; and nothing is begun for him,
 *          nor BEAT_LEASE_US after anybody sent the last beat that he knows was acknowledged.
 */
#ifndef STINT_TESTS_SIM_BEATS_H
#define STINT_TESTS_SIM_BEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/txn.h"
#include "sim/instance.h"

struct attempt;

/* Another server has taken its place: at once, or after a while. */
void beats_fail_over(struct machine *m);
/* The engine wants to beat. */
void beats_send(struct instance *inst);
/* It hears what became of it. */
void beats_told(struct instance *inst, enum ledger_status status);
/* It is cut off from the ledger, which may notice. */
void beats_cut(struct instance *inst);
/* The ledger is away for all. */
void beats_take_away(struct machine *m);
bool beats_is_cut(const struct instance *inst);
/* The lane's gate: nothing passes it any more. */
bool beats_is_lapsed(const struct instance *inst);
/* Nothing was acknowledged for so long that it may end as it stands. */
bool beats_gave_up(const struct instance *inst);
/* Something passes the point of no return. */
void beats_check_begun(const struct attempt *a);
/* One was taken for dead by it. */
void beats_check_reaped(const struct instance *inst, const struct lop_reap *op);

#endif
