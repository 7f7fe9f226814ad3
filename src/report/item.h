/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items as people see them, page by page.
 *
 * Promise: memory is bounded: a page is read, given out and forgotten; no read transaction is held
 *          while the caller writes. Keys that the ledger does not have are NULL here.
 */
#ifndef STINT_REPORT_ITEM_H
#define STINT_REPORT_ITEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct json_writer;
struct ledger;

/* The states of items as users see them. */
#define ITEM_STATES(X)                                                                             \
	X(ITEM_WAITING, "waiting")                                                                 \
	X(ITEM_RUNNING, "running")                                                                 \
	X(ITEM_DONE, "done")                                                                       \
	X(ITEM_SKIPPED, "skipped")                                                                 \
	X(ITEM_RETRY, "retry")                                                                     \
	X(ITEM_IN_DOUBT, "in_doubt")                                                               \
	X(ITEM_DEAD, "dead")

enum item_state {
#define X(id, name) id,
	ITEM_STATES(X)
#undef X
		ITEM_STATE_COUNT_
};

const char *item_state_name(enum item_state state);

struct report_item {
	int64_t run_id;
	int64_t number;
	const char *key; /* NULL: not in the ledger */
	const char *state;
	const char *person; /* NULL none */
	int64_t attempts;   /* charged */
	const char *err_class;
	const char *err;
	const char *fingerprint;
	const char *doubt;	/* of what is in doubt: waiting, verifying, asked; NULL */
	utime next_at;		/* retry, and to be verified: not before; 0 none */
	utime first_started_at; /* 0: not recorded */
	int64_t instance;	/* that holds it, 0 none */
	const char *keep;	/* what was kept of the answer: a JSON object, "" none */
	const char *step;	/* NULL: its job has none */
};

struct report_item_filter {
	int64_t run_id;
	unsigned states; /* set of 1 << enum item_state; 0: all */
	const char *person;
	const char *fingerprint;
	int64_t number; /* this one only; -1: all */
};

/* Writes the member `keep`: the object, null for "". */
void report_put_keep(struct json_writer *w, const char *keep);

/* Called for each, by number; texts lent for the call. Anything but 0 ends it and is returned. */
typedef int (*report_item_fn)(void *arg, const struct report_item *item);
ST_MUST_CHECK int report_items(struct ledger *ledger, const struct report_item_filter *filter,
			       report_item_fn fn, void *arg, struct err *err);

#endif
