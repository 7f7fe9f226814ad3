/* SPDX-License-Identifier: Apache-2.0 */
/* Why an item is what it is. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "cli/attempt_list.h"
#include "cli/find.h"
#include "cli/run_job.h"
#include "cli/sent.h"
#include "cli/why.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/item.h"
#include "report/moment.h"
#include "report/run.h"
#include "sys/clock.h"

enum { NAME_MAX_BYTES = 64, SENT_MAX = 512 * 1024 };

struct about {
	struct why *why;
	struct report_run run;
	struct report_item item; /* texts in why->arena */
	const char *name;	 /* RUN:NUMBER, good for commands */
	bool is_found;
	bool verifies; /* the job says how to ask */
	int64_t n_attempts;
};

static const char *time_text(struct why *why, utime t)
{
	char text[CLOCK_TEXT_MAX] = {0};

	clock_format_short(t, text);
	return arena_str(&why->arena, text);
}

static int keep_item(void *arg, const struct report_item *item)
{
	struct about *a = arg;
	struct arena *arena = &a->why->arena;

	a->is_found = true;
	a->item = *item;
	a->item.state = arena_str(arena, item->state);
	a->item.err_class = arena_str(arena, item->err_class);
	a->item.err = arena_str(arena, item->err);
	a->item.fingerprint = arena_str(arena, item->fingerprint);
	a->item.doubt = arena_str(arena, item->doubt == NULL ? "" : item->doubt);
	a->item.step = arena_str(arena, item->step);
	return 1;
}

static int load(struct ledger *ledger, const struct find_item *where, struct about *a,
		struct err *err)
{
	struct report_item_filter filter = {.run_id = where->run_id, .number = where->number};
	char name[NAME_MAX_BYTES] = {0};
	AUTO(job) struct job *job = NULL;
	struct err ignored = ERR_INIT;

	int rc = report_run_load(ledger, where->run_id, &a->why->arena, &a->run, err);
	if (rc == 0)
		rc = report_items(ledger, &filter, keep_item, a, err);
	if (rc >= 0 && !a->is_found)
		rc = ERR(err, ERR_DATA, "there is no item %" PRId64 " in %s", where->number,
			 a->run.name);
	if (rc >= 0 && run_job_load(ledger, where->run_id, &job, &ignored) == 0)
		a->verifies = job_verifies(job); /* else nobody can verify it either */
	(void)snprintf(name, sizeof(name), "%" PRId64 ":%" PRId64, where->run_id, where->number);
	a->name = arena_str(&a->why->arena, name);
	return rc < 0 ? rc : 0;
}

/* ---- by state ---- */

static void say_last_error(const struct about *a)
{
	if (a->item.err_class[0] != '\0' || a->item.err[0] != '\0')
		why_say(a->why, "the last error: %s%s%s  [%s]", a->item.err_class,
			a->item.err[0] == '\0' ? "" : ": ", a->item.err, a->item.fingerprint);
}

static void say_waiting(const struct about *a)
{
	struct why *why = a->why;

	if (a->run.n_joined > 0)
		why_say(why,
			"its run is being worked on, and it is not its turn yet: %" PRId64
			" items are waiting",
			a->run.counts.waiting);
	else if (a->run.is_over)
		why_say(why, "its run is over (%s): it will not be done", a->run.state);
	else
		why_say(why, "nobody is at work on its run (%s%s%s)", a->run.state,
			a->run.reason[0] == '\0' ? "" : ": ", a->run.reason);
}

static void say_doubt(const struct about *a)
{
	struct why *why = a->why;

	if (a->item.first_started_at != 0)
		why_say(why, "an attempt that began on %s or after may have taken effect",
			time_text(why, a->item.first_started_at));
	if (strcmp(a->item.doubt, "verifying") == 0)
		why_say(why, "it is being verified by instance %" PRId64, a->item.instance);
	else if (strcmp(a->item.doubt, "waiting") == 0 && a->verifies)
		why_say(why, "it is verified from %s on%s",
			a->item.next_at == 0 ? "now" : time_text(why, a->item.next_at),
			a->run.n_joined > 0 ? "" : ", by the next `stint run` of the job");
	else
		why_say(why, "nobody can tell: look at the other side, then decide");
}

static void say_state(const struct about *a)
{
	struct why *why = a->why;
	const char *state = a->item.state;

	if (strcmp(state, "waiting") == 0)
		say_waiting(a);
	else if (strcmp(state, "running") == 0)
		why_say(why, "instance %" PRId64 " is at work on it", a->item.instance);
	else if (strcmp(state, "retry") == 0)
		why_say(why, "%" PRId64 " attempt%s failed; it is tried again from %s on%s",
			a->item.attempts, a->item.attempts == 1 ? "" : "s",
			a->item.next_at == 0 ? "now" : time_text(why, a->item.next_at),
			a->run.n_joined > 0 ? "" : ", by the next `stint run` of the job");
	else if (strcmp(state, "in_doubt") == 0)
		say_doubt(a);
	else if (strcmp(state, "dead") == 0)
		why_say(why, "it was given up after %" PRId64 " attempt%s", a->item.attempts,
			a->item.attempts == 1 ? "" : "s");
	else if (strcmp(state, "done") == 0)
		why_say(why, "it was done");
	else
		why_say(why, "it was taken out");
}

static void add_next(struct about *a)
{
	struct why *why = a->why;
	const char *state = a->item.state;

	if (strcmp(state, "in_doubt") == 0) {
		why_next(why, "it took effect", "stint resolve %s --done --why TEXT", a->name);
		why_next(why, "it did not: do it again", "stint resolve %s --retry --why TEXT",
			 a->name);
		why_next(why, "neither: leave it out", "stint resolve %s --skip --why TEXT",
			 a->name);
	} else if (strcmp(state, "dead") == 0) {
		why_next(why, "when the cause is gone: another chance", "stint retry %s --now",
			 a->name);
		why_next(why, "nobody wants it any more", "stint skip %s --why TEXT", a->name);
	} else if (!a->run.is_over && a->run.n_joined == 0 && strcmp(state, "done") != 0 &&
		   strcmp(state, "skipped") != 0) {
		why_next(why, "goes on with its run", "stint run %s",
			 next_job_file(&a->run, &why->arena));
	}
	if (a->n_attempts > 0) {
		why_next(why, "every attempt that is recorded", "stint attempts %s", a->name);
		why_next(why, "what they said", "stint logs %s", a->name);
	}
}

/* ---- what happened ---- */

static int on_attempt(void *arg, const struct attempt *attempt)
{
	struct about *a = arg;
	AUTO(buf) struct buf span = BUF_INIT(64);

	a->n_attempts++;
	text_put_span(&span, attempt->took_us);
	why_say(a->why, "attempt %" PRId64 ", %s, %s: %s%s%s", attempt->number,
		time_text(a->why, attempt->at), buf_str(&span), attempt_word(attempt),
		attempt->err[0] == '\0' ? "" : ": ", attempt->err);
	return 0;
}

static int on_audit(void *arg, const struct ledger_row *row)
{
	struct about *a = arg;
	const char *who = ledger_row_text(row, 1, NULL);
	const char *verb = ledger_row_text(row, 2, NULL);
	const char *reason = ledger_row_text(row, 3, NULL);

	why_say(a->why, "%s, %s: %s%s%s", time_text(a->why, moment_at(row, 0)),
		who == NULL ? "" : who, verb == NULL ? "" : verb,
		reason == NULL || reason[0] == '\0' ? "" : ": ", reason == NULL ? "" : reason);
	return 0;
}

static int say_history(struct ledger *ledger, struct about *a, struct err *err)
{
	static const char sql[] = "SELECT at, who, verb, why FROM audit WHERE run_id = ?1"
				  " AND item = ?2 ORDER BY at LIMIT 10";
	struct attempt_filter filter = {.run_id = a->item.run_id, .item = a->item.number};
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = a->item.run_id},
		{.type = LEDGER_INT, .number = a->item.number},
	};

	int rc = attempt_each(ledger, &filter, on_attempt, a, err);
	if (rc == 0)
		rc = ledger_select(ledger, sql, params, ARRAY_LEN(params), on_audit, a, err);
	return rc;
}

/* Line by line. */
static int say_sent(struct ledger *ledger, struct about *a, struct err *err)
{
	AUTO(buf) struct buf lines = BUF_INIT(SENT_MAX);
	struct sent sent = {0};

	if (a->item.doubt[0] == '\0')
		return 0;
	sent_init(&sent, ledger);
	int rc = sent_get(&sent, a->item.run_id, a->item.number, err);
	if (rc == 0)
		sent_put_text(&sent, "", &lines);
	sent_done(&sent);
	for (const char *line = buf_str(&lines); *line != '\0';) {
		size_t len = strcspn(line, "\n");
		why_say(a->why, "%.*s", (int)len, line);
		line += len + (line[len] == '\n' ? 1 : 0);
	}
	return rc;
}

int why_item(struct cli *cli, struct ledger *ledger, const char *word, struct why *why,
	     struct err *err)
{
	struct find_item where = {0};
	struct about about = {
		.why = why,
		.item = {.state = "", .doubt = "", .err_class = "", .err = "", .fingerprint = ""},
	};

	assert(word != NULL && why != NULL && err != NULL);
	int rc = find_item(cli, ledger, word, &where, err);
	if (rc == 0)
		rc = load(ledger, &where, &about, err);
	if (rc < 0)
		return rc;
	why->kind = "item";
	why->name = arena_str(&why->arena, word);
	why->state = about.item.state;
	why->step = about.item.step;
	why_say(why, "item %" PRId64 " of %s%s%s", where.number, about.run.name,
		why->step == NULL ? "" : ", in its step ", why->step == NULL ? "" : why->step);
	say_state(&about);
	if (strcmp(about.item.state, "done") != 0)
		say_last_error(&about);
	rc = say_sent(ledger, &about, err);
	if (rc == 0)
		rc = say_history(ledger, &about, err);
	add_next(&about);
	return rc;
}
