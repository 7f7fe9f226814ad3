/* SPDX-License-Identifier: Apache-2.0 */
/* A job in sentences: what it reads, does, promises, and what happens when something goes wrong. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "job/explain.h"
#include "job/job.h"
#include "job/status.h"

enum { WAITS_SHOWN = 5, FIELDS_SHOWN = 12 };

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* Text from the file stands in comments: on one line, and printable. */
static void put_quoted(const char *text, struct buf *out)
{
	assert(text != NULL);
	buf_putc(out, '\'');
	text_put_printable(out, text, strlen(text), 60);
	buf_putc(out, '\'');
}

/* ---- reading ---- */

static void put_fields(const struct job_source *source, struct buf *out)
{
	buf_puts(out, "with the field");
	buf_puts(out, source->n_fields == 1 ? " " : "s ");
	for (size_t i = 0; i < source->n_fields && i < FIELDS_SHOWN; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", source->fields[i].name);
	if (source->n_fields > FIELDS_SHOWN)
		buf_printf(out, " and %zu more", source->n_fields - FIELDS_SHOWN);
}

static void put_key(const struct job_source *source, struct buf *out)
{
	if (source->key != NULL) {
		buf_puts(out, "named by ");
		put_quoted(source->key, out);
	} else if (source->kind == SOURCE_STEP) {
		buf_puts(out, "named as it was there");
	} else if (source->kind == SOURCE_INBOX) {
		buf_puts(out, "named by the key it was put there with, or else its number");
	} else if (source->kind == SOURCE_FILES) {
		buf_puts(out, "named by its path");
	} else {
		buf_puts(out, "named by its place, path:line, which means nothing to other runs");
	}
}

static void put_missing(const struct job_source *source, struct buf *out)
{
	switch (source->when_missing) {
	case JOB_MISSING_FAIL:
		buf_puts(out, " Where there is none, the run does not start (exit status 66).");
		break;
	case JOB_MISSING_WAIT:
		buf_puts(out, " Where there is none, it waits up to ");
		text_put_duration(out, source->wait_for_us);
		buf_puts(out, ", then fails (exit status 66).");
		break;
	case JOB_MISSING_OK:
		buf_puts(out, " Where there is none, there is nothing to do.");
		break;
	case JOB_MISSING_COUNT_:
		break;
	}
}

static const char *unit_word(int64_t per_us)
{
	return per_us == US_PER_S     ? "second"
	       : per_us == US_PER_MIN ? "minute"
	       : per_us == US_PER_DAY ? "day"
				      : "hour";
}

static void put_database(const struct job_database *database, struct buf *out)
{
	const char *what = database->on_done == NULL   ? "dead"
			   : database->on_dead == NULL ? "done"
						       : "done or dead";

	if (database->cursor_from == JOB_FROM_LAST_RUN)
		buf_puts(out, " It begins behind the last row that a finished run has read.");
	else
		buf_puts(out, " It begins with the first row.");
	if (database->on_done != NULL || database->on_dead != NULL)
		buf_printf(out,
			   " That an item is %s is written back once it is durable here, and "
			   "repeated until the database has committed it.",
			   what);
}

static void put_what(const struct job_source *source, struct buf *out)
{
	static const char *const stdin_whats[] = {
		[STDIN_CSV] = "CSV records", [STDIN_JSONL] = "JSON lines", [STDIN_LINES] = "lines"};

	switch (source->kind) {
	case SOURCE_NONE:
		buf_puts(out, "Has one item in each run, with the key ${run.slot}.");
		return;
	case SOURCE_CSV:
		buf_puts(out, "Reads the CSV records of ");
		break;
	case SOURCE_JSONL:
		buf_puts(out, "Reads the JSON lines of ");
		break;
	case SOURCE_JSON:
		buf_puts(out, "Reads the elements of a list in the JSON documents ");
		break;
	case SOURCE_XML:
		buf_printf(out, "Reads the elements <%s> of the XML documents ", source->element);
		break;
	case SOURCE_FIXED:
		buf_puts(out, "Reads the lines, with columns at fixed places, of ");
		break;
	case SOURCE_FILES:
		buf_puts(out, "Takes the files ");
		break;
	case SOURCE_STDIN:
		buf_printf(out, "Reads %s from standard input; each is an item ",
			   stdin_whats[source->format]);
		break;
	case SOURCE_POSTGRES:
	case SOURCE_SQLITE:
		buf_printf(out,
			   "Reads the rows of a query from %s database, %" PRId64
			   " at a time by the cursor %s; each is an item ",
			   source->kind == SOURCE_SQLITE ? "an SQLite" : "a PostgreSQL",
			   source->page, source->database.cursor);
		break;
	case SOURCE_STEP:
		buf_printf(out, "Takes the items of step %s that are %s, with what it kept, each ",
			   source->step,
			   source->take == JOB_TAKE_DONE   ? "done"
			   : source->take == JOB_TAKE_DEAD ? "dead"
							   : "left out by a person");
		break;
	case SOURCE_INBOX:
		buf_puts(out, "Takes what was put into its inbox (stint add, or SQL) before it "
			      "began, each as an item ");
		break;
	case SOURCE_KIND_COUNT_:
		return;
	}
	if (source->path != NULL) {
		put_quoted(source->path, out);
		buf_puts(out, "; each is an item ");
	}
	put_fields(source, out);
	buf_puts(out, ", ");
	put_key(source, out);
	buf_putc(out, '.');
	bool is_rows = source->kind == SOURCE_POSTGRES || source->kind == SOURCE_SQLITE;
	if (is_rows)
		put_database(&source->database, out);
	else if (source->kind != SOURCE_STDIN && source->kind != SOURCE_STEP &&
		 source->kind != SOURCE_INBOX)
		put_missing(source, out);
	if (source->rate.n > 0)
		buf_printf(out, " It reads at most %" PRId64 " %s a %s.", source->rate.n,
			   is_rows ? "pages" : "chunks", unit_word(source->rate.per_us));
}

static void put_limit(const struct job_limit *limit, const char *otherwise, struct buf *out)
{
	if (!limit->is_set)
		buf_puts(out, otherwise);
	else if (limit->is_ratio)
		buf_printf(out, "%g%%", limit->ratio * 100);
	else
		buf_printf(out, "%" PRId64, limit->count);
}

static void put_guards(const struct job *job, struct buf *out)
{
	const struct job_source *source = &job->source;

	if (source->when_malformed == JOB_MALFORMED_FAIL) {
		buf_puts(out, " A record that does not read ends the run (exit status 1).");
	} else {
		buf_puts(out, " A record that does not read is rejected and kept with line, column "
			      "and reason; more than ");
		put_limit(&source->max_rejects, "10 or 1%, whichever is larger,", out);
		buf_puts(out, " end the run.");
	}
	if (source->max_items > 0)
		buf_printf(out, " More than %" PRId64 " items stop it before the first one.",
			   source->max_items);
	if (source->surge > 0)
		buf_printf(out,
			   " So do more than %g times the median of the last 20 runs (from 5 on).",
			   source->surge);
	if (source->max_age.field != NULL) {
		buf_printf(out, " An item whose %s is longer ago than ", source->max_age.field);
		text_put_duration(out, source->max_age.limit_us);
		buf_puts(out, " is not begun any more: it is dead.");
	}
	if (source->when_empty == JOB_EMPTY_FAIL)
		buf_puts(out, " Nothing to do is a failure.");
	else if (source->when_empty == JOB_EMPTY_WARN)
		buf_puts(out, " Nothing to do is a success with a warning.");
	else
		buf_puts(out, " Nothing to do is a success.");
}

static void put_controls(const struct job *job, struct buf *out)
{
	for (size_t i = 0; i < job->n_controls; i++) {
		const struct job_control *c = &job->controls[i];
		buf_puts(out, i == 0 ? " Before the first item is processed " : " and ");
		if (c->field == NULL)
			buf_puts(out, "the number of records");
		else
			buf_printf(out, "the sum of %s", c->field);
		buf_puts(out, " must be ");
		put_quoted(c->expected, out);
	}
	if (job->control_file != NULL) {
		buf_puts(out, job->n_controls == 0 ? " Before the first item is processed each "
						     "file must agree with its control file "
						   : " and each file must agree with its control "
						     "file ");
		put_quoted(job->control_file, out);
	}
	if (job->n_controls > 0 || job->control_file != NULL)
		buf_puts(out, job->control_over_loaded ? ", counted over what was loaded."
						       : ", counted over all that was read.");
}

static void put_totals(const struct job *job, struct buf *out)
{
	for (size_t i = 0; i < job->n_totals; i++) {
		const char *mark = i + 1 == job->n_totals ? " and " : ", ";
		buf_puts(out, i == 0 ? " Reports sum up " : mark);
		buf_puts(out, job->source.fields[job->totals[i]].name);
	}
	if (job->n_totals > 0)
		buf_puts(out, " by what became of the items.");
}

/* ---- working ---- */

static void put_program(const struct job_work *work, struct buf *out)
{
	size_t n = 0;

	if (work->shell != NULL) {
		buf_puts(out, "runs its script by /bin/sh");
		return;
	}
	while (work->command[n] != NULL)
		n++;
	buf_puts(out, "starts ");
	put_quoted(work->command[0], out);
	if (n > 1)
		buf_printf(out, " with %zu argument%s", n - 1, plural((int64_t)n - 1));
}

static void put_clock(int minute, struct buf *out)
{
	buf_printf(out, "%02d:%02d", minute / 60, minute % 60);
}

static void put_rates(const struct job_rates *rates, struct buf *out)
{
	for (size_t i = 0; i < rates->n; i++) {
		const struct job_rate_rule *rule = &rates->rule[i];
		buf_puts(out, i == 0 ? " No more than " : ", and ");
		buf_printf(out, "%" PRId64 " begin in any %s", rule->limit.n,
			   unit_word(rule->limit.per_us));
		if (rule->from_minute == rule->to_minute)
			continue;
		buf_puts(out, " from ");
		put_clock(rule->from_minute, out);
		buf_puts(out, " to ");
		put_clock(rule->to_minute, out);
	}
	if (rates->n > 0)
		buf_puts(out, ", by all instances together.");
}

static void put_quota(const struct job_quota *quota, struct buf *out)
{
	static const char *const periods[] = {
		[JOB_PER_HOUR] = "hour", [JOB_PER_DAY] = "day", [JOB_PER_MONTH] = "month"};

	if (quota->name == NULL)
		return;
	buf_printf(out, " Together with all jobs that name the quota ");
	put_quoted(quota->name, out);
	buf_printf(out, " it makes at most %" PRId64 " attempts a %s",
		   quota->limit - quota->reserve, periods[quota->per]);
	if (quota->reserve > 0)
		buf_printf(out, " (of %" PRId64 ")", quota->limit);
	if (quota->per != JOB_PER_HOUR) {
		buf_puts(out, ", which begins at ");
		put_clock(quota->resets_minute, out);
	}
	if (quota->time_zone != NULL)
		buf_printf(out, " %s", quota->time_zone);
	buf_puts(out, quota->when_used_up == JOB_USED_UP_WAIT
			      ? "; when they are used up it waits for the next."
			      : "; when they are used up it stops (exit status 75).");
}

static void put_work(const struct job *job, struct buf *out)
{
	const struct job_work *work = &job->work;

	if (work->kind == WORK_NOOP) {
		buf_puts(out, "Does nothing with them; every item is done at once.");
		put_rates(&work->rates, out);
		put_quota(&work->quota, out);
		buf_putc(out, '\n');
		return;
	}
	if (job_has_target(job)) {
		explain_put_target(job, out);
		put_rates(&work->rates, out);
		put_quota(&work->quota, out);
		buf_putc(out, '\n');
		return;
	}
	if (work->kind == WORK_FILE) {
		buf_puts(out, "Writes them into the file ");
		put_quoted(work->output.path, out);
		buf_puts(out, ", which appears at the end of the run, complete.\n");
		return;
	}
	buf_puts(out, "For each item it ");
	if (work->kind == WORK_LUA)
		buf_puts(out, "runs a script in Lua, which says what becomes of it");
	else if (work->kind == WORK_HTTP)
		explain_put_request(job, out);
	else
		put_program(work, out);
	if (work->concurrency == 0)
		buf_puts(out, ", as many at once as there are CPUs");
	else
		buf_printf(out, ", at most %d at once", work->concurrency);
	if (work->concurrency_start > 0)
		buf_printf(out,
			   " (%d at first; more while all goes well, fewer when attempts fail)",
			   work->concurrency_start);
	buf_puts(out, ". An attempt may take ");
	text_put_duration(out, work->timeout_us);
	buf_puts(out, "; then it is ended.");
	if (work->canary > 0)
		buf_printf(out, " The first %" PRId64 " must succeed before the rest begins.",
			   work->canary);
	put_rates(&work->rates, out);
	put_quota(&work->quota, out);
	buf_putc(out, '\n');
}

/* Who is asked first. */
static void put_verify(const struct job *job, struct buf *out)
{
	const struct job_verify *verify = &job->work.verify;

	if (!job_verifies(job))
		return;
	put_quoted(verify->command != NULL ? verify->command[0] : verify->url, out);
	buf_puts(out, " is asked whether it took effect, ");
	text_put_duration(out, verify->settle_us);
	buf_puts(out, " later: if so it is done; if it twice says no, it is tried again; if it "
		      "cannot tell, it is asked again as often as retry says, and then ");
}

static void put_doubt(const struct job *job, struct buf *out)
{
	const struct job_work *work = &job->work;

	put_verify(job, out);
	switch (work->when_in_doubt) {
	case JOB_DOUBT_ASK:
		buf_puts(out, "a person decides (stint resolve)");
		break;
	case JOB_DOUBT_RETRY:
		buf_puts(out, "it is then tried again, because when_in_doubt says so: it may take "
			      "effect twice");
		break;
	case JOB_DOUBT_SKIP:
		buf_puts(out, "it is then left out, because when_in_doubt says so: it may never "
			      "take effect");
		break;
	case JOB_DOUBT_COUNT_:
		break;
	}
}

static void put_effect(const struct job *job, struct buf *out)
{
	const struct job_work *work = &job->work;
	const char *other = work->kind == WORK_HTTP || job_has_target(job) ? "connection"
									   : "program";

	if (work->kind == WORK_FILE) {
		buf_puts(out,
			 "Effect transactional: whatever dies, the file has each item once, and "
			 "the same bytes.\n");
		return;
	}
	if (work->effect == JOB_TRANSACTIONAL) {
		explain_put_target_effect(out);
		return;
	}
	if (work->effect == JOB_ONCE) {
		buf_printf(out,
			   "Effect once: when the %s, stint or the machine dies in the middle "
			   "of an item, nobody knows whether it took effect. Such an item is in "
			   "doubt; it is never repeated in silence: ",
			   other);
		put_doubt(job, out);
		buf_printf(out, ". The same holds for a time limit%s.\n",
			   work->kind == WORK_HTTP ? "" : " and a signal");
		return;
	}
	buf_printf(out,
		   "Effect idempotent: when the %s, stint or the machine dies in the middle of "
		   "an item, it is done again, with the same ${item.idempotency_key}. To do it "
		   "twice must be harmless.",
		   other);
	if (work->key_valid_us > 0) {
		buf_puts(out, " The other side knows the key for ");
		text_put_duration(out, work->key_valid_us);
		buf_puts(out, "; after that an item is in doubt instead: ");
		put_doubt(job, out);
		buf_putc(out, '.');
	}
	buf_putc(out, '\n');
}

/* ---- failing ---- */

/* min(max, first * factor^n), as core/retry computes it. */
static int64_t wait_after(const struct job_retry *retry, int used)
{
	double wait = (double)retry->first_us;

	for (int i = 1; i < used && wait < (double)retry->max_us; i++)
		wait *= retry->factor;
	return wait < (double)retry->max_us ? (int64_t)wait : retry->max_us;
}

static void put_waits(const struct job_retry *retry, struct buf *out)
{
	int waits = retry->attempts - 1;

	for (int i = 1; i <= waits && i <= WAITS_SHOWN; i++) {
		if (i > 1)
			buf_puts(out, i == waits ? " and " : ", ");
		text_put_duration(out, wait_after(retry, i) / US_PER_MS * US_PER_MS);
	}
	if (waits > WAITS_SHOWN) {
		buf_puts(out, " and so on, at most ");
		text_put_duration(out, retry->max_us);
	}
	if (retry->jitter == JOB_JITTER_FULL)
		buf_puts(out, " (each a random part of that)");
	else if (retry->jitter == JOB_JITTER_EQUAL)
		buf_puts(out, " (each at least half of that)");
}

static void put_retry(const struct job *job, struct buf *out)
{
	const struct job_retry *retry = &job->retry;

	if (retry->attempts == 1) {
		buf_puts(out, "An attempt that fails is not repeated: the item is dead at once.");
		return;
	}
	buf_printf(out, "An attempt that fails is repeated, up to %d in all, after ",
		   retry->attempts);
	put_waits(retry, out);
	buf_puts(out, "; an item due later than ");
	text_put_duration(out, retry->within_run_us);
	buf_puts(out,
		 " from then on is left to the next run. After the last one the item is dead.");
}

static void put_set(const char *what, const uint8_t set[STATUS_BYTES], struct buf *out)
{
	size_t from = out->len;

	buf_puts(out, what);
	size_t before = out->len;
	status_put(set, out);
	if (out->len == before) {
		out->len = from; /* an empty set: nothing to say */
		if (out->data != NULL)
			out->data[from] = '\0';
		return;
	}
	buf_putc(out, '.');
}

static void put_statuses(const struct job_work *work, struct buf *out)
{
	bool is_http = work->kind == WORK_HTTP;

	put_set(is_http ? " Done are also " : " Done are also exit status ", work->done_when, out);
	put_set(is_http ? " To be tried again: " : " To be tried again: exit status ",
		work->retry_when, out);
	put_set(is_http ? " Dead at once: " : " Dead at once: exit status ", work->dead_when, out);
	put_set(is_http ? " In doubt: " : " In doubt: exit status ", work->doubt_when, out);
}

static void put_breaker(const struct job_breaker *b, struct buf *out)
{
	if (b->at_least < INT64_MAX) {
		buf_printf(out,
			   " So it does when %g%% of at least %" PRId64
			   " attempts at items that had not failed before fail within ",
			   100 * b->failures, b->at_least);
		text_put_duration(out, b->window_us);
		buf_putc(out, '.');
	}
	buf_puts(out, " Everything waits ");
	text_put_duration(out, b->open_for_us);
	buf_puts(out, ", growing to ");
	text_put_duration(out, b->open_max_us);
	buf_puts(out, "; then one item is tried, which costs it no attempt. After ");
	text_put_duration(out, b->give_up_after_us);
	buf_puts(out, " without success the run fails.");
}

static void put_failure(const struct job *job, struct buf *out)
{
	if (job->work.kind == WORK_NOOP)
		return;
	if (job->work.kind == WORK_FILE) {
		buf_puts(out, "An item that the format cannot hold is dead at once, and left out. "
			      "When the file cannot be written (a full disk, no directory, no "
			      "permission) that is no fault of an item: the breaker opens.");
		put_breaker(&job->breaker, out);
		buf_putc(out, '\n');
		return;
	}
	put_retry(job, out);
	if (job->work.kind == WORK_HTTP)
		explain_put_request_failure(job, out);
	else if (job_has_target(job))
		explain_put_target_failure(job, out);
	else if (job->work.kind == WORK_LUA)
		buf_puts(out, " retry(why) is such a failure; after dead(why), and where the "
			      "script fails, the item is dead at once. Should anything hit every "
			      "item alike, the breaker opens.");
	else
		buf_puts(out, " Exit status 64 to 68 and 76 say that it can never be done: dead at "
			      "once. Exit status 69, 77, 78, 126 and 127 are no fault of the item: "
			      "the breaker opens.");
	put_breaker(&job->breaker, out);
	put_statuses(&job->work, out);
	explain_put_tests(job, out);
	buf_putc(out, '\n');
}

/* ---- ending ---- */

/* Until when it may work, and what happens then. */
static void put_window(const struct job_window *w, struct buf *out)
{
	if (w->max_us > 0) {
		buf_puts(out, "after ");
		text_put_duration(out, w->max_us);
	}
	if (w->stop_by_minute >= 0)
		buf_printf(out, "%sat %02d:%02d", w->max_us > 0 ? ", or " : "",
			   w->stop_by_minute / 60, w->stop_by_minute % 60);
}

static void put_over(const struct job_window *w, struct buf *out)
{
	if (w->when_over == JOB_OVER_STOP || (w->max_us == 0 && w->stop_by_minute < 0))
		return;
	buf_puts(out, " Its window is over ");
	put_window(w, out);
	if (w->when_over == JOB_OVER_GO_ON)
		buf_puts(out, "; it then goes on as before.");
	else
		buf_printf(out, "; it then goes on gently: at most %d at once, with niceness %d",
			   w->gentle.concurrency, w->gentle.nice);
	if (w->when_over == JOB_OVER_GENTLE && w->gentle.rate.n > 0)
		buf_printf(out, ", and %" PRId64 " begin in any %s", w->gentle.rate.n,
			   unit_word(w->gentle.rate.per_us));
	if (w->when_over == JOB_OVER_GENTLE)
		buf_putc(out, '.');
}

static void put_expect(const struct job_window *w, struct buf *out)
{
	if (w->expect_us == 0)
		return;
	buf_puts(out, " A warning goes out when the forecast says that it will take longer than ");
	text_put_duration(out, w->expect_us);
	buf_putc(out, '.');
}

static void put_cutoff(const struct job_cutoff *cutoff, struct buf *out)
{
	static const char *const words[] = {
		[JOB_CUTOFF_GO_ON] = "go on all the same, with a warning",
		[JOB_CUTOFF_HOLD] = "are held until a person decides (--ignore-window)",
		[JOB_CUTOFF_FAIL] = "are left, and the run fails",
	};

	if (cutoff->minute >= 0)
		buf_printf(out, " Items not begun by %02d:%02d of the run's date %s.",
			   cutoff->minute / 60, cutoff->minute % 60, words[cutoff->then]);
}

static void put_stop(const struct job *job, struct buf *out)
{
	const struct job_window *w = &job->window;
	bool has_end = w->max_us > 0 || w->stop_by_minute >= 0;

	buf_puts(out, "The run stops between items when a signal or a person says so");
	if (w->when_over == JOB_OVER_STOP && has_end) {
		buf_puts(out, ", ");
		put_window(w, out);
		buf_puts(out, " (nothing is begun that would not end by then)");
	}
	buf_puts(out, ", when nothing was settled for ");
	text_put_duration(out, job->window.stalled_after_us);
	buf_puts(out, ", or when more than ");
	put_limit(&job->work.max_dead, "10% of its items (and at least 20)", out);
	buf_puts(out, " are dead. Attempts under way are given ");
	text_put_duration(out, job->window.grace_us);
	buf_puts(out, ".");
	put_over(w, out);
	put_expect(w, out);
	put_cutoff(&w->cutoff, out);
	switch (job->carry_over) {
	case JOB_RESUME_FIRST:
		buf_puts(out,
			 " What is left (exit status 75) is worked first by the next start, under "
			 "its own run, date and key.\n");
		break;
	case JOB_LEAVE:
		buf_puts(out,
			 " What is left (exit status 75) stays until a person resumes that run: "
			 "carry_over is leave.\n");
		break;
	case JOB_ABANDON:
		buf_puts(out,
			 " What is left is given up by the next start: carry_over is abandon.\n");
		break;
	case JOB_CARRY_OVER_COUNT_:
		break;
	}
}

static void put_person(const struct job *job, struct buf *out)
{
	buf_puts(out, "A person is needed (exit status 3) for items that are dead");
	if (job_needs_start_mark(job) && job->work.when_in_doubt == JOB_DOUBT_ASK)
		buf_puts(out, " or in doubt");
	if (job->source.kind != SOURCE_NONE && job->source.when_malformed == JOB_MALFORMED_REJECT)
		buf_puts(out, " and for rejected records");
	buf_puts(out, ". stint why, items and rejects show them");
	if (job->person != NULL)
		buf_printf(out, ", and for whom each is (%s)", job->person);
	buf_puts(out, ". ");
	if (job->once_per == JOB_ONCE_PER_DAY)
		buf_puts(out,
			 "Each day has one run: once it has finished, another call of the same "
			 "day says so and does nothing, unless --again is given.\n");
	else if (job->once_per == JOB_ONCE_PER_START)
		buf_puts(out, "Each call resumes what is unfinished, or begins something new.\n");
	else
		buf_putc(out, '\n');
}

static void put_price(const struct decimal *amount, const char *what, const char **mark,
		      struct buf *out)
{
	const struct decimal nothing = {0};

	if (decimal_compare(amount, &nothing) == 0)
		return;
	buf_puts(out, *mark);
	*mark = ", ";
	decimal_format(amount, out);
	buf_puts(out, what);
}

static void put_cost(const struct job_cost *c, struct buf *out)
{
	const struct decimal nothing = {0};
	const char *mark = ": ";

	if (!c->is_given)
		return;
	buf_puts(out, "What it costs");
	if (c->currency != NULL) {
		buf_puts(out, ", in ");
		put_quoted(c->currency, out);
	}
	put_price(&c->per_hour, " an hour of each instance", &mark, out);
	put_price(&c->per_item, " an item", &mark, out);
	put_price(&c->per_retry, " a further attempt", &mark, out);
	put_price(&c->over_quota, " a call beyond the quota", &mark, out);
	if (c->billed_every_us > 0) {
		buf_puts(out, "; billed every ");
		text_put_duration(out, c->billed_every_us);
	}
	buf_putc(out, '.');
	if (decimal_compare(&c->value_per_item, &nothing) > 0) {
		buf_puts(out, " An item that is done brings ");
		decimal_format(&c->value_per_item, out);
		if (c->value_after_us > 0) {
			buf_puts(out, ", ");
			text_put_duration(out, c->value_after_us);
			buf_puts(out, " after its run");
		}
		buf_puts(out, ". The report says what has to be carried in between.");
	}
	buf_putc(out, '\n');
}

static void put_pools(const struct job_require *require, struct buf *out)
{
	if (require->n_pools == 0)
		return;
	buf_puts(out,
		 "Before anything is read its run takes, of what all jobs of the ledger share, ");
	for (size_t i = 0; i < require->n_pools; i++) {
		const struct job_pool *pool = &require->pools[i];
		buf_printf(out, "%s%" PRId64 " of ", i > 0 ? ", " : "", pool->units);
		put_quoted(pool->name, out);
	}
	buf_puts(out, "; it waits for that for ");
	text_put_duration(out, require->wait_us);
	buf_puts(out, ", then it ends with exit status 69.\n");
}

void explain_put_words(const struct job *job, struct buf *out)
{
	assert(job != NULL && out != NULL);
	if (job->step == 1)
		put_pools(&job->require, out);
	put_what(&job->source, out);
	if (job->source.kind != SOURCE_NONE) {
		put_guards(job, out);
		explain_put_filter(job, out);
		put_controls(job, out);
		put_totals(job, out);
	}
	buf_putc(out, '\n');
	explain_put_transform(job, out);
	put_work(job, out);
	put_effect(job, out);
	put_failure(job, out);
	put_stop(job, out);
	put_person(job, out);
	put_cost(&job->cost, out);
}
