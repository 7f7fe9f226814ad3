/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Burials: killing what a dead lane, or a dead engine's lanes, have left running, until none is
 *          found.
 *
 * A process is known by its environment (STINT_NONCE=nonce.lane.), which every descendant inherits
 * and which survives the death of its parents. What clears its environment escapes this: then a
 * cgroup would be needed.
 */
#ifndef STINT_HOST_GRAVE_H
#define STINT_HOST_GRAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct ledger_lane_row;
struct loop_timer;
struct processes;

enum { GRAVE_NONCE_MAX = 80 };

typedef void (*grave_fn)(void *arg, bool proven);

struct grave {
	struct list link;
	struct loop_timer *timer;
	char prefix[GRAVE_NONCE_MAX]; /* of the variable's value */
	bool is_empty;		      /* nothing can be left: tell it in the next turn */
	int64_t give_up_at;	      /* monotonic */
	grave_fn fn;
	void *arg;
};

/* `<hex>.<lane>.`, or what all lanes have in common (0): `<hex>.` */
void grave_put_value(char *out, size_t size, const uint8_t nonce[16], uint32_t lane);
/* `STINT_NONCE=<hex>.<lane>.` */
void grave_put_nonce(char *out, size_t size, const uint8_t nonce[16], uint32_t lane);
/* Sees to it that nothing of this lane is left, then calls `fn` from the loop. `is_clean`: it ended
 * in order, nothing is looked for. */
void grave_dig(struct processes *ps, uint32_t lane, bool is_clean, grave_fn fn, void *arg);
void grave_free(struct grave *g);

#endif
