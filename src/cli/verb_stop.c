/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stint stop RUN|--job JOB|--all [--now]`: asks the instances on the runs to stop, and says which
 * were asked. It does not wait for them.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/person.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "ledger/rules.h"
#include "report/run.h"

enum {
	RUNS_MAX = 10000, /* that are not over */
	TEXT_MAX = 64 * 1024,
};

struct stop_instance {
	int64_t inc;
	int64_t pid;
	const char *name;
	const char *host;
};

struct stop_run {
	int64_t id;
	const char *name;
	struct stop_instance *instances; /* at work on it, and alive */
	size_t n;
	size_t n_gone; /* that the ledger takes to be on it, and that are dead */
	struct lop_person done;
};

struct stop {
	struct cli *cli;
	const char *why;
	bool now;
	struct person_ledger ledger;
	struct arena arena;
	struct stop_run *runs;
	size_t n;
	int64_t asked;
	int64_t refused; /* runs that nobody was on any more */
};

/* ---- which runs ---- */

static int keep_run(void *arg, const struct report_run *run)
{
	struct stop *s = arg;

	s->runs = xrealloc(s->runs, s->n + 1, sizeof(*s->runs));
	s->runs[s->n++] = (struct stop_run){.id = run->id, .name = arena_str(&s->arena, run->name)};
	return 0;
}

/* The one that is named; said where it is over. */
static int choose_named(struct stop *s, struct err *err)
{
	struct report_run run = {0};

	int rc = find_run(s->cli, s->ledger.reader, cli_word(s->cli, 0), &s->arena, &run, err);
	if (rc < 0)
		return rc;
	if (run.is_over)
		return ERR(err, ERR_DATA, "%s is over (%s): there is nothing to stop", run.name,
			   run.state);
	return keep_run(s, &run);
}

static int choose_runs(struct stop *s, struct err *err)
{
	const char *word = s->cli->options.value[OPTION_JOB];
	struct report_run_filter filter = {.not_over = true, .max = RUNS_MAX};
	AUTO(str) char *job = NULL;
	int rc = 0;

	if (cli_word(s->cli, 0) != NULL)
		return choose_named(s, err);
	if (word != NULL)
		rc = find_job(s->cli, s->ledger.reader, word, &job, err);
	filter.job = job;
	if (rc == 0)
		rc = report_runs(s->ledger.reader, &filter, keep_run, s, err);
	return rc < 0 ? rc : 0;
}

/* ---- who is on them ---- */

/* A run, and those of whom the system knows whether they live. */
struct look {
	struct stop *stop;
	struct stop_run *run;
	const struct lop_instance_list *alive;
};

static bool is_alive(const struct lop_instance_list *list, int64_t inc)
{
	for (size_t i = 0; i < list->ret_n; i++)
		if (list->ret_rows[i].inc == inc)
			return !rule_seems_gone(&list->ret_rows[i]);
	return false;
}

static int keep_instance(void *arg, const struct ledger_row *row)
{
	struct look *look = arg;
	struct stop_run *run = look->run;
	struct arena *arena = &look->stop->arena;
	int64_t inc = ledger_row_int(row, 0);

	if (!is_alive(look->alive, inc)) {
		run->n_gone++;
		return 0;
	}
	run->instances = xrealloc(run->instances, run->n + 1, sizeof(*run->instances));
	run->instances[run->n++] = (struct stop_instance){
		.inc = inc,
		.pid = ledger_row_int(row, 1),
		.name = ledger_row_str(row, 2, arena),
		.host = ledger_row_str(row, 3, arena),
	};
	return 0;
}

static int look_at_runs(struct stop *s, const struct lop_instance_list *alive, struct err *err)
{
	static const char sql[] = "SELECT i.inc, i.pid, i.name, i.host FROM run_instance AS r"
				  " JOIN instance_ AS i ON i.inc = r.inc"
				  " WHERE r.run_id = ?1 AND i.state IN (1, 2) ORDER BY i.inc";
	int rc = 0;

	for (size_t i = 0; i < s->n && rc == 0; i++) {
		struct look look = {.stop = s, .run = &s->runs[i], .alive = alive};
		struct ledger_param param = {.type = LEDGER_INT, .number = s->runs[i].id};
		rc = ledger_select(s->ledger.reader, sql, &param, 1, keep_instance, &look, err);
	}
	return rc < 0 ? rc : 0;
}

static int find_instances(struct stop *s, struct err *err)
{
	struct ledger_txn *txn = ledger_txn_new();
	const struct lop_instance_list *alive =
		&ledger_txn_add(txn, LOP_INSTANCE_LIST)->u.instance_list;
	int rc = 0;

	ledger_apply(s->ledger.reader, txn);
	if (txn->status == LEDGER_APPLIED) {
		rc = look_at_runs(s, alive, err);
	} else {
		*err = txn->err;
		rc = err->code < 0 ? err->code : ERR(err, ERR_LEDGER, "listing instances");
	}
	ledger_txn_free(txn);
	return rc;
}

/* ---- asking them ---- */

static int send_all(struct stop *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		struct lop_person wish = {
			.verb = s->now ? PERSON_STOP_NOW : PERSON_STOP,
			.run_id = s->runs[i].id,
			.why = s->why,
			.dry_run = s->cli->is_dry_run,
		};
		if (s->runs[i].n == 0)
			continue;
		int rc = person_send(&s->ledger, &wish, &s->runs[i].done, err);
		if (rc < 0)
			return rc;
		s->asked += s->runs[i].done.ret_requested;
		s->refused += s->runs[i].done.ret_refused;
	}
	return 0;
}

static void put_instances(const struct stop_run *run, struct buf *out)
{
	for (size_t i = 0; i < run->n; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : ", ", run->instances[i].name);
}

static void put_text(const struct stop *s)
{
	struct buf *out = &s->cli->out.buf;

	for (size_t i = 0; i < s->n && !s->cli->is_quiet; i++) {
		const struct stop_run *run = &s->runs[i];
		if (run->n == 0 || run->done.ret_requested == 0)
			continue;
		buf_printf(out, "%s: ", run->name);
		put_instances(run, out);
		buf_printf(out, " %s asked to %s\n",
			   s->cli->is_dry_run ? "would be"
			   : run->n == 1      ? "was"
					      : "were",
			   s->now ? "end attempts and stop" : "stop between items");
		out_spill(&s->cli->out);
	}
}

static void put_document(const struct stop *s)
{
	struct json_writer w = {0};

	jw_init(&w, &s->cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.stop.1");
	jw_member_bool(&w, "dry_run", s->cli->is_dry_run);
	jw_member_bool(&w, "now", s->now);
	jw_member_int(&w, "changed", 0);
	jw_member_int(&w, "requested", s->asked);
	jw_member_int(&w, "refused", s->refused);
	jw_name(&w, "runs");
	jw_array(&w);
	for (size_t i = 0; i < s->n; i++) {
		const struct stop_run *run = &s->runs[i];
		if (run->n == 0)
			continue;
		jw_object(&w);
		jw_member_text(&w, "run", run->name);
		jw_member_int(&w, "number", run->id);
		jw_name(&w, "instances");
		jw_array(&w);
		for (size_t k = 0; k < run->n; k++) {
			jw_object(&w);
			jw_member_text(&w, "name", run->instances[k].name);
			jw_member_text(&w, "host", run->instances[k].host);
			jw_member_int(&w, "pid", run->instances[k].pid);
			jw_object_end(&w);
		}
		jw_array_end(&w);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&s->cli->out.buf, '\n');
}

static void say_nobody(const struct stop *s)
{
	const char *job = s->cli->options.value[OPTION_JOB];
	size_t n_gone = 0;

	for (size_t i = 0; i < s->n; i++)
		n_gone += s->runs[i].n_gone;
	if (cli_word(s->cli, 0) != NULL)
		cli_error("nothing is at work on %s", s->runs[0].name);
	else if (job != NULL)
		cli_error("nothing is at work on a run of %s", QUOTED(job, strlen(job)));
	else
		cli_error("nothing is at work");
	if (n_gone > 0)
		cli_error("what was at work on it died; the next `stint run` takes its items up");
}

static size_t count_instances(const struct stop *s, const struct stop_run **ret_first)
{
	size_t n = 0;

	*ret_first = NULL;
	for (size_t i = 0; i < s->n; i++) {
		if (s->runs[i].n > 0 && *ret_first == NULL)
			*ret_first = &s->runs[i];
		n += s->runs[i].n;
	}
	return n;
}

/* Asks, sends and says. The exit status. */
static int stop_all(struct stop *s, struct err *err)
{
	AUTO(buf) struct buf names = BUF_INIT(TEXT_MAX);
	const struct stop_run *first = NULL;
	size_t n = count_instances(s, &first);

	if (n > 0) {
		assert(first != NULL);
		put_instances(first, &names);
		if (!cli_ask(s->cli, "%s%s will be stopped: %s%s. Go on?", first->name,
			     n > first->n ? " and others" : "", buf_str(&names),
			     n > first->n ? ", …" : "")) {
			cli_note(s->cli, "nothing was changed");
			return EXIT_NO;
		}
		int rc = send_all(s, err);
		if (rc < 0)
			return rc;
	}
	if (s->cli->wants_json)
		put_document(s);
	else
		put_text(s);
	if (s->asked > 0)
		return EXIT_DONE;
	say_nobody(s);
	return EXIT_NO;
}

static int check_words(const struct cli *cli, struct err *err)
{
	const bool *given = cli->options.is_given;
	size_t n = cli->options.n_words + (given[OPTION_JOB] ? 1 : 0) + (given[OPTION_ALL] ? 1 : 0);

	if (n == 1)
		return 0;
	return ERR(err, ERR_USAGE, "stop %s: stint stop RUN, or --job JOB, or --all",
		   n == 0 ? "of what?" : "takes one of these");
}

int verb_stop(struct cli *cli, struct err *err)
{
	struct stop s = {.cli = cli, .now = cli->options.is_given[OPTION_NOW_STOP]};

	int rc = check_words(cli, err);
	if (rc == 0)
		rc = person_why(cli, false, &s.why, err);
	if (rc == 0)
		rc = person_ledger_open(&s.ledger, cli, err);
	if (rc == 0)
		rc = choose_runs(&s, err);
	if (rc == 0)
		rc = find_instances(&s, err);
	if (rc == 0)
		rc = stop_all(&s, err);
	for (size_t i = 0; i < s.n; i++)
		free(s.runs[i].instances);
	free(s.runs);
	person_ledger_close(&s.ledger);
	arena_done(&s.arena);
	return rc;
}
