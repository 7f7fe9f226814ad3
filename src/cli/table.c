/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/out.h"

enum {
	CELL_MAX = 64 * 1024,
	GAP = 2,      /* blanks between columns */
	LAST_MIN = 8, /* the last column is cut to no less */
};

void table_init(struct table *t, struct out *out, const struct table_column *columns, size_t n)
{
	assert(t != NULL && out != NULL && columns != NULL && n > 0 && n <= TABLE_COLUMNS);
	*t = (struct table){
		.out = out,
		.columns = columns,
		.n_columns = n,
		.cell = BUF_INIT(CELL_MAX),
	};
	for (size_t i = 0; i < n; i++)
		t->widths[i] = utf8_width(columns[i].title, strlen(columns[i].title));
}

static void put_blanks(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_putc(out, ' ');
}

static bool is_shown(const struct table *t, size_t column)
{
	return !t->columns[column].is_left_out || t->is_used[column];
}

static size_t count_shown(const struct table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		n += is_shown(t, i) ? 1 : 0;
	return n;
}

/* How wide the last column may be, 0 no limit. */
static size_t last_width(const struct table *t)
{
	size_t used = 0;

	if (t->out->columns == 0)
		return 0;
	for (size_t i = 0; i + 1 < t->n_columns; i++)
		used += is_shown(t, i) ? t->widths[i] + GAP : 0;
	return used + LAST_MIN > t->out->columns ? LAST_MIN : t->out->columns - used;
}

static void write_cell(struct table *t, size_t column, const char *text)
{
	struct buf *b = &t->out->buf;
	size_t len = strlen(text);
	bool is_last = column + 1 == t->n_columns;
	size_t limit = is_last ? last_width(t) : 0;

	if (!is_shown(t, column))
		return;
	if (limit > 0 && utf8_width(text, len) > limit) {
		buf_put(b, text, utf8_cut(text, len, limit - 1));
		buf_puts(b, "…");
		return;
	}
	size_t width = utf8_width(text, len);
	size_t fill = t->widths[column] > width ? t->widths[column] - width : 0;
	if (t->columns[column].is_right)
		put_blanks(b, fill);
	buf_put(b, text, len);
	if (is_last)
		return;
	put_blanks(b, (t->columns[column].is_right ? 0 : fill) + GAP);
}

/* Blanks at the end of a line are nobody's. */
static void end_line(struct buf *b, size_t from)
{
	size_t len = b->len;

	while (len > from && b->data[len - 1] == ' ')
		len--;
	buf_truncate(b, len);
	buf_putc(b, '\n');
}

static void write_rows(struct table *t)
{
	struct buf *b = &t->out->buf;

	if (t->n_titled != count_shown(t) && t->n_rows > 0) {
		t->n_titled = count_shown(t);
		out_style(t->out, OUT_BOLD);
		size_t from = b->len;
		for (size_t i = 0; i < t->n_columns; i++)
			write_cell(t, i, t->columns[i].title);
		end_line(b, from);
		out_plain(t->out);
	}
	for (size_t row = 0; row < t->n_rows; row++) {
		size_t from = b->len;
		for (size_t i = 0; i < t->n_columns; i++)
			write_cell(t, i, t->cells[row][i]);
		end_line(b, from);
	}
	out_spill(t->out);
	arena_reset(&t->arena);
	t->n_rows = 0;
}

void table_put(struct table *t, const char *text)
{
	size_t max = t->columns[t->at].max;

	buf_reset(&t->cell);
	text_put_printable(&t->cell, text == NULL ? "" : text, text == NULL ? 0 : strlen(text),
			   max);
	const char *shown = arena_text(&t->arena, buf_str(&t->cell), t->cell.len);
	size_t width = utf8_width(shown, t->cell.len);
	if (width > t->widths[t->at])
		t->widths[t->at] = width;
	t->is_used[t->at] |= t->cell.len > 0;
	t->cells[t->n_rows][t->at] = shown;
	t->at++;
	if (t->at < t->n_columns)
		return;
	t->at = 0;
	t->n_rows++;
	t->all++;
	if (t->n_rows == TABLE_ROWS)
		write_rows(t);
}

void table_put_int(struct table *t, int64_t value)
{
	AUTO(buf) struct buf text = BUF_INIT(CELL_MAX);

	text_put_count(&text, value);
	table_put(t, buf_str(&text));
}

void table_put_f(struct table *t, const char *fmt, ...)
{
	AUTO(buf) struct buf text = BUF_INIT(CELL_MAX);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	table_put(t, buf_str(&text));
}

void table_end(struct table *t)
{
	assert(t->at == 0); /* the last row is complete */
	write_rows(t);
	arena_done(&t->arena);
	buf_done(&t->cell);
}
