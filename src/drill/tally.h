/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of a scene, step by step: what the ledger says of the items against the effects that
 * the stand-ins noted, and whether the promises of the job's effects were kept.
 */
#ifndef STINT_DRILL_TALLY_H
#define STINT_DRILL_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "job/job.h"

struct err;

enum { TALLY_BROKEN_MAX = 256, TALLY_STAGE_MAX = 640, TALLY_WORDS_MAX = 256 };

/* Of one step; of a job without steps, of the job. */
struct tally_step {
	/* as the ledger has them */
	bool has_begun;
	bool is_loaded; /* its source was read to the end */
	int64_t items, done, skipped, retry, in_doubt, dead, open, rejected;
	char dead_error[TALLY_WORDS_MAX]; /* of one of them */
	/* as they took place */
	int64_t effects;  /* in all */
	int64_t touched;  /* idempotency keys with at least one */
	int64_t repeated; /* … with more than one */
	int64_t most;	  /* effects of one key */
};

struct tally {
	struct tally_step step[JOB_STEPS_MAX];
	char reason[TALLY_WORDS_MAX]; /* why the run failed or stopped, "" it did not */
	bool is_broken;		      /* a promise was not kept: */
	char broken[TALLY_BROKEN_MAX];
};

/* What was to be expected of a step. */
struct tally_wish_step {
	const char *name;	     /* NULL: the job has no steps */
	char stage[TALLY_STAGE_MAX]; /* where its stand-in noted effects */
	bool is_once; /* effect: once, and an item in doubt is not tried again by itself */
	enum job_go_on go_on_when;
	/* Of the scene in which nothing goes wrong; NULL: this is that one. */
	const struct tally_step *calm;
	bool is_of_step; /* takes the items of a step before it … */
	int all_of_step; /* … all of this one, from 1, that are done; 0: it leaves some out */
};

struct tally_wish {
	const char *stage; /* the ledger's */
	const struct tally_wish_step *step;
	size_t n_steps;
};

/* True when a step with that go_on_when must not begin behind this one. */
bool tally_holds_back(const struct tally_step *before, enum job_go_on go_on_when);

/* ERR_LEDGER and the like when the ledger cannot be read. */
ST_MUST_CHECK int tally_take(const struct tally_wish *wish, struct tally *ret_tally,
			     struct err *err);

#endif
