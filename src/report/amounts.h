/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declared totals in a report: the exact sums of fields by what became of the records.
 *
 * Promise: read in one statement, so that it holds while a run is worked, too. Rejects whose
 *          amounts could not be read are counted, not guessed.
 */
#ifndef STINT_REPORT_AMOUNTS_H
#define STINT_REPORT_AMOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/decimal.h"

struct arena;
struct buf;
struct err;
struct json_writer;
struct ledger;

enum { AMOUNTS_FIELDS_MAX = 16 };

/* id, name in JSON, name on the page. Up to AMOUNTS_OPEN these are of items by state and add up to
 * what was loaded; open is waiting and running. */
#define AMOUNTS_ROWS(X)                                                                            \
	X(AMOUNTS_DONE, "done", "done")                                                            \
	X(AMOUNTS_SKIPPED, "skipped", "skipped")                                                   \
	X(AMOUNTS_RETRY, "retry", "retry")                                                         \
	X(AMOUNTS_IN_DOUBT, "in_doubt", "in doubt")                                                \
	X(AMOUNTS_DEAD, "dead", "dead")                                                            \
	X(AMOUNTS_OPEN, "open", "waiting or running")                                              \
	X(AMOUNTS_LOADED, "loaded", "loaded")                                                      \
	X(AMOUNTS_FILTERED, "filtered", "filtered")                                                \
	X(AMOUNTS_REJECTED, "rejected", "rejected")                                                \
	X(AMOUNTS_HELD_BACK, "held_back", "held back")

enum amounts_row {
#define X(id, name, text) id,
	AMOUNTS_ROWS(X)
#undef X
		AMOUNTS_ROW_COUNT_
};

struct amounts {
	size_t n; /* fields; 0: the job declares no totals */
	const char *fields[AMOUNTS_FIELDS_MAX];
	struct decimal of[AMOUNTS_ROW_COUNT_][AMOUNTS_FIELDS_MAX];
	int64_t n_unread; /* rejects */
};

/* ERR_LEDGER when what is stored cannot be read. */
ST_MUST_CHECK int amounts_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
				 struct amounts *ret_amounts, struct err *err);
/* What the items' states add up to is what was loaded; else `why` gets the sums. */
bool amounts_balance(const struct amounts *a, struct buf *why);
void amounts_put_text(const struct amounts *a, struct buf *out);
/* The member "totals" of an object; nothing where none are declared. */
void amounts_put_json(const struct amounts *a, struct json_writer *w);

#endif
