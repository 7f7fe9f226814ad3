/* SPDX-License-Identifier: Apache-2.0 */
#include "report/item.h"

#include <assert.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "report/moment.h"

enum { PAGE_ITEMS = 500 };

const char *item_state_name(enum item_state state)
{
	static const char *const names[ITEM_STATE_COUNT_] = {
#define X(id, name) [id] = (name),
		ITEM_STATES(X)
#undef X
	};

	assert(state < ITEM_STATE_COUNT_);
	return names[state];
}

struct page {
	struct arena arena;
	struct report_item items[PAGE_ITEMS];
	size_t n;
	int64_t run_id;
};

static const char *text_at(struct arena *arena, const struct ledger_row *row, int column)
{
	size_t len = 0;
	const char *text = ledger_row_text(row, column, &len);

	return text == NULL ? NULL : arena_text(arena, text, len);
}

static const char *text_or_empty(struct arena *arena, const struct ledger_row *row, int column)
{
	const char *text = text_at(arena, row, column);

	return text == NULL ? "" : text;
}

static int on_item(void *arg, const struct ledger_row *row)
{
	struct page *page = arg;

	assert(page->n < PAGE_ITEMS);
	page->items[page->n++] = (struct report_item){
		.run_id = page->run_id,
		.number = ledger_row_int(row, 0),
		.key = text_at(&page->arena, row, 1),
		.state = text_or_empty(&page->arena, row, 2),
		.person = text_at(&page->arena, row, 3),
		.attempts = ledger_row_int(row, 4),
		.err_class = text_or_empty(&page->arena, row, 5),
		.err = text_or_empty(&page->arena, row, 6),
		.fingerprint = text_or_empty(&page->arena, row, 7),
		.next_at = moment_at(row, 8),
		.first_started_at = moment_at(row, 9),
		.instance = ledger_row_int(row, 10),
	};
	return 0;
}

/* The next page from number `from` on. */
static int load_page(struct ledger *ledger, const struct report_item_filter *f, int64_t from,
		     struct page *page, struct err *err)
{
	static const char sql[] =
		"SELECT item, key, state, person, attempts, error_class, error, fingerprint,"
		" next_try, first_started, instance FROM item WHERE run_id = ?1 AND item >= ?2"
		" AND (?3 < 0 OR item = ?3) AND (?4 IS NULL OR person = ?4)"
		" AND (?5 IS NULL OR fingerprint = ?5)"
		" AND (?6 = 1 OR state IN (?7, ?8, ?9, ?10, ?11, ?12, ?13))"
		" ORDER BY item LIMIT ?14";
	enum { FIRST_STATE = 6, N_PARAMS = FIRST_STATE + ITEM_STATE_COUNT_ + 1 };
	struct ledger_param params[N_PARAMS] = {
		{.type = LEDGER_INT, .number = f->run_id},
		{.type = LEDGER_INT, .number = from},
		{.type = LEDGER_INT, .number = f->number},
		{.type = LEDGER_TEXT, .text = f->person},
		{.type = LEDGER_TEXT, .text = f->fingerprint},
		{.type = LEDGER_INT, .number = f->states == 0 ? 1 : 0},
	};

	for (size_t i = 0; i < ITEM_STATE_COUNT_; i++)
		params[FIRST_STATE + i] = (struct ledger_param){
			.type = LEDGER_TEXT,
			.text = (f->states >> i & 1) != 0 ? item_state_name((enum item_state)i)
							  : NULL,
		};
	params[N_PARAMS - 1] = (struct ledger_param){.type = LEDGER_INT, .number = PAGE_ITEMS};
	arena_reset(&page->arena);
	page->n = 0;
	page->run_id = f->run_id;
	return ledger_select(ledger, sql, params, N_PARAMS, on_item, page, err);
}

int report_items(struct ledger *ledger, const struct report_item_filter *filter, report_item_fn fn,
		 void *arg, struct err *err)
{
	static const struct page empty;
	struct page page = empty;
	int64_t from = 0;
	int rc = 0;

	assert(ledger != NULL && filter != NULL && fn != NULL && err != NULL);
	do {
		rc = load_page(ledger, filter, from, &page, err);
		for (size_t i = 0; i < page.n && rc == 0; i++) {
			from = page.items[i].number + 1;
			rc = fn(arg, &page.items[i]);
		}
	} while (rc == 0 && page.n == PAGE_ITEMS);
	arena_done(&page.arena);
	return rc;
}
