/* SPDX-License-Identifier: Apache-2.0 */
#include "source/csv_header.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/job.h"
#include "source/encoding.h"
#include "source/shape.h"

enum { LISTED_BYTES_MAX = 200 }; /* of the header's names, in a message */

/* The names of a header, as C strings in UTF-8, in order. */
struct names {
	struct arena arena;
	const char **list;
	size_t n;
};

static void names_done(struct names *names)
{
	free((void *)names->list);
	arena_done(&names->arena);
}

static int split_names(const struct shape *s, const char *text, size_t len, struct names *names,
		       struct err *err)
{
	struct csv_columns columns = {.max = CSV_COLUMNS_MAX};
	struct buf unquoted = BUF_INIT(RECORD_BYTES_MAX);
	struct buf name = BUF_INIT((size_t)RECORD_BYTES_MAX * ENCODING_GROWTH);
	struct flaw flaw = {0};
	int rc = 0;

	columns.list = xcalloc(columns.max, sizeof(*columns.list));
	if (csv_record_split(&s->form, text, len, &columns, &unquoted, &flaw) != 0)
		rc = ERR(err, ERR_DATA, "the header is no CSV: %s%s", flaw.reason,
			 text[flaw.at] == '\r' ? " (lines that end in CR alone are not read)" : "");
	names->n = columns.n;
	if (rc == 0 && names->n > CSV_COLUMNS_MAX)
		rc = ERR(err, ERR_DATA, "the header has %zu columns, at most %d are read", names->n,
			 CSV_COLUMNS_MAX);
	if (rc == 0)
		names->list = xcalloc(names->n, sizeof(const char *));
	for (size_t i = 0; rc == 0 && i < names->n; i++) {
		buf_reset(&name);
		encoding_put_utf8(s->job->source.encoding, columns.list[i].text,
				  columns.list[i].len, &name);
		names->list[i] = arena_text(&names->arena, buf_str(&name), name.len);
	}
	buf_done(&name);
	buf_done(&unquoted);
	free(columns.list);
	return rc;
}

struct numbered {
	const char *name;
	size_t number; /* from 1 */
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a;
	const struct numbered *y = b;
	int c = strcmp(x->name, y->name);

	if (c != 0)
		return c;
	return x->number < y->number ? -1 : 1;
}

/* Columns without a name may come often: spreadsheets make them of trailing delimiters. */
static int check_twice(const struct names *names, struct err *err)
{
	struct numbered *sorted = xcalloc(names->n, sizeof(*sorted));
	int rc = 0;

	for (size_t i = 0; i < names->n; i++)
		sorted[i] = (struct numbered){.name = names->list[i], .number = i + 1};
	qsort(sorted, names->n, sizeof(*sorted), compare_numbered);
	for (size_t i = 1; rc == 0 && i < names->n; i++) {
		const char *name = sorted[i].name;
		if (name[0] != '\0' && strcmp(sorted[i - 1].name, name) == 0)
			rc = ERR(
				err, ERR_DATA,
				"the column %s comes twice in the header, as number %zu and number "
				"%zu",
				QUOTED(name, strlen(name)), sorted[i - 1].number, sorted[i].number);
	}
	free(sorted);
	return rc;
}

static void list_names(const struct names *names, struct buf *out)
{
	for (size_t i = 0; i < names->n; i++) {
		if (out->len > LISTED_BYTES_MAX) {
			buf_puts(out, ", …");
			return;
		}
		buf_printf(out, "%s%s", i == 0 ? "" : ", ",
			   QUOTED(names->list[i], strlen(names->list[i])));
	}
}

static int no_column(const struct names *names, const struct field *field, const char *wanted,
		     struct err *err)
{
	size_t len = strlen(wanted);
	const char *near = text_nearest(wanted, len, names->list, names->n);
	AUTO(buf) struct buf list = BUF_INIT(4096);

	if (near != NULL)
		return ERR(err, ERR_DATA,
			   "the header has no column %s (field %s); the nearest is %s",
			   QUOTED(wanted, len), field->name, QUOTED(near, strlen(near)));
	list_names(names, &list);
	return ERR(err, ERR_DATA, "the header has no column %s (field %s); it has %s",
		   QUOTED(wanted, len), field->name, buf_str(&list));
}

static int map_fields(struct shape *s, const struct names *names, struct err *err)
{
	const struct job_source *source = &s->job->source;
	uint32_t *column_of = xcalloc(source->n_fields + 1, sizeof(*column_of));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < source->n_fields; i++) {
		const struct field *field = &source->fields[i];
		const char *wanted = field->from != NULL ? field->from : field->name;
		size_t at = 0;
		while (at < names->n && strcmp(names->list[at], wanted) != 0)
			at++;
		if (at == names->n)
			rc = no_column(names, field, wanted, err);
		else
			column_of[i] = (uint32_t)at;
	}
	if (rc == 0)
		shape_set_columns(s, names->n, column_of);
	free(column_of);
	return rc;
}

int csv_header_read(struct shape *s, const char *text, size_t len, struct err *err)
{
	struct names names = {0};

	assert(s != NULL && s->format == SHAPE_CSV && text != NULL);
	int rc = split_names(s, text, len, &names, err);
	if (rc == 0)
		rc = check_twice(&names, err);
	if (rc == 0)
		rc = map_fields(s, &names, err);
	names_done(&names);
	return rc;
}

int csv_header_none(struct shape *s, struct err *err)
{
	const struct job_source *source = &s->job->source;
	uint32_t *column_of = xcalloc(source->n_fields + 1, sizeof(*column_of));
	int rc = 0;

	for (size_t i = 0; i < source->n_fields; i++) {
		const struct field *field = &source->fields[i];
		if (field->from != NULL && strcmp(field->from, field->name) != 0)
			rc = ERR(err, ERR_CONFIG,
				 "field %s is to come from the column '%s', but with header: false "
				 "columns have no names: declare the fields in the order of the "
				 "columns, without from",
				 field->name, field->from);
		column_of[i] = (uint32_t)i;
	}
	if (rc == 0)
		shape_set_columns(s, source->n_fields, column_of);
	free(column_of);
	return rc;
}
