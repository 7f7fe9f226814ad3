/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is dead, on a ledger where no kernel's lock can tell: an observer watches how often each
 * instance has beaten, by its own clock.
 *
 * Promise: no clock of another machine is compared, and no time counts in which the observer did
 *          not look: after it was stopped, or could not reach the ledger, watching begins anew.
 *          So nobody is taken for dead because the ledger was away for all. Who does not beat has
 *          stopped beginning anything (BEAT_LEASE_US) before he can be taken for dead.
 * Owner:   watch_done frees what a watch holds.
 * Pure.
 */
#ifndef STINT_CORE_WATCH_H
#define STINT_CORE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define BEAT_EVERY_US (2 * US_PER_S)
/* Without a beat that was sent in the last so long and acknowledged, nothing is begun. */
#define BEAT_LEASE_US (6 * US_PER_S)
/* Its lock is free and its beat stands still: gone. Its lock is held: it hangs. */
#define WATCH_GONE_US (10 * US_PER_S)
#define WATCH_HUNG_US (120 * US_PER_S)
#define WATCH_LOOK_US (2 * US_PER_S)
/* Between two looks that are further apart the ledger may have been away for all. */
#define WATCH_GAP_US (5 * US_PER_S)

enum watch_verdict {
	WATCH_ALIVE,
	WATCH_SUSPECT, /* its lock is free, and it has not beaten since it is watched */
	WATCH_GONE,
	WATCH_HUNG
};

struct watched {
	int64_t inc;
	int64_t beat;
	int64_t since;	 /* since then its beat stands still */
	bool has_moved;	 /* it has beaten while it was watched */
	bool was_listed; /* in the look under way */
};

struct watch {
	struct watched *all;
	size_t n;
	int64_t asked_at;    /* the look under way */
	int64_t answered_at; /* the last one */
};

void watch_done(struct watch *w);
/* A look: what is told from now on was asked for at `asked_at` and has come by `now`. */
void watch_begin(struct watch *w, int64_t asked_at, int64_t now);
enum watch_verdict watch_see(struct watch *w, int64_t inc, int64_t beat, bool is_lock_free);
/* Whoever was not told is forgotten. */
void watch_end(struct watch *w);

#endif
