/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lane would send for an item, told instead of sent: the record read, transformed and filled
 * in by the lanes' own code.
 *
 * Promise: nothing is sent. Fields that are declared sensitive, and secrets, are `***`; no secret
 *          is read. One chunk is open at a time.
 */
#ifndef STINT_LANE_RETELL_H
#define STINT_LANE_RETELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/hash.h"
#include "frame/frame.h"
#include "work/sent.h"

struct err;
struct retell;

/* Of a run, as its lanes are told of it. ERR_CONFIG. Gives. */
ST_MUST_CHECK int retell_new(const struct frame_hello *hello, struct retell **ret_retell,
			     struct err *err);
/* NULL is allowed. */
void retell_free(struct retell *retell);

/* Opens a chunk in place of the one before; nothing happens when it is open. Fails when it cannot
 * be read, or its source is not what was loaded. */
ST_MUST_CHECK int retell_open(struct retell *retell, const struct frame_chunk *chunk,
			      struct err *err);

struct retold {
	struct work_sent sent; /* ended by work_sent_done, also after a failure */
	char idempotency_key[ITEM_KEY_CHARS + 1];
	bool is_masked;	    /* something is not as it was sent */
	const char *person; /* for whom the item is, as it stands there; NULL nobody */
};
/* An item of the open chunk. `hides_key`: what names it is sensitive. */
ST_MUST_CHECK int retell_item(struct retell *retell, int64_t number, int32_t redo, bool hides_key,
			      struct retold *ret_retold, struct err *err);

#endif
