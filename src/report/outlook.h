/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be expected of a job's next runs, from those that have finished: how many items, how
 * long they take, when that is too long for the window, what it costs. How it is computed is told
 * in docs/reports.md.
 *
 * Promise: nothing is said that the runs do not carry: no deviation from one run, no growth from
 *          fewer than four. One run that was unlike the others changes little.
 */
#ifndef STINT_REPORT_OUTLOOK_H
#define STINT_REPORT_OUTLOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "report/cost.h"

struct buf;
struct err;
struct job;
struct json_writer;
struct ledger;

enum { OUTLOOK_RUNS_MAX = 50, OUTLOOK_LIMITS = 3 };

/* A run that finished, with items. */
struct outlook_run {
	utime started_at;
	int64_t items, done;
	int64_t took_us; /* at work on it */
	int64_t attempts, again;
};

/* A limit of the window. */
struct outlook_limit {
	const char *name; /* window.max, … */
	int64_t us;
	int64_t items;	   /* as many as fit by the mean; -1: any number */
	utime outgrown_at; /* by the mean; UTIME_NEVER: not within ten years */
	utime may_be_at;   /* by three deviations */
};

struct outlook {
	const char *job;
	size_t n_runs;
	utime from, to; /* the first and the last of them began then */
	int64_t items;	/* that are reckoned with */
	bool items_given;
	bool grows;		 /* the growth is known */
	double per_day;		 /* items more */
	int64_t took_us;	 /* by the mean … */
	int64_t low_us, high_us; /* … and three deviations from it; the same with one run */
	int64_t item_us;
	struct outlook_limit limits[OUTLOOK_LIMITS];
	size_t n_limits;
	struct cost_sheet cost;
};

/* The newest first; gives how many there were. */
ST_MUST_CHECK int outlook_load(struct ledger *ledger, const char *job_name,
			       struct outlook_run runs[OUTLOOK_RUNS_MAX], size_t *ret_n,
			       struct err *err);
/* `items` 0: as many as the next run is likely to have. n is at least 1. */
struct outlook_input {
	const struct job *job;
	const struct outlook_run *runs;
	size_t n;
	int64_t items;
	utime now;
};
ST_MUST_CHECK int outlook_compute(const struct outlook_input *in, struct outlook *ret_outlook,
				  struct err *err);

void outlook_put_text(const struct outlook *o, struct buf *out);
/* Members of an object (docs/json.md, stint.forecast.1). */
void outlook_put_json(const struct outlook *o, struct json_writer *w);

#endif
