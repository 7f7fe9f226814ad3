/* SPDX-License-Identifier: Apache-2.0 */
#include "report/amounts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/utf8.h"
#include "ledger/ledger.h"
#include "ledger/txn.h"

enum { JSON_BYTES_MAX = 64 * 1024 * 1024, COLUMN_MIN = 12, LABEL_WIDTH = 20 };

struct row_name {
	const char *name;
	const char *text;
};

static const struct row_name row_names[AMOUNTS_ROW_COUNT_] = {
#define X(id, name, text) [id] = {name, text},
	AMOUNTS_ROWS(X)
#undef X
};

/* ---- reading ---- */

struct gathering {
	struct amounts *a;
	struct arena *arena;
	struct err *err;
	int rc;
};

static int damaged(struct gathering *g)
{
	g->rc = ERR(g->err, ERR_LEDGER,
		    "the totals that were stored of the run cannot be read: stint ledger verify");
	return 1; /* ends the query */
}

static bool add_amount(struct gathering *g, enum amounts_row row, size_t field,
		       const struct json *text)
{
	struct decimal amount = {0};
	struct err ignored = ERR_INIT;
	struct decimal *sum = &g->a->of[row][field];

	return text != NULL && text->type == JSON_STRING &&
	       decimal_parse(text->text, text->text_len, '.', &amount, &ignored) == 0 &&
	       decimal_add(sum, &amount, sum, &ignored) == 0;
}

/* An array of as many amounts as there are fields. */
static bool add_amounts(struct gathering *g, enum amounts_row row, const struct json *array)
{
	if (array == NULL || array->type != JSON_ARRAY || array->n != g->a->n)
		return false;
	const struct json *text = array->first;
	for (size_t i = 0; i < g->a->n; i++, text = text->next)
		if (!add_amount(g, row, i, text))
			return false;
	return true;
}

static bool take_fields(struct gathering *g, const struct json *load)
{
	const struct json *fields = json_find(load, "fields", strlen("fields"));

	if (fields == NULL || fields->type != JSON_ARRAY || fields->n > AMOUNTS_FIELDS_MAX)
		return false;
	g->a->n = fields->n;
	size_t i = 0;
	for (const struct json *name = fields->first; name != NULL; name = name->next)
		g->a->fields[i++] = arena_text(g->arena, name->text, name->text_len);
	return true;
}

/* What the reader stated, {"fields": …, "loaded": …}; the same in each row of the result. */
static bool take_load(struct gathering *g, const char *text, size_t len)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *load = NULL;
	struct err ignored = ERR_INIT;

	if (json_parse(text, len, JSON_BYTES_MAX, &doc, &load, &ignored) < 0 ||
	    !take_fields(g, load))
		return false;
	for (int row = AMOUNTS_LOADED; row < AMOUNTS_ROW_COUNT_; row++) {
		const char *name = row_names[row].name;
		if (!add_amounts(g, (enum amounts_row)row, json_find(load, name, strlen(name))))
			return false;
	}
	const struct json *unread = json_find(load, "unread", strlen("unread"));
	g->a->n_unread = unread == NULL ? 0 : strtoll(unread->text, NULL, 10);
	return true;
}

static enum amounts_row row_of(enum loose_state state)
{
	switch (state) {
	case LOOSE_RETRY:
		return AMOUNTS_RETRY;
	case LOOSE_DOUBT:
	case LOOSE_PROBING:
	case LOOSE_ASKED:
		return AMOUNTS_IN_DOUBT;
	case LOOSE_DEAD:
		return AMOUNTS_DEAD;
	case LOOSE_DONE:
		return AMOUNTS_DONE;
	case LOOSE_WAIVED:
		return AMOUNTS_SKIPPED;
	case LOOSE_HELD:
		break;
	}
	return AMOUNTS_OPEN;
}

/* "3:4,17:8": items that have left the chunk, by their place, and their states. */
static void take_loose(const char *text, uint32_t n, uint8_t *rows)
{
	while (text != NULL && *text != '\0') {
		char *end = NULL;
		unsigned long place = strtoul(text, &end, 10);
		unsigned long state = *end == ':' ? strtoul(end + 1, &end, 10) : 0;
		if (place < n)
			rows[place] = (uint8_t)row_of((enum loose_state)state);
		text = *end == ',' ? end + 1 : NULL;
	}
}

static bool take_items(struct gathering *g, const char *text, size_t len, const uint8_t *rows,
		       uint32_t n)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *items = NULL;
	struct err ignored = ERR_INIT;

	if (json_parse(text, len, JSON_BYTES_MAX, &doc, &items, &ignored) < 0 ||
	    items->type != JSON_ARRAY || items->n != n)
		return false;
	const struct json *item = items->first;
	for (uint32_t i = 0; i < n; i++, item = item->next)
		if (!add_amounts(g, (enum amounts_row)rows[i], item))
			return false;
	return true;
}

static int on_chunk(void *arg, const struct ledger_row *row)
{
	struct gathering *g = arg;
	uint8_t rows[CHUNK_ITEMS_MAX];
	size_t load_len = 0;
	size_t len = 0;
	size_t done_len = 0;
	const char *load = ledger_row_text(row, 0, &load_len);
	uint32_t n = (uint32_t)ledger_row_int(row, 1);
	const char *done = ledger_row_text(row, 2, &done_len);
	const char *loose = ledger_row_text(row, 3, NULL);
	const char *items = ledger_row_text(row, 4, &len);

	if (g->a->n == 0 && (load == NULL || !take_load(g, load, load_len)))
		return damaged(g);
	if (ledger_row_is_null(row, 1)) /* no chunk yet */
		return 0;
	if (n > CHUNK_ITEMS_MAX || done == NULL || done_len < BITS_BYTES(n) || items == NULL)
		return damaged(g);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = bits_get((const uint8_t *)done, i) ? AMOUNTS_DONE : AMOUNTS_OPEN;
	take_loose(loose, n, rows);
	return take_items(g, items, len, rows, n) ? 0 : damaged(g);
}

int amounts_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
		   struct amounts *ret_amounts, struct err *err)
{
	static const char sql[] =
		"SELECT r.sums, c.n, c.done, (SELECT group_concat((l.item - c.first_item) || ':' ||"
		" l.state) FROM loose AS l WHERE l.run_id = c.run_id AND l.item >= c.first_item AND"
		" l.item < c.first_item + c.n), s.sums"
		" FROM run_sums AS r LEFT JOIN chunk AS c ON c.run_id = r.run_id"
		" LEFT JOIN chunk_sums AS s ON s.chunk_id = c.id WHERE r.run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run_id};
	struct amounts a = {0};
	struct gathering g = {.a = &a, .arena = arena, .err = err};

	assert(ledger != NULL && ret_amounts != NULL);
	int rc = ledger_select(ledger, sql, &param, 1, on_chunk, &g, err);
	if (g.rc < 0 || rc < 0)
		return g.rc < 0 ? g.rc : rc;
	*ret_amounts = a;
	return 0;
}

/* ---- what it says ---- */

bool amounts_balance(const struct amounts *a, struct buf *why)
{
	bool balances = true;

	for (size_t i = 0; i < a->n; i++) {
		struct decimal sum = {0};
		struct err ignored = ERR_INIT;
		bool fits = true;
		for (int row = 0; row < AMOUNTS_LOADED; row++)
			fits = fits && decimal_add(&sum, &a->of[row][i], &sum, &ignored) == 0;
		if (fits && decimal_compare(&sum, &a->of[AMOUNTS_LOADED][i]) == 0)
			continue;
		balances = false;
		if (why == NULL)
			continue;
		buf_printf(why, "%s%s: loaded ", why->len > 0 ? "; " : "", a->fields[i]);
		decimal_format(&a->of[AMOUNTS_LOADED][i], why);
		buf_puts(why, ", accounted for ");
		decimal_format(&sum, why);
	}
	return balances;
}

static void put_right(struct buf *out, const char *text, size_t width)
{
	for (size_t w = utf8_width(text, strlen(text)); w < width; w++)
		buf_putc(out, ' ');
	buf_puts(out, text);
}

/* As wide as the widest in it. */
static size_t column_width(const struct amounts *a, size_t field)
{
	size_t width = utf8_width(a->fields[field], strlen(a->fields[field]));

	width = width < COLUMN_MIN ? COLUMN_MIN : width;
	for (int row = 0; row < AMOUNTS_ROW_COUNT_; row++) {
		AUTO(buf) struct buf text = BUF_INIT(DECIMAL_TEXT_MAX);
		decimal_format(&a->of[row][field], &text);
		width = text.len > width ? text.len : width;
	}
	return width;
}

static bool is_shown(const struct amounts *a, int row)
{
	static const struct decimal zero = {0};

	if (row == AMOUNTS_DONE || row == AMOUNTS_LOADED)
		return true;
	for (size_t i = 0; i < a->n; i++)
		if (decimal_compare(&a->of[row][i], &zero) != 0)
			return true;
	return row == AMOUNTS_REJECTED && a->n_unread > 0;
}

void amounts_put_text(const struct amounts *a, struct buf *out)
{
	if (a->n == 0)
		return;
	buf_printf(out, "\n%-*s", LABEL_WIDTH, "Totals");
	for (size_t i = 0; i < a->n; i++) {
		buf_puts(out, "  ");
		put_right(out, a->fields[i], column_width(a, i));
	}
	buf_putc(out, '\n');
	for (int row = 0; row < AMOUNTS_ROW_COUNT_; row++) {
		if (!is_shown(a, row))
			continue;
		buf_printf(out, "  %-*s", LABEL_WIDTH - 2, row_names[row].text);
		for (size_t i = 0; i < a->n; i++) {
			AUTO(buf) struct buf text = BUF_INIT(DECIMAL_TEXT_MAX);
			decimal_format(&a->of[row][i], &text);
			buf_puts(out, "  ");
			put_right(out, buf_str(&text), column_width(a, i));
		}
		if (row == AMOUNTS_REJECTED && a->n_unread > 0)
			buf_printf(out, "  (%" PRId64 " could not be read)", a->n_unread);
		buf_putc(out, '\n');
	}
}

void amounts_put_json(const struct amounts *a, struct json_writer *w)
{
	if (a->n == 0)
		return;
	jw_name(w, "totals");
	jw_object(w);
	for (size_t i = 0; i < a->n; i++) {
		jw_name(w, a->fields[i]);
		jw_object(w);
		for (int row = 0; row < AMOUNTS_ROW_COUNT_; row++) {
			AUTO(buf) struct buf text = BUF_INIT(DECIMAL_TEXT_MAX);
			decimal_format(&a->of[row][i], &text);
			jw_name(w, row_names[row].name);
			jw_text(w, buf_str(&text)); /* a number would be rounded */
		}
		jw_object_end(w);
	}
	jw_object_end(w);
	jw_member_int(w, "totals_unread", a->n_unread);
}
