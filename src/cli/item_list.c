/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/item_list.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/item_walk.h"

/* Whether a spreadsheet would calculate with it: a sign before anything but a number. */
static bool is_formula(const char *text)
{
	if (text[0] == '=' || text[0] == '@')
		return true;
	if (text[0] != '+' && text[0] != '-')
		return false;
	return text[1 + strspn(text + 1, "0123456789.")] != '\0';
}

void csv_put(struct buf *out, const char *text)
{
	bool quotes_formula = is_formula(text);

	if (!quotes_formula && strpbrk(text, ",\"\r\n") == NULL) {
		buf_puts(out, text);
		return;
	}
	buf_putc(out, '"');
	if (quotes_formula)
		buf_putc(out, '\'');
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"')
			buf_putc(out, '"');
		buf_putc(out, *c);
	}
	buf_putc(out, '"');
}

static int put_line(void *arg, const struct report_run *run, const struct report_item *item)
{
	const struct item_csv *csv = arg;
	struct buf *b = &csv->cli->out.buf;

	csv_put(b, run->name);
	buf_printf(b, ",%" PRId64 ",%" PRId64 ",", run->id, item->number);
	csv_put(b, item->key == NULL ? "" : item->key);
	buf_printf(b, ",%s,", item->state);
	csv_put(b, item->person == NULL ? "" : item->person);
	buf_printf(b, ",%" PRId64 ",", item->attempts);
	csv_put(b, item->err_class);
	buf_putc(b, ',');
	csv_put(b, item->err);
	buf_printf(b, ",%s", item->fingerprint);
	if (csv->has_steps) {
		buf_putc(b, ',');
		csv_put(b, item->step == NULL ? "" : item->step);
	}
	buf_putc(b, '\n');
	out_spill(&csv->cli->out);
	return 0;
}

int item_csv_put(struct item_csv *csv, const struct report_run *run, struct err *err)
{
	AUTO(item_walk) struct item_walk walk = {0};

	if (!csv->is_begun)
		buf_printf(&csv->cli->out.buf,
			   "run,run_id,number,key,state,person,attempts,error_class,error,"
			   "fingerprint%s\n",
			   csv->has_steps ? ",step" : "");
	csv->is_begun = true;
	item_walk_run(csv->cli, csv->ledger, run,
		      1u << ITEM_DEAD | 1u << ITEM_IN_DOUBT | 1u << ITEM_RETRY, &walk);
	return item_walk_each(&walk, put_line, csv, err);
}
