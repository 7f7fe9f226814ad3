/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that settle share. */
#ifndef STINT_ENGINE_SETTLE_INSIDE_H
#define STINT_ENGINE_SETTLE_INSIDE_H

#include "engine/run.h"

/* What is known about the end of an attempt, from a lane or about a lane. */
struct ending {
	enum outcome outcome;
	bool cancelled, lane_died, blamed;
	bool is_recorded; /* the attempt stands in the ledger already */
	utime quiet_at;	  /* something may still act on it until then; 0: nothing does */
	int64_t wait_us;  /* the other side asks for so much */
	utime began_at;
	int64_t took_us;
	const int64_t *timings_us; /* of its phases; NULL: not known */
	const char *err_class, *err, *key, *person;
	const void *output;
	size_t output_len;
	bool output_cut;
	const char *keep; /* NULL none */
	uint64_t request; /* what was sent; 0: nothing that is compared */
};

/* The ticket's item comes to this end; the ticket is gone. */
void settle_ticket(struct run *r, struct ticket *t, const struct ending *e);
/* An answer came for something that was sent: it is no longer under way, and not durable yet. */
void ticket_back(struct run *r, struct lane *lane);
/* A unit whose lane died: not begun, it is as it was; begun, all of it is suspect. */
void settle_lost_bulk(struct run *r, struct ticket *t, bool begun);

#endif
