/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a scene: starts the real program on the copy of the job, does from outside what the scene
 * asks for, and starts it again as cron would, until the run is over.
 *
 * Promise: every wait has an end; nothing that it started is left behind.
 */
#ifndef STINT_DRILL_PLAY_H
#define STINT_DRILL_PLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "drill/scene.h"

struct err;

enum { PLAY_STARTS_MAX = 8 };

struct play {
	const char *program;	/* this executable */
	const char *stage;	/* a directory that exists */
	const char *deed_stage; /* likewise: that of the step where the deed falls */
	const char *job;	/* the copy, a file */
	const char *const *params;
	size_t n_params;
	bool has_source;
	enum scene_id scene;
	/* what comes of it */
	int starts;   /* how often the job was started, a second engine beside it left out */
	int status;   /* the last one's exit status */
	bool is_over; /* the run is: finished, or failed */
};

/* The ledger of a stage, as an URL. */
void play_ledger_url(const char *stage, char *out, size_t size);
/* ERR_TEMP when a start does not end in time (it is killed), and what a start can fail with. */
ST_MUST_CHECK int play_scene(struct play *play, struct err *err);

#endif
