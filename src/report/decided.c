/* SPDX-License-Identifier: Apache-2.0 */
#include "report/decided.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "report/moment.h"
#include "sys/clock.h"

struct gathering {
	struct arena *arena;
	struct decided *decided;
};

static int on_decision(void *arg, const struct ledger_row *row)
{
	struct gathering *g = arg;
	struct decided *d = g->decided;

	if (d->n == DECIDED_MAX) {
		d->n_more++;
		return 0;
	}
	d->rows[d->n++] = (struct decision_row){
		.at = moment_at(row, 0),
		.who = ledger_row_str(row, 1, g->arena),
		.verb = ledger_row_str(row, 2, g->arena),
		.why = ledger_row_str(row, 3, g->arena),
		.number = ledger_row_is_null(row, 4) ? -1 : ledger_row_int(row, 4),
	};
	return 0;
}

int decided_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
		   struct decided *ret_decided, struct err *err)
{
	static const char sql[] = "SELECT at, who, verb, why, item FROM audit WHERE run_id = ?1"
				  " ORDER BY at DESC, item";
	struct ledger_param param = {.type = LEDGER_INT, .number = run_id};
	struct gathering g = {.arena = arena, .decided = ret_decided};

	assert(ledger != NULL && arena != NULL && ret_decided != NULL && err != NULL);
	*ret_decided = (struct decided){0};
	return ledger_select(ledger, sql, &param, 1, on_decision, &g, err);
}

static void put_printable(struct buf *out, const char *text)
{
	text_put_printable(out, text, strlen(text), 0);
}

void decided_put_text(const struct decided *decided, int64_t run_id, struct buf *out)
{
	char at[CLOCK_TEXT_MAX] = {0};

	assert(decided != NULL && out != NULL);
	if (decided->n > 0)
		buf_puts(out, "\nDecided by people\n");
	for (size_t i = 0; i < decided->n; i++) {
		const struct decision_row *d = &decided->rows[i];
		clock_format_short(d->at, at);
		buf_printf(out, "  %s  ", at);
		put_printable(out, d->who);
		buf_puts(out, ", ");
		put_printable(out, d->verb);
		if (d->number >= 0)
			buf_printf(out, " %" PRId64 ":%" PRId64, run_id, d->number);
		buf_puts(out, d->why[0] == '\0' ? "" : ": ");
		put_printable(out, d->why);
		buf_putc(out, '\n');
	}
	if (decided->n_more > 0)
		buf_printf(out, "  and %" PRId64 " before\n", decided->n_more);
}

void decided_put_json(const struct decided *decided, struct json_writer *w)
{
	assert(decided != NULL && w != NULL);
	jw_name(w, "decisions");
	jw_array(w);
	for (size_t i = 0; i < decided->n; i++) {
		const struct decision_row *d = &decided->rows[i];
		jw_object(w);
		moment_put_json(w, "at", d->at);
		jw_member_text(w, "who", d->who);
		jw_member_text(w, "verb", d->verb);
		jw_member_text(w, "why", d->why[0] == '\0' ? NULL : d->why);
		jw_name(w, "number");
		if (d->number < 0)
			jw_null(w);
		else
			jw_int(w, d->number);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_member_int(w, "more_decisions", decided->n_more);
}
