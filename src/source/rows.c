/* SPDX-License-Identifier: Apache-2.0 */
/* What both databases have in common: parameters, values as those of fields, the cursor's order. */
#include "source/rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/statement.h"

enum {
	MARK_BYTES_MAX = 16 * 1024, /* it is written with every batch */
	VALUE_BYTES_MAX = 1024 * 1024,
	TIME_SECONDS = 19, /* 2026-11-23 14:51:14 */
	TIME_FRACTION_MAX = 6
};

/* ---- opening ---- */

static int take_values(struct rows *rows, const struct template_run *run, struct err *err)
{
	size_t n = statement_n(rows->query);
	const struct template_item none = {.idempotency_key = ""};

	rows->values = xcalloc(n + 1, sizeof(*rows->values));
	rows->types = xcalloc(n + 1, sizeof(*rows->types));
	for (size_t i = 0; i < n; i++) {
		struct buf value = BUF_INIT(VALUE_BYTES_MAX);
		bool is_null = false;
		if (statement_role(rows->query, i) != STATEMENT_VALUE)
			continue;
		int rc = statement_put(rows->query, i, run, &none, &value, &rows->types[i],
				       &is_null, err);
		if (rc == 0)
			rows->values[i] = xstrndup(buf_str(&value), value.len);
		buf_done(&value);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int rows_init(struct rows *rows, const struct rows_options *options, int dialect, struct err *err)
{
	const char *query = options->job->source.database.query;

	rows->job = options->job;
	int rc = statement_parse((enum statement_dialect)dialect, TEMPLATE_FOR_QUERY, query,
				 strlen(query), rows->job, &rows->query, NULL, err);
	return rc == 0 ? take_values(rows, options->run, err) : rc;
}

void rows_set_columns(struct rows *rows, size_t n)
{
	for (size_t i = 0; i < rows->n_columns; i++) {
		free(rows->columns[i].name);
		free(rows->columns[i].type);
	}
	free(rows->columns);
	free(rows->cells);
	rows->columns = xcalloc(n + 1, sizeof(*rows->columns));
	rows->cells = xcalloc(n + 1, sizeof(*rows->cells));
	rows->n_columns = n;
}

void rows_done(struct rows *rows)
{
	size_t n = rows->query == NULL ? 0 : statement_n(rows->query);

	rows_set_columns(rows, 0);
	free(rows->columns);
	free(rows->cells);
	for (size_t i = 0; rows->values != NULL && i < n; i++)
		free(rows->values[i]);
	free(rows->values);
	free(rows->types);
	statement_free(rows->query);
}

void rows_close(struct rows *rows)
{
	if (rows != NULL)
		rows->ops->close(rows);
}

/* ---- marks ---- */

void rows_mark_set(struct rows_mark *mark, const struct rows_cell *cell)
{
	if (mark->text.max == 0)
		mark->text = BUF_INIT(MARK_BYTES_MAX);
	buf_reset(&mark->text);
	buf_put(&mark->text, cell->text, cell->len);
	mark->kind = cell->kind;
	mark->is_set = true;
}

void rows_mark_done(struct rows_mark *mark)
{
	buf_done(&mark->text);
	*mark = (struct rows_mark){0};
}

/* ---- order ---- */

static enum rows_order order_of(int compared)
{
	if (compared == 0)
		return ROWS_SAME;
	return compared < 0 ? ROWS_BEFORE : ROWS_BEHIND;
}

static enum rows_order same_or(const struct rows_cell *a, const struct rows_cell *b)
{
	bool is_same = a->kind == b->kind && a->len == b->len &&
		       memcmp(a->text, b->text, a->len) == 0;

	return is_same ? ROWS_SAME : ROWS_UNKNOWN;
}

static bool read_real(const struct rows_cell *cell, double *ret)
{
	char text[64];
	char *end = NULL;

	if (cell->len == 0 || cell->len >= sizeof(text))
		return false;
	memcpy(text, cell->text, cell->len);
	text[cell->len] = '\0';
	*ret = strtod(text, &end);
	return *end == '\0' && *ret == *ret;
}

static enum rows_order compare_numbers(const struct rows_cell *a, const struct rows_cell *b)
{
	struct decimal left = {0};
	struct decimal right = {0};
	struct err err = ERR_INIT;
	double x = 0;
	double y = 0;

	if (decimal_parse(a->text, a->len, '.', &left, &err) == 0 &&
	    decimal_parse(b->text, b->len, '.', &right, &err) == 0)
		return order_of(decimal_compare(&left, &right));
	if (!read_real(a, &x) || !read_real(b, &y))
		return same_or(a, b);
	return order_of(x < y ? -1 : x > y);
}

/* The digits behind the second, as if there were always six; false when that is no such time. */
static bool read_fraction(const struct rows_cell *cell, char digits[TIME_FRACTION_MAX],
			  size_t *ret_end)
{
	size_t at = TIME_SECONDS;
	size_t n = 0;

	memset(digits, '0', TIME_FRACTION_MAX);
	if (cell->len < TIME_SECONDS)
		return false;
	if (at < cell->len && cell->text[at] == '.')
		for (at++; at < cell->len && cell->text[at] >= '0' && cell->text[at] <= '9'; at++)
			if (n < TIME_FRACTION_MAX)
				digits[n++] = cell->text[at];
	*ret_end = at;
	return true;
}

/* Both as ISO 8601 of the years 1 to 9999, and in the same zone. */
static enum rows_order compare_times(const struct rows_cell *a, const struct rows_cell *b)
{
	char left[TIME_FRACTION_MAX];
	char right[TIME_FRACTION_MAX];
	size_t left_end = 0;
	size_t right_end = 0;

	if (a->len > 0 && b->len > 0 && (a->text[a->len - 1] == 'C' || b->text[b->len - 1] == 'C'))
		return same_or(a, b); /* BC */
	if (a->len == 10 && b->len == 10)
		return order_of(memcmp(a->text, b->text, 10));
	if (!read_fraction(a, left, &left_end) || !read_fraction(b, right, &right_end) ||
	    a->len - left_end != b->len - right_end ||
	    memcmp(a->text + left_end, b->text + right_end, a->len - left_end) != 0)
		return same_or(a, b);
	int compared = memcmp(a->text, b->text, TIME_SECONDS);
	return order_of(compared != 0 ? compared : memcmp(left, right, TIME_FRACTION_MAX));
}

enum rows_order rows_compare(enum field_type type, const struct rows_cell *a,
			     const struct rows_cell *b)
{
	switch (type) {
	case FIELD_INTEGER:
	case FIELD_DECIMAL:
	case FIELD_FLOAT:
		return compare_numbers(a, b);
	case FIELD_DATE:
	case FIELD_TIMESTAMP:
		return compare_times(a, b);
	case FIELD_TEXT:
	case FIELD_BOOLEAN:
	case FIELD_JSON:
	case FIELD_TYPE_COUNT_:
		break;
	}
	return same_or(a, b);
}

/* ---- values ---- */

/* SQLite has no booleans: 0 and 1 are. PostgreSQL writes t and f. */
static const char *boolean_word(const struct rows_cell *cell)
{
	if (cell->len != 1 || cell->kind == ROWS_BLOB)
		return NULL;
	if (cell->text[0] == 't' || cell->text[0] == '1')
		return "true";
	return cell->text[0] == 'f' || cell->text[0] == '0' ? "false" : NULL;
}

/* What a database writes, whatever the texts of files look like: a point, and ISO 8601. */
static struct field plain_of(const struct field *field, const struct rows_cell *cell)
{
	struct field plain = *field;

	plain.decimal_mark = '.';
	if (cell->len >= 10 && cell->text[4] == '-')
		plain.date_format = NULL;
	plain.optional = false; /* null is said by the database, not by an empty text */
	return plain;
}

int rows_value(const struct field *field, const struct rows_cell *cell, struct buf *scratch,
	       struct value *ret_value, struct err *err)
{
	const struct field plain = plain_of(field, cell);
	const char *word = field->type == FIELD_BOOLEAN ? boolean_word(cell) : NULL;

	if (cell->kind == ROWS_NULL && !field->optional)
		return ERR(err, ERR_DATA, "the field is null; write %s? to allow that (field %s)",
			   field_type_name(field->type), field->name);
	if (cell->kind == ROWS_BLOB)
		return ERR(err, ERR_DATA, "a BLOB is no %s (field %s)",
			   field_type_name(field->type), field->name);
	if (cell->kind == ROWS_NULL)
		*ret_value = (struct value){.is_null = true};
	else if (word != NULL)
		*ret_value = (struct value){.text = word, .len = strlen(word)};
	else if (cell->len == 0 && field->type == FIELD_TEXT)
		*ret_value = (struct value){.text = ""};
	else
		return field_check(&plain, cell->text, cell->len, scratch, ret_value, err);
	return 0;
}
