/* SPDX-License-Identifier: Apache-2.0 */
#include "report/latency.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "core/timing.h"
#include "ledger/ledger.h"

enum {
	CLASSES_SHOWN = 20,
	SIGMAS = 3,
	NAME_COLUMNS = 22,
	CLASS_COLUMNS = 20,
	SAMPLE_COLUMNS = 60,
	NUMBER_MAX = 64,
	P50 = 500,
	P90 = 900,
	P95 = 950,
	P99 = 990,
};

int latency_load(struct ledger *ledger, int64_t run_id, struct ledger_txn **ret_txn,
		 const struct ledger_stats **ret_stats, struct err *err)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct lop_run_stats *look = &ledger_txn_add(txn, LOP_RUN_STATS)->u.run_stats;

	look->run_id = run_id;
	ledger_apply(ledger, txn);
	if (txn->status != LEDGER_APPLIED) {
		*err = txn->err;
		ledger_txn_free(txn);
		return err->code < 0 ? err->code : ERR(err, ERR_LEDGER, "looking at attempts");
	}
	*ret_txn = txn;
	*ret_stats = &look->ret_stats;
	return 0;
}

static bool is_total(const struct ledger_latency_row *row)
{
	return strcmp(row->phase, timing_name(TIMING_TOTAL)) == 0;
}

void latency_put_total(const struct ledger_stats *s, struct histogram *ret_all)
{
	for (size_t i = 0; i < s->n_latency; i++)
		if (is_total(&s->latency[i]))
			histogram_merge(ret_all, s->latency[i].histogram);
}

void latency_put_items(const struct ledger_stats *s, struct histogram *ret_all)
{
	for (size_t i = 0; i < s->n_latency; i++)
		if (strcmp(s->latency[i].phase, timing_name(TIMING_ITEM)) == 0)
			histogram_merge(ret_all, s->latency[i].histogram);
}

static int64_t measured(const struct ledger_stats *s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->n_latency; i++)
		n += is_total(&s->latency[i]) ? (int64_t)s->latency[i].histogram->count : 0;
	return n;
}

int64_t latency_by_class(const struct ledger_stats *s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->n_failures; i++)
		n += s->failures[i].n;
	return n;
}

bool latency_balances(const struct ledger_stats *s, struct buf *why)
{
	int64_t by_class = latency_by_class(s);
	int64_t attempts = s->effort.done + s->effort.failed;

	if (by_class <= s->effort.failed && measured(s) <= attempts)
		return true;
	if (why != NULL)
		buf_printf(why,
			   "%s%" PRId64 " attempts, %" PRId64 " with a duration; %" PRId64
			   " failed, %" PRId64 " by class",
			   why->len > 0 ? "; " : "", attempts, measured(s), s->effort.failed,
			   by_class);
	return false;
}

/* ---- for people ---- */

static void put_padded(struct buf *out, const char *text, size_t columns)
{
	text_put_printable(out, text, strlen(text), columns);
	for (size_t w = utf8_width(text, strlen(text)); w < columns; w++)
		buf_putc(out, ' ');
}

static void put_cell(struct buf *out, int64_t us)
{
	AUTO(buf) struct buf text = BUF_INIT(NUMBER_MAX);

	text_put_short_span(&text, us);
	buf_printf(out, "%12s", buf_str(&text));
}

static void put_count_cell(struct buf *out, int64_t n)
{
	AUTO(buf) struct buf text = BUF_INIT(NUMBER_MAX);

	text_put_count(&text, n);
	buf_printf(out, "%10s", buf_str(&text));
}

static void put_row(struct buf *out, const struct ledger_latency_row *row)
{
	const struct histogram *h = row->histogram;

	buf_puts(out, "    ");
	put_padded(out, row->phase, NAME_COLUMNS - 4);
	put_count_cell(out, (int64_t)h->count);
	put_cell(out, (int64_t)histogram_mean_us(h));
	put_cell(out, (int64_t)histogram_deviation_us(h));
	put_cell(out, histogram_percentile_us(h, P50));
	put_cell(out, histogram_percentile_us(h, P95));
	put_cell(out, histogram_percentile_us(h, P99));
	put_cell(out, h->max_us);
	buf_putc(out, '\n');
}

/* Of one endpoint: the whole first, then its parts in the order in which they happen. */
static void put_endpoint(const struct ledger_stats *s, const char *endpoint, struct buf *out)
{
	buf_puts(out, "  ");
	text_put_printable(out, endpoint, strlen(endpoint), 0);
	buf_putc(out, '\n');
	for (int t = -1; t < TIMING_COUNT_; t++) {
		const char *phase = timing_name(t < 0 ? TIMING_TOTAL : (enum timing)t);
		for (size_t i = 0; i < s->n_latency; i++)
			if (t != TIMING_TOTAL && strcmp(s->latency[i].endpoint, endpoint) == 0 &&
			    strcmp(s->latency[i].phase, phase) == 0)
				put_row(out, &s->latency[i]);
	}
}

/* R10: what an item takes, with all attempts at it. */
static void put_item(const struct ledger_stats *s, struct buf *out)
{
	struct histogram h = {0};

	latency_put_items(s, &h);
	if (h.count == 0)
		return;
	double mean = histogram_mean_us(&h);
	double reach = SIGMAS * histogram_deviation_us(&h);
	buf_puts(out, "  an item took ");
	text_put_short_span(out, (int64_t)mean);
	buf_puts(out, " on average, all attempts together; by three deviations, ");
	text_put_short_span(out, mean > reach ? (int64_t)(mean - reach) : 0);
	buf_puts(out, " to ");
	text_put_short_span(out, (int64_t)(mean + reach));
	buf_putc(out, '\n');
}

void latency_put_text(const struct ledger_stats *s, struct buf *out)
{
	int64_t unmeasured = s->effort.done + s->effort.failed - measured(s);

	if (s->n_latency == 0)
		return;
	buf_putc(out, '\n');
	put_padded(out, "How long it took", NAME_COLUMNS);
	buf_printf(out, "%10s%12s%12s%12s%12s%12s%12s\n", "COUNT", "MEAN", "DEVIATION", "P50",
		   "P95", "P99", "MAX");
	for (size_t i = 0; i < s->n_latency; i++)
		if (i == 0 || strcmp(s->latency[i].endpoint, s->latency[i - 1].endpoint) != 0)
			put_endpoint(s, s->latency[i].endpoint, out);
	put_item(s, out);
	if (unmeasured > 0)
		buf_printf(out,
			   "  and %" PRId64 " %s not known: a process that is killed takes"
			   " those of its last second with it\n",
			   unmeasured,
			   unmeasured == 1 ? "attempt whose duration is"
					   : "attempts whose durations are");
}

static void put_class(struct buf *out, const char *name, int64_t n, int64_t us, const char *sample)
{
	buf_puts(out, "  ");
	put_padded(out, name, CLASS_COLUMNS);
	put_count_cell(out, n);
	put_cell(out, us);
	buf_puts(out, "  ");
	text_put_printable(out, sample, strlen(sample), SAMPLE_COLUMNS);
	buf_putc(out, '\n');
}

void latency_put_classes(const struct ledger_stats *s, struct buf *out)
{
	int64_t left = s->effort.failed;
	int64_t left_us = s->effort.failed_us;

	if (s->effort.failed == 0)
		return;
	buf_puts(out, "\nFailed attempts, by class\n  ");
	put_padded(out, "CLASS", CLASS_COLUMNS);
	buf_printf(out, "%10s%12s  %s\n", "ATTEMPTS", "TOOK", "SUCH AS");
	for (size_t i = 0; i < s->n_failures && i < CLASSES_SHOWN; i++) {
		const struct ledger_failure_row *f = &s->failures[i];
		put_class(out, f->err_class, f->n, f->took_us, f->sample);
		left -= f->n;
		left_us -= f->took_us;
	}
	/* Those of classes that are not shown, and of a run that an older version began. */
	if (left > 0)
		put_class(out, "of other classes", left, left_us > 0 ? left_us : 0, "");
}

void latency_put_line(const struct ledger_stats *s, struct buf *out)
{
	struct histogram all = {0};
	int64_t attempts = s->effort.done + s->effort.failed;

	latency_put_total(s, &all);
	if (all.count == 0)
		return;
	buf_puts(out, "p50 ");
	text_put_short_span(out, histogram_percentile_us(&all, P50));
	buf_puts(out, ", p99 ");
	text_put_short_span(out, histogram_percentile_us(&all, P99));
	if (s->effort.failed > 0 && attempts > 0)
		buf_printf(out, ", %.1f %% of attempts fail",
			   100.0 * (double)s->effort.failed / (double)attempts);
}

/* ---- for programs ---- */

static void put_attempts(const struct ledger_stats *s, struct json_writer *w)
{
	struct histogram all = {0};

	latency_put_total(s, &all);
	jw_name(w, "attempts");
	jw_object(w);
	jw_member_int(w, "all", s->effort.done + s->effort.failed);
	jw_member_int(w, "done", s->effort.done);
	jw_member_int(w, "failed", s->effort.failed);
	jw_member_int(w, "again", s->effort.again);
	jw_member_int(w, "measured", (int64_t)all.count);
	jw_member_int(w, "took_us", s->effort.took_us);
	jw_member_int(w, "failed_us", s->effort.failed_us);
	jw_member_int(w, "again_us", s->effort.again_us);
	jw_member_int(w, "worked_us", s->effort.worked_us);
	jw_object_end(w);
}

static void put_latency(const struct ledger_latency_row *row, struct json_writer *w)
{
	const struct histogram *h = row->histogram;

	jw_object(w);
	jw_member_text(w, "endpoint", row->endpoint);
	jw_member_text(w, "phase", row->phase);
	jw_member_int(w, "count", (int64_t)h->count);
	jw_member_int(w, "mean_us", (int64_t)histogram_mean_us(h));
	jw_member_int(w, "deviation_us", (int64_t)histogram_deviation_us(h));
	jw_member_int(w, "min_us", h->min_us);
	jw_member_int(w, "p50_us", histogram_percentile_us(h, P50));
	jw_member_int(w, "p90_us", histogram_percentile_us(h, P90));
	jw_member_int(w, "p95_us", histogram_percentile_us(h, P95));
	jw_member_int(w, "p99_us", histogram_percentile_us(h, P99));
	jw_member_int(w, "max_us", h->max_us);
	jw_object_end(w);
}

void latency_put_json(const struct ledger_stats *s, struct json_writer *w)
{
	put_attempts(s, w);
	jw_name(w, "latency");
	jw_array(w);
	for (size_t i = 0; i < s->n_latency; i++)
		put_latency(&s->latency[i], w);
	jw_array_end(w);
	jw_name(w, "failures");
	jw_array(w);
	for (size_t i = 0; i < s->n_failures; i++) {
		const struct ledger_failure_row *f = &s->failures[i];
		jw_object(w);
		jw_member_text(w, "endpoint", f->endpoint);
		jw_member_text(w, "error_class", f->err_class);
		jw_member_int(w, "attempts", f->n);
		jw_member_int(w, "took_us", f->took_us);
		jw_member_text(w, "error", f->sample);
		jw_object_end(w);
	}
	jw_array_end(w);
}
