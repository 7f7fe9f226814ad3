/* SPDX-License-Identifier: Apache-2.0 */
#include "report/item.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "ledger/ledger.h"
#include "report/moment.h"

enum {
	PAGE_ITEMS = CHUNK_ITEMS_MAX, /* at once: of a few whole chunks, at least one */
	WINDOW_CHUNKS = 64,
	FOUND = 1,
};

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

void report_put_keep(struct json_writer *w, const char *keep)
{
	assert(w != NULL && keep != NULL);
	jw_name(w, "keep");
	if (keep[0] == '\0')
		jw_null(w);
	else
		jw_raw(w, keep, strlen(keep));
}

struct page {
	struct arena arena;
	struct report_item items[PAGE_ITEMS];
	size_t n;
	int64_t run_id;
};

/* ---- rows ---- */

static int on_item(void *arg, const struct ledger_row *row)
{
	struct page *page = arg;

	assert(page->n < PAGE_ITEMS);
	page->items[page->n++] = (struct report_item){
		.run_id = page->run_id,
		.number = ledger_row_int(row, 0),
		.key = ledger_row_str_or_null(row, 1, &page->arena),
		.state = ledger_row_str(row, 2, &page->arena),
		.person = ledger_row_str_or_null(row, 3, &page->arena),
		.attempts = ledger_row_int(row, 4),
		.err_class = ledger_row_str(row, 5, &page->arena),
		.err = ledger_row_str(row, 6, &page->arena),
		.fingerprint = ledger_row_str(row, 7, &page->arena),
		.next_at = moment_at(row, 8),
		.first_started_at = moment_at(row, 9),
		.instance = ledger_row_int(row, 10),
		.doubt = ledger_row_str_or_null(row, 11, &page->arena),
		.keep = ledger_row_str(row, 12, &page->arena),
		.step = ledger_row_str_or_null(row, 13, &page->arena),
	};
	return 0;
}

/* ---- by chunk: a page is a few whole chunks, which the view unfolds once ---- */

struct window {
	int64_t first; /* chunks */
	int64_t last;
	int64_t items;
	int64_t next; /* the first item behind it */
};

static int on_chunk(void *arg, const struct ledger_row *row)
{
	struct window *w = arg;
	int64_t n = ledger_row_int(row, 2);

	if (w->items > 0 && w->items + n > PAGE_ITEMS)
		return FOUND;
	if (w->items == 0)
		w->first = ledger_row_int(row, 0);
	w->last = ledger_row_int(row, 0);
	w->next = ledger_row_int(row, 1) + n;
	w->items += n;
	return 0;
}

/* The chunks from item `from` on; of a filter for one item the one that it is in. */
static int find_window(struct ledger *ledger, const struct report_item_filter *f, int64_t from,
		       struct window *w, struct err *err)
{
	static const char many[] = "SELECT id, first_item, n FROM chunk WHERE run_id = ?1"
				   " AND first_item >= ?2 ORDER BY first_item LIMIT ?3";
	static const char one[] = "SELECT id, first_item, n FROM chunk WHERE run_id = ?1"
				  " AND first_item <= ?2 ORDER BY first_item DESC LIMIT 1";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = f->run_id},
		{.type = LEDGER_INT, .number = f->number >= 0 ? f->number : from},
		{.type = LEDGER_INT, .number = WINDOW_CHUNKS},
	};

	*w = (struct window){0};
	int rc = ledger_select(ledger, f->number >= 0 ? one : many, params, ARRAY_LEN(params),
			       on_chunk, w, err);
	return rc < 0 ? rc : 0;
}

#define COLUMNS                                                                                    \
	"SELECT item, key, state, person, attempts, error_class, error, fingerprint,"              \
	" next_try, first_started, instance, doubt,"                                               \
	" (SELECT a.keep FROM attempt AS a WHERE a.run_id = item.run_id AND a.item = item.item"    \
	"  AND a.keep IS NOT NULL ORDER BY a.number DESC LIMIT 1), step FROM item WHERE run_id = ?1"
#define CONDITIONS                                                                                 \
	" AND (?4 < 0 OR item = ?4) AND (?5 IS NULL OR person = ?5)"                               \
	" AND (?6 IS NULL OR fingerprint = ?6)"                                                    \
	" AND (?7 = 1 OR state IN (?8, ?9, ?10, ?11, ?12, ?13, ?14))"                              \
	" ORDER BY item"

/* The items that `sql` finds between ?2 and ?3. */
static int load_page(struct ledger *ledger, const struct report_item_filter *f, const char *sql,
		     const int64_t between[2], struct page *page, struct err *err)
{
	enum { FIRST_STATE = 7, N_PARAMS = FIRST_STATE + ITEM_STATE_COUNT_ };
	struct ledger_param params[N_PARAMS] = {
		{.type = LEDGER_INT, .number = f->run_id},
		{.type = LEDGER_INT, .number = between[0]},
		{.type = LEDGER_INT, .number = between[1]},
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
	arena_reset(&page->arena);
	page->n = 0;
	page->run_id = f->run_id;
	return ledger_select(ledger, sql, params, N_PARAMS, on_item, page, err);
}

static int give(const struct page *page, report_item_fn fn, void *arg)
{
	int rc = 0;

	for (size_t i = 0; i < page->n && rc == 0; i++)
		rc = fn(arg, &page->items[i]);
	return rc;
}

/* Items in any state. */
static int walk_chunks(struct ledger *ledger, const struct report_item_filter *filter,
		       struct page *page, report_item_fn fn, void *arg, struct err *err)
{
	static const char sql[] = COLUMNS " AND chunk_id BETWEEN ?2 AND ?3" CONDITIONS;
	struct window w = {0};

	for (;;) {
		int rc = find_window(ledger, filter, w.next, &w, err);
		if (rc < 0 || w.items == 0)
			return rc;
		rc = load_page(ledger, filter, sql, (int64_t[]){w.first, w.last}, page, err);
		if (rc == 0)
			rc = give(page, fn, arg);
		if (rc != 0 || filter->number >= 0)
			return rc;
	}
}

/* Items that left their chunks: a page is so many of them. */
static int walk_loose(struct ledger *ledger, const struct report_item_filter *filter,
		      struct page *page, report_item_fn fn, void *arg, struct err *err)
{
	static const char sql[] = COLUMNS " AND item >= ?2" CONDITIONS " LIMIT ?3";
	int64_t between[] = {0, PAGE_ITEMS};
	int rc = 0;

	do {
		rc = load_page(ledger, filter, sql, between, page, err);
		if (page->n > 0)
			between[0] = page->items[page->n - 1].number + 1;
		if (rc == 0)
			rc = give(page, fn, arg);
	} while (rc == 0 && page->n == PAGE_ITEMS);
	return rc;
}

int report_items(struct ledger *ledger, const struct report_item_filter *filter, report_item_fn fn,
		 void *arg, struct err *err)
{
	const unsigned in_chunks = 1u << ITEM_WAITING | 1u << ITEM_RUNNING | 1u << ITEM_DONE;
	struct page *page = xnew(struct page);
	bool is_loose = filter->states != 0 && (filter->states & in_chunks) == 0;

	assert(ledger != NULL && fn != NULL && err != NULL);
	int rc = is_loose ? walk_loose(ledger, filter, page, fn, arg, err)
			  : walk_chunks(ledger, filter, page, fn, arg, err);
	arena_done(&page->arena);
	free(page);
	return rc;
}
