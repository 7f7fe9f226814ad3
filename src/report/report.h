/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened in a run: gathered from the ledger, checked, and written as text, JSON or CSV.
 *
 * Promise: the sums hold or the report says that they do not (report_balances). What the job calls
 *          sensitive is masked. Memory is bounded: groups and examples, never all items.
 * Owner:   report_gather gives, report_free frees; all texts are in its arena.
 */
#ifndef STINT_REPORT_REPORT_H
#define STINT_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "report/amounts.h"
#include "report/cost.h"
#include "report/decided.h"
#include "report/ending.h"
#include "report/endpoint.h"
#include "report/mask.h"
#include "report/note.h"
#include "report/run.h"

struct buf;
struct err;
struct json_writer;
struct ledger;

enum {
	REPORT_ERRORS_MAX = 20,	 /* groups of failures that are shown */
	REPORT_EXAMPLES_MAX = 5, /* items named for each */
	REPORT_SLOW_MAX = 5,
	REPORT_REASONS_MAX = 20,   /* kinds of rejects */
	REPORT_BUCKETS_MAX = 1000, /* rows of a table */
};

/* Failures of one shape. */
struct report_error {
	const char *fingerprint;
	const char *err_class;
	const char *sample; /* the words of one of them */
	int64_t n;	    /* items */
	int64_t n_dead, n_in_doubt, n_retry;
	struct report_example {
		int64_t number;
		const char *key; /* masked where sensitive; NULL: not known */
	} examples[REPORT_EXAMPLES_MAX];
	size_t n_examples;
};

struct report_slow {
	int64_t number;
	const char *key;
	int64_t attempt;
	int64_t took_us;
	const char *outcome;
};

/* Records rejected for one reason. */
struct report_reason {
	const char *shape;  /* the reason without quoted parts and numbers */
	const char *reason; /* of the first */
	int64_t n;
	const char *path;
	int64_t line; /* the first */
};

/* A row of `--by`. */
struct report_bucket {
	const char *label;
	int64_t n; /* items, or attempts by hour and instance */
	int64_t done;
	int64_t failed;	 /* dead, in doubt, retry; by hour and instance: attempts that failed */
	int64_t took_us; /* mean of an attempt; -1 unknown */
};

/* id, word of --by, what a row is called */
#define REPORT_BYS(X)                                                                              \
	X(REPORT_BY_NONE, "", "")                                                                  \
	X(REPORT_BY_HOUR, "hour", "HOUR")                                                          \
	X(REPORT_BY_INSTANCE, "instance", "INSTANCE")                                              \
	X(REPORT_BY_POSITION, "position", "ITEMS")                                                 \
	X(REPORT_BY_ERROR, "error", "ERROR")                                                       \
	X(REPORT_BY_PERSON, "person", "PERSON")

enum report_by {
#define X(id, word, title) id,
	REPORT_BYS(X)
#undef X
		REPORT_BY_COUNT_
};

/* A step of a run, and how far it is. */
struct report_step {
	int64_t number;
	const char *name;
	const char *state; /* waiting, loading, open, done, done_with_failures */
	int64_t n_items, n_read, n_filtered, n_rejected, n_held_back;
	struct ledger_counts counts;
};

struct report {
	struct arena arena;
	struct report_run run;
	struct mask mask;
	struct ledger_txn *stats_txn; /* in which these are: */
	const struct ledger_stats *stats;
	const char *url; /* of the ledger */
	utime now;
	struct report_error errors[REPORT_ERRORS_MAX];
	size_t n_errors;
	int64_t n_more_errors; /* groups that are not shown */
	struct report_slow slow[REPORT_SLOW_MAX];
	size_t n_slow;
	struct report_reason reasons[REPORT_REASONS_MAX];
	size_t n_reasons;
	int64_t n_more_rejects;			    /* for reasons that are not shown */
	struct report_step steps[LEDGER_STEPS_MAX]; /* none where the job has none */
	size_t n_steps;
	struct decided decided;
	struct amounts amounts;
	struct cost_sheet cost;
	struct notes notes;
	struct endings endings;
	struct endpoints endpoints;
	enum report_by by;
	struct report_bucket *buckets;
	size_t n_buckets;
	bool has_more_buckets;
};

/* REPORT_NOT_FOUND when there is no such run. Gives. */
ST_MUST_CHECK int report_gather(struct ledger *ledger, int64_t run_id, enum report_by by, utime now,
				struct report **ret_report, struct err *err);
void report_free(struct report *r);
void report_auto(struct report **r);

/* Conservation: read = loaded + filtered + rejected + held back, and loaded = the sum over the
 * states; so for the declared totals. When not, `why` gets the sums. A run that is still loading is
 * looked at between two commits, so it holds too. */
bool report_balances(const struct report *r, struct buf *why);

/* How long it took, or has taken so far; and settled items a second, 0 when there is nothing to
 * say. */
int64_t report_elapsed_us(const struct report *r);
double report_rate(const struct report *r);

/* The steps of the run. Members of an object, and lines of the page. */
int report_steps_gather(struct ledger *ledger, struct report *r, struct err *err);
void report_steps_put_json(const struct report *r, struct json_writer *w);
void report_steps_put_text(const struct report *r, struct buf *out);

/* The page. */
void report_put_text(const struct report *r, struct buf *out);
/* Members of an object (docs/json.md, stint.report.1). */
void report_put_json(const struct report *r, struct json_writer *w);
/* The word of `--by`. */
const char *report_by_word(enum report_by by);

#endif
