/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own life, on a ledger where instances beat: one beat every two seconds, beside all
 * transactions, and nothing begun when none has been acknowledged for six.
 *
 * Promise: the lease counts from when the acknowledged beat was *sent*: whoever watches us has seen
 *          it standing still for no longer than that. So we stop before we can be taken for dead.
 *          Lanes are told until when (world_ops.lease), since they may go on while we are stopped.
 */
#ifndef STINT_ENGINE_PULSE_H
#define STINT_ENGINE_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/world.h"
#include "ledger/txn.h"

struct pulse {
	bool is_on;	   /* this ledger has beats, and we have a number */
	bool is_out;	   /* a beat is under way */
	bool was_lapsed;   /* at the last look */
	bool said_lapse;   /* not the one before the first beat is acknowledged */
	int64_t next_at;   /* boot clock: the next is sent */
	int64_t sent_at;   /* the last was */
	int64_t leased_to; /* nothing is begun from then on */
	int64_t since;	   /* the last was acknowledged, or there was none to be */
	/* Another server has taken over, and not everybody who lives was seen there yet: what it
	 * has lost of their claims is not to be claimed. */
	bool awaits_others;
};

void pulse_begin(struct pulse *p, int64_t now);
/* Sends a beat when it is time. */
void pulse_turn(struct pulse *p, const struct world_ops *ops, void *world, int64_t inc,
		const uint8_t nonce[16]);
/* What became of it. */
void pulse_on_beat(struct pulse *p, const struct world_ops *ops, void *world,
		   enum ledger_status status);
/* May anything be begun? */
bool pulse_lets(const struct pulse *p, int64_t now);
/* Is our life acknowledged? */
bool pulse_is_leased(const struct pulse *p, int64_t now);
/* May nothing be claimed, resolved or finished? */
bool pulse_awaits(const struct pulse *p);
/* Nothing has been acknowledged for so long that nothing more is to be hoped for. */
bool pulse_gave_up(const struct pulse *p, int64_t now);
/* When pulse_turn, or somebody who says that we have lapsed, is wanted. */
int64_t pulse_deadline(const struct pulse *p);

#endif
