/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of items whose records still lie in their file: the ledger has only the place, the key
 * is read from there.
 *
 * Promise: one chunk is open at a time. A source that is gone or changed gives no keys, and why; it
 *          is no failure: the item is still known by its number.
 * Owner:   source_keys_init fills, source_keys_done frees. Lends the ledger.
 */
#ifndef STINT_CLI_SOURCE_KEYS_H
#define STINT_CLI_SOURCE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct body;
struct job;
struct ledger;

struct source_keys {
	struct ledger *ledger;
	int64_t run_id; /* of what is open, 0 none */
	struct job *job;
	struct buf bytes; /* the body of the chunk that is open */
	struct body *body;
	int step; /* of that chunk */
	int64_t first_item;
	int64_t n;
	struct buf key;
	struct err trouble; /* why keys are missing, code 0: nothing */
};

void source_keys_init(struct source_keys *keys, struct ledger *ledger);
void source_keys_done(struct source_keys *keys);
void source_keys_auto(struct source_keys *keys);

/* The key of an item, lent until the next call; NULL when it cannot be known. ERR of the ledger
 * only. */
ST_MUST_CHECK int source_keys_get(struct source_keys *keys, int64_t run_id, int64_t number,
				  const char **ret_key, struct err *err);
/* The number of the item with that key in the run; SOURCE_KEYS_NOT_FOUND, and `keys->trouble` when
 * parts of the source could not be looked at. */
enum source_keys_condition { SOURCE_KEYS_NOT_FOUND = 1 };
ST_MUST_CHECK int source_keys_find(struct source_keys *keys, int64_t run_id, const char *key,
				   int64_t *ret_number, struct err *err);

#endif
