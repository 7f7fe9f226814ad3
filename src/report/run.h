/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs as people see them: a row of the ledger with its counts and the state in their words.
 *
 * Owner: the caller's arena holds all texts.
 */
#ifndef STINT_REPORT_RUN_H
#define STINT_REPORT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "ledger/txn.h"

struct arena;
struct buf;
struct err;
struct json_writer;
struct ledger;

/* Where rejected records came from. */
enum report_rejects {
	REJECTS_OF_FILES, /* which --source takes the place of */
	REJECTS_OF_LOAD,  /* … that failed: the next call reads all of it again */
	REJECTS_AMONG,	  /* … of one step among others that do not read them */
	REJECTS_TOLD,	  /* rows, of a query that by on_done no longer finds what is done */
	REJECTS_BEHIND,	  /* … that begins behind the last one: cursor_from */
	REJECTS_ALL,	  /* … that finds them all again */
	REJECTS_OF_INBOX,
	REJECTS_OF_STEP, /* items of an earlier step */
	REJECTS_COUNT_
};

struct report_run {
	int64_t id;
	const char *name; /* JOB@SLOT[,NAME=VALUE…][#N] */
	const char *job;
	const char *slot;
	const char *date;
	const char *params; /* a JSON object */
	int64_t n;
	const char *state;  /* as users see it: starting … missed */
	const char *reason; /* "" none */
	bool is_open;	    /* loaded, and not over */
	bool is_over;	    /* nothing more happens to it by itself */
	utime started_at;
	utime ended_at; /* 0: it is not over */
	int64_t n_items, n_read, n_filtered, n_rejected, n_held_back;
	int64_t n_joined; /* instances that are at work on it and alive */
	int64_t n_gone;	  /* that died at work on it, which nobody has noticed yet */
	const char *job_path;
	const char *source_path;	 /* --source, "" none */
	const char *step;		 /* that it is at; NULL: its job has none */
	int64_t rejects[REJECTS_COUNT_]; /* n_rejected, by what may be done about them */
	struct ledger_counts counts;
};

enum report_condition { REPORT_NOT_FOUND = 1 };

/* The run with that number. REPORT_NOT_FOUND. */
ST_MUST_CHECK int report_run_load(struct ledger *ledger, int64_t id, struct arena *arena,
				  struct report_run *ret_run, struct err *err);
/* The number of a run by its name, or of the latest run of a job by that name. REPORT_NOT_FOUND. */
ST_MUST_CHECK int report_run_find(struct ledger *ledger, const char *name, int64_t *ret_id,
				  struct err *err);

/* Which runs, newest first. */
struct report_run_filter {
	const char *job;   /* NULL: all */
	utime since;	   /* started at or after; 0: ever */
	bool not_over;	   /* only those */
	bool needs_person; /* only those with items that are dead or in doubt, and a job's
			      latest with rejected records */
	int64_t above;	   /* numbers above this one; 0: all */
	int64_t below;	   /* numbers below this one; 0: all */
	int64_t max;	   /* how many */
};
/* Called for each; lent for the call. Anything but 0 ends it and is returned. */
typedef int (*report_run_fn)(void *arg, const struct report_run *run);
ST_MUST_CHECK int report_runs(struct ledger *ledger, const struct report_run_filter *filter,
			      report_run_fn fn, void *arg, struct err *err);

/* A copy whose texts are in the arena. */
struct report_run report_run_dup(const struct report_run *run, struct arena *arena);
/* How long it took, or has taken until `now`. */
int64_t report_run_took_us(const struct report_run *run, utime now);

/* Members of an object: what stint.runs.1 says of a run. */
void report_run_put_json(const struct report_run *run, struct json_writer *w);

#endif
