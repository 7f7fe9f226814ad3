/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer: escaping, and who is due a comma. */
#include "base/json.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_scan.h"
#include "base/text.h"
#include "base/utf8.h"

enum { WRITER_DEPTH_MAX = 63 }; /* depth 0 … 63 have a bit each */

/* How many bytes at the start need no escape and are ASCII. */
static size_t plain_ascii(const char *text, size_t len)
{
	size_t i = 0;

	while (i + sizeof(uint64_t) <= len) {
		uint64_t word = json_load_word(text + i);
		if ((json_word_special(word) | (word & JSON_HIGHS)) != 0)
			break;
		i += sizeof(uint64_t);
	}
	while (i < len && !json_is_special(text[i]) && (unsigned char)text[i] < 0x80)
		i++;
	return i;
}

static void put_escape(struct buf *b, char c)
{
	static const char values[] = "\"\\\b\f\n\r\t";
	static const char escapes[] = "\"\\bfnrt";
	const char *found = c == '\0' ? NULL : strchr(values, c);

	if (found == NULL) {
		buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
		return;
	}
	buf_putc(b, '\\');
	buf_putc(b, escapes[found - values]);
}

/* A character beyond ASCII. What would steer a terminal is escaped, though JSON does not ask for
 * it: people look at JSON on terminals, too. */
static void put_wide(struct buf *b, const char *text, size_t len)
{
	size_t same = 0;
	uint32_t code_point = utf8_decode(text, &same);

	/* All that is not printable has four hexadecimal digits at most. */
	if (utf8_is_printable(code_point))
		buf_put(b, text, len);
	else
		buf_printf(b, "\\u%04x", (unsigned)code_point);
}

void json_put_string(struct buf *b, const char *text, size_t len)
{
	assert(b != NULL && (text != NULL || len == 0));
	buf_putc(b, '"');
	for (size_t i = 0; i < len;) {
		size_t n = plain_ascii(text + i, len - i);
		buf_put(b, text + i, n);
		i += n;
		if (i == len)
			break;
		n = utf8_sequence(text + i, len - i);
		if (n > 1)
			put_wide(b, text + i, n);
		else if (n == 1)
			put_escape(b, text[i]);
		else
			utf8_put(b, UTF8_REPLACEMENT);
		i += n == 0 ? 1 : n;
	}
	buf_putc(b, '"');
}

/* The children of an array or object; depth is bounded by the reader. */
static void put_children(struct buf *b, const struct json *parent)
{
	for (const struct json *c = parent->first; c != NULL; c = c->next) {
		if (c != parent->first)
			buf_putc(b, ',');
		if (parent->type == JSON_OBJECT) {
			json_put_string(b, c->name, c->name_len);
			buf_putc(b, ':');
		}
		json_put(b, c);
	}
}

void json_put(struct buf *b, const struct json *value)
{
	assert(b != NULL && value != NULL);
	switch (value->type) {
	case JSON_NULL:
		buf_puts(b, "null");
		return;
	case JSON_FALSE:
		buf_puts(b, "false");
		return;
	case JSON_TRUE:
		buf_puts(b, "true");
		return;
	case JSON_NUMBER:
		buf_put(b, value->text, value->text_len);
		return;
	case JSON_STRING:
		json_put_string(b, value->text, value->text_len);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		buf_putc(b, value->type == JSON_ARRAY ? '[' : '{');
		put_children(b, value);
		buf_putc(b, value->type == JSON_ARRAY ? ']' : '}');
		return;
	case JSON_COUNT_:
		break;
	}
	unreachable("a value has one of the seven types");
}

static uint64_t depth_bit(const struct json_writer *w)
{
	return UINT64_C(1) << w->depth;
}

static void jw_break_line(struct json_writer *w)
{
	if (!w->pretty || w->depth == 0)
		return;
	buf_putc(w->out, '\n');
	for (int i = 0; i < w->depth; i++)
		buf_puts(w->out, "  ");
}

/* What stands before an element, a member's name or the one value of the top. */
static void jw_separate(struct json_writer *w)
{
	if ((w->has_items & depth_bit(w)) != 0) {
		assert(w->depth > 0); /* one writer writes one value */
		buf_putc(w->out, ',');
	}
	w->has_items |= depth_bit(w);
	jw_break_line(w);
}

static void jw_value(struct json_writer *w)
{
	assert(w != NULL);
	bool in_object = (w->is_object & depth_bit(w)) != 0;
	assert(in_object == w->after_name); /* in an object every value has a name */
	if (!in_object)
		jw_separate(w);
	w->after_name = false;
}

static void jw_open(struct json_writer *w, char bracket, bool is_object)
{
	jw_value(w);
	assert(w->depth < WRITER_DEPTH_MAX);
	buf_putc(w->out, bracket);
	w->depth++;
	w->has_items &= ~depth_bit(w);
	w->is_object &= ~depth_bit(w);
	if (is_object)
		w->is_object |= depth_bit(w);
}

static void jw_close(struct json_writer *w, char bracket, bool is_object)
{
	assert(w != NULL && w->depth > 0 && !w->after_name);
	assert(((w->is_object & depth_bit(w)) != 0) == is_object);
	bool had_items = (w->has_items & depth_bit(w)) != 0;
	w->depth--;
	if (had_items && w->depth > 0)
		jw_break_line(w);
	else if (had_items && w->pretty)
		buf_putc(w->out, '\n');
	buf_putc(w->out, bracket);
}

void jw_init(struct json_writer *w, struct buf *out)
{
	assert(w != NULL && out != NULL);
	*w = (struct json_writer){.out = out};
}

void jw_done(const struct json_writer *w)
{
	assert(w != NULL && w->depth == 0 && (w->has_items & 1) != 0);
	(void)w;
}

void jw_object(struct json_writer *w)
{
	jw_open(w, '{', true);
}

void jw_object_end(struct json_writer *w)
{
	jw_close(w, '}', true);
}

void jw_array(struct json_writer *w)
{
	jw_open(w, '[', false);
}

void jw_array_end(struct json_writer *w)
{
	jw_close(w, ']', false);
}

void jw_name(struct json_writer *w, const char *name)
{
	assert(w != NULL && name != NULL && !w->after_name);
	assert((w->is_object & depth_bit(w)) != 0);
	jw_separate(w);
	json_put_string(w->out, name, strlen(name));
	buf_puts(w->out, w->pretty ? ": " : ":");
	w->after_name = true;
}

void jw_string(struct json_writer *w, const char *text, size_t len)
{
	jw_value(w);
	json_put_string(w->out, text, len);
}

void jw_text(struct json_writer *w, const char *text)
{
	if (text == NULL)
		jw_null(w);
	else
		jw_string(w, text, strlen(text));
}

void jw_int(struct json_writer *w, int64_t v)
{
	jw_value(w);
	text_put_number(w->out, v);
}

void jw_raw(struct json_writer *w, const char *json, size_t len)
{
	assert(json != NULL && len > 0);
	jw_value(w);
	buf_put(w->out, json, len);
}

void jw_bool(struct json_writer *w, bool v)
{
	jw_value(w);
	buf_puts(w->out, v ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
	jw_value(w);
	buf_puts(w->out, "null");
}

void jw_member_text(struct json_writer *w, const char *name, const char *text)
{
	jw_name(w, name);
	jw_text(w, text);
}

void jw_member_int(struct json_writer *w, const char *name, int64_t v)
{
	jw_name(w, name);
	jw_int(w, v);
}

void jw_member_bool(struct json_writer *w, const char *name, bool v)
{
	jw_name(w, name);
	jw_bool(w, v);
}
