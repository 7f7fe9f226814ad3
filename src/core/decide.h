/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of an item after an attempt. Pure: the whole policy of retry, doubt and death in one
 * place, a function of what is known and a given time.
 *
 * Rules (docs/effects.md):
 *   done       done.
 *   retry      charged; again after a wait, or dead when the attempts are used up.
 *   dead       charged, unless it was refused before it began; dead.
 *   all alike  uncharged; again when the breaker lets it, which opens.
 *   unknown    idempotent: charged, again (with the same key, while key_valid lasts with a margin
 * of a tenth; then it is in doubt). once: in doubt. What is in doubt is verified where the job says
 * how (core/probe.h), else it goes as when_in_doubt says. Ended by us (cancelled) or with the lane
 *              that held it: the same, but nothing is charged.
 *   not begun  uncharged, again.
 * While the breaker is open, what would be charged and tried again waits as long, and is not
 * charged: a probe costs its item nothing.
 * What is tried again waits at least as long as the other side asked (Retry-After).
 * The death of a lane that an item alone can have caused counts in `crashes`; the third kills the
 * item.
 */
#ifndef STINT_CORE_DECIDE_H
#define STINT_CORE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/outcome.h"
#include "core/retry.h"

enum { DECIDE_CRASHES_MAX = 3 };

enum decide_effect { DECIDE_PURE, DECIDE_KEYED, DECIDE_ONCE };
enum decide_doubt { DECIDE_ASK, DECIDE_RETRY, DECIDE_SKIP };

struct decide_policy {
	struct retry_policy retry;
	enum decide_effect effect;
	enum decide_doubt doubt;
	int64_t key_valid_us; /* keyed: how long the other side knows the key; 0 for ever */
	bool verifies;	      /* the other side can be asked what became of an item … */
	int64_t settle_us;    /* … which shows there at the latest then */
};

struct decide_attempt {
	enum outcome outcome;
	int used;	     /* attempts charged before this one */
	int crashes;	     /* deaths charged before */
	bool cancelled;	     /* ended because we said so */
	bool never_begun;    /* refused before it began (outcome dead) */
	bool lane_died;	     /* the lane died with it (outcome unknown or not begun) */
	bool blamed;	     /* … and it was the only one that can have killed it */
	bool excused;	     /* the breaker is open: the other side is to blame, not the item */
	utime first_started; /* of the first attempt that may have taken effect, this one included;
			      * 0: none */
	utime now;
	utime not_before; /* something may still act on it until then; 0: nothing does */
	int64_t wait_us;  /* the other side asks to wait at least so long; 0: it does not */
	uint64_t random;
};

enum decide_fate {
	FATE_DONE,
	FATE_RETRY, /* again at `due` */
	FATE_DEAD,
	FATE_DOUBT,   /* in doubt, the other side is asked at `due` */
	FATE_ASKED,   /* in doubt, a person decides */
	FATE_SKIPPED, /* in doubt, and the job says to skip */
	FATE_COUNT_
};

struct decision {
	enum decide_fate fate;
	int used; /* attempts charged now */
	int crashes;
	utime due; /* with FATE_RETRY and FATE_DOUBT */
};

/* True when a repeat at `due` would still be recognised by the other side (a tenth of key_valid is
 * kept as a margin), or when nothing is unclear. */
bool decide_key_lasts(const struct decide_policy *policy, utime unclear_since, utime due);

/* When the other side is first asked about what nothing acts on from `quiet_at` on. */
utime decide_doubt_due(const struct decide_policy *policy, utime quiet_at);

struct decision decide(const struct decide_policy *policy, const struct decide_attempt *attempt);

#endif
