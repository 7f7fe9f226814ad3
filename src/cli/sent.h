/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was sent for an item, made again from its record by the lanes' own code, for a person who
 * has to find out what became of it.
 *
 * Promise: what the job calls sensitive, and its secrets, are `***`. A source that is gone or has
 *          changed is no failure: then it is said why nothing can be shown. One chunk is open at a
 *          time.
 * Owner:   sent_init fills, sent_done frees. Lends the ledger.
 */
#ifndef STINT_CLI_SENT_H
#define STINT_CLI_SENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "report/mask.h"

struct json_writer;
struct ledger;
struct retell;

struct sent {
	struct ledger *ledger;
	int64_t run_id;
	int64_t step;	       /* of what is open, 0 none */
	struct retell *retell; /* NULL: `run_trouble` says why */
	struct err run_trouble;
	struct mask mask; /* what comes from a sensitive field */
	/* of the item asked for last */
	char idempotency_key[ITEM_KEY_CHARS + 1];
	struct buf person;		   /* for whom it is, as it may be shown; "" nobody */
	struct buf what;		   /* a command as a shell takes it; a method and a URL */
	struct buf body;		   /* the beginning of the input or the request's body */
	int64_t body_bytes;		   /* of all of it */
	char digest[2 * SHA256_BYTES + 1]; /* of the body; "" where something is masked in it */
	struct err trouble;		   /* why there is nothing to show; code 0: there is */
};

void sent_init(struct sent *sent, struct ledger *ledger);
void sent_done(struct sent *sent);

/* Fills what there is to know of an item. ERR of the ledger only. */
ST_MUST_CHECK int sent_get(struct sent *sent, int64_t run_id, int64_t number, struct err *err);
/* Lines for people, each behind `indent`. */
void sent_put_text(const struct sent *sent, const char *indent, struct buf *out);
/* The member "sent" of an object (docs/json.md). */
void sent_put_json(const struct sent *sent, struct json_writer *w);

#endif
