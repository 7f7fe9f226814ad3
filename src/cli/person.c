/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/person.h"

#include <assert.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/ledger_choice.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "sys/clock.h"
#include "sys/proc.h"

enum {
	WHY_BYTES_MAX = 4096,
	HOST_MAX = 256,
	WHO_MAX = 512,
	LINES_MAX = 10, /* runs that are named in a question */
	TEXT_MAX = 64 * 1024,
	FOUND = 1, /* ends a query: one row was wanted */
};

/* ---- one transaction ---- */

/* user@host; the number of a user without a name. */
static void who_am_i(char out[WHO_MAX])
{
	const struct passwd *me = getpwuid(getuid());
	char host[HOST_MAX] = {0};

	proc_host_name(host, sizeof(host));
	if (me != NULL)
		(void)snprintf(out, WHO_MAX, "%.*s@%s", WHO_MAX - HOST_MAX - 2, me->pw_name, host);
	else
		(void)snprintf(out, WHO_MAX, "%u@%s", (unsigned)getuid(), host);
}

int person_send(struct person_ledger *ledger, const struct lop_person *wish,
		struct lop_person *ret_done, struct err *err)
{
	struct ledger_txn *txn = ledger_txn_new();
	char who[WHO_MAX] = {0};

	assert(ledger != NULL && wish != NULL && ret_done != NULL && err != NULL);
	who_am_i(who);
	txn->now = clock_now();
	struct lop_person *op = &ledger_txn_add(txn, LOP_PERSON)->u.person;
	*op = *wish;
	op->who = who;
	op->now = txn->now;
	ledger_apply(wish->dry_run ? ledger->reader : ledger->writer, txn);
	*ret_done = *op;
	ret_done->who = NULL; /* it dies here */
	enum ledger_status status = txn->status;
	*err = txn->err;
	ledger_txn_free(txn);
	if (status == LEDGER_APPLIED)
		return 0;
	if (status == LEDGER_UNKNOWN)
		return ERR(err, ERR_TEMP,
			   "the ledger did not say whether it was written; call again: what was "
			   "done is not done twice");
	return err->code < 0 ? err->code : ERR(err, ERR_LEDGER, "writing to the ledger");
}

int person_why(const struct cli *cli, bool is_wanted, const char **ret_why, struct err *err)
{
	const char *why = cli->options.value[OPTION_WHY];

	assert(ret_why != NULL && err != NULL);
	if (why == NULL && is_wanted)
		return ERR(err, ERR_USAGE, "%s needs a reason, which is kept: --why TEXT",
			   cli->verb->name);
	if (why != NULL && why[strspn(why, " \t\r\n")] == '\0')
		return ERR(err, ERR_USAGE, "--why says nothing; the reason is kept with your name");
	if (why != NULL && strlen(why) > WHY_BYTES_MAX)
		return ERR(err, ERR_USAGE, "--why is longer than %d bytes", (int)WHY_BYTES_MAX);
	*ret_why = why == NULL ? "" : why;
	return 0;
}

int person_ledger_open(struct person_ledger *ledger, const struct cli *cli, struct err *err)
{
	assert(ledger != NULL && cli != NULL && err != NULL);
	*ledger = (struct person_ledger){0};
	/* Where there is no ledger nothing can be selected: that is told as the readers tell it. */
	int rc = cli_read_ledger(cli, &ledger->reader, err);
	if (rc == 0 && !cli->is_dry_run)
		rc = cli_open_ledger(cli, 0, &ledger->writer, err);
	return rc;
}

void person_ledger_close(struct person_ledger *ledger)
{
	ledger_close(ledger->writer);
	ledger_close(ledger->reader);
	*ledger = (struct person_ledger){0};
}

void person_ledger_auto(struct person_ledger *ledger)
{
	person_ledger_close(ledger);
}

/* ---- what came of it ---- */

static int keep_name(void *arg, const struct ledger_row *row)
{
	struct person *p = arg;
	size_t len = 0;
	const char *name = ledger_row_text(row, 0, &len);

	p->runs[p->n_runs - 1].name = arena_text(&p->arena, name == NULL ? "" : name, len);
	return FOUND;
}

/* Adds to the run's sum; batches of a run follow each other. */
static int add_up(struct person *p, const struct lop_person *done, struct err *err)
{
	static const char sql[] = "SELECT run FROM run WHERE run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = done->run_id};
	int rc = 0;

	if (p->n_runs == 0 || p->runs[p->n_runs - 1].id != done->run_id) {
		p->runs = xrealloc(p->runs, p->n_runs + 1, sizeof(*p->runs));
		p->runs[p->n_runs++] = (struct person_run){
			.id = done->run_id, .name = "", .exit_status = -1};
		rc = ledger_select(p->ledger.reader, sql, &param, 1, keep_name, p, err);
	}
	struct person_sum *of_run = &p->runs[p->n_runs - 1].sum;
	of_run->changed += done->ret_changed;
	of_run->requested += done->ret_requested;
	of_run->refused += done->ret_refused;
	p->sum.changed += done->ret_changed;
	p->sum.requested += done->ret_requested;
	p->sum.refused += done->ret_refused;
	return rc < 0 ? rc : 0;
}

static void forget(struct person *p)
{
	free(p->runs);
	p->runs = NULL;
	p->n_runs = 0;
	p->n_examples = 0;
	p->is_held = false;
	p->sum = (struct person_sum){0};
	arena_reset(&p->arena);
	selection_rewind(p->selection);
}

/* Why a named item would be refused, one by one: the ledger counts them only. */
static int look_at(struct person *p, const struct find_item *item, struct err *err)
{
	struct lop_person done = {0};
	struct selection_item at = {0};
	struct lop_person alone = {
		.verb = p->verb,
		.run_id = item->run_id,
		.items = &item->number,
		.n = 1,
		.why = p->why,
		.dry_run = true,
	};

	int rc = person_send(&p->ledger, &alone, &done, err);
	if (rc < 0 || done.ret_refused == 0)
		return rc;
	rc = selection_item(p->ledger.reader, item, &at, err);
	if (rc < 0)
		return rc;
	p->is_held = p->is_held || at.is_held;
	if (p->n_examples < PERSON_EXAMPLES)
		(void)snprintf(p->examples[p->n_examples++], PERSON_EXAMPLE_MAX,
			       "%" PRId64 ":%" PRId64 " is %s", item->run_id, item->number,
			       strcmp(at.state, "in_doubt") == 0 ? "in doubt" : at.state);
	return 0;
}

static int look_at_named(struct person *p, const struct selection_batch *batch, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < batch->n && rc == 0; i++)
		rc = look_at(
			p, &(struct find_item){.run_id = batch->run_id, .number = batch->items[i]},
			err);
	return rc;
}

static int act_on_batch(struct person *p, const struct selection_batch *batch, bool dry_run,
			struct err *err)
{
	struct lop_person done = {0};
	struct lop_person wish = {
		.verb = p->verb,
		.run_id = batch->run_id,
		.items = batch->items,
		.n = batch->n,
		.why = p->why,
		.dry_run = dry_run,
	};

	int rc = p->selection->is_named ? look_at_named(p, batch, err) : 0;
	if (rc == 0)
		rc = person_send(&p->ledger, &wish, &done, err);
	if (rc < 0)
		return rc;
	/* What was picked by its state and is refused was taken in hand meanwhile, or is being
	 * settled. */
	if (!p->selection->is_named && done.ret_refused > 0)
		p->is_held = true;
	return add_up(p, &done, err);
}

static int walk(struct person *p, bool dry_run, struct err *err)
{
	struct selection_batch batch = {0};
	int rc = 0;

	forget(p);
	while (rc == 0) {
		rc = selection_next(p->selection, p->ledger.reader, &batch, err);
		if (rc == 0)
			rc = act_on_batch(p, &batch, dry_run, err);
	}
	if (rc < 0 && !dry_run && p->sum.changed + p->sum.requested > 0)
		err_add(err, "after %" PRId64 " items, which are done: ",
			p->sum.changed + p->sum.requested);
	return rc < 0 ? rc : 0;
}

/* ---- the whole ---- */

int person_open(struct person *p, struct err *err)
{
	assert(p != NULL && p->cli != NULL && p->words != NULL && p->why != NULL && err != NULL);
	int rc = selection_check(p->cli, &p->words->wish, err);
	if (rc == 0)
		rc = person_ledger_open(&p->ledger, p->cli, err);
	if (rc < 0)
		return rc;
	p->selection = xnew(struct selection);
	return selection_init(p->selection, p->cli, p->ledger.reader, &p->words->wish, err);
}

int person_count(struct person *p, struct err *err)
{
	return walk(p, true, err);
}

static void put_n_items(struct buf *out, int64_t n)
{
	text_put_count(out, n);
	buf_puts(out, n == 1 ? " item" : " items");
}

/* "3 items of mail@2026-11-23", "12 items of 3 runs" */
static void put_subject(const struct person *p, struct buf *out)
{
	const struct person_run *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->n_runs; i++) {
		if (p->runs[i].sum.changed + p->runs[i].sum.requested == 0)
			continue;
		only = &p->runs[i];
		n++;
	}
	put_n_items(out, p->sum.changed + p->sum.requested);
	if (n == 1)
		buf_printf(out, " of %s", only->name);
	else
		buf_printf(out, " of %zu runs", n);
}

/* The runs behind "12 items of 3 runs". */
static void list_runs(const struct person *p)
{
	for (size_t i = 0; p->n_runs > 1 && i < p->n_runs; i++) {
		const struct person_run *run = &p->runs[i];
		if (i == LINES_MAX) {
			cli_line("  and %zu more runs", p->n_runs - i);
			return;
		}
		cli_line("  %s: %" PRId64, run->name, run->sum.changed + run->sum.requested);
	}
}

/* Whether cli_ask would ask; where it does not, nothing needs to be counted first. */
static bool is_to_be_asked(const struct cli *cli)
{
	return !cli->is_dry_run && !cli->options.is_given[OPTION_YES] &&
	       isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

int person_do(struct person *p, struct err *err)
{
	AUTO(buf) struct buf subject = BUF_INIT(TEXT_MAX);

	if (is_to_be_asked(p->cli)) {
		int rc = person_count(p, err);
		if (rc < 0 || p->sum.changed + p->sum.requested == 0)
			return rc;
		list_runs(p);
		put_subject(p, &subject);
		if (!cli_ask(p->cli, "%s %s. Go on?", buf_str(&subject), p->words->will)) {
			cli_note(p->cli, "nothing was changed");
			return PERSON_NO;
		}
	}
	return walk(p, p->cli->is_dry_run, err);
}

static void put_changed(const struct person *p, const struct person_run *run, struct buf *out)
{
	const char *says = run->sum.changed == 1 ? p->words->one : p->words->many;

	if (run->sum.changed == 0)
		return;
	put_n_items(out, run->sum.changed);
	buf_printf(out, " of %s %s\n", run->name, p->cli->is_dry_run ? p->words->would : says);
}

static void put_requested(const struct person *p, const struct person_run *run, struct buf *out)
{
	if (run->sum.requested == 0)
		return;
	put_n_items(out, run->sum.requested);
	buf_printf(out, " of %s %s in the hands of an instance, which %s asked to do it\n",
		   run->name, run->sum.requested == 1 ? "is" : "are",
		   p->cli->is_dry_run ? "would be" : "was");
}

/* Why items were left as they are. */
static void say_refused(const struct person *p)
{
	AUTO(buf) struct buf line = BUF_INIT(TEXT_MAX);

	put_n_items(&line, p->sum.refused);
	buf_printf(&line, " left as %s: %s", p->sum.refused == 1 ? "it is" : "they are",
		   p->words->takes);
	for (size_t i = 0; i < p->n_examples; i++)
		buf_printf(&line, "%s%s", i == 0 ? "; " : ", ", p->examples[i]);
	if (p->sum.refused > (int64_t)p->n_examples && p->n_examples > 0)
		buf_puts(&line, ", …");
	cli_error("%s", buf_str(&line));
	if (p->is_held)
		cli_error("an instance works on some of them just now, or what could not be proved "
			  "dead may still act on them; look and try again when that is over");
}

void person_put(const struct person *p)
{
	struct buf *out = &p->cli->out.buf;

	for (size_t i = 0; i < p->n_runs && !p->cli->is_quiet && !p->cli->wants_json; i++) {
		put_changed(p, &p->runs[i], out);
		put_requested(p, &p->runs[i], out);
		out_spill(&p->cli->out);
	}
	if (p->sum.refused > 0)
		say_refused(p);
	else if (p->sum.changed + p->sum.requested == 0)
		cli_error("no items are selected: %s; `stint items` lists them", p->words->takes);
}

static void put_sum_json(const struct person_sum *sum, struct json_writer *w)
{
	jw_member_int(w, "changed", sum->changed);
	jw_member_int(w, "requested", sum->requested);
	jw_member_int(w, "refused", sum->refused);
}

void person_put_json(const struct person *p, struct json_writer *w)
{
	jw_member_bool(w, "dry_run", p->cli->is_dry_run);
	put_sum_json(&p->sum, w);
	jw_name(w, "runs");
	jw_array(w);
	for (size_t i = 0; i < p->n_runs; i++) {
		jw_object(w);
		jw_member_text(w, "run", p->runs[i].name);
		jw_member_int(w, "number", p->runs[i].id);
		put_sum_json(&p->runs[i].sum, w);
		if (p->runs[i].exit_status >= 0)
			jw_member_int(w, "exit_status", p->runs[i].exit_status);
		jw_object_end(w);
	}
	jw_array_end(w);
}

int person_exit(const struct person *p)
{
	if (p->is_held)
		return EXIT_STATUS_AGAIN;
	return p->sum.changed + p->sum.requested == 0 ? EXIT_NO : EXIT_DONE;
}

void person_done(struct person *p)
{
	if (p->selection != NULL)
		selection_done(p->selection);
	free(p->selection);
	free(p->runs);
	person_ledger_close(&p->ledger);
	arena_done(&p->arena);
	*p = (struct person){0};
}

static void put_document(const struct person *p)
{
	struct json_writer w = {0};

	jw_init(&w, &p->cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", p->words->schema);
	person_put_json(p, &w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&p->cli->out.buf, '\n');
}

int person_act(struct person *p, struct err *err)
{
	int rc = person_open(p, err);

	if (rc == 0)
		rc = person_do(p, err);
	if (rc == 0) {
		person_put(p);
		if (p->cli->wants_json)
			put_document(p);
	}
	int status = rc == 0 ? person_exit(p) : EXIT_NO;
	person_done(p);
	return rc < 0 ? rc : status;
}
