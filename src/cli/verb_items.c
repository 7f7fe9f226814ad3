/* SPDX-License-Identifier: Apache-2.0 */
/* `stint items [SELECTION]`: items with key, state, person, attempts, last error. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/item_walk.h"
#include "cli/ledger_choice.h"
#include "cli/sent.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "report/moment.h"

enum { ERROR_MAX = 64 * 1024 };

static const struct table_column columns[] = {
	{.title = "ITEM"},
	{.title = "KEY", .max = 40},
	{.title = "STEP", .max = 32, .is_left_out = true},
	{.title = "STATE"},
	{.title = "PERSON", .max = 32},
	{.title = "ATTEMPTS", .is_right = true},
	{.title = "SHAPE"},
	{.title = "LAST ERROR"},
};

struct lister {
	struct cli *cli;
	struct table *table;
	struct json_writer *w; /* NULL: text */
	struct sent sent;      /* with `w`: of items in doubt */
	struct err *err;
	int64_t n;
};

static void put_json(struct json_writer *w, const struct report_run *run,
		     const struct report_item *item)
{
	AUTO(buf) struct buf name = BUF_INIT(64);

	buf_printf(&name, "%" PRId64 ":%" PRId64, run->id, item->number);
	jw_object(w);
	jw_member_text(w, "item", buf_str(&name));
	jw_member_text(w, "run", run->name);
	jw_member_int(w, "run_id", run->id);
	jw_member_int(w, "number", item->number);
	jw_member_text(w, "key", item->key);
	jw_member_text(w, "step", item->step);
	jw_member_text(w, "state", item->state);
	jw_member_text(w, "person", item->person);
	jw_member_int(w, "attempts", item->attempts);
	jw_member_text(w, "error_class", item->err_class[0] == '\0' ? NULL : item->err_class);
	jw_member_text(w, "error", item->err[0] == '\0' ? NULL : item->err);
	jw_member_text(w, "fingerprint", item->fingerprint[0] == '\0' ? NULL : item->fingerprint);
	jw_member_text(w, "doubt", item->doubt);
	moment_put_json(w, "next_at", item->next_at);
	moment_put_json(w, "first_started_at", item->first_started_at);
	jw_name(w, "instance");
	if (item->instance == 0)
		jw_null(w);
	else
		jw_int(w, item->instance);
	report_put_keep(w, item->keep);
}

/* What was sent, where somebody has to find out what became of it. */
static int put_json_sent(struct lister *l, const struct report_run *run,
			 const struct report_item *item)
{
	int rc = 0;

	if (item->doubt == NULL) {
		jw_name(l->w, "sent");
		jw_null(l->w);
	} else {
		rc = sent_get(&l->sent, run->id, item->number, l->err);
		sent_put_json(&l->sent, l->w);
	}
	jw_object_end(l->w);
	return rc;
}

static int put_item(void *arg, const struct report_run *run, const struct report_item *item)
{
	struct lister *l = arg;
	AUTO(buf) struct buf error = BUF_INIT(ERROR_MAX);

	l->n++;
	if (l->w != NULL) {
		put_json(l->w, run, item);
		int rc = put_json_sent(l, run, item);
		out_spill(&l->cli->out);
		return rc;
	}
	table_put_f(l->table, "%" PRId64 ":%" PRId64, run->id, item->number);
	table_put(l->table, item->key);
	table_put(l->table, item->step);
	table_put(l->table, item->state);
	table_put(l->table, item->person);
	table_put_int(l->table, item->attempts);
	table_put(l->table, item->fingerprint);
	buf_printf(&error, "%s%s%s", item->err_class,
		   item->err_class[0] != '\0' && item->err[0] != '\0' ? ": " : "", item->err);
	table_put(l->table, buf_str(&error));
	return 0;
}

static int list_items(struct cli *cli, struct item_walk *walk, struct err *err)
{
	struct table table = {0};
	struct json_writer w = {0};
	struct lister l = {
		.cli = cli, .err = err, .table = &table, .w = cli->wants_json ? &w : NULL};

	if (l.w != NULL) {
		jw_init(&w, &cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.items.1");
		jw_name(&w, "items");
		jw_array(&w);
	} else {
		table_init(&table, &cli->out, columns, ARRAY_LEN(columns));
	}
	sent_init(&l.sent, walk->ledger);
	int rc = item_walk_each(walk, put_item, &l, err);
	sent_done(&l.sent);
	if (l.w == NULL)
		table_end(&table);
	if (rc < 0)
		return rc;
	if (l.w != NULL) {
		jw_array_end(&w);
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
	}
	if (l.n == 0)
		cli_note(cli, "there are no such items");
	else if (walk->n_keys_missing > 0)
		cli_note(cli, "keys of %" PRId64 " items are not shown: %s", walk->n_keys_missing,
			 walk->keys.trouble.code == 0 ? "their source cannot be looked at"
						      : walk->keys.trouble.text);
	return l.n == 0 ? EXIT_NO : EXIT_DONE;
}

int verb_items(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	AUTO(item_walk) struct item_walk walk = {0};

	int rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = item_walk_read(cli, ledger, &walk, err);
	return rc < 0 ? rc : list_items(cli, &walk, err);
}
