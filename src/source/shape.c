/* SPDX-License-Identifier: Apache-2.0 */
#include "source/shape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/encoding.h"
#include "source/fixed.h"
#include "source/jsonl.h"
#include "source/xml_record.h"

enum {
	SCRATCH_MAX = 512 * 1024 *
		      1024, /* only a record of 8 MiB that is all one JSON value comes near */
	JSON_BYTES_MAX = 64 * 1024 * 1024,
	VALUE_ROOM = 64, /* field_check may append so much beyond the value's own length */
	JSON_GROWTH = 6, /* a byte of JSON rewritten: an escape of six characters at worst */
};

enum shape_format shape_format_of(const struct job *job)
{
	switch (job->source.kind) {
	case SOURCE_CSV:
		return SHAPE_CSV;
	case SOURCE_JSONL:
	case SOURCE_INBOX:
		return SHAPE_JSONL;
	case SOURCE_JSON:
		return SHAPE_JSON;
	case SOURCE_XML:
		return SHAPE_XML;
	case SOURCE_FIXED:
		return SHAPE_FIXED;
	case SOURCE_STDIN:
		if (job->source.format == STDIN_CSV)
			return SHAPE_CSV;
		return job->source.format == STDIN_JSONL ? SHAPE_JSONL : SHAPE_LINES;
	case SOURCE_FILES:
	case SOURCE_POSTGRES:
	case SOURCE_SQLITE:
	case SOURCE_STEP:
	case SOURCE_NONE:
	case SOURCE_KIND_COUNT_:
		break;
	}
	return SHAPE_NONE;
}

/* Each field is a column of its own. */
static void use_fixed(struct shape *s)
{
	size_t n = s->job->source.n_fields;
	uint32_t *column_of = xcalloc(n + 1, sizeof(*column_of));

	s->fixed = fixed_new(s->job);
	for (size_t i = 0; i < n; i++)
		column_of[i] = (uint32_t)i;
	shape_set_columns(s, n, column_of);
	free(column_of);
}

void shape_init(struct shape *s, const struct job *job)
{
	assert(s != NULL && job != NULL);
	*s = (struct shape){
		.job = job,
		.format = shape_format_of(job),
		.form = {.delimiter = job->source.delimiter, .quote = job->source.quote},
		.unquoted = BUF_INIT(RECORD_BYTES_MAX),
		.converted = BUF_INIT(SCRATCH_MAX),
		.scratch = BUF_INIT(SCRATCH_MAX),
	};
	s->values = xcalloc(job->source.n_fields + 1, sizeof(*s->values));
	if (s->format != SHAPE_CSV)
		s->form = (struct csv_form){.delimiter = '\0', .quote = '\0'};
	s->encoding = "";
	if (s->format == SHAPE_XML)
		s->xml = xml_record_new(job);
	if (s->format == SHAPE_FIXED)
		use_fixed(s);
	if (s->format == SHAPE_JSONL || s->format == SHAPE_JSON) {
		s->doc = json_doc_new(JSON_BYTES_MAX);
		s->found = xcalloc(job->source.n_fields + 1, sizeof(const struct json *));
	}
}

void shape_done(struct shape *s)
{
	free(s->column_of);
	free(s->columns.list);
	free(s->values);
	free((void *)s->found);
	json_doc_free(s->doc);
	fixed_free(s->fixed);
	xml_record_free(s->xml);
	buf_done(&s->unquoted);
	buf_done(&s->converted);
	buf_done(&s->scratch);
	*s = (struct shape){0};
}

void shape_set_columns(struct shape *s, size_t n_columns, const uint32_t *column_of)
{
	size_t n = s->job->source.n_fields;

	free(s->column_of);
	free(s->columns.list);
	s->n_columns = n_columns;
	s->column_of = xcalloc(n + 1, sizeof(*s->column_of));
	for (size_t i = 0; i < n; i++) {
		assert(column_of[i] < n_columns);
		s->column_of[i] = column_of[i];
	}
	/* One more, to show what is too much. */
	s->columns.max = n_columns + 1;
	s->columns.list = xcalloc(s->columns.max, sizeof(*s->columns.list));
}

static int flaw_from_err(struct shape *s, size_t at, struct flaw *ret_flaw)
{
	flaw_set(ret_flaw, at, "%s", s->err.text);
	return SHAPE_FLAW;
}

/* ---- csv ---- */

static int check_columns(const struct shape *s, size_t len, struct flaw *ret_flaw)
{
	size_t n = s->columns.n;
	bool header = s->job->source.header;

	if (n == s->n_columns)
		return 0;
	flaw_set(ret_flaw, n < s->n_columns ? len : s->columns.list[s->n_columns].at,
		 "has %zu column%s, %s %zu", n, n == 1 ? "" : "s",
		 header ? "the header has" : "the declared fields are", s->n_columns);
	return SHAPE_FLAW;
}

/* Room in `scratch` and `converted` for all fields at once, so that nothing moves while it is lent.
 */
static bool make_room(struct shape *s)
{
	const struct job_source *source = &s->job->source;
	size_t room = 0;
	size_t text = 0;

	for (size_t i = 0; i < source->n_fields; i++) {
		size_t len = s->columns.list[s->column_of[i]].len;
		size_t growth = source->fields[i].type == FIELD_JSON ? JSON_GROWTH : 1;
		text += len;
		room += len * growth + VALUE_ROOM;
	}
	buf_reset(&s->scratch);
	buf_reset(&s->converted);
	if (source->encoding == JOB_UTF8)
		return buf_reserve(&s->scratch, room) != NULL;
	return buf_reserve(&s->scratch, room * ENCODING_GROWTH) != NULL &&
	       buf_reserve(&s->converted, text * ENCODING_GROWTH + 1) != NULL;
}

static int read_column(struct shape *s, size_t field, struct value *ret_value)
{
	const struct job_source *source = &s->job->source;
	const struct csv_column *c = &s->columns.list[s->column_of[field]];
	const char *text = c->text;
	size_t len = c->len;

	if (source->encoding != JOB_UTF8 && !encoding_is_ascii(text, len)) {
		size_t from = s->converted.len;
		encoding_put_utf8(source->encoding, text, len, &s->converted);
		text = s->converted.data + from;
		len = s->converted.len - from;
	}
	return field_check(&source->fields[field], text, len, &s->scratch, ret_value, &s->err);
}

static int read_columns(struct shape *s, struct flaw *ret_flaw)
{
	if (!make_room(s)) {
		flaw_set(ret_flaw, 0, "too large to be read");
		return SHAPE_FLAW;
	}
	for (size_t i = 0; i < s->job->source.n_fields; i++) {
		if (read_column(s, i, &s->values[i]) != 0)
			return flaw_from_err(s, s->columns.list[s->column_of[i]].at, ret_flaw);
	}
	return 0;
}

static int read_csv(struct shape *s, const char *text, size_t len, struct flaw *ret_flaw)
{
	if (csv_record_split(&s->form, text, len, &s->columns, &s->unquoted, ret_flaw) != 0)
		return SHAPE_FLAW;
	int rc = check_columns(s, len, ret_flaw);
	return rc != 0 ? rc : read_columns(s, ret_flaw);
}

/* ---- fixed ---- */

static int read_fixed(struct shape *s, const char *text, size_t len, struct flaw *ret_flaw)
{
	if (fixed_split(s->fixed, text, len, s->columns.list, ret_flaw) != 0)
		return SHAPE_FLAW;
	return read_columns(s, ret_flaw);
}

/* ---- xml ---- */

static int read_xml_value(struct shape *s, size_t field, const struct xml_value *v,
			  struct value *ret_value)
{
	const struct field *f = &s->job->source.fields[field];

	if (v->text == NULL)
		return field_check_json(f, NULL, &s->scratch, ret_value, &s->err);
	return field_check(f, v->text, v->len, &s->scratch, ret_value, &s->err);
}

/* Lends the values of the element, and makes room for what they become. */
static int parse_xml(struct shape *s, const char *text, size_t len,
		     const struct xml_value **ret_values, struct flaw *ret_flaw)
{
	const struct job_source *source = &s->job->source;
	size_t room = 0;

	if (xml_record_read(s->xml, s->encoding, text, len, ret_values, ret_flaw) != 0)
		return SHAPE_FLAW;
	for (size_t i = 0; i < source->n_fields; i++) {
		size_t growth = source->fields[i].type == FIELD_JSON ? JSON_GROWTH : 1;
		room += (*ret_values)[i].len * growth + VALUE_ROOM;
	}
	buf_reset(&s->scratch);
	if (buf_reserve(&s->scratch, room) != NULL)
		return 0;
	flaw_set(ret_flaw, 0, "too large to be read");
	return SHAPE_FLAW;
}

static int read_xml(struct shape *s, const char *text, size_t len, struct flaw *ret_flaw)
{
	const struct xml_value *values = NULL;

	if (parse_xml(s, text, len, &values, ret_flaw) != 0)
		return SHAPE_FLAW;
	for (size_t i = 0; i < s->job->source.n_fields; i++)
		if (read_xml_value(s, i, &values[i], &s->values[i]) != 0)
			return flaw_from_err(s, values[i].at, ret_flaw);
	return 0;
}

/* ---- json, jsonl ---- */

static bool make_json_room(struct shape *s, size_t line_len)
{
	const struct job_source *source = &s->job->source;
	size_t room = 0;

	for (size_t i = 0; i < source->n_fields; i++) {
		const struct json *j = s->found[i];
		if (j != NULL && source->fields[i].type == FIELD_JSON)
			room += line_len * JSON_GROWTH;
		else if (j != NULL)
			room += j->text_len;
		room += VALUE_ROOM;
	}
	buf_reset(&s->scratch);
	return buf_reserve(&s->scratch, room) != NULL;
}

/* The last field of an item of an inbox is when it was put there, whatever the item says. */
static const struct json *shape_find(const struct shape *s, const struct json *root, size_t field)
{
	const struct job_source *source = &s->job->source;

	if (source->kind == SOURCE_INBOX && field + 1 == source->n_fields)
		return NULL;
	return jsonl_find(root, &source->fields[field]);
}

static int read_jsonl(struct shape *s, const char *text, size_t len, struct flaw *ret_flaw)
{
	const struct job_source *source = &s->job->source;
	const struct json *root = NULL;

	if (jsonl_parse(s->doc, text, len, &root, ret_flaw) != 0)
		return SHAPE_FLAW;
	for (size_t i = 0; i < source->n_fields; i++)
		s->found[i] = shape_find(s, root, i);
	if (!make_json_room(s, len)) {
		flaw_set(ret_flaw, 0, "too large to be read");
		return SHAPE_FLAW;
	}
	for (size_t i = 0; i < source->n_fields; i++) {
		if (field_check_json(&source->fields[i], s->found[i], &s->scratch, &s->values[i],
				     &s->err) != 0)
			return flaw_from_err(s, jsonl_locate(text, len, &source->fields[i]),
					     ret_flaw);
	}
	return 0;
}

/* ---- all ---- */

static int read_line(struct shape *s, const char *text, size_t len, struct flaw *ret_flaw)
{
	const struct job_source *source = &s->job->source;

	if (source->n_fields == 0)
		return 0;
	buf_reset(&s->scratch);
	if (buf_reserve(&s->scratch, len * JSON_GROWTH + VALUE_ROOM) == NULL ||
	    field_check(&source->fields[0], text, len, &s->scratch, &s->values[0], &s->err) != 0)
		return flaw_from_err(s, 0, ret_flaw);
	return 0;
}

int shape_read(struct shape *s, const char *text, size_t len, struct flaw *ret_flaw)
{
	assert(s != NULL && text != NULL && ret_flaw != NULL);
	switch (s->format) {
	case SHAPE_CSV:
		return read_csv(s, text, len, ret_flaw);
	case SHAPE_FIXED:
		return read_fixed(s, text, len, ret_flaw);
	case SHAPE_XML:
		return read_xml(s, text, len, ret_flaw);
	case SHAPE_JSON:
	case SHAPE_JSONL:
		return read_jsonl(s, text, len, ret_flaw);
	case SHAPE_LINES:
		return read_line(s, text, len, ret_flaw);
	case SHAPE_NONE:
		break;
	}
	unreachable("records have a format");
}

int shape_read_field(struct shape *s, size_t field, const char *text, size_t len,
		     struct value *ret_value)
{
	struct flaw ignored = {0};

	assert(field < s->job->source.n_fields);
	if (s->format == SHAPE_CSV) {
		if (csv_record_split(&s->form, text, len, &s->columns, &s->unquoted, &ignored) !=
			    0 ||
		    s->columns.n != s->n_columns || !make_room(s))
			return SHAPE_FLAW;
		return read_column(s, field, ret_value) == 0 ? 0 : SHAPE_FLAW;
	}
	if (s->format == SHAPE_FIXED) {
		if (fixed_split(s->fixed, text, len, s->columns.list, &ignored) != 0 ||
		    !make_room(s))
			return SHAPE_FLAW;
		return read_column(s, field, ret_value) == 0 ? 0 : SHAPE_FLAW;
	}
	if (s->format == SHAPE_XML) {
		const struct xml_value *values = NULL;
		if (parse_xml(s, text, len, &values, &ignored) != 0)
			return SHAPE_FLAW;
		return read_xml_value(s, field, &values[field], ret_value) == 0 ? 0 : SHAPE_FLAW;
	}
	const struct json *root = NULL;
	if ((s->format != SHAPE_JSONL && s->format != SHAPE_JSON) ||
	    jsonl_parse(s->doc, text, len, &root, &ignored) != 0)
		return SHAPE_FLAW;
	for (size_t i = 0; i < s->job->source.n_fields; i++)
		s->found[i] = shape_find(s, root, i);
	if (!make_json_room(s, len))
		return SHAPE_FLAW;
	int rc = field_check_json(&s->job->source.fields[field], s->found[field], &s->scratch,
				  ret_value, &s->err);
	return rc == 0 ? 0 : SHAPE_FLAW;
}
