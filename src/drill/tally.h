/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of a scene: what the ledger says of the items against the effects that the stand-in
 * noted, and whether the promise of the job's effect was kept.
 */
#ifndef STINT_DRILL_TALLY_H
#define STINT_DRILL_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

enum { TALLY_BROKEN_MAX = 256 };

struct tally {
	/* as the ledger has them */
	int64_t items, done, skipped, retry, in_doubt, dead, open;
	/* as they took place */
	int64_t effects;  /* in all */
	int64_t touched;  /* idempotency keys with at least one */
	int64_t repeated; /* … with more than one */
	int64_t most;	  /* effects of one key */
	bool is_broken;	  /* a promise was not kept: */
	char broken[TALLY_BROKEN_MAX];
};

struct tally_wish {
	const char *stage;
	bool is_once;  /* effect: once, and an item in doubt is not tried again by itself */
	int64_t items; /* as many as there must be; 0: not known */
};

/* ERR_LEDGER and the like when the ledger cannot be read. */
ST_MUST_CHECK int tally_take(const struct tally_wish *wish, struct tally *ret_tally,
			     struct err *err);

#endif
