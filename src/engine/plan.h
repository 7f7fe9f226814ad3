/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which runs a call of `run` works, and in what order. Pure.
 *
 * Unfinished runs of the job first, oldest first, then the run of the present slot unless it is
 * over. With once_per: start a call resumes what is unfinished or begins something new, never both.
 */
#ifndef STINT_ENGINE_PLAN_H
#define STINT_ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/txn.h"

struct job;
struct session_spec;

enum plan_verdict {
	PLAN_WORK,	   /* the listed runs, and a new one when `creates` */
	PLAN_ALREADY_OVER, /* nothing unfinished, and the present slot's run is over */
	PLAN_OLDER_IS_ON,  /* an older run is on elsewhere: overlap: skip */
	PLAN_COUNT_
};

enum { PLAN_RUNS_MAX = 1000 };

struct plan {
	enum plan_verdict verdict;
	int64_t *runs; /* ids, in order; in the caller's arena */
	size_t n_runs;
	int64_t *abandons; /* carry_over: abandon */
	size_t n_abandons;
	bool creates;
	int64_t new_n;			   /* the #N of the new run, from 1 */
	const struct ledger_run_row *over; /* the present slot's run when it is over, else NULL */
	const struct ledger_run_row *on_elsewhere;
};

struct plan plan_runs(const struct session_spec *spec, const struct lop_run_list *list,
		      struct arena *a);

/* The key of a run: slot / digest of the identifying parameters / n; `base` without the n. */
void plan_due_base(const struct session_spec *spec, char *out, size_t size);
/* JOB@SLOT[,NAME=VALUE…][#N] */
void plan_run_name(const struct session_spec *spec, const char *job, int64_t n, char *out,
		   size_t size);

#endif
