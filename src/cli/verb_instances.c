/* SPDX-License-Identifier: Apache-2.0 */
/* `stint instances`: who is working, since when, on what, last heard of. */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/ledger_choice.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "ledger/rules.h"
#include "report/moment.h"
#include "sys/clock.h"

enum { INSTANCES_MAX = 1000 }; /* with --verbose: those that ended, too */

static const struct table_column columns[] = {
	{.title = "INSTANCE", .is_right = true},
	{.title = "NAME"},
	{.title = "STATE"},
	{.title = "SINCE"},
	{.title = "LAST HEARD OF"},
	{.title = "CHUNKS", .is_right = true},
	{.title = "LANES", .is_right = true},
	{.title = "RUNS"},
};

struct lister {
	struct cli *cli;
	const struct lop_instance_list *alive;
	struct table *table;
	struct json_writer *w; /* NULL: text */
	utime now;
	int64_t n;
};

struct instance {
	int64_t inc;
	const char *name;
	const char *host;
	int64_t pid;
	const char *state;
	utime started_at;
	utime ended_at;
	const char *runs; /* names with blanks between them */
	int64_t chunks;
	int64_t lanes;
	utime heard_at; /* 0: not known */
};

static const char *text_or_empty(const struct ledger_row *row, int column)
{
	const char *text = ledger_row_text(row, column, NULL);

	return text == NULL ? "" : text;
}

/* When it was last heard of: its end; else its last beat, by the ledger's clock; where there are no
 * beats, now, while it holds its lock. */
static void look_at(const struct lister *l, struct instance *i)
{
	if (i->heard_at == 0 || strcmp(i->state, "ended") == 0)
		i->heard_at = i->ended_at;
	for (size_t k = 0; k < l->alive->ret_n; k++) {
		const struct ledger_instance_row *row = &l->alive->ret_rows[k];
		if (row->inc != i->inc)
			continue;
		if (rule_seems_gone(row))
			i->state = "gone";
		else if (i->heard_at == 0)
			i->heard_at = l->now;
	}
}

static void put_json(struct json_writer *w, const struct instance *i)
{
	const char *at = i->runs;

	jw_object(w);
	jw_member_int(w, "instance", i->inc);
	jw_member_text(w, "name", i->name);
	jw_member_text(w, "host", i->host);
	jw_member_int(w, "pid", i->pid);
	jw_member_text(w, "state", i->state);
	moment_put_json(w, "started_at", i->started_at);
	moment_put_json(w, "ended_at", i->ended_at);
	moment_put_json(w, "last_heard_at", i->heard_at);
	jw_member_int(w, "chunks", i->chunks);
	jw_member_int(w, "lanes", i->lanes);
	jw_name(w, "runs");
	jw_array(w);
	while (*at != '\0') {
		size_t len = strcspn(at, " ");
		jw_string(w, at, len);
		at += len;
		at += strspn(at, " ");
	}
	jw_array_end(w);
	jw_object_end(w);
}

static void put_time(struct table *table, utime t, utime now)
{
	char text[CLOCK_TEXT_MAX] = {0};

	if (t == 0) {
		table_put(table, "");
	} else if (t == now) {
		table_put(table, "now");
	} else {
		clock_format_short(t, text);
		table_put(table, text);
	}
}

static int on_instance(void *arg, const struct ledger_row *row)
{
	struct lister *l = arg;
	struct instance i = {
		.inc = ledger_row_int(row, 0),
		.name = text_or_empty(row, 1),
		.host = text_or_empty(row, 2),
		.pid = ledger_row_int(row, 3),
		.state = text_or_empty(row, 4),
		.started_at = moment_at(row, 5),
		.ended_at = moment_at(row, 6),
		.runs = text_or_empty(row, 7),
		.chunks = ledger_row_int(row, 8),
		.lanes = ledger_row_int(row, 9),
		.heard_at = moment_at(row, 10),
	};

	l->n++;
	look_at(l, &i);
	if (l->w != NULL) {
		put_json(l->w, &i);
		return 0;
	}
	table_put_f(l->table, "%" PRId64, i.inc);
	table_put(l->table, i.name);
	table_put(l->table, i.state);
	put_time(l->table, i.started_at, 0);
	put_time(l->table, i.heard_at, l->now);
	table_put_int(l->table, i.chunks);
	table_put_int(l->table, i.lanes);
	table_put(l->table, i.runs);
	return 0;
}

static int list_all(struct lister *l, struct ledger *ledger, struct err *err)
{
	static const char sql[] =
		"SELECT instance, name, host, pid, state, started, ended, runs, chunks, lanes,"
		" heard FROM instance WHERE ?1 = 1 OR state IN ('live', 'stopping')"
		" ORDER BY instance DESC LIMIT ?2";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = l->cli->is_verbose ? 1 : 0},
		{.type = LEDGER_INT, .number = INSTANCES_MAX},
	};

	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_instance, l, err);
}

static int put_table(struct lister *l, struct ledger *ledger, struct err *err)
{
	struct table table = {0};

	table_init(&table, &l->cli->out, columns, ARRAY_LEN(columns));
	l->table = &table;
	int rc = list_all(l, ledger, err);
	table_end(&table);
	l->table = NULL;
	return rc;
}

static int put_document(struct lister *l, struct ledger *ledger, struct err *err)
{
	struct json_writer w = {0};

	jw_init(&w, &l->cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.instances.1");
	jw_name(&w, "instances");
	jw_array(&w);
	l->w = &w;
	int rc = list_all(l, ledger, err);
	l->w = NULL;
	if (rc < 0)
		return rc;
	jw_array_end(&w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&l->cli->out.buf, '\n');
	return 0;
}

int verb_instances(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct lister l = {.cli = cli, .now = clock_now()};
	struct ledger_txn *txn = ledger_txn_new();

	l.alive = &ledger_txn_add(txn, LOP_INSTANCE_LIST)->u.instance_list;
	int rc = cli_words(cli, 0, 0, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0) {
		ledger_apply(ledger, txn);
		if (txn->status != LEDGER_APPLIED)
			rc = ERR(err, ERR_LEDGER, "looking who is alive: %s", txn->err.text);
	}
	if (rc == 0)
		rc = cli->wants_json ? put_document(&l, ledger, err) : put_table(&l, ledger, err);
	if (rc == 0 && l.n == 0)
		cli_note(cli, "nobody is at work on %s", ledger_url(ledger));
	ledger_txn_free(txn);
	return rc;
}
