/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "source/trailer.h"

#include <assert.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/csv_record.h"
#include "source/encoding.h"
#include "source/fixed.h"
#include "source/records.h"
#include "source/shape.h"

struct trailer_pattern {
	pcre2_code *code;
	pcre2_match_data *match;
};

int trailer_init(struct trailer *t, const struct job *job, struct err *err)
{
	const char *when = job->source.trailer_when;
	int code = 0;
	PCRE2_SIZE at = 0;

	*t = (struct trailer){.job = job};
	if (when == NULL)
		return 0;
	/* In other encodings the pattern is looked for in the bytes as they stand. */
	uint32_t flags = job->source.encoding == JOB_UTF8 ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : 0;
	t->pattern = xnew(struct trailer_pattern);
	t->pattern->code = pcre2_compile((PCRE2_SPTR)(const void *)when, PCRE2_ZERO_TERMINATED,
					 flags, &code, &at, NULL);
	if (t->pattern->code == NULL)
		return ERR(err, ERR_CONFIG, "trailer.when is no pattern, at character %zu", at);
	(void)pcre2_jit_compile(t->pattern->code, PCRE2_JIT_COMPLETE); /* only makes it faster */
	t->pattern->match = pcre2_match_data_create_from_pattern(t->pattern->code, NULL);
	if (t->pattern->match == NULL)
		return ERR(err, ERR_MEMORY, "no memory for trailer.when");
	return 0;
}

static void forget_values(struct trailer *t)
{
	for (size_t i = 0; t->values != NULL && i < t->job->source.n_trailer_columns; i++)
		free(t->values[i]);
	free((void *)t->values);
	t->values = NULL;
}

void trailer_reset(struct trailer *t)
{
	forget_values(t);
	t->is_seen = false;
	t->line = 0;
}

void trailer_done(struct trailer *t)
{
	if (t->job != NULL)
		forget_values(t);
	if (t->pattern != NULL) {
		pcre2_match_data_free(t->pattern->match);
		pcre2_code_free(t->pattern->code);
		free(t->pattern);
	}
	*t = (struct trailer){0};
}

bool trailer_is_wanted(const struct trailer *t)
{
	return t->pattern != NULL;
}

bool trailer_matches(struct trailer *t, const char *text, size_t len)
{
	return t->pattern != NULL && pcre2_match(t->pattern->code, (PCRE2_SPTR)(const void *)text,
						 len, 0, 0, t->pattern->match, NULL) >= 0;
}

/* A line with columns at fixed places. */
static int read_line(struct trailer *t, const struct record *record, struct err *err)
{
	const struct job_source *source = &t->job->source;
	AUTO(buf) struct buf value = BUF_INIT((size_t)RECORD_BYTES_MAX * ENCODING_GROWTH);

	t->values = xcalloc(source->n_trailer_columns + 1, sizeof(char *));
	for (size_t i = 0; i < source->n_trailer_columns; i++) {
		const struct job_column *c = &source->trailer_columns[i];
		struct csv_column column = {0};
		if (!fixed_find(source->encoding, record->text, record->len, c->column, c->len,
				&column))
			return ERR(err, ERR_DATA, "the trailer ends before %s, at character %d",
				   c->name, c->column);
		buf_reset(&value);
		encoding_put_utf8(source->encoding, column.text, column.len, &value);
		t->values[i] = xstrdup(buf_str(&value));
	}
	return 0;
}

static int read_csv(struct trailer *t, const struct record *record, struct err *err)
{
	const struct job_source *source = &t->job->source;
	const struct csv_form form = {.delimiter = source->delimiter, .quote = source->quote};
	AUTO(buf) struct buf unquoted = BUF_INIT(RECORD_BYTES_MAX);
	AUTO(buf) struct buf value = BUF_INIT((size_t)RECORD_BYTES_MAX * ENCODING_GROWTH);
	struct csv_columns columns = {0};
	struct flaw flaw = {0};
	int rc = 0;

	for (size_t i = 0; i < source->n_trailer_columns; i++) {
		size_t number = (size_t)source->trailer_columns[i].column;
		columns.max = number > columns.max ? number : columns.max;
	}
	columns.list = xcalloc(columns.max + 1, sizeof(*columns.list));
	if (csv_record_split(&form, record->text, record->len, &columns, &unquoted, &flaw) != 0)
		rc = ERR(err, ERR_DATA, "the trailer is no CSV: %s", flaw.reason);
	t->values = xcalloc(source->n_trailer_columns + 1, sizeof(char *));
	for (size_t i = 0; rc == 0 && i < source->n_trailer_columns; i++) {
		const struct job_column *c = &source->trailer_columns[i];
		if ((size_t)c->column > columns.n) {
			rc = ERR(err, ERR_DATA,
				 "the trailer has %zu column%s, %s would be number %d", columns.n,
				 columns.n == 1 ? "" : "s", c->name, c->column);
			break;
		}
		buf_reset(&value);
		encoding_put_utf8(source->encoding, columns.list[c->column - 1].text,
				  columns.list[c->column - 1].len, &value);
		t->values[i] = xstrdup(buf_str(&value));
	}
	free(columns.list);
	return rc;
}

int trailer_read(struct trailer *t, const struct record *record, struct err *err)
{
	assert(!t->is_seen);
	bool is_line = t->job->source.kind == SOURCE_FIXED;
	int rc = is_line ? read_line(t, record, err) : read_csv(t, record, err);

	t->is_seen = rc == 0;
	t->line = record->line;
	return rc;
}

void trailer_put(const struct trailer *t, struct buf *b)
{
	buf_put_u8(b, t->is_seen ? 1 : 0);
	if (!t->is_seen)
		return;
	buf_put_u64(b, (uint64_t)t->line);
	for (size_t i = 0; i < t->job->source.n_trailer_columns; i++)
		buf_put_bytes(b, t->values[i], strlen(t->values[i]));
}

void trailer_get(struct trailer *t, struct reader *r)
{
	size_t n = t->job->source.n_trailer_columns;

	trailer_reset(t);
	t->is_seen = reader_u8(r) != 0;
	if (!t->is_seen)
		return;
	t->line = (int64_t)reader_u64(r);
	t->values = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		size_t len = 0;
		const char *text = reader_bytes(r, &len);
		t->values[i] = text == NULL ? xstrdup("") : xstrndup(text, len);
	}
}
