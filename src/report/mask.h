/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job calls sensitive, hidden from people: keys and persons that come from a sensitive
 * field.
 *
 * A masked value keeps its first character and a short digest, `a***-3f2a`, so that two of them can
 * be told apart and the same one is seen to come again.
 */
#ifndef STINT_REPORT_MASK_H
#define STINT_REPORT_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct err;
struct ledger;

struct mask {
	bool key;
	bool person;
};

/* What the job text (a normalised job file) says. A text that does not read hides everything. */
struct mask mask_of_job(const char *job_text);
/* What the job of a run says. */
ST_MUST_CHECK int mask_of_run(struct ledger *ledger, int64_t run_id, struct mask *ret_mask,
			      struct err *err);
/* The value as it may be shown: itself, or masked in the arena. NULL stays NULL. */
const char *mask_value(bool is_masked, const char *value, struct arena *arena);

#endif
