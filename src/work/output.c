/* SPDX-License-Identifier: Apache-2.0 */
#include "work/output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "job/item.h"
#include "job/job.h"

enum { AFFIX_MAX = 1024 };

/* What stands before and behind a column's value, made once. */
struct affix {
	struct buf before;
	struct buf behind;
};

struct output {
	const struct job *job;
	const struct job_output *spec;
	struct affix *affixes; /* of each column */
	uint32_t line_chars;   /* fixed: of a line */
};

static void put_quoted_csv(const char *text, size_t len, struct buf *out)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, text[i]);
	}
	buf_putc(out, '"');
}

static bool csv_needs_quotes(const char *text, size_t len)
{
	bool found = len == 0; /* nothing at all is null */

	for (size_t i = 0; i < len; i++)
		found |= text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
	return found;
}

static void put_csv(const char *text, size_t len, struct buf *out)
{
	if (csv_needs_quotes(text, len))
		put_quoted_csv(text, len, out);
	else
		buf_put(out, text, len);
}

struct output *output_new(const struct job *job)
{
	struct output *o = xnew(struct output);
	const struct job_output *spec = &job->work.output;

	o->job = job;
	o->spec = spec;
	o->affixes = xcalloc(spec->n_columns + 1, sizeof(*o->affixes));
	for (size_t i = 0; i < spec->n_columns; i++) {
		const char *name = job->fields[spec->columns[i].field].name;
		struct affix *affix = &o->affixes[i];
		*affix = (struct affix){BUF_INIT(AFFIX_MAX), BUF_INIT(AFFIX_MAX)};
		if (spec->format == OUTPUT_JSONL)
			buf_printf(&affix->before, "%s\"%s\":", i == 0 ? "{" : ",", name);
		if (spec->format == OUTPUT_XML) {
			buf_printf(&affix->before, "<%s>", name);
			buf_printf(&affix->behind, "</%s>", name);
		}
		uint32_t end = spec->columns[i].start + spec->columns[i].length;
		o->line_chars = end > o->line_chars ? end : o->line_chars;
	}
	return o;
}

void output_free(struct output *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->spec->n_columns; i++) {
		buf_done(&o->affixes[i].before);
		buf_done(&o->affixes[i].behind);
	}
	free(o->affixes);
	free(o);
}

void output_put_head(const struct output *o, struct buf *out)
{
	if (o->spec->format == OUTPUT_XML)
		buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s>\n",
			   o->spec->root);
	if (o->spec->format != OUTPUT_CSV)
		return;
	for (size_t i = 0; i < o->spec->n_columns; i++) {
		const char *name = o->job->fields[o->spec->columns[i].field].name;
		if (i > 0)
			buf_putc(out, ',');
		put_csv(name, strlen(name), out);
	}
	buf_putc(out, '\n');
}

void output_put_tail(const struct output *o, struct buf *out)
{
	if (o->spec->format == OUTPUT_XML)
		buf_printf(out, "</%s>\n", o->spec->root);
}

/* ---- an item ---- */

static void put_csv_item(const struct output *o, const struct item *item, struct buf *out)
{
	for (size_t i = 0; i < o->spec->n_columns; i++) {
		const struct value *value = &item->fields[o->spec->columns[i].field];
		if (i > 0)
			buf_putc(out, ',');
		if (!value->is_null)
			put_csv(value->text, value->len, out);
	}
	buf_putc(out, '\n');
}

static void put_jsonl_item(const struct output *o, const struct item *item, struct buf *out)
{
	for (size_t i = 0; i < o->spec->n_columns; i++) {
		size_t field = o->spec->columns[i].field;
		const struct value *value = &item->fields[field];
		struct json_writer w = {0};
		buf_put(out, o->affixes[i].before.data, o->affixes[i].before.len);
		jw_init(&w, out);
		if (value->is_null)
			jw_null(&w);
		else
			field_put_json(&o->job->fields[field], value, &w);
		jw_done(&w);
	}
	buf_puts(out, "}\n");
}

/* What a character is in XML 1.0; "" for those that it cannot hold, NULL for itself. */
static const char *xml_text(unsigned char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '\r':
		return "&#13;"; /* as itself a parser makes it a line feed */
	case '\t':
	case '\n':
		return NULL;
	default:
		return c < ' ' ? "" : NULL;
	}
}

/* U+FFFE and U+FFFF, as UTF-8. */
static bool is_noncharacter(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbf", 2) == 0 &&
	       ((unsigned char)text[2] == 0xbe || (unsigned char)text[2] == 0xbf);
}

static int put_xml(const struct value *value, struct buf *out, struct err *err)
{
	size_t start = 0;

	for (size_t i = 0; i < value->len; i++) {
		unsigned char c = (unsigned char)value->text[i];
		if (c > '>' && c != 0xef)
			continue;
		const char *text = xml_text(c);
		if ((text != NULL && *text == '\0') ||
		    (c == 0xef && is_noncharacter(value->text + i, value->len - i)))
			return ERR(err, ERR_DATA, "XML cannot hold the character \\x%02x", c);
		if (text == NULL)
			continue;
		buf_put(out, value->text + start, i - start);
		buf_puts(out, text);
		start = i + 1;
	}
	buf_put(out, value->text + start, value->len - start);
	return 0;
}

static int put_xml_item(const struct output *o, const struct item *item, struct buf *out,
			struct err *err)
{
	buf_putc(out, '<');
	buf_puts(out, o->spec->element);
	buf_putc(out, '>');
	for (size_t i = 0; i < o->spec->n_columns; i++) {
		const struct affix *affix = &o->affixes[i];
		const struct value *value = &item->fields[o->spec->columns[i].field];
		if (value->is_null)
			continue;
		buf_put(out, affix->before.data, affix->before.len);
		if (put_xml(value, out, err) < 0)
			return ERR_DATA;
		buf_put(out, affix->behind.data, affix->behind.len);
	}
	buf_puts(out, "</");
	buf_puts(out, o->spec->element);
	buf_puts(out, ">\n");
	return 0;
}

static void put_spaces(struct buf *out, size_t n)
{
	char *room = n == 0 ? NULL : buf_reserve(out, n);

	if (room == NULL)
		return;
	memset(room, ' ', n);
	buf_added(out, n);
}

static bool is_number(enum field_type type)
{
	return type == FIELD_INTEGER || type == FIELD_DECIMAL || type == FIELD_FLOAT;
}

static size_t count_chars(const struct value *value)
{
	size_t n = 0;

	for (size_t i = 0; i < value->len; i++)
		n += ((unsigned char)value->text[i] & 0xc0) != 0x80;
	return n;
}

static int put_fixed_item(const struct output *o, const struct item *item, struct buf *out,
			  struct err *err)
{
	uint32_t at = 0;

	for (size_t i = 0; i < o->spec->n_columns; i++) {
		const struct job_output_column *column = &o->spec->columns[i];
		const struct value *value = &item->fields[column->field];
		const struct field *field = &o->job->fields[column->field];
		size_t n = value->is_null ? 0 : count_chars(value);
		bool is_right = !value->is_null && is_number(field_value_type(field, value));
		if (n > column->length)
			return ERR(err, ERR_DATA, "it has %zu characters, the column %u", n,
				   column->length);
		if (n > 0 && (memchr(value->text, '\n', value->len) != NULL ||
			      memchr(value->text, '\r', value->len) != NULL))
			return ERR(err, ERR_DATA, "a fixed column cannot hold a line end");
		put_spaces(out, column->start - at + (is_right ? column->length - n : 0));
		if (n > 0)
			buf_put(out, value->text, value->len);
		put_spaces(out, is_right ? 0 : column->length - n);
		at = column->start + column->length;
	}
	buf_putc(out, '\n');
	return 0;
}

int output_put_item(const struct output *o, const struct item *item, struct buf *out,
		    struct err *err)
{
	size_t start = out->len;
	int rc = 0;

	assert(o != NULL && item != NULL && out != NULL);
	switch (o->spec->format) {
	case OUTPUT_CSV:
		put_csv_item(o, item, out);
		break;
	case OUTPUT_JSONL:
		put_jsonl_item(o, item, out);
		break;
	case OUTPUT_XML:
		rc = put_xml_item(o, item, out, err);
		break;
	case OUTPUT_FIXED:
		rc = put_fixed_item(o, item, out, err);
		break;
	case JOB_OUTPUT_FORMAT_COUNT_:
		break;
	}
	if (rc == 0)
		rc = buf_check(out, "what is written of a chunk", err);
	if (rc < 0)
		buf_truncate(out, start);
	return rc;
}
