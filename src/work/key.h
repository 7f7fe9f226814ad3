/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The idempotency key of an item (docs/effects.md): what another side may use to notice that it has
 * had this one already. The same for every attempt; only a person's "do it again" (redo) makes a
 * new one.
 *
 *     base32(SHA-256("stint1" ‖ ledger ‖ run ‖ item ‖ effect ‖ redo)), 32 characters
 *
 * with the ledger's UUID as 16 bytes, run and item as u64, effect (0; in a later step of a job, how
 * many are before it) and redo as u32, all big-endian. With `unique: job` or `within` the key
 * leaves the run out: there stand, in place of run and item, the job's name and the item's key,
 * each with its length (u32) in front.
 *
 * Other systems store these keys: what is computed here can never change.
 * tests/unit/work/test_key.c has fixed values.
 */
#ifndef STINT_WORK_KEY_H
#define STINT_WORK_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct work_key {
	const uint8_t *ledger_uuid; /* 16 bytes */
	const char *job;	    /* with `unique: job` or `within`; else NULL */
	const char *key;	    /* likewise */
	size_t key_len;
	int64_t run_id; /* where job is NULL */
	int64_t item;	/* likewise */
	uint32_t effect;
	int32_t redo;
};

void work_key_format(const struct work_key *k, char out[ITEM_KEY_CHARS + 1]);

#endif
