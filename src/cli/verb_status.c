/* SPDX-License-Identifier: Apache-2.0 */
/* `stint status [JOB]`: what is on, what is next, what needs a person. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/ledger_choice.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "report/ending.h"
#include "report/endpoint.h"
#include "report/latency.h"
#include "report/next.h"
#include "report/note.h"
#include "report/run.h"
#include "sys/clock.h"

enum { LINE_MAX_BYTES = 256, PART_MAX = 50 }; /* runs that are shown of each kind */

/* What a part of the page shows. */
enum part { PART_ON, PART_NEXT, PART_PERSON, PART_COUNT_ };

struct part_text {
	const char *name; /* in JSON */
	const char *title;
	const char *none;
};

static const struct part_text parts[PART_COUNT_] = {
	[PART_ON] = {"on", "On", "nobody is at work"},
	[PART_NEXT] = {"next", "To go on with the next `stint run`", "nothing is left over"},
	[PART_PERSON] = {"needs_person", "Needs a person", "nothing"},
};

struct found {
	struct arena arena;
	struct ledger *ledger;
	struct report_run runs[PART_MAX];
	struct notes notes[PART_MAX];
	struct endings endings[PART_MAX];
	struct endpoints endpoints[PART_MAX];
	size_t n;
	int64_t more;
	enum part part;
	bool has_failed; /* a run that goes on with the next call, of this part or one before */
};

static int keep(void *arg, const struct report_run *run)
{
	struct found *found = arg;
	bool is_on = run->n_joined > 0;

	if ((found->part == PART_ON && !is_on) || (found->part == PART_NEXT && is_on))
		return 0;
	if (found->part == PART_NEXT && strcmp(run->state, "failed") == 0)
		found->has_failed = true;
	if (found->n == PART_MAX)
		found->more++;
	else
		found->runs[found->n++] = report_run_dup(run, &found->arena);
	return 0;
}

static int find_part(struct ledger *ledger, const char *job, enum part part, struct found *found,
		     struct err *err)
{
	struct report_run_filter filter = {
		.job = job,
		.not_over = part != PART_PERSON,
		.needs_person = part == PART_PERSON,
		.max = INT64_MAX,
	};

	arena_reset(&found->arena);
	found->n = 0;
	found->more = 0;
	found->ledger = ledger;
	memset(found->notes, 0, sizeof(found->notes));
	memset(found->endings, 0, sizeof(found->endings));
	memset(found->endpoints, 0, sizeof(found->endpoints));
	found->part = part;
	return report_runs(ledger, &filter, keep, found, err);
}

static void put_number(struct buf *b, int64_t n, const char *text, const char **mark)
{
	if (n == 0)
		return;
	buf_puts(b, *mark);
	*mark = ", ";
	text_put_count(b, n);
	buf_printf(b, " %s", text);
}

/* How long its attempts take. What cannot be read now is left out: it comes again. */
static void put_latency(struct found *found, const struct report_run *run, struct buf *b,
			struct json_writer *w)
{
	AUTO(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
	struct ledger_txn *txn = NULL;
	const struct ledger_stats *stats = NULL;
	struct err ignored = ERR_INIT;

	if (latency_load(found->ledger, run->id, &txn, &stats, &ignored) < 0)
		return;
	if (w != NULL)
		latency_put_json(stats, w);
	else
		latency_put_line(stats, &line);
	if (line.len > 0)
		buf_printf(b, "    %s\n", buf_str(&line));
	ledger_txn_free(txn);
}

/* How far a run of several steps is. */
static void put_step(struct buf *b, const struct report_run *run, const char *mark)
{
	if (run->step == NULL)
		return;
	buf_printf(b, "%sstep ", mark);
	text_put_printable(b, run->step, strlen(run->step), 0);
}

static void put_run(struct cli *cli, struct found *found, const struct report_run *run)
{
	enum part part = found->part;
	struct buf *b = &cli->out.buf;
	const struct ledger_counts *c = &run->counts;
	const char *mark = ": ";

	buf_printf(b, "  %s", run->name);
	if (part != PART_PERSON) {
		buf_puts(b, mark);
		buf_puts(b, run->state);
		mark = ", ";
		put_step(b, run, mark);
		put_number(b, c->done, "done", &mark);
		put_number(b, c->skipped, "skipped", &mark);
		put_number(b, c->waiting, "waiting", &mark);
		put_number(b, c->running, "running", &mark);
		put_number(b, c->retry, "in retry", &mark);
	}
	if (part == PART_PERSON && run->step != NULL && !run->is_over) {
		put_step(b, run, mark);
		mark = ", ";
	}
	put_number(b, c->in_doubt, "in doubt", &mark);
	put_number(b, c->dead, "dead", &mark);
	if (part == PART_PERSON)
		put_number(b, run->n_rejected, "rejected", &mark);
	if (part == PART_ON) {
		buf_puts(b, "; for ");
		text_put_span(b, report_run_took_us(run, clock_now()));
		buf_printf(b, ", by %" PRId64 " instance%s", run->n_joined,
			   run->n_joined == 1 ? "" : "s");
	}
	if (run->reason[0] != '\0') {
		buf_puts(b, " (");
		text_put_printable(b, run->reason, strlen(run->reason), 0);
		buf_putc(b, ')');
	}
	buf_putc(b, '\n');
	if (part == PART_ON)
		put_latency(found, run, b, NULL);
}

/* What a person should know of a run that is on. */
static int gather_notes(struct ledger *ledger, struct found *found, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < found->n && rc == 0; i++)
		rc = endings_gather(ledger, found->runs[i].id, &found->arena, &found->endings[i],
				    err);
	for (size_t i = 0; i < found->n && rc == 0 && found->part == PART_ON; i++) {
		rc = notes_gather(ledger, found->runs[i].id, &found->arena, &found->notes[i], err);
		if (rc == 0)
			rc = endpoints_gather(ledger, found->runs[i].id, &found->arena,
					      &found->endpoints[i], err);
	}
	return rc;
}

/* A command that leads on from this part. */
static void put_hint(struct cli *cli, const struct found *found)
{
	struct buf *b = &cli->out.buf;
	struct arena arena = {0};
	const struct report_run *run = &found->runs[0];

	if (found->part == PART_NEXT)
		buf_printf(b, "    stint run %s    # or: stint why %s\n",
			   next_job_file(run, &arena), shell_word(run->name, &arena));
	else if (found->part == PART_PERSON)
		buf_printf(b, "    stint report %s    # says what to do\n",
			   shell_word(run->name, &arena));
	arena_done(&arena);
}

static const char *none_text(const struct found *found)
{
	if (found->part == PART_PERSON && found->has_failed)
		return "nothing but the cause of what failed, above";
	return parts[found->part].none;
}

static void put_text(struct cli *cli, struct found *found)
{
	struct buf *b = &cli->out.buf;

	out_style(&cli->out, OUT_BOLD);
	buf_puts(b, parts[found->part].title);
	out_plain(&cli->out);
	buf_putc(b, '\n');
	for (size_t i = 0; i < found->n; i++) {
		put_run(cli, found, &found->runs[i]);
		notes_put_text(&found->notes[i], "    ", b);
		endings_put_text(&found->endings[i], "    ", b);
		endpoints_put_text(&found->endpoints[i], "    ", b);
	}
	if (found->more > 0)
		buf_printf(b, "  and %" PRId64 " more\n", found->more);
	if (found->n == 0)
		buf_printf(b, "  %s\n", none_text(found));
	else
		put_hint(cli, found);
}

static void put_json(struct json_writer *w, struct found *found)
{
	jw_name(w, parts[found->part].name);
	jw_array(w);
	for (size_t i = 0; i < found->n; i++) {
		jw_object(w);
		report_run_put_json(&found->runs[i], w);
		endings_put_json(&found->endings[i], w);
		if (found->part == PART_ON) {
			put_latency(found, &found->runs[i], NULL, w);
			notes_put_json(&found->notes[i], w);
			endpoints_put_json(&found->endpoints[i], w);
		}
		jw_object_end(w);
	}
	jw_array_end(w);
}

static int put_parts(struct cli *cli, struct ledger *ledger, const char *job, struct err *err)
{
	struct found *found = xnew(struct found);
	struct json_writer w = {0};
	int rc = 0;

	jw_init(&w, &cli->out.buf);
	if (cli->wants_json) {
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.status.1");
		jw_member_text(&w, "ledger", ledger_url(ledger));
	} else {
		buf_printf(&cli->out.buf, "Ledger %s\n", ledger_url(ledger));
	}
	for (size_t i = 0; i < PART_COUNT_ && rc == 0; i++) {
		rc = find_part(ledger, job, (enum part)i, found, err);
		if (rc == 0)
			rc = gather_notes(ledger, found, err);
		if (rc == 0 && cli->wants_json)
			put_json(&w, found);
		else if (rc == 0)
			put_text(cli, found);
	}
	if (rc == 0 && cli->wants_json) {
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
	}
	arena_done(&found->arena);
	free(found);
	return rc;
}

int verb_status(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	AUTO(str) char *job = NULL;

	int rc = cli_words(cli, 0, 1, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0 && cli_word(cli, 0) != NULL)
		rc = find_job(cli, ledger, cli_word(cli, 0), &job, err);
	return rc < 0 ? rc : put_parts(cli, ledger, job, err);
}
