/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering what a report says from the ledger; bounded whatever the run holds. */
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ledger/ledger.h"
#include "report/buckets.h"
#include "report/latency.h"
#include "report/report.h"

enum { SHAPE_MAX = 512 };

/* ---- failures ---- */

static int on_error(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;

	if (r->n_errors == REPORT_ERRORS_MAX) {
		r->n_more_errors++;
		return 0;
	}
	r->errors[r->n_errors++] = (struct report_error){
		.fingerprint = ledger_row_str(row, 0, &r->arena),
		.n = ledger_row_int(row, 1),
		.n_dead = ledger_row_int(row, 2),
		.n_in_doubt = ledger_row_int(row, 3),
		.n_retry = ledger_row_int(row, 4),
		.err_class = ledger_row_str(row, 5, &r->arena),
		.sample = ledger_row_str(row, 6, &r->arena),
	};
	return 0;
}

struct examples {
	struct report *report;
	struct report_error *error;
};

static int on_example(void *arg, const struct ledger_row *row)
{
	struct examples *x = arg;
	struct report_error *e = x->error;

	e->examples[e->n_examples++] = (struct report_example){
		.number = ledger_row_int(row, 0),
		.key = mask_value(x->report->mask.key,
				  ledger_row_str_or_null(row, 1, &x->report->arena),
				  &x->report->arena),
	};
	return 0;
}

static int gather_errors(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char groups[] =
		"SELECT fingerprint, count(*),"
		" sum(CASE WHEN state = 'dead' THEN 1 ELSE 0 END),"
		" sum(CASE WHEN state = 'in_doubt' THEN 1 ELSE 0 END),"
		" sum(CASE WHEN state = 'retry' THEN 1 ELSE 0 END), min(error_class), min(error)"
		" FROM item WHERE run_id = ?1 AND state IN ('dead', 'in_doubt', 'retry')"
		" AND error_class IS NOT NULL"
		" GROUP BY fingerprint, CASE WHEN fingerprint IS NULL THEN error_class END"
		" ORDER BY count(*) DESC, fingerprint, min(error_class)";
	static const char examples[] =
		"SELECT item, key FROM item WHERE run_id = ?1"
		" AND (fingerprint = ?2 OR (?2 = '' AND fingerprint IS NULL AND error_class = ?4))"
		" AND state IN ('dead', 'in_doubt', 'retry') ORDER BY item LIMIT ?3";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = r->run.id},
		{.type = LEDGER_TEXT},
		{.type = LEDGER_INT, .number = REPORT_EXAMPLES_MAX},
		{.type = LEDGER_TEXT},
	};

	int rc = ledger_select(ledger, groups, params, 1, on_error, r, err);
	for (size_t i = 0; i < r->n_errors && rc == 0; i++) {
		struct examples x = {.report = r, .error = &r->errors[i]};
		params[1].text = r->errors[i].fingerprint;
		params[3].text = r->errors[i].err_class;
		rc = ledger_select(ledger, examples, params, ARRAY_LEN(params), on_example, &x,
				   err);
	}
	return rc;
}

/* ---- slowest ---- */

static int on_slow(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;

	r->slow[r->n_slow++] = (struct report_slow){
		.number = ledger_row_int(row, 0),
		.key = mask_value(r->mask.key, ledger_row_str_or_null(row, 1, &r->arena),
				  &r->arena),
		.attempt = ledger_row_int(row, 2),
		.took_us = ledger_row_int(row, 3) * US_PER_MS,
		.outcome = ledger_row_str(row, 4, &r->arena),
	};
	return 0;
}

static int gather_slow(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char sql[] =
		"SELECT item, key, number, ms, outcome FROM attempt"
		" WHERE run_id = ?1 AND kind = 'attempt' ORDER BY ms DESC, item, number LIMIT ?2";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = r->run.id},
		{.type = LEDGER_INT, .number = REPORT_SLOW_MAX},
	};

	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_slow, r, err);
}

/* ---- rejects ---- */

/* What is left of a reason without what it quotes and without numbers. */
static void shape_of(const char *reason, char out[SHAPE_MAX])
{
	size_t n = 0;

	for (const char *c = reason; *c != '\0' && n + 1 < SHAPE_MAX; c++) {
		const char *end = *c == '\'' ? strchr(c + 1, '\'') : NULL;
		if (end != NULL) {
			out[n++] = '\'';
			c = end;
		} else if (isdigit((unsigned char)*c) == 0) {
			out[n++] = *c;
		}
	}
	out[n] = '\0';
}

static int on_reason(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;
	const char *reason = ledger_row_text(row, 0, NULL);
	int64_t n = ledger_row_int(row, 1);
	char shape[SHAPE_MAX] = {0};

	shape_of(reason == NULL ? "" : reason, shape);
	for (size_t i = 0; i < r->n_reasons; i++) {
		if (strcmp(r->reasons[i].shape, shape) != 0)
			continue;
		r->reasons[i].n += n;
		return 0;
	}
	if (r->n_reasons == REPORT_REASONS_MAX) {
		r->n_more_rejects += n;
		return 0;
	}
	r->reasons[r->n_reasons++] = (struct report_reason){
		.shape = arena_str(&r->arena, shape),
		.reason = ledger_row_str(row, 0, &r->arena),
		.n = n,
		.path = ledger_row_str(row, 2, &r->arena),
		.line = ledger_row_int(row, 3),
	};
	return 0;
}

static int compare_reasons(const void *a, const void *b)
{
	const struct report_reason *x = a;
	const struct report_reason *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return strcmp(x->shape, y->shape);
}

/* Reasons of one shape are one: a thousand duplicates are a line, not a thousand. */
static int gather_rejects(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char sql[] =
		"SELECT reason, count(*), min(path), min(line) FROM reject WHERE run_id = ?1"
		" GROUP BY reason ORDER BY min(path), min(line)";
	struct ledger_param param = {.type = LEDGER_INT, .number = r->run.id};

	int rc = ledger_select(ledger, sql, &param, 1, on_reason, r, err);
	if (r->n_reasons > 0)
		qsort(r->reasons, r->n_reasons, sizeof(r->reasons[0]), compare_reasons);
	return rc;
}

/* ---- all of it ---- */

int report_gather(struct ledger *ledger, int64_t run_id, enum report_by by, utime now,
		  struct report **ret_report, struct err *err)
{
	struct report *r = xnew(struct report);

	assert(ledger != NULL && ret_report != NULL && err != NULL && by < REPORT_BY_COUNT_);
	r->by = by;
	r->now = now;
	r->url = arena_str(&r->arena, ledger_url(ledger));
	int rc = report_run_load(ledger, run_id, &r->arena, &r->run, err);
	if (rc != 0) {
		report_free(r);
		return rc;
	}
	rc = mask_of_run(ledger, run_id, &r->mask, err);
	if (rc == 0)
		rc = latency_load(ledger, run_id, &r->stats_txn, &r->stats, err);
	if (rc == 0)
		rc = gather_errors(ledger, r, err);
	if (rc == 0)
		rc = report_steps_gather(ledger, r, err);
	if (rc == 0)
		rc = gather_slow(ledger, r, err);
	if (rc == 0)
		rc = notes_gather(ledger, r->run.id, &r->arena, &r->notes, err);
	if (rc == 0)
		rc = endings_gather(ledger, r->run.id, &r->arena, &r->endings, err);
	if (rc == 0)
		rc = endpoints_gather(ledger, r->run.id, &r->arena, &r->endpoints, err);
	if (rc == 0)
		rc = gather_rejects(ledger, r, err);
	if (rc == 0)
		rc = amounts_gather(ledger, run_id, &r->arena, &r->amounts, err);
	if (rc == 0)
		rc = cost_gather(ledger, &r->run, r->stats, &r->arena, &r->cost, err);
	if (rc == 0)
		rc = decided_gather(ledger, run_id, &r->arena, &r->decided, err);
	if (rc == 0)
		rc = report_fill_buckets(ledger, r, err);
	if (rc < 0) {
		report_free(r);
		return rc;
	}
	*ret_report = r;
	return 0;
}

void report_free(struct report *r)
{
	if (r == NULL)
		return;
	ledger_txn_free(r->stats_txn);
	free(r->buckets);
	arena_done(&r->arena);
	free(r);
}

void report_auto(struct report **r)
{
	report_free(*r);
}

bool report_balances(const struct report *r, struct buf *why)
{
	const struct report_run *run = &r->run;
	const struct ledger_counts *c = &run->counts;
	int64_t read = run->n_items + run->n_filtered + run->n_rejected + run->n_held_back;
	int64_t items = c->done + c->skipped + c->retry + c->in_doubt + c->dead + c->running +
			c->waiting;

	bool amounts_do = amounts_balance(&r->amounts, why);
	bool attempts_do = latency_balances(r->stats, why);
	if (run->n_read == read && run->n_items == items)
		return amounts_do && attempts_do;
	if (why != NULL && run->n_read != read)
		buf_printf(why, "%sread %" PRId64 ", accounted for %" PRId64,
			   why->len > 0 ? "; " : "", run->n_read, read);
	if (why != NULL && run->n_items != items)
		buf_printf(why, "%sloaded %" PRId64 ", accounted for %" PRId64,
			   why->len > 0 ? "; " : "", run->n_items, items);
	return false;
}

int64_t report_elapsed_us(const struct report *r)
{
	return report_run_took_us(&r->run, r->now);
}

double report_rate(const struct report *r)
{
	const struct ledger_counts *c = &r->run.counts;
	double settled = (double)(c->done + c->skipped + c->in_doubt + c->dead);
	double seconds = (double)report_elapsed_us(r) / (double)US_PER_S;

	return seconds <= 0 ? 0 : settled / seconds;
}

const char *report_by_word(enum report_by by)
{
	static const char *const words[REPORT_BY_COUNT_] = {
#define X(id, word, title) [id] = (word),
		REPORT_BYS(X)
#undef X
	};

	assert(by < REPORT_BY_COUNT_);
	return words[by];
}
