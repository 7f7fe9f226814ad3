/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stint attempts ITEM`: every recorded attempt at an item; and `stint logs RUN|ITEM`: what they
 * said.
 */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/attempt_list.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/ledger_choice.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "report/run.h"
#include "sys/clock.h"

enum { TEXT_MAX = 64 * 1024 };

static const struct table_column columns[] = {
	{.title = "ATTEMPT", .is_right = true},
	{.title = "BEGAN"},
	{.title = "TOOK", .is_right = true},
	{.title = "INSTANCE", .is_right = true},
	{.title = "STEP", .max = 32, .is_left_out = true},
	{.title = "OUTCOME"},
	{.title = "SHAPE"},
	{.title = "ERROR"},
};

struct lister {
	struct cli *cli;
	struct table *table;
	struct json_writer *w; /* NULL: text */
	int64_t n;
};

static int put_attempt(void *arg, const struct attempt *a)
{
	struct lister *l = arg;
	AUTO(buf) struct buf text = BUF_INIT(TEXT_MAX);
	char began[CLOCK_TEXT_MAX] = {0};

	l->n++;
	if (l->w != NULL) {
		attempt_put_json(a, l->w);
		out_spill(&l->cli->out);
		return 0;
	}
	clock_format_short(a->at, began);
	table_put_f(l->table, "%" PRId64, a->number);
	table_put(l->table, began);
	text_put_span(&text, a->took_us);
	table_put(l->table, buf_str(&text));
	table_put_f(l->table, "%" PRId64, a->instance);
	table_put(l->table, a->step);
	table_put(l->table, attempt_word(a));
	table_put(l->table, a->fingerprint);
	buf_reset(&text);
	buf_printf(&text, "%s%s%s", a->err_class,
		   a->err_class[0] != '\0' && a->err[0] != '\0' ? ": " : "", a->err);
	table_put(l->table, buf_str(&text));
	return 0;
}

int verb_attempts(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct table table = {0};
	struct json_writer w = {0};
	struct lister l = {.cli = cli, .table = &table, .w = cli->wants_json ? &w : NULL};
	struct find_item item = {0};

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = find_item(cli, ledger, cli_word(cli, 0), &item, err);
	if (rc < 0)
		return rc;
	if (l.w != NULL)
		attempt_begin_json(&w, &cli->out, "stint.attempts.1", "attempts");
	else
		table_init(&table, &cli->out, columns, ARRAY_LEN(columns));
	struct attempt_filter filter = {.run_id = item.run_id, .item = item.number};
	rc = attempt_each(ledger, &filter, put_attempt, &l, err);
	if (l.w == NULL)
		table_end(&table);
	if (rc < 0)
		return rc;
	if (l.w != NULL)
		attempt_end_json(&w, &cli->out);
	if (l.n == 0)
		cli_note(cli, "no attempt at it is recorded: it has not been tried yet, or it went "
			      "well at once and said nothing");
	return EXIT_DONE;
}

/* ---- logs ---- */

static int put_log(void *arg, const struct attempt *a)
{
	struct lister *l = arg;
	struct buf *b = &l->cli->out.buf;
	char began[CLOCK_TEXT_MAX] = {0};

	if (a->output_len == 0)
		return 0;
	l->n++;
	if (l->w != NULL) {
		attempt_put_json(a, l->w);
		out_spill(&l->cli->out);
		return 0;
	}
	clock_format_short(a->at, began);
	out_style(&l->cli->out, OUT_BOLD);
	buf_printf(b, "==> %" PRId64 ":%" PRId64, a->run_id, a->item);
	if (a->key != NULL) {
		buf_puts(b, " (");
		text_put_printable(b, a->key, strlen(a->key), 0);
		buf_putc(b, ')');
	}
	if (a->step != NULL) {
		buf_puts(b, ", step ");
		text_put_printable(b, a->step, strlen(a->step), 0);
	}
	buf_printf(b, ", attempt %" PRId64 ", %s, %s <==", a->number, began, attempt_word(a));
	out_plain(&l->cli->out);
	buf_puts(b, a->output_cut ? "\n… (its beginning is not kept)\n" : "\n");
	attempt_put_output(a, b);
	out_spill(&l->cli->out);
	return 0;
}

static int find_logs(struct cli *cli, struct ledger *ledger, struct attempt_filter *filter,
		     struct err *err)
{
	const char *word = cli_word(cli, 0);
	enum find_kind kind = FIND_NOTHING;
	struct arena arena = {0};
	struct report_run run = {0};
	struct find_item item = {0};

	int rc = find_kind(cli, ledger, word, &kind, err);
	if (rc == 0 && kind == FIND_ITEM) {
		rc = find_item(cli, ledger, word, &item, err);
		*filter = (struct attempt_filter){.run_id = item.run_id, .item = item.number};
	} else if (rc == 0) {
		rc = find_run(cli, ledger, word, &arena, &run, err);
		*filter = (struct attempt_filter){.run_id = run.id, .item = -1};
	}
	arena_done(&arena);
	return rc;
}

int verb_logs(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct json_writer w = {0};
	struct lister l = {.cli = cli, .w = cli->wants_json ? &w : NULL};
	struct attempt_filter filter = {0};

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0 && cli->options.is_given[OPTION_FOLLOW])
		rc = ERR(err, ERR_USAGE, "logs: --follow: not available in this version");
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = find_logs(cli, ledger, &filter, err);
	if (rc < 0)
		return rc;
	if (l.w != NULL)
		attempt_begin_json(&w, &cli->out, "stint.logs.1", "logs");
	rc = attempt_each(ledger, &filter, put_log, &l, err);
	if (rc < 0)
		return rc;
	if (l.w != NULL)
		attempt_end_json(&w, &cli->out);
	if (l.n == 0)
		cli_note(cli, "nothing that was said is recorded");
	return EXIT_DONE;
}
