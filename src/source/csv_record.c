/* SPDX-License-Identifier: Apache-2.0 */
#include "source/csv_record.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

struct split {
	const struct csv_form *form;
	const char *text;
	size_t len;
	struct buf *scratch;
	struct flaw *flaw;
};

void flaw_set(struct flaw *flaw, size_t at, const char *fmt, ...)
{
	va_list ap;

	assert(flaw != NULL);
	flaw->at = at;
	va_start(ap, fmt);
	(void)vsnprintf(flaw->reason, sizeof(flaw->reason), fmt, ap); /* cut is well */
	va_end(ap);
}

/* A column without quotes from `at`; *ret_next is the delimiter behind it or the end. */
static int split_plain(const struct split *s, size_t at, size_t number,
		       struct csv_column *ret_column, size_t *ret_next)
{
	const char delimiter = s->form->delimiter;
	const char quote = s->form->quote;
	size_t i = at;

	for (; i < s->len && s->text[i] != delimiter; i++) {
		if (s->text[i] == quote && quote != '\0') {
			flaw_set(s->flaw, i, "a quote in column %zu, which does not begin with one",
				 number);
			return CSV_RECORD_FLAW;
		}
		if (s->text[i] == '\r') {
			flaw_set(s->flaw, i, "a carriage return in column %zu, outside quotes",
				 number);
			return CSV_RECORD_FLAW;
		}
	}
	*ret_column = (struct csv_column){.text = s->text + at, .len = i - at, .at = at};
	*ret_next = i;
	return 0;
}

/* Takes one of each two quotes out of `len` bytes. Within what was reserved: nothing moves. */
static const char *unquote(struct buf *scratch, const char *text, size_t len, char quote)
{
	size_t from = scratch->len;
	const char *end = text + len;

	while (text < end) {
		const char *found = memchr(text, quote, (size_t)(end - text));
		const char *stop = found == NULL ? end : found + 1;
		buf_put(scratch, text, (size_t)(stop - text));
		text = found == NULL ? end : found + 2;
	}
	return scratch->data + from;
}

/* The quote that closes the column which opens at `at`, or `len`; tells whether others are doubled.
 */
static size_t find_close(const struct split *s, size_t at, bool *ret_doubled)
{
	size_t i = at + 1;

	*ret_doubled = false;
	while (i < s->len) {
		const char *found = memchr(s->text + i, s->form->quote, s->len - i);
		if (found == NULL)
			return s->len;
		i = (size_t)(found - s->text);
		if (i + 1 == s->len || s->text[i + 1] != s->form->quote)
			return i;
		*ret_doubled = true;
		i += 2;
	}
	return s->len;
}

static int split_quoted(const struct split *s, size_t at, size_t number,
			struct csv_column *ret_column, size_t *ret_next)
{
	bool doubled = false;
	size_t close = find_close(s, at, &doubled);

	if (close == s->len) {
		flaw_set(s->flaw, at, "the quote that opens column %zu is never closed", number);
		return CSV_RECORD_FLAW;
	}
	if (close + 1 < s->len && s->text[close + 1] != s->form->delimiter) {
		flaw_set(s->flaw, close + 1, "text behind the closing quote of column %zu", number);
		return CSV_RECORD_FLAW;
	}
	struct csv_column c = {.text = s->text + at + 1, .len = close - at - 1, .at = at};
	if (doubled) {
		if (s->scratch->len == 0 && buf_reserve(s->scratch, s->len) == NULL) {
			flaw_set(s->flaw, at, "column %zu is too large", number);
			return CSV_RECORD_FLAW;
		}
		size_t before = s->scratch->len;
		c.text = unquote(s->scratch, c.text, c.len, s->form->quote);
		c.len = s->scratch->len - before;
	}
	*ret_column = c;
	*ret_next = close + 1;
	return 0;
}

int csv_record_split(const struct csv_form *form, const char *text, size_t len,
		     struct csv_columns *columns, struct buf *scratch, struct flaw *ret_flaw)
{
	const struct split s = {
		.form = form, .text = text, .len = len, .scratch = scratch, .flaw = ret_flaw};
	size_t n = 0;
	size_t at = 0;

	assert(form != NULL && text != NULL && columns != NULL && scratch != NULL);
	buf_reset(scratch);
	for (;;) {
		struct csv_column c = {0};
		size_t next = 0;
		bool is_quoted = form->quote != '\0' && at < len && text[at] == form->quote;
		int rc = is_quoted ? split_quoted(&s, at, n + 1, &c, &next)
				   : split_plain(&s, at, n + 1, &c, &next);
		if (rc != 0)
			return rc;
		if (n < columns->max)
			columns->list[n] = c;
		n++;
		if (next == len)
			break;
		at = next + 1;
	}
	columns->n = n;
	return 0;
}
