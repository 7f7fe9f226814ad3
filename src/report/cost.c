/* SPDX-License-Identifier: Apache-2.0 */
#include "report/cost.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/latency.h"
#include "report/moment.h"
#include "report/run.h"

enum { EXACT_SCALE = 9, SHOWN_SCALE = 6, SHOWN_MIN = 2, SIGMAS = 3, NUMBER_MAX = 64 };

/* ---- arithmetic ---- */

/* Remembers the first failure, so that a sum is written as a sum. */
struct sums {
	struct err *err;
	int rc;
};

static struct decimal times(struct sums *s, const struct decimal *amount, int64_t n)
{
	struct decimal factor = decimal_from_int(n);
	struct decimal product = {0};

	if (s->rc == 0)
		s->rc = decimal_multiply(amount, &factor, &product, s->err);
	return product;
}

static struct decimal plus(struct sums *s, const struct decimal *a, const struct decimal *b)
{
	struct decimal sum = {0};

	if (s->rc == 0)
		s->rc = decimal_add(a, b, &sum, s->err);
	return sum;
}

static struct decimal over(struct sums *s, const struct decimal *amount, int64_t n)
{
	struct decimal divisor = decimal_from_int(n);
	struct decimal quotient = {0};

	if (s->rc == 0)
		s->rc = decimal_divide(amount, &divisor, EXACT_SCALE, &quotient, s->err);
	return quotient;
}

static struct decimal price_of_time(struct sums *s, const struct job_cost *cost, int64_t us)
{
	struct decimal hours = times(s, &cost->per_hour, us);

	return over(s, &hours, US_PER_HOUR);
}

static double as_double(const struct decimal *d)
{
	static const double word = 18446744073709551616.0; /* 2^64 */
	double value = ((double)d->high * word + (double)d->low) / pow(10, d->scale);

	return d->negative ? -value : value;
}

/* The part of the instances' time that went into attempts of these microseconds. */
static int64_t share_of_time(const struct ledger_effort *e, int64_t us)
{
	if (e->took_us <= 0)
		return 0;
	return (int64_t)((double)e->worked_us * ((double)us / (double)e->took_us));
}

/* ---- the sheet ---- */

/* An item costs per_item + per_retry (k - 1) + price of its time: the variance of that sum, from
 * how often items were tried (k), how long they took, and how these go together. */
static void fill_deviation(const struct job_cost *cost, const struct ledger_stats *stats,
			   struct cost_sheet *sheet)
{
	const struct ledger_effort *e = &stats->effort;
	struct histogram spent = {0};
	double retry = as_double(&cost->per_retry);

	latency_put_items(stats, &spent);
	if (e->items == 0 || spent.count == 0 || e->took_us <= 0)
		return;
	double hour = as_double(&cost->per_hour) / (double)US_PER_HOUR * (double)e->worked_us /
		      (double)e->took_us;
	double n = (double)e->items;
	double tries = (double)e->tries / n;
	double of_tries = (double)e->tries_squares / n - tries * tries;
	double of_time = histogram_deviation_us(&spent) * histogram_deviation_us(&spent);
	double together = (double)e->tries_us / n - tries * histogram_mean_us(&spent);
	double variance = retry * retry * of_tries + hour * hour * of_time +
			  2 * retry * hour * together;
	double mean = as_double(&sheet->mean);
	sheet->deviation = variance <= 0 ? 0 : sqrt(variance);
	sheet->low = fmax(0, mean - SIGMAS * sheet->deviation);
	sheet->high = mean + SIGMAS * sheet->deviation;
}

static void fill_waste(struct sums *s, const struct job_cost *cost, const struct cost_work *work,
		       struct cost_sheet *sheet)
{
	const struct ledger_effort *e = &work->stats->effort;

	sheet->failed = e->failed;
	sheet->failed_us = e->failed_us;
	sheet->failed_cost = price_of_time(s, cost, share_of_time(e, e->failed_us));
	sheet->resultless = sheet->first > work->done ? sheet->first - work->done : 0;
	sheet->resultless_cost = times(s, &cost->per_item, sheet->resultless);
	sheet->again_us = e->again_us;
	struct decimal time = price_of_time(s, cost, share_of_time(e, e->again_us));
	sheet->again_all_cost = plus(s, &sheet->again_cost, &time);
}

int64_t cost_period_us(const struct job_cost *cost)
{
	return cost->billed_every_us > 0 ? cost->billed_every_us : US_PER_DAY;
}

/* With each period it costs and brings the same, bills that come before the first value does have
 * to be paid from elsewhere: that many periods' cost. */
static void fill_carry(struct sums *s, const struct job_cost *cost, const struct cost_work *work,
		       struct cost_sheet *sheet)
{
	const struct decimal nothing = {0};

	sheet->has_value = decimal_compare(&cost->value_per_item, &nothing) > 0;
	sheet->period_us = cost_period_us(cost);
	sheet->value_after_us = cost->value_after_us;
	sheet->runs = work->runs;
	sheet->bills = cost->value_after_us / sheet->period_us;
	sheet->value = times(s, &cost->value_per_item, work->done);
	sheet->period_cost = times(s, &sheet->total, work->runs);
	sheet->period_value = times(s, &sheet->value, work->runs);
	sheet->carried = times(s, &sheet->period_cost, sheet->bills);
}

int cost_compute(const struct job_cost *cost, const struct cost_work *work,
		 struct cost_sheet *ret_sheet, struct err *err)
{
	const struct ledger_effort *e = &work->stats->effort;
	struct sums s = {.err = err};
	struct cost_sheet sheet = {.is_given = true,
				   .currency = cost->currency == NULL ? "" : cost->currency,
				   .worked_us = e->worked_us,
				   .first = e->done + e->failed - e->again,
				   .again = e->again,
				   .over_quota = e->over_quota};

	sheet.time_cost = price_of_time(&s, cost, sheet.worked_us);
	sheet.first_cost = times(&s, &cost->per_item, sheet.first);
	sheet.again_cost = times(&s, &cost->per_retry, sheet.again);
	sheet.quota_cost = times(&s, &cost->over_quota, sheet.over_quota);
	sheet.total = plus(&s, &sheet.time_cost, &sheet.first_cost);
	sheet.total = plus(&s, &sheet.total, &sheet.again_cost);
	sheet.total = plus(&s, &sheet.total, &sheet.quota_cost);
	if (sheet.first > 0)
		sheet.mean = over(&s, &sheet.total, sheet.first);
	fill_waste(&s, cost, work, &sheet);
	fill_carry(&s, cost, work, &sheet);
	if (s.rc < 0) {
		err_add(err, "what it cost: ");
		return s.rc;
	}
	fill_deviation(cost, work->stats, &sheet);
	*ret_sheet = sheet;
	return 0;
}

/* ---- from the ledger ---- */

static int on_number(void *arg, const struct ledger_row *row)
{
	int64_t *number = arg;

	*number = ledger_row_int(row, 0);
	return 0;
}

static int count_runs(struct ledger *ledger, const struct report_run *run, int64_t period_us,
		      int64_t *ret_runs, struct err *err)
{
	static const char sql[] = "SELECT count(*) FROM run WHERE job = ?1 AND run_id <= ?2"
				  " AND started > ?3";
	char since[MOMENT_TEXT_MAX] = {0};
	struct ledger_param params[] = {
		{.type = LEDGER_TEXT, .text = run->job},
		{.type = LEDGER_INT, .number = run->id},
		{.type = LEDGER_TEXT, .text = since},
	};

	moment_format(run->started_at - period_us, since);
	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_number, ret_runs, err);
}

struct job_text {
	struct arena *arena;
	const char *text;
};

static int on_job_text(void *arg, const struct ledger_row *row)
{
	struct job_text *job = arg;

	job->text = arena_str(job->arena, ledger_row_text(row, 0, NULL));
	return 0;
}

/* lint: allow parameters: what a report is gathered from */
int cost_gather(struct ledger *ledger, const struct report_run *run,
		const struct ledger_stats *stats, struct arena *arena, struct cost_sheet *ret_sheet,
		struct err *err)
{
	static const char sql[] = "SELECT job_text FROM run_text WHERE run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run->id};
	struct job_text text = {.arena = arena};
	AUTO(job) struct job *job = NULL;
	struct err ignored = ERR_INIT;
	struct cost_work work = {.stats = stats, .done = run->counts.done, .runs = 1};

	assert(ledger != NULL && run != NULL && stats != NULL && ret_sheet != NULL);
	*ret_sheet = (struct cost_sheet){0};
	int rc = ledger_select(ledger, sql, &param, 1, on_job_text, &text, err);
	if (rc < 0)
		return rc;
	if (text.text == NULL || job_parse(text.text, strlen(text.text), "the run's job", "/", NULL,
					   NULL, &job, &ignored) < 0)
		return 0;
	if (!job->cost.is_given)
		return 0;
	rc = count_runs(ledger, run, cost_period_us(&job->cost), &work.runs, err);
	if (rc == 0)
		rc = cost_compute(&job->cost, &work, ret_sheet, err);
	if (rc == 0)
		ret_sheet->currency = arena_str(arena, ret_sheet->currency);
	return rc;
}

/* ---- for people ---- */

void cost_put_amount(struct buf *out, const struct decimal *amount)
{
	AUTO(buf) struct buf text = BUF_INIT(NUMBER_MAX);
	struct decimal shown = *amount;
	struct err ignored = ERR_INIT;

	if (decimal_round(amount, SHOWN_SCALE, &shown, &ignored) < 0)
		shown = *amount; /* too large for more digits: as it is */
	decimal_format(&shown, &text);
	size_t len = text.len;
	for (int i = shown.scale; i > SHOWN_MIN && text.data[len - 1] == '0'; i--)
		len--;
	buf_put(out, text.data, len);
}

static void put_money(struct buf *out, const struct cost_sheet *sheet, const struct decimal *amount)
{
	cost_put_amount(out, amount);
	if (sheet->currency[0] == '\0')
		return;
	buf_putc(out, ' ');
	text_put_printable(out, sheet->currency, strlen(sheet->currency), NUMBER_MAX);
}

static void put_line(struct buf *out, const char *what, const char *how_much,
		     const struct decimal *amount)
{
	AUTO(buf) struct buf money = BUF_INIT(NUMBER_MAX);

	cost_put_amount(&money, amount);
	buf_printf(out, "  %-18s%16s%18s\n", what, how_much, buf_str(&money));
}

static void put_count_line(struct buf *out, const char *what, int64_t n,
			   const struct decimal *amount)
{
	AUTO(buf) struct buf text = BUF_INIT(NUMBER_MAX);

	text_put_count(&text, n);
	put_line(out, what, buf_str(&text), amount);
}

static void put_parts(const struct cost_sheet *s, struct buf *out)
{
	AUTO(buf) struct buf span = BUF_INIT(NUMBER_MAX);

	text_put_short_span(&span, s->worked_us);
	put_line(out, "time at work", buf_str(&span), &s->time_cost);
	put_count_line(out, "first attempts", s->first, &s->first_cost);
	put_count_line(out, "further attempts", s->again, &s->again_cost);
	if (s->over_quota > 0)
		put_count_line(out, "beyond the quota", s->over_quota, &s->quota_cost);
	put_line(out, "together", "", &s->total);
}

static void put_item(const struct cost_sheet *s, struct buf *out)
{
	if (s->first == 0)
		return;
	buf_puts(out, "  an item costs ");
	put_money(out, s, &s->mean);
	if (s->is_planned) {
		buf_putc(out, '\n');
		return;
	}
	buf_printf(out, " on average, with a deviation of %.6g; by three of these, %.6g to %.6g\n",
		   s->deviation, s->low, s->high);
}

static void put_waste(const struct cost_sheet *s, struct buf *out)
{
	if (s->failed > 0) {
		buf_puts(out, "  of it, ");
		text_put_count(out, s->failed);
		buf_puts(out, " failed attempts: ");
		text_put_short_span(out, s->failed_us);
		buf_puts(out, " of work, ");
		put_money(out, s, &s->failed_cost);
		buf_puts(out, " of time at work");
		if (s->resultless > 0) {
			buf_puts(out, "; ");
			put_money(out, s, &s->resultless_cost);
			buf_puts(out, " for ");
			text_put_count(out, s->resultless);
			buf_puts(out, " items that are not done");
		}
		buf_putc(out, '\n');
	}
	if (s->again > 0) {
		buf_puts(out, "  of it, ");
		text_put_count(out, s->again);
		buf_puts(out, " further attempts: ");
		text_put_short_span(out, s->again_us);
		buf_puts(out, " of work, ");
		put_money(out, s, &s->again_all_cost);
		buf_puts(out, " with their time\n");
	}
}

/* "180 days" rather than "25w5d" */
static void put_days(struct buf *out, int64_t us)
{
	if (us % US_PER_DAY == 0)
		buf_printf(out, "%" PRId64 " day%s", us / US_PER_DAY, us == US_PER_DAY ? "" : "s");
	else
		text_put_duration(out, us);
}

static void put_carry(const struct cost_sheet *s, struct buf *out)
{
	buf_puts(out, "  it brings ");
	put_money(out, s, &s->value);
	if (s->value_after_us > 0) {
		buf_puts(out, ", after ");
		put_days(out, s->value_after_us);
	}
	buf_puts(out, "; in ");
	put_days(out, s->period_us);
	buf_puts(out, ", a bill, ");
	text_put_count(out, s->runs);
	buf_printf(out, " run%s began, which cost ", s->runs == 1 ? "" : "s");
	put_money(out, s, &s->period_cost);
	buf_puts(out, " and bring ");
	put_money(out, s, &s->period_value);
	buf_puts(out, "\n  ");
	if (s->bills == 0) {
		buf_puts(out, "nothing has to be carried: the value comes before the bill\n");
		return;
	}
	text_put_count(out, s->bills);
	buf_printf(out, " bill%s come%s before the first value does: ", s->bills == 1 ? "" : "s",
		   s->bills == 1 ? "s" : "");
	put_money(out, s, &s->carried);
	buf_puts(out, " have to be carried");
	if (decimal_compare(&s->period_value, &s->period_cost) < 0)
		buf_puts(out, ", and more with every period: what it brings does not cover it");
	buf_putc(out, '\n');
}

void cost_put_text(const struct cost_sheet *s, const char *title, struct buf *out)
{
	if (!s->is_given)
		return;
	buf_printf(out, "\n%s", title);
	if (s->currency[0] != '\0') {
		buf_puts(out, ", in ");
		text_put_printable(out, s->currency, strlen(s->currency), NUMBER_MAX);
	}
	buf_putc(out, '\n');
	put_parts(s, out);
	put_item(s, out);
	if (!s->is_planned)
		put_waste(s, out);
	if (s->has_value)
		put_carry(s, out);
}

/* ---- for programs ---- */

static void member_amount(struct json_writer *w, const char *name, const struct decimal *amount)
{
	AUTO(buf) struct buf text = BUF_INIT(NUMBER_MAX);

	decimal_format(amount, &text);
	jw_member_text(w, name, buf_str(&text));
}

static void member_estimate(struct json_writer *w, const char *name, double value)
{
	char text[NUMBER_MAX] = {0};

	(void)snprintf(text, sizeof(text), "%.9f", value);
	jw_member_text(w, name, text);
}

static void put_carry_json(const struct cost_sheet *s, struct json_writer *w)
{
	jw_name(w, "carry");
	if (!s->has_value) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_member_int(w, "period_us", s->period_us);
	jw_member_int(w, "value_after_us", s->value_after_us);
	jw_member_int(w, "runs", s->runs);
	jw_member_int(w, "bills", s->bills);
	member_amount(w, "value", &s->value);
	member_amount(w, "period_cost", &s->period_cost);
	member_amount(w, "period_value", &s->period_value);
	member_amount(w, "carried", &s->carried);
	jw_object_end(w);
}

/* What only a run can tell. */
static void put_past_json(const struct cost_sheet *s, struct json_writer *w)
{
	member_estimate(w, "deviation", s->deviation);
	member_estimate(w, "low", s->low);
	member_estimate(w, "high", s->high);
	jw_member_int(w, "failed", s->failed);
	jw_member_int(w, "failed_us", s->failed_us);
	member_amount(w, "failed_cost", &s->failed_cost);
	jw_member_int(w, "resultless", s->resultless);
	member_amount(w, "resultless_cost", &s->resultless_cost);
	jw_member_int(w, "again_us", s->again_us);
	member_amount(w, "again_all_cost", &s->again_all_cost);
}

void cost_put_json(const struct cost_sheet *s, struct json_writer *w)
{
	jw_name(w, "cost");
	if (!s->is_given) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_member_text(w, "currency", s->currency[0] == '\0' ? NULL : s->currency);
	jw_member_int(w, "worked_us", s->worked_us);
	jw_member_int(w, "first", s->first);
	jw_member_int(w, "again", s->again);
	jw_member_int(w, "over_quota", s->over_quota);
	member_amount(w, "time_cost", &s->time_cost);
	member_amount(w, "first_cost", &s->first_cost);
	member_amount(w, "again_cost", &s->again_cost);
	member_amount(w, "over_quota_cost", &s->quota_cost);
	member_amount(w, "total", &s->total);
	member_amount(w, "mean", &s->mean);
	if (!s->is_planned)
		put_past_json(s, w);
	put_carry_json(s, w);
	jw_object_end(w);
}
