/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A circuit breaker: stops sending when what fails is not the item but the other side. Pure.
 *
 * It opens at once when an attempt fails as any other would (all alike), and when enough of the
 * attempts within a sliding window failed by the other side's fault. Closed: everything goes. Open:
 * nothing goes until `until`; then one instance of all that share it may take the right to send a
 * probe (half open). When the probe ends well it closes; when it fails it opens again for twice as
 * long, up to open_max. Waiting for it never uses up an attempt.
 *
 * The row is what all share, kept in the ledger; each change of it makes a new version, written
 * only on top of the version that it was made from. `struct breaker` is one instance's view: the
 * row as it knows it, with times of a clock that never jumps. A wall clock that jumps keeps it open
 * for no longer than open_for from when this instance has seen it, and so at most open_max.
 */
#ifndef STINT_CORE_BREAKER_H
#define STINT_CORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { BREAKER_BUCKETS = 12, BREAKER_REASON_MAX = 160 };

struct breaker_policy {
	int64_t window_us;
	int64_t at_least; /* fewer attempts within the window decide nothing */
	double failures;  /* the share of failed ones that opens it */
	int64_t open_for_us;
	int64_t open_max_us;
	int64_t give_up_after_us;
};

/* What an attempt's end says about the other side. */
enum breaker_says {
	BREAKER_NOTHING, /* ended by us, lost, or never begun */
	BREAKER_WORKS,	 /* it answered; also: that the item is wrong */
	BREAKER_FAILS,	 /* it is to blame, this time */
	BREAKER_ALIKE,	 /* it would fail for every item */
	BREAKER_SAYS_COUNT_
};

/* As it stands in the ledger. Times are of the wall clock. */
struct breaker_row {
	int64_t version; /* 0: nothing was ever written */
	bool is_open;
	utime first_open; /* since when it has not been closed */
	utime until;	  /* when a probe may go */
	int64_t open_for_us;
	int64_t probe;	      /* inc of the instance that may send the one probe; 0 none … */
	utime probe_until;    /* … until then … */
	int64_t probe_for_us; /* … after so long */
	int64_t n_opened;     /* how often it was opened after it was closed */
	const char *reason;
};

/* Opened, or after a failed probe for twice as long. */
struct breaker_row breaker_row_opened(const struct breaker_row *row,
				      const struct breaker_policy *policy, utime now,
				      const char *reason);
/* `inc` may send the probe, for at most `patience_us`. */
struct breaker_row breaker_row_probed(const struct breaker_row *row, int64_t inc, utime now,
				      int64_t patience_us);
/* Nobody sends the probe any more; somebody else may. */
struct breaker_row breaker_row_released(const struct breaker_row *row);
struct breaker_row breaker_row_closed(const struct breaker_row *row);

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATE_COUNT_ };

struct breaker_bucket {
	int64_t number; /* time divided by a bucket's length */
	int64_t answered;
	int64_t failed;
};

struct breaker {
	enum breaker_state state;
	struct breaker_row row; /* as seen last; its reason is the text below */
	char reason[BREAKER_REASON_MAX];
	int64_t until_us;	/* open: when the next step may be taken */
	int64_t first_seen_us;	/* not closed: since when this instance knows; from when on a … */
	int64_t first_probe_us; /* … probe could be sent; and whether one … */
	bool has_failed_again;	/* … failed since then */
	struct breaker_bucket window[BREAKER_BUCKETS];
};

/* Times from here on are of a clock that never jumps, in microseconds, but for `now`. */

/* Takes over what the ledger says; `inc` is this instance. Nothing happens when it is the version
 * that is known already. True when the state has changed. */
bool breaker_take(struct breaker *b, const struct breaker_row *row, int64_t inc, utime now,
		  int64_t now_us);
/* Counts an attempt's end. True when a closed breaker has to be opened for it: breaker_trip. */
bool breaker_count(struct breaker *b, const struct breaker_policy *policy, enum breaker_says says,
		   int64_t now_us);
/* It opens here and now; the ledger is being told. */
void breaker_trip(struct breaker *b, int64_t now_us);
/* How many answered and how many of them failed within the window. */
void breaker_window(const struct breaker *b, const struct breaker_policy *policy, int64_t now_us,
		    int64_t *ret_answered, int64_t *ret_failed);
/* What fails while it is not closed is charged to no item; but for what still fails when it has
 * been so for longer than give_up_after: a run was given up for it, and it may be the items after
 * all. */
bool breaker_excuses(const struct breaker *b, const struct breaker_policy *policy, utime now);
/* It is open, and its time has not come: nothing can be done about it. */
bool breaker_holds(const struct breaker *b, int64_t now_us);
/* No probe can be sent before then, for a reason that is not the endpoint's: a quota is used up. */
void breaker_postpone(struct breaker *b, int64_t until_us);
/* When it will not have been closed for so long that the run is to be given up: give_up_after since
 * this instance knows, or, when no probe has failed since then, since one could have been sent.
 * INT64_MAX: it is closed. */
int64_t breaker_gives_up_at(const struct breaker *b, const struct breaker_policy *policy);

#endif
