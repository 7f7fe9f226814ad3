/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doubt_list.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/item_walk.h"
#include "cli/sent.h"
#include "report/item.h"
#include "report/moment.h"
#include "sys/clock.h"

struct lister {
	struct cli *cli;
	struct sent sent;
	struct json_writer *w; /* NULL: text */
	int64_t n;
	struct err *err;
};

static void put_name(const struct report_item *item, struct buf *out)
{
	buf_printf(out, "%" PRId64 ":%" PRId64, item->run_id, item->number);
}

static void put_state(const struct report_item *item, struct buf *out)
{
	char text[CLOCK_TEXT_MAX] = {0};

	if (strcmp(item->doubt, "verifying") == 0)
		buf_puts(out, ", is being verified");
	if (strcmp(item->doubt, "waiting") == 0 && item->next_at != 0) {
		clock_format_short(item->next_at, text);
		buf_printf(out, ", is looked at again from %s on", text);
	}
}

static void put_item(struct lister *l, const struct report_item *item)
{
	struct buf *out = &l->cli->out.buf;
	char since[CLOCK_TEXT_MAX] = {0};

	if (l->n == 1)
		buf_puts(out, "\nIn doubt, one by one: look at the other side, then decide\n");
	buf_puts(out, "  ");
	put_name(item, out);
	if (item->key != NULL) {
		buf_puts(out, "  ");
		text_put_printable(out, item->key, strlen(item->key), 0);
	}
	if (item->step != NULL) {
		buf_puts(out, ", step ");
		text_put_printable(out, item->step, strlen(item->step), 0);
	}
	if (item->person != NULL) {
		buf_puts(out, ", for ");
		text_put_printable(out, item->person, strlen(item->person), 0);
	}
	if (item->first_started_at != 0) {
		clock_format_short(item->first_started_at, since);
		buf_printf(out, ", since %s", since);
	}
	put_state(item, out);
	buf_puts(out, "\n      ");
	text_put_printable(out, item->err, strlen(item->err), 0);
	buf_putc(out, '\n');
	sent_put_text(&l->sent, "      ", out);
	buf_puts(out, "      stint resolve ");
	put_name(item, out);
	buf_puts(out, " --done --why TEXT    # or --retry, --skip\n");
}

static void put_json(struct lister *l, const struct report_item *item)
{
	AUTO(buf) struct buf name = BUF_INIT(64);

	put_name(item, &name);
	jw_object(l->w);
	jw_member_text(l->w, "item", buf_str(&name));
	jw_member_int(l->w, "number", item->number);
	jw_member_text(l->w, "key", item->key);
	jw_member_text(l->w, "step", item->step);
	jw_member_text(l->w, "person", item->person);
	jw_member_text(l->w, "doubt", item->doubt);
	moment_put_json(l->w, "since", item->first_started_at);
	moment_put_json(l->w, "next_at", item->next_at);
	jw_member_text(l->w, "error_class", item->err_class[0] == '\0' ? NULL : item->err_class);
	jw_member_text(l->w, "error", item->err[0] == '\0' ? NULL : item->err);
	sent_put_json(&l->sent, l->w);
	jw_object_end(l->w);
}

static int on_item(void *arg, const struct report_run *run, const struct report_item *item)
{
	struct lister *l = arg;
	struct report_item known = *item;
	int rc = sent_get(&l->sent, run->id, item->number, l->err);

	if (rc < 0)
		return rc;
	/* A process that died over it has told nobody for whom it is. */
	if (known.person == NULL && l->sent.person.len > 0)
		known.person = buf_str(&l->sent.person);
	l->n++;
	if (l->w != NULL)
		put_json(l, &known);
	else
		put_item(l, &known);
	out_spill(&l->cli->out);
	return 0;
}

static int list_each(struct lister *l, struct ledger *ledger, const struct report_run *run)
{
	AUTO(item_walk) struct item_walk walk = {0};

	sent_init(&l->sent, ledger);
	item_walk_run(l->cli, ledger, run, 1u << ITEM_IN_DOUBT, &walk);
	int rc = item_walk_each(&walk, on_item, l, l->err);
	sent_done(&l->sent);
	return rc;
}

int doubt_list_put(struct cli *cli, struct ledger *ledger, const struct report_run *run,
		   struct err *err)
{
	struct lister l = {.cli = cli, .err = err};

	return list_each(&l, ledger, run);
}

int doubt_list_put_json(struct cli *cli, struct ledger *ledger, const struct report_run *run,
			struct json_writer *w, struct err *err)
{
	struct lister l = {.cli = cli, .w = w, .err = err};

	jw_name(w, "doubts");
	jw_array(w);
	int rc = list_each(&l, ledger, run);
	jw_array_end(w);
	return rc;
}
