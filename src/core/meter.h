/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast it goes: settled items a second over the last half minute, and the time left by that.
 * Pure.
 */
#ifndef STINT_CORE_METER_H
#define STINT_CORE_METER_H

#include <stdint.h>

enum { METER_SECONDS = 30 };

struct meter {
	int64_t second;		       /* the newest of the ring's seconds */
	int64_t began_us;	       /* first event, 0 none yet */
	int64_t counts[METER_SECONDS]; /* by second modulo */
};

void meter_add(struct meter *m, int64_t now_us, int64_t n);
/* Items a second; 0 before anything happened. */
double meter_rate(struct meter *m, int64_t now_us);
/* Microseconds for `n` more, -1 when it cannot be said. */
int64_t meter_left_us(struct meter *m, int64_t now_us, int64_t n);

#endif
