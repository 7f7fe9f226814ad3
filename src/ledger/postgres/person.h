/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person's verb on one item: shared by person.c and request.c.
 *
 * The caller has locked what it may change, with pl_act_lock.
 */
#ifndef STINT_LEDGER_POSTGRES_PERSON_H
#define STINT_LEDGER_POSTGRES_PERSON_H

#include "ledger/postgres/postgres.h"

struct pl_act {
	enum person_verb verb;
	int64_t run_id;
	int64_t item;
	const char *who;
	const char *why;
	int64_t now_ms;
	bool dry_run;
};

/* Locks the chunks and loose rows of these items and then the run, so that nobody claims, settles
 * or finishes beside us. */
int pl_act_lock(struct pl *q, int64_t run_id, const int64_t *items, size_t n);
/* An enum rule_person_effect, or PL_FAILED. */
int pl_act(struct pl *q, struct arena *a, const struct pl_act *act);
/* Leaves a request for the instance `inc` (0: for whoever holds the item). Queued. */
int pl_request_add(struct pl *q, const struct ledger_request_row *row, int64_t inc, int64_t now_ms);

#endif
