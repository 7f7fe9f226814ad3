/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/attempt_list.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/out.h"
#include "ledger/ledger.h"
#include "report/item.h"
#include "report/mask.h"
#include "report/moment.h"

/* An attempt has up to keep_output bytes with it: a page of a few stays small. */
enum { PAGE_ATTEMPTS = 32 };

struct page {
	struct arena arena;
	struct attempt attempts[PAGE_ATTEMPTS];
	const char *at_texts[PAGE_ATTEMPTS]; /* as the view has them, for the next page */
	size_t n;
	struct mask mask;
};

static int on_attempt(void *arg, const struct ledger_row *row)
{
	struct page *page = arg;

	assert(page->n < PAGE_ATTEMPTS);
	struct attempt *a = &page->attempts[page->n];
	*a = (struct attempt){
		.run = ledger_row_str(row, 0, &page->arena),
		.run_id = ledger_row_int(row, 1),
		.item = ledger_row_int(row, 2),
		.key = mask_value(page->mask.key, ledger_row_str_or_null(row, 3, &page->arena),
				  &page->arena),
		.number = ledger_row_int(row, 4),
		.at = moment_at(row, 5),
		.took_us = ledger_row_int(row, 6) * US_PER_MS,
		.instance = ledger_row_int(row, 7),
		.outcome = ledger_row_str(row, 8, &page->arena),
		.err_class = ledger_row_str(row, 9, &page->arena),
		.err = ledger_row_str(row, 10, &page->arena),
		.fingerprint = ledger_row_str(row, 11, &page->arena),
		.output_cut = ledger_row_int(row, 13) != 0,
		.is_verify = strcmp(ledger_row_str(row, 14, &page->arena), "verify") == 0,
		.keep = ledger_row_str(row, 15, &page->arena),
		.step = ledger_row_str_or_null(row, 16, &page->arena),
	};
	const char *output = ledger_row_text(row, 12, &a->output_len);
	a->output = output == NULL ? "" : arena_text(&page->arena, output, a->output_len);
	page->at_texts[page->n] = ledger_row_str(row, 5, &page->arena);
	page->n++;
	return 0;
}

/* The page behind `last` (NULL: the first). */
static int load_page(struct ledger *ledger, const struct attempt_filter *f, const char *last_at,
		     const struct attempt *last, struct page *page, struct err *err)
{
	static const char sql[] =
		"SELECT run, run_id, item, key, number, at, ms, instance, outcome, error_class,"
		" error, fingerprint, output, output_cut, kind, keep, step FROM attempt"
		" WHERE run_id = ?1 AND (?2 < 0 OR item = ?2) AND (at, item, number) > (?3, ?4, ?5)"
		" ORDER BY at, item, number LIMIT ?6";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = f->run_id},
		{.type = LEDGER_INT, .number = f->item},
		{.type = LEDGER_TEXT, .text = last_at},
		{.type = LEDGER_INT, .number = last == NULL ? -1 : last->item},
		{.type = LEDGER_INT, .number = last == NULL ? -1 : last->number},
		{.type = LEDGER_INT, .number = PAGE_ATTEMPTS},
	};

	page->n = 0;
	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_attempt, page, err);
}

int attempt_each(struct ledger *ledger, const struct attempt_filter *filter, attempt_fn fn,
		 void *arg, struct err *err)
{
	char last_at[MOMENT_TEXT_MAX] = {0};
	struct attempt last = {0};
	struct page page = {0};
	bool is_first = true;

	assert(ledger != NULL && filter != NULL && fn != NULL && err != NULL);
	int rc = mask_of_run(ledger, filter->run_id, &page.mask, err);
	while (rc == 0) {
		rc = load_page(ledger, filter, last_at, is_first ? NULL : &last, &page, err);
		for (size_t i = 0; i < page.n && rc == 0; i++)
			rc = fn(arg, &page.attempts[i]);
		if (rc != 0 || page.n < PAGE_ATTEMPTS)
			break;
		is_first = false;
		last = page.attempts[page.n - 1];
		memcpy(last_at, page.at_texts[page.n - 1],
		       strnlen(page.at_texts[page.n - 1], sizeof(last_at) - 1) + 1);
		arena_reset(&page.arena);
	}
	arena_done(&page.arena);
	return rc;
}

void attempt_begin_json(struct json_writer *w, struct out *out, const char *schema,
			const char *list)
{
	jw_init(w, &out->buf);
	jw_object(w);
	jw_member_text(w, "schema", schema);
	jw_name(w, list);
	jw_array(w);
}

void attempt_end_json(struct json_writer *w, struct out *out)
{
	jw_array_end(w);
	jw_object_end(w);
	jw_done(w);
	buf_putc(&out->buf, '\n');
}

static void put_text_or_null(struct json_writer *w, const char *name, const char *text)
{
	jw_member_text(w, name, text[0] == '\0' ? NULL : text);
}

void attempt_put_json(const struct attempt *a, struct json_writer *w)
{
	jw_object(w);
	jw_member_text(w, "run", a->run);
	jw_member_int(w, "run_id", a->run_id);
	jw_member_int(w, "number", a->item);
	jw_member_text(w, "key", a->key);
	jw_member_text(w, "step", a->step);
	jw_member_int(w, "attempt", a->number);
	jw_member_text(w, "kind", a->is_verify ? "verify" : "attempt");
	moment_put_json(w, "at", a->at);
	jw_member_int(w, "took_ms", a->took_us / US_PER_MS);
	jw_member_int(w, "instance", a->instance);
	jw_member_text(w, "outcome", a->outcome);
	put_text_or_null(w, "error_class", a->err_class);
	put_text_or_null(w, "error", a->err);
	put_text_or_null(w, "fingerprint", a->fingerprint);
	jw_name(w, "output");
	jw_string(w, a->output, a->output_len);
	jw_member_bool(w, "output_cut", a->output_cut);
	report_put_keep(w, a->keep);
	jw_object_end(w);
}

const char *attempt_word(const struct attempt *a)
{
	if (!a->is_verify)
		return a->outcome;
	if (strcmp(a->outcome, "done") == 0)
		return "verified: took effect";
	return strcmp(a->outcome, "not_done") == 0 ? "verified: no effect"
						   : "verified: cannot tell";
}

void attempt_put_output(const struct attempt *a, struct buf *out)
{
	const char *at = a->output;
	const char *end = a->output + a->output_len;

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		size_t len = line_end == NULL ? (size_t)(end - at) : (size_t)(line_end - at);
		text_put_printable(out, at, len, 0);
		buf_putc(out, '\n');
		at += len + (line_end == NULL ? 0 : 1);
	}
}
