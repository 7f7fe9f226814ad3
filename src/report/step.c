/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a run in its report. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "report/report.h"

static int on_step(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;
	size_t len = 0;
	const char *name = ledger_row_text(row, 1, &len);

	if (name == NULL || r->n_steps == LEDGER_STEPS_MAX)
		return 0; /* the job has no steps */
	struct report_step *s = &r->steps[r->n_steps++];
	s->number = ledger_row_int(row, 0);
	s->name = arena_text(&r->arena, name, len);
	s->state = arena_str(&r->arena, ledger_row_text(row, 2, NULL));
	int64_t *const numbers[] = {&s->n_items,	&s->n_read,	     &s->n_filtered,
				    &s->n_rejected,	&s->n_held_back,     &s->counts.waiting,
				    &s->counts.running, &s->counts.done,     &s->counts.skipped,
				    &s->counts.retry,	&s->counts.in_doubt, &s->counts.dead};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		*numbers[i] = ledger_row_int(row, 3 + (int)i);
	return 0;
}

int report_steps_gather(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char sql[] =
		"SELECT number, step, state, items, read, filtered, rejected, held_back, waiting,"
		" running, done, skipped, retry, in_doubt, dead FROM step WHERE run_id = ?1"
		" ORDER BY number";
	struct ledger_param param = {.type = LEDGER_INT, .number = r->run.id};

	return ledger_select(ledger, sql, &param, 1, on_step, r, err);
}

void report_steps_put_json(const struct report *r, struct json_writer *w)
{
	jw_name(w, "steps");
	jw_array(w);
	for (size_t i = 0; i < r->n_steps; i++) {
		const struct report_step *s = &r->steps[i];
		jw_object(w);
		jw_member_text(w, "name", s->name);
		jw_member_int(w, "number", s->number);
		jw_member_text(w, "state", s->state);
		jw_name(w, "counts");
		jw_object(w);
		jw_member_int(w, "read", s->n_read);
		jw_member_int(w, "loaded", s->n_items);
		jw_member_int(w, "filtered", s->n_filtered);
		jw_member_int(w, "rejected", s->n_rejected);
		jw_member_int(w, "held_back", s->n_held_back);
		jw_member_int(w, "done", s->counts.done);
		jw_member_int(w, "skipped", s->counts.skipped);
		jw_member_int(w, "retry", s->counts.retry);
		jw_member_int(w, "in_doubt", s->counts.in_doubt);
		jw_member_int(w, "dead", s->counts.dead);
		jw_member_int(w, "running", s->counts.running);
		jw_member_int(w, "waiting", s->counts.waiting);
		jw_object_end(w);
		jw_object_end(w);
	}
	jw_array_end(w);
}

void report_steps_put_text(const struct report *r, struct buf *out)
{
	if (r->n_steps > 0)
		buf_puts(out, "\nsteps\n");
	for (size_t i = 0; i < r->n_steps; i++) {
		const struct report_step *s = &r->steps[i];
		const struct ledger_counts *c = &s->counts;
		const struct {
			const char *name;
			int64_t n;
		} terms[] = {{"done", c->done},
			     {"skipped", c->skipped},
			     {"retry", c->retry},
			     {"in doubt", c->in_doubt},
			     {"dead", c->dead},
			     {"running", c->running},
			     {"waiting", c->waiting},
			     {"rejected", s->n_rejected},
			     {"held back", s->n_held_back}};
		buf_printf(out, "  %" PRId64 " ", s->number);
		text_put_printable(out, s->name, strlen(s->name), 0);
		buf_puts(out, ": ");
		for (const char *p = s->state; *p != '\0'; p++)
			buf_putc(out, *p == '_' ? ' ' : *p);
		for (size_t k = 0; k < ARRAY_LEN(terms); k++) {
			if (terms[k].n == 0)
				continue;
			buf_printf(out, ", %s ", terms[k].name);
			text_put_count(out, terms[k].n);
		}
		buf_putc(out, '\n');
	}
}
