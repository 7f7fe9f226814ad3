/* SPDX-License-Identifier: Apache-2.0 */
#include "source/fixed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/field.h"
#include "source/csv_record.h"
#include "source/encoding.h"

struct place {
	const struct job_span *span;
	size_t field;
	bool is_text;
};

struct fixed {
	enum job_encoding encoding;
	struct place *places; /* by where they begin */
	size_t n;
};

static int by_start(const void *a, const void *b)
{
	const struct place *x = a;
	const struct place *y = b;

	return (x->span->start > y->span->start) - (x->span->start < y->span->start);
}

static const struct job_span *span_of(const struct job_source *source, const struct field *field)
{
	const char *name = field->from != NULL ? field->from : field->name;

	for (size_t i = 0; i < source->n_spans; i++)
		if (strcmp(source->spans[i].name, name) == 0)
			return &source->spans[i];
	unreachable("the job was checked");
}

struct fixed *fixed_new(const struct job *job)
{
	const struct job_source *source = &job->source;
	struct fixed *f = xnew(struct fixed);

	f->encoding = source->encoding;
	f->n = source->n_fields;
	f->places = xcalloc(f->n + 1, sizeof(*f->places));
	for (size_t i = 0; i < f->n; i++) {
		const struct field *field = &source->fields[i];
		f->places[i] = (struct place){.span = span_of(source, field),
					      .field = i,
					      .is_text = field->type == FIELD_TEXT};
	}
	qsort(f->places, f->n, sizeof(*f->places), by_start);
	return f;
}

void fixed_free(struct fixed *f)
{
	if (f == NULL)
		return;
	free(f->places);
	free(f);
}

/* The byte behind `n` more characters, at most `len`. */
static size_t go_on(enum job_encoding encoding, const char *text, size_t len, size_t at, size_t n)
{
	if (encoding != JOB_UTF8)
		return n < len - at ? at + n : len;
	for (; n > 0 && at < len; n--) {
		at++;
		while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

static bool is_fill(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(struct csv_column *c, bool is_text)
{
	while (c->len > 0 && is_fill(c->text[c->len - 1]))
		c->len--;
	while (!is_text && c->len > 0 && is_fill(*c->text)) {
		c->text++;
		c->at++;
		c->len--;
	}
}

static int say_short(const struct fixed *f, const struct job_span *span, const char *text,
		     size_t len, struct flaw *ret_flaw)
{
	flaw_set(ret_flaw, len, "the line has %zu characters, column %s begins at %d",
		 encoding_count(f->encoding, text, len), span->name, span->start);
	return FIXED_FLAW;
}

int fixed_split(const struct fixed *f, const char *text, size_t len, struct csv_column *columns,
		struct flaw *ret_flaw)
{
	size_t at = 0;	/* a byte … */
	int number = 1; /* … and the number of its character */

	assert(f != NULL && text != NULL && columns != NULL);
	for (size_t i = 0; i < f->n; i++) {
		const struct place *p = &f->places[i];
		at = go_on(f->encoding, text, len, at, (size_t)(p->span->start - number));
		number = p->span->start;
		if (at == len)
			return say_short(f, p->span, text, len, ret_flaw);
		size_t end = go_on(f->encoding, text, len, at, (size_t)p->span->len);
		struct csv_column *c = &columns[p->field];
		*c = (struct csv_column){.text = text + at, .len = end - at, .at = at};
		trim(c, p->is_text);
	}
	return 0;
}

bool fixed_find(enum job_encoding encoding, const char *text, size_t len, int start, int n_chars,
		struct csv_column *ret_column)
{
	size_t at = go_on(encoding, text, len, 0, (size_t)start - 1);
	size_t end = go_on(encoding, text, len, at, (size_t)n_chars);

	*ret_column = (struct csv_column){.text = text + at, .len = end - at, .at = at};
	trim(ret_column, false);
	return at < len;
}
