/* SPDX-License-Identifier: Apache-2.0 */
/* Why a run does not move or failed, and why a job has not started. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/job_file.h"
#include "cli/why.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/ending.h"
#include "report/endpoint.h"
#include "report/note.h"
#include "report/report.h"
#include "sys/clock.h"
#include "work/work.h"

enum { CAUSES_SHOWN = 3, TEXT_MAX = 1024 };

static const char *time_text(struct why *why, utime t)
{
	char text[CLOCK_TEXT_MAX] = {0};

	clock_format_short(t, text);
	return arena_str(&why->arena, text);
}

static const char *span_text(struct why *why, int64_t us)
{
	AUTO(buf) struct buf b = BUF_INIT(TEXT_MAX);

	text_put_span(&b, us);
	return arena_text(&why->arena, buf_str(&b), b.len);
}

/* ---- who is on it, and what it waits for ---- */

struct askers {
	struct why *why;
	int64_t n;
};

static int on_request(void *arg, const struct ledger_row *row)
{
	struct askers *a = arg;
	const char *who = ledger_row_text(row, 0, NULL);
	const char *reason = ledger_row_text(row, 1, NULL);

	a->n++;
	why_say(a->why, "%s asked it to stop%s%s", who == NULL ? "somebody" : who,
		reason == NULL || reason[0] == '\0' ? "" : ": ", reason == NULL ? "" : reason);
	return 0;
}

/* Requests to stop that nobody has obeyed yet. */
static int say_requests(struct ledger *ledger, int64_t run_id, struct why *why, struct err *err)
{
	static const char sql[] = "SELECT DISTINCT who, why FROM request WHERE run_id = ?1"
				  " AND obeyed_at IS NULL AND item IS NULL ORDER BY who LIMIT 3";
	struct ledger_param param = {.type = LEDGER_INT, .number = run_id};
	struct askers askers = {.why = why};

	return ledger_select(ledger, sql, &param, 1, on_request, &askers, err);
}

static int say_notes(struct ledger *ledger, int64_t run_id, struct why *why, struct err *err)
{
	struct notes notes = {0};

	int rc = notes_gather(ledger, run_id, &why->arena, &notes, err);
	for (size_t i = 0; rc == 0 && i < notes.n; i++)
		why_say(why, "%s: %s%s%s", time_text(why, notes.notes[i].at), notes.notes[i].text,
			notes.notes[i].until == 0 ? "" : "; it may end ",
			notes.notes[i].until == 0 ? "" : time_text(why, notes.notes[i].until));
	return rc;
}

static int say_endings(struct ledger *ledger, int64_t run_id, struct why *why, struct err *err)
{
	struct endings found = {0};

	int rc = endings_gather(ledger, run_id, &why->arena, &found, err);
	for (size_t i = 0; rc == 0 && i < found.n; i++)
		if (found.endings[i].error[0] != '\0')
			why_say(why, "what is done once at its end has failed: %s",
				found.endings[i].error);
	return rc;
}

/* What its items talk to is out of order. */
static int say_breakers(struct ledger *ledger, int64_t run_id, struct why *why, struct err *err)
{
	struct endpoints found = {0};

	int rc = endpoints_gather(ledger, run_id, &why->arena, &found, err);
	for (size_t i = 0; rc == 0 && i < found.n; i++) {
		AUTO(buf) struct buf words = BUF_INIT(TEXT_MAX);
		if (!found.endpoints[i].is_open)
			continue;
		endpoint_put_breaker(&found.endpoints[i], &words);
		why_say(why, "%s", buf_str(&words));
	}
	return rc;
}

/* A run with somebody on it: what it is at. */
static void say_working(const struct report_run *run, struct why *why)
{
	const struct ledger_counts *c = &run->counts;

	why_say(why, "%" PRId64 " instance%s at work on it; it began %s ago", run->n_joined,
		run->n_joined == 1 ? " is" : "s are",
		span_text(why, report_run_took_us(run, clock_now())));
	why_count(why, c->running, "item is being worked on", "items are being worked on");
	why_count(why, c->waiting, "item is waiting", "items are waiting");
	if (c->running == 0 && c->waiting == 0 && c->retry > 0 && c->next_due != UTIME_NEVER)
		why_say(why,
			"it waits for another try at %" PRId64
			" item%s that failed; the next is due "
			"%s",
			c->retry, c->retry == 1 ? "" : "s", time_text(why, c->next_due));
}

/* A run that nobody is on and that is not over. */
static void say_idle(const struct report_run *run, struct why *why)
{
	const struct ledger_counts *c = &run->counts;
	bool failed = strcmp(run->state, "failed") == 0;

	if (run->reason[0] != '\0')
		why_say(why, "%s: %s", failed ? "it failed" : "it was stopped", run->reason);
	else if (run->n_gone > 0)
		why_say(why,
			"the instance that was at work on it died; the next `stint run` of the "
			"job takes over");
	else if (!failed)
		why_say(why, "nobody is at work on it");
	why_count(why, c->waiting + c->running, "item is still to be done",
		  "items are still to be done");
	if (c->retry > 0)
		why_say(why, "%" PRId64 " item%s for another try, the first from %s on", c->retry,
			c->retry == 1 ? " waits" : "s wait",
			c->next_due == UTIME_NEVER ? "now" : time_text(why, c->next_due));
	if (!failed)
		why_say(why,
			"it goes on with the next `stint run` of the job, before anything new");
}

static void say_over(const struct report_run *run, struct why *why)
{
	if (run->reason[0] != '\0')
		why_say(why, "%s", run->reason);
	why_say(why, "it ended %s, after %s",
		run->ended_at == 0 ? "" : time_text(why, run->ended_at),
		span_text(why, report_run_took_us(run, clock_now())));
	if (run->n_read == 0)
		why_say(why, "there was nothing to do: its source was empty");
	else if (run->n_items == 0)
		why_say(why,
			"of %" PRId64 " records none became an item: %" PRId64
			" filtered out, %" PRId64 " rejected, %" PRId64 " held back",
			run->n_read, run->n_filtered, run->n_rejected, run->n_held_back);
}

/* ---- what failed ---- */

static void say_numbers(const struct report_run *run, struct why *why)
{
	const struct ledger_counts *c = &run->counts;

	why_count(why, c->dead, "item was given up (dead)", "items were given up (dead)");
	why_count(why, c->in_doubt, "item is in doubt: an attempt at it may have taken effect",
		  "items are in doubt: an attempt at them may have taken effect");
	why_count(why, run->n_rejected, "record was rejected", "records were rejected");
	why_count(why, run->n_held_back,
		  "record was held back: its key is still open in an earlier run, or done before",
		  "records were held back: their keys are still open in an earlier run, or done "
		  "before");
}

static void say_cause(const struct report_error *e, struct why *why)
{
	bool has_shape = e->fingerprint[0] != '\0';

	why_say(why, "%" PRId64 " of %s: %s%s%s%s", e->n, e->err_class, e->sample,
		has_shape ? "  [" : "", e->fingerprint, has_shape ? "]" : "");
}

static int say_causes(struct ledger *ledger, const struct report_run *run, struct why *why,
		      struct err *err)
{
	AUTO(report) struct report *report = NULL;

	int rc = report_gather(ledger, run->id, REPORT_BY_NONE, clock_now(), &report, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	for (size_t i = 0; i < report->n_errors && i < CAUSES_SHOWN; i++)
		say_cause(&report->errors[i], why);
	for (size_t i = 0; i < report->n_reasons && i < CAUSES_SHOWN; i++)
		why_say(why, "%" PRId64 " rejected: %s (%s:%" PRId64 ")", report->reasons[i].n,
			report->reasons[i].reason, report->reasons[i].path,
			report->reasons[i].line);
	return 0;
}

int why_run(struct ledger *ledger, const struct report_run *run, struct why *why, struct err *err)
{
	int rc = 0;

	assert(ledger != NULL && run != NULL && why != NULL && err != NULL);
	if (why->kind == NULL) {
		why->kind = "run";
		why->name = arena_str(&why->arena, run->name);
	}
	why->state = arena_str(&why->arena, run->state);
	why->step = arena_str(&why->arena, run->step);
	if (why->step != NULL && !run->is_over)
		why_say(why, "it is at its step %s", why->step);
	if (run->is_over) {
		say_over(run, why);
	} else if (run->n_joined > 0) {
		say_working(run, why);
		rc = why_share(ledger, run, why, err);
		if (rc == 0)
			rc = say_requests(ledger, run->id, why, err);
		if (rc == 0)
			rc = say_notes(ledger, run->id, why, err);
	} else {
		say_idle(run, why);
	}
	if (rc == 0 && !run->is_over)
		rc = say_endings(ledger, run->id, why, err);
	if (rc == 0 && !run->is_over)
		rc = say_breakers(ledger, run->id, why, err);
	say_numbers(run, why);
	if (rc == 0)
		rc = say_causes(ledger, run, why, err);
	next_of_run(run, &why->arena, &why->next);
	return rc;
}

/* ---- jobs ---- */

/* What its file says today, where the job was named by it. */
static int look_at_file(struct cli *cli, const char *word, struct why *why, char **ret_job,
			struct err *err)
{
	AUTO(job) struct job *job = NULL;
	struct err trouble = ERR_INIT;

	int rc = job_file_load(cli, word, &job, err);
	if (rc < 0)
		return rc;
	if (work_check(job, &trouble) < 0)
		why_say(why, "it could not start now: %s", trouble.text);
	*ret_job = xstrdup(job->name);
	return 0;
}

static int keep_latest(void *arg, const struct report_run *run)
{
	struct why *why = arg;
	struct report_run **latest = &why->latest;

	*latest = arena_new(&why->arena, struct report_run);
	**latest = report_run_dup(run, &why->arena);
	return 1;
}

int why_job(struct cli *cli, struct ledger *ledger, const char *word, struct why *why,
	    struct err *err)
{
	AUTO(str) char *job = NULL;
	struct report_run_filter newest = {.max = 1};

	int rc = job_file_is_path(word) ? look_at_file(cli, word, why, &job, err)
					: find_job(cli, ledger, word, &job, err);
	if (rc < 0)
		return rc;
	why->kind = "job";
	why->name = arena_str(&why->arena, job);
	newest.job = job;
	rc = report_runs(ledger, &newest, keep_latest, why, err);
	if (rc < 0)
		return rc;
	if (why->latest == NULL) {
		why_say(why, "it has never run in %s", ledger_url(ledger));
		why_next(why,
			 "runs it now; this version starts nothing by itself: cron or a systemd "
			 "timer does",
			 "stint run %s", shell_word(word, &why->arena));
		return 0;
	}
	why_say(why, "its latest run is %s, begun %s", why->latest->name,
		time_text(why, why->latest->started_at));
	return why_run(ledger, why->latest, why, err);
}
