/* SPDX-License-Identifier: Apache-2.0 */
/* `stint abandon RUN --why TEXT`: gives the rest of an unfinished run up. */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/person.h"
#include "cli/run_hello.h"
#include "cli/verbs.h"
#include "lane/litter.h"
#include "ledger/ledger.h"
#include "report/run.h"

enum { TEXT_MAX = 64 * 1024 };

/* "12 items are left: 10 waiting, 2 in doubt" */
static void put_left(const struct report_run *run, struct buf *out)
{
	const struct ledger_counts *c = &run->counts;
	const struct {
		int64_t n;
		const char *name;
	} parts[] = {
		{c->waiting, "waiting"},   {c->running, "running"}, {c->retry, "in retry"},
		{c->in_doubt, "in doubt"}, {c->dead, "dead"},
	};
	int64_t left = c->waiting + c->running + c->retry + c->in_doubt + c->dead;
	const char *mark = ": ";

	text_put_count(out, left);
	buf_puts(out, left == 1 ? " item is left" : " items are left");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].n == 0)
			continue;
		buf_puts(out, mark);
		text_put_count(out, parts[i].n);
		buf_printf(out, " %s", parts[i].name);
		mark = ", ";
	}
}

static void put_text(struct cli *cli, const struct report_run *run, const struct lop_person *done)
{
	struct buf *out = &cli->out.buf;

	if (cli->is_quiet || done->ret_changed == 0)
		return;
	buf_printf(out, "%s %s abandoned; ", run->name, cli->is_dry_run ? "would be" : "is");
	put_left(run, out);
	buf_putc(out, '\n');
	if (done->ret_requested == 0)
		return;
	text_put_count(out, done->ret_requested);
	buf_printf(out, " instance%s at work on it %s asked to end %s attempts\n",
		   done->ret_requested == 1 ? "" : "s", cli->is_dry_run ? "would be" : "was",
		   done->ret_requested == 1 ? "its" : "their");
}

static void put_document(struct cli *cli, const struct report_run *run,
			 const struct lop_person *done)
{
	struct json_writer w = {0};

	jw_init(&w, &cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.abandon.1");
	jw_member_bool(&w, "dry_run", cli->is_dry_run);
	jw_member_text(&w, "run", run->name);
	jw_member_int(&w, "number", run->id);
	jw_member_int(&w, "changed", done->ret_changed);
	jw_member_int(&w, "requested", done->ret_requested);
	jw_member_int(&w, "refused", done->ret_refused);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&cli->out.buf, '\n');
}

static int take_litter(void *arg, const struct frame_hello *hello, struct err *err)
{
	return litter_take(arg, hello, err);
}

/* What the run has written beside its files. Who is still at work on it would write more: then it
 * is left to the same call once more. True when something went. */
static bool tidy(const struct cli *cli, struct ledger *ledger, const struct report_run *run)
{
	struct err err = ERR_INIT;
	struct litter litter = {.removes = run->n_joined == 0};

	if (run_hello(ledger, run->id, take_litter, &litter, &err) < 0) {
		cli_note(cli, "what it wrote beside its file may be left: %s", err.text);
		return false;
	}
	if (litter.is_there && !litter.removes)
		cli_note(cli,
			 "what it wrote beside its file is left: an instance that is, or was until "
			 "just now, at work on it may write more; once it has ended, the same call "
			 "removes it");
	return litter.is_there && litter.removes;
}

static int abandon(struct cli *cli, struct person_ledger *ledger, const struct report_run *run,
		   struct lop_person *wish, struct err *err)
{
	AUTO(buf) struct buf left = BUF_INIT(TEXT_MAX);
	struct lop_person done = {.ret_refused = 1};

	put_left(run, &left);
	wish->run_id = run->id;
	if (!run->is_over) {
		if (!cli_ask(cli, "%s will be abandoned; %s. Go on?", run->name, buf_str(&left))) {
			cli_note(cli, "nothing was changed");
			return EXIT_NO;
		}
		int rc = person_send(ledger, wish, &done, err);
		if (rc < 0)
			return rc;
	}
	bool is_abandoned = done.ret_changed > 0 || strcmp(run->state, "abandoned") == 0;
	bool is_tidied = is_abandoned && !cli->is_dry_run && tidy(cli, ledger->reader, run);
	if (cli->wants_json)
		put_document(cli, run, &done);
	else
		put_text(cli, run, &done);
	if (done.ret_changed > 0)
		return EXIT_DONE;
	if (is_tidied) {
		cli_note(cli, "%s was abandoned before; what it had left beside its file is gone",
			 run->name);
		return EXIT_DONE;
	}
	cli_error("%s is over (%s): there is nothing to abandon", run->name, run->state);
	return EXIT_NO;
}

int verb_abandon(struct cli *cli, struct err *err)
{
	AUTO(person_ledger) struct person_ledger ledger = {0};
	struct arena arena = {0};
	struct report_run run = {0};
	struct lop_person wish = {.verb = PERSON_ABANDON, .dry_run = cli->is_dry_run};

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = person_why(cli, true, &wish.why, err);
	if (rc == 0)
		rc = person_ledger_open(&ledger, cli, err);
	if (rc == 0)
		rc = find_run(cli, ledger.reader, cli_word(cli, 0), &arena, &run, err);
	if (rc == 0)
		rc = abandon(cli, &ledger, &run, &wish, err);
	arena_done(&arena);
	return rc;
}
