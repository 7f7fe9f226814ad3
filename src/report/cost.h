/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run cost by its job's `cost`, and what has to be carried until its value arrives. How each
 * figure is computed is told in docs/reports.md.
 *
 * Promise: sums of money are exact decimals; only time is rounded, to a billionth. Deviations are
 *          estimates and binary.
 */
#ifndef STINT_REPORT_COST_H
#define STINT_REPORT_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/decimal.h"
#include "ledger/stats.h"

struct arena;
struct buf;
struct err;
struct job_cost;
struct json_writer;
struct ledger;
struct report_run;

struct cost_sheet {
	bool is_given;	 /* the job has a `cost` */
	bool is_planned; /* of a run to come: what only a run can tell is not there */
	const char *currency;
	int64_t worked_us, first, again, over_quota; /* what is paid for … */
	struct decimal time_cost, first_cost, again_cost, quota_cost, total; /* … and how much */
	/* of an item; 0 when none was tried */
	struct decimal mean;
	double deviation, low, high; /* three deviations around the mean */
	/* of it, what brought nothing; a retry that failed is in both */
	int64_t failed, failed_us, resultless;
	struct decimal failed_cost;	/* the time of failed attempts */
	struct decimal resultless_cost; /* first attempts at items that are not done */
	int64_t again_us;
	struct decimal again_all_cost; /* further attempts with their time */
	/* when it is earned, and when owed */
	bool has_value;
	int64_t period_us, value_after_us, runs; /* runs that began in the last period */
	int64_t bills;				 /* periods that end before the first value comes */
	struct decimal value, period_cost, period_value, carried;
};

/* What is asked of the ledger: the job as the run began with it, and how often it runs. */
ST_MUST_CHECK int cost_gather(struct ledger *ledger, const struct report_run *run,
			      const struct ledger_stats *stats, struct arena *arena,
			      struct cost_sheet *ret_sheet, struct err *err);
/* The same without a ledger. ERR_DATA when an amount is too large. */
struct cost_work {
	const struct ledger_stats *stats;
	int64_t done; /* items */
	int64_t runs; /* that began in the last billing period, this one too */
};
ST_MUST_CHECK int cost_compute(const struct job_cost *cost, const struct cost_work *work,
			       struct cost_sheet *ret_sheet, struct err *err);
/* The billing period; a day where it is paid at once. */
int64_t cost_period_us(const struct job_cost *cost);

/* Two digits behind the point at least, six at most. */
void cost_put_amount(struct buf *out, const struct decimal *amount);
void cost_put_text(const struct cost_sheet *sheet, const char *title, struct buf *out);
/* The member "cost" of an object; null where the job has none. */
void cost_put_json(const struct cost_sheet *sheet, struct json_writer *w);

#endif
