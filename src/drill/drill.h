/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drill: what a kill, a lost answer, a full disk would do to the items of a job, played with the
 * real program on a harmless copy (copy.h), scene after scene, each with a ledger of its own.
 *
 * Promise: nothing of the job's effect takes place, its ledger is not touched, its source is only
 *          read. What it makes lies in one directory, which is removed, unless a promise was
 *          broken; also when INT, TERM or HUP ends it, as are the processes that it started.
 */
#ifndef STINT_DRILL_DRILL_H
#define STINT_DRILL_DRILL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "drill/scene.h"
#include "drill/tally.h"
#include "job/job.h"

struct err;

struct drill_scene {
	enum scene_id scene;
	int deed_step; /* where the deed fell, from 1; 0: nowhere, or before any step */
	int starts;
	int status; /* exit status of the last start, -N: signal N */
	struct tally tally;
};

struct drill_wish {
	const struct job *job;	   /* its first step */
	const char *const *params; /* NAME=VALUE */
	size_t n_params;
	int deed_step; /* where the deed is to fall, from 1; 0: where it matters most */
	/* Lent for the call. The first scene is SCENE_CALM. */
	void (*on_scene)(void *arg, const struct drill_scene *played);
	void *arg;
};

struct drill_end {
	/* By step: items of our own, since its source was not there or is not one that a drill
	 * reads; of one that takes the items of such a step, or whose filter or transform cannot
	 * work with what is made up: no filter and no transform. */
	bool is_plain[JOB_STEPS_MAX];
	/* By step: why its source could not be read; "" nobody tried, or it was empty. */
	char why[JOB_STEPS_MAX][TALLY_WORDS_MAX];
	int n_broken;
	char directory[256]; /* kept for whoever looks into it; "" removed */
};

/* ERR_CONFIG and others with the program's own words when even the calm scene cannot be played;
 * ERR_USAGE when the step that was asked for has no items even then. */
ST_MUST_CHECK int drill_play(const struct drill_wish *wish, struct drill_end *ret_end,
			     struct err *err);

#endif
