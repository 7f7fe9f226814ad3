/* SPDX-License-Identifier: Apache-2.0 */
/* The report as a page for people. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/utf8.h"
#include "report/latency.h"
#include "report/next.h"
#include "report/report.h"
#include "sys/clock.h"

enum {
	SAMPLE_COLUMNS = 76, /* of an error's words */
	KEY_COLUMNS = 40,
	LABEL_COLUMNS = 48,
	BAR_COLUMNS = 24,
	NUMBER_MAX = 32,
};

static void put_time(struct buf *out, utime t)
{
	char text[CLOCK_TEXT_MAX] = {0};

	clock_format_short(t, text);
	buf_puts(out, text);
}

static void put_printable(struct buf *out, const char *text, size_t columns)
{
	text_put_printable(out, text, strlen(text), columns);
}

/* "done with failures": states as words. */
static void put_state(struct buf *out, const char *state)
{
	for (const char *c = state; *c != '\0'; c++)
		buf_putc(out, *c == '_' ? ' ' : *c);
}

/* How an item is called: JOB/KEY where the key is known, else RUN:NUMBER. */
static void put_item(const struct report *r, int64_t number, const char *key, struct buf *out)
{
	if (key == NULL || key[0] == '\0' || r->mask.key) {
		buf_printf(out, "%" PRId64 ":%" PRId64, r->run.id, number);
		if (key == NULL || key[0] == '\0')
			return;
		buf_puts(out, " (");
		put_printable(out, key, KEY_COLUMNS);
		buf_putc(out, ')');
		return;
	}
	buf_printf(out, "%s/", r->run.job);
	put_printable(out, key, KEY_COLUMNS);
}

static void put_head(const struct report *r, struct buf *out)
{
	const struct report_run *run = &r->run;

	buf_printf(out, "%s: ", run->name);
	put_state(out, run->state);
	if (run->reason[0] != '\0') {
		buf_puts(out, ": ");
		put_printable(out, run->reason, 0);
	}
	buf_printf(out, "\nrun %" PRId64 ", business date %s, began ", run->id, run->date);
	put_time(out, run->started_at);
	if (run->ended_at != 0) {
		buf_puts(out, ", ended ");
		put_time(out, run->ended_at);
		buf_puts(out, ", took ");
	} else {
		buf_puts(out, ", is at it for ");
	}
	text_put_span(out, report_elapsed_us(r));
	if (report_rate(r) > 0)
		buf_printf(out, ", %.1f items/s", report_rate(r));
	buf_putc(out, '\n');
	if (run->source_path[0] != '\0')
		buf_printf(out, "source %s\n", run->source_path);
}

static void put_term(struct buf *out, const char *mark, const char *name, int64_t n)
{
	buf_printf(out, "%s%s ", mark, name);
	text_put_count(out, n);
}

static void put_sums(const struct report *r, struct buf *out)
{
	const struct report_run *run = &r->run;
	const struct ledger_counts *c = &run->counts;

	put_term(out, "\n", "read", run->n_read);
	put_term(out, " = ", "loaded", run->n_items);
	put_term(out, " + ", "filtered", run->n_filtered);
	put_term(out, " + ", "rejected", run->n_rejected);
	put_term(out, " + ", "held back", run->n_held_back);
	put_term(out, "\n", "loaded", run->n_items);
	put_term(out, " = ", "done", c->done);
	put_term(out, " + ", "skipped", c->skipped);
	put_term(out, " + ", "retry", c->retry);
	put_term(out, " + ", "in doubt", c->in_doubt);
	put_term(out, " + ", "dead", c->dead);
	put_term(out, " + ", "running", c->running);
	put_term(out, " + ", "waiting", c->waiting);
	buf_putc(out, '\n');
	report_steps_put_text(r, out);
}

static void put_error(const struct report *r, const struct report_error *e, struct buf *out)
{
	const char *mark = "";

	buf_puts(out, "  ");
	if (e->n_dead > 0) {
		put_term(out, mark, "dead", e->n_dead);
		mark = ", ";
	}
	if (e->n_in_doubt > 0) {
		put_term(out, mark, "in doubt", e->n_in_doubt);
		mark = ", ";
	}
	if (e->n_retry > 0)
		put_term(out, mark, "retry", e->n_retry);
	buf_printf(out, "  %s", e->err_class);
	if (e->fingerprint[0] != '\0')
		buf_printf(out, "  [%s]", e->fingerprint);
	buf_puts(out, "\n      ");
	put_printable(out, e->sample, SAMPLE_COLUMNS);
	buf_puts(out, "\n      ");
	for (size_t i = 0; i < e->n_examples; i++) {
		buf_puts(out, i == 0 ? "" : ", ");
		put_item(r, e->examples[i].number, e->examples[i].key, out);
	}
	if (e->n > (int64_t)e->n_examples) {
		buf_puts(out, " and ");
		text_put_count(out, e->n - (int64_t)e->n_examples);
		buf_puts(out, " more");
	}
	buf_putc(out, '\n');
}

static void put_errors(const struct report *r, struct buf *out)
{
	if (r->n_errors == 0)
		return;
	buf_puts(out, "\nFailures, by cause\n");
	for (size_t i = 0; i < r->n_errors; i++)
		put_error(r, &r->errors[i], out);
	if (r->n_more_errors > 0)
		buf_printf(out,
			   "  and %" PRId64 " more causes: stint report %" PRId64 " --by error\n",
			   r->n_more_errors, r->run.id);
}

static void put_rejects(const struct report *r, struct buf *out)
{
	if (r->n_reasons == 0)
		return;
	buf_puts(out, "\nRejected records, by reason\n");
	for (size_t i = 0; i < r->n_reasons; i++) {
		const struct report_reason *reason = &r->reasons[i];
		buf_puts(out, "  ");
		text_put_count(out, reason->n);
		buf_puts(out, "  ");
		put_printable(out, reason->reason, SAMPLE_COLUMNS);
		buf_puts(out, "\n      ");
		buf_puts(out, reason->n > 1 ? "first: " : "");
		put_printable(out, reason->path, 0);
		buf_printf(out, ":%" PRId64 "\n", reason->line);
	}
	if (r->n_more_rejects > 0)
		buf_printf(out, "  and %" PRId64 " for other reasons\n", r->n_more_rejects);
}

static void put_slowest(const struct report *r, struct buf *out)
{
	if (r->n_slow == 0)
		return;
	buf_puts(out, "\nSlowest of the recorded attempts\n");
	for (size_t i = 0; i < r->n_slow; i++) {
		const struct report_slow *s = &r->slow[i];
		AUTO(buf) struct buf span = BUF_INIT(64);
		text_put_span(&span, s->took_us);
		buf_printf(out, "  %-12s ", buf_str(&span));
		put_item(r, s->number, s->key, out);
		buf_printf(out, ", attempt %" PRId64 ": %s\n", s->attempt, s->outcome);
	}
}

static void put_padded_count(struct buf *out, int64_t n, size_t width)
{
	AUTO(buf) struct buf text = BUF_INIT(NUMBER_MAX);

	text_put_count(&text, n);
	buf_printf(out, "%*s", (int)width, buf_str(&text));
}

static void put_label(struct buf *out, const char *label)
{
	AUTO(buf) struct buf text = BUF_INIT(4096);

	put_printable(&text, label, LABEL_COLUMNS);
	buf_puts(out, buf_str(&text));
	for (size_t w = utf8_width(buf_str(&text), text.len); w < LABEL_COLUMNS / 2; w++)
		buf_putc(out, ' ');
}

/* A bar of `n` out of `most`: what failed is marked. */
static void put_bar(struct buf *out, const struct report_bucket *b, int64_t most)
{
	int64_t all = most <= 0 ? 0 : (b->n * BAR_COLUMNS + most - 1) / most;
	int64_t bad = b->n <= 0 ? 0 : (b->failed * all + b->n - 1) / b->n;

	for (int64_t i = 0; i < all; i++)
		buf_putc(out, i < all - bad ? '#' : '!');
}

static void put_buckets(const struct report *r, struct buf *out)
{
	static const char *const titles[REPORT_BY_COUNT_] = {
#define X(id, word, title) [id] = (title),
		REPORT_BYS(X)
#undef X
	};
	int64_t most = 0;

	if (r->by == REPORT_BY_NONE)
		return;
	for (size_t i = 0; i < r->n_buckets; i++)
		most = r->buckets[i].n > most ? r->buckets[i].n : most;
	bool is_attempts = r->by == REPORT_BY_HOUR || r->by == REPORT_BY_INSTANCE;
	buf_putc(out, '\n');
	put_label(out, titles[r->by]);
	buf_printf(out, "%12s%12s%12s%s\n", is_attempts ? "ATTEMPTS" : "ITEMS", "DONE", "FAILED",
		   is_attempts ? "  MEAN" : "");
	for (size_t i = 0; i < r->n_buckets; i++) {
		const struct report_bucket *b = &r->buckets[i];
		AUTO(buf) struct buf span = BUF_INIT(64);
		put_label(out, b->label);
		put_padded_count(out, b->n, 12);
		put_padded_count(out, b->done, 12);
		put_padded_count(out, b->failed, 12);
		if (b->took_us >= 0)
			text_put_span(&span, b->took_us);
		buf_printf(out, "  %-10s", buf_str(&span));
		put_bar(out, b, most);
		buf_putc(out, '\n');
	}
	if (r->n_buckets == 0)
		buf_puts(out, "nothing is recorded\n");
	if (r->has_more_buckets)
		buf_puts(out, "and more\n");
}

static void put_next(const struct report *r, struct buf *out)
{
	struct arena arena = {0};
	struct next next = {0};

	next_of_run(&r->run, &arena, &next);
	if (next.n > 0)
		buf_puts(out, "\nNext\n");
	for (size_t i = 0; i < next.n; i++)
		buf_printf(out, "  %s\n      %s\n", next.steps[i].command, next.steps[i].because);
	arena_done(&arena);
}

void report_put_text(const struct report *r, struct buf *out)
{
	assert(r != NULL && out != NULL);
	put_head(r, out);
	notes_put_text(&r->notes, "", out);
	endings_put_text(&r->endings, "", out);
	endpoints_put_text(&r->endpoints, "", out);
	put_sums(r, out);
	amounts_put_text(&r->amounts, out);
	if (r->run.n_read == 0 && r->run.is_over)
		buf_puts(out, "nothing to do\n");
	put_buckets(r, out);
	if (r->by == REPORT_BY_NONE || r->by == REPORT_BY_ERROR) {
		put_errors(r, out);
		latency_put_classes(r->stats, out);
	}
	if (r->by == REPORT_BY_NONE) {
		put_rejects(r, out);
		latency_put_text(r->stats, out);
		cost_put_text(&r->cost, "What it cost", out);
		put_slowest(r, out);
		decided_put_text(&r->decided, r->run.id, out);
		put_next(r, out);
	}
}
