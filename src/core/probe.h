/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of an item in doubt after it was asked whether it took effect (verify). Pure.
 *
 * Rules (docs/effects.md, verify):
 *   yes         done.
 *   no          counts only when it was asked `settle` or more after nothing could act on the item
 *               any more, and twice in a row, the second time `settle` or more after the first:
 *               the other side may show what happened with a delay. Then it is tried again,
 *               uncharged (the attempt was charged already); dead where no attempts are left.
 *   cannot tell asked again, after the waits of `retry` and as often; then when_in_doubt decides.
 *               A "no" before it does not count any more.
 */
#ifndef STINT_CORE_PROBE_H
#define STINT_CORE_PROBE_H

#include <stdint.h>

#include "base/attr.h"
#include "core/decide.h"

enum probe_answer { PROBE_YES, PROBE_NO, PROBE_UNCLEAR };

struct probe_asked {
	enum probe_answer answer;
	utime asked_at;	   /* when it began to ask */
	utime quiet_until; /* nothing acts on the item since then */
	int nos;	   /* in a row, before this one */
	int unclear;	   /* answers, before this one */
	int used;	   /* attempts charged */
	int crashes;
	utime now;
	uint64_t random;
};

struct probe_decision {
	enum decide_fate fate; /* done; retry; dead; doubt: asked again at `due`; asked; skipped */
	int nos, unclear;
	utime due;
};

struct probe_decision probe_decide(const struct decide_policy *policy,
				   const struct probe_asked *asked);

#endif
