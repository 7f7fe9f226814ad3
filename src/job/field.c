/* SPDX-License-Identifier: Apache-2.0 */
#include "job/field.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/date.h"
#include "job/field_read.h"
#include "job/suggest.h"

enum { TEXT_CHARS_MAX = 10000000 };

static const char *const type_names[] = {
#define X(id, name, what) name,
	FIELD_TYPES(X)
#undef X
};

const char *field_type_name(enum field_type type)
{
	assert(type < FIELD_TYPE_COUNT_);
	return type_names[type];
}

enum field_type field_value_type(const struct field *field, const struct value *value)
{
	return field->is_assigned ? (enum field_type)value->type : field->type;
}

void field_done(struct field *field)
{
	assert(field != NULL);
	free(field->name);
	free(field->date_format);
	free(field->from);
	*field = (struct field){0};
}

/* ---- types as job files write them ---- */

/* `("," )` and the like: one of '.' and ',', with or without quotes. */
static int parse_mark(struct field *field, const char *args, size_t len, struct err *err)
{
	if (len == 3 && (args[0] == '"' || args[0] == '\'') && args[2] == args[0]) {
		args++;
		len = 1;
	}
	if (len != 1 || (args[0] != ',' && args[0] != '.'))
		return ERR(err, ERR_CONFIG,
			   "expected decimal(\",\") or decimal(\".\"), found decimal(%.*s)",
			   (int)(len < 40 ? len : 40), args);
	field->decimal_mark = args[0];
	return 0;
}

static int parse_max_chars(struct field *field, const char *args, size_t len, struct err *err)
{
	int64_t n = 0;
	struct err reason = ERR_INIT;

	if (text_parse_int(args, len, &n, &reason) < 0 || n < 1 || n > TEXT_CHARS_MAX)
		return ERR(err, ERR_CONFIG,
			   "expected a number of characters as in text(40), found text(%.*s)",
			   (int)(len < 40 ? len : 40), args);
	field->max_chars = (uint32_t)n;
	return 0;
}

static int parse_args(struct field *field, const char *args, size_t len, struct err *err)
{
	switch (field->type) {
	case FIELD_TEXT:
		return parse_max_chars(field, args, len, err);
	case FIELD_DECIMAL:
		return parse_mark(field, args, len, err);
	case FIELD_DATE:
		if (date_check_read_format(args, len, err) < 0)
			return ERR_CONFIG;
		free(field->date_format);
		field->date_format = xstrndup(args, len);
		return 0;
	case FIELD_INTEGER:
	case FIELD_FLOAT:
	case FIELD_BOOLEAN:
	case FIELD_TIMESTAMP:
	case FIELD_JSON:
	case FIELD_TYPE_COUNT_:
		break;
	}
	return ERR(err, ERR_CONFIG, "type %s takes nothing in parentheses",
		   field_type_name(field->type));
}

static int parse_name(struct field *field, const char *text, size_t len, struct err *err)
{
	for (int i = 0; i < FIELD_TYPE_COUNT_; i++)
		if (strlen(type_names[i]) == len && memcmp(type_names[i], text, len) == 0) {
			field->type = (enum field_type)i;
			return 0;
		}
	const char *near = text_nearest(text, len, type_names, FIELD_TYPE_COUNT_);
	return ERR(
		err, ERR_CONFIG,
		"expected a field type (text, integer, decimal, float, boolean, date, timestamp or "
		"json), found %s%s",
		QUOTED(text, len), DID_YOU_MEAN(near));
}

int field_parse_type(struct field *field, const char *text, size_t len, struct err *err)
{
	assert(field != NULL && (text != NULL || len == 0) && err != NULL);
	field->decimal_mark = '.';
	field->optional = len > 0 && text[len - 1] == '?';
	size_t end = len - (field->optional ? 1 : 0);
	const char *open = end > 0 ? memchr(text, '(', end) : NULL;
	size_t name_len = open == NULL ? end : (size_t)(open - text);
	int r = parse_name(field, text, name_len, err);

	if (r < 0 || open == NULL)
		return r;
	if (text[end - 1] != ')')
		return ERR(err, ERR_CONFIG, "expected ')' at the end of %s", QUOTED(text, len));
	return parse_args(field, open + 1, end - name_len - 2, err);
}

void field_put_type(const struct field *field, struct buf *out)
{
	buf_puts(out, field_type_name(field->type));
	if (field->max_chars > 0)
		buf_printf(out, "(%" PRIu32 ")", field->max_chars);
	if (field->type == FIELD_DECIMAL && field->decimal_mark == ',')
		buf_puts(out, "(\",\")");
	if (field->date_format != NULL)
		buf_printf(out, "(%s)", field->date_format);
	if (field->optional)
		buf_putc(out, '?');
}

/* ---- values ---- */

/* The value in a message; of a sensitive field only how long it is. */
static const char *value_words(const struct field *field, const char *raw, size_t len, char *out,
			       size_t size)
{
	if (!field->sensitive)
		return err_quote(out, size, raw, len);
	(void)snprintf(out, size, "a value of %zu bytes", len); /* fits */
	return out;
}

static int complain(const struct field *field, const char *raw, size_t len, const char *reason,
		    struct err *err)
{
	char words[96];
	const char *what = field->type == FIELD_FLOAT ? "number" : field_type_name(field->type);

	value_words(field, raw, len, words, sizeof(words));
	if (reason != NULL)
		return ERR(err, ERR_DATA, "%s %s (field %s)", words, reason, field->name);
	if (field->date_format != NULL)
		return ERR(err, ERR_DATA, "%s is no date as %s (field %s)", words,
			   field->date_format, field->name);
	return ERR(err, ERR_DATA, "%s is no %s (field %s)", words, what, field->name);
}

static bool read_by_type(const struct field *field, const char *raw, size_t len,
			 struct buf *scratch, struct value *value, const char **ret_reason)
{
	switch (field->type) {
	case FIELD_TEXT:
		return read_text(field, raw, len, value, ret_reason);
	case FIELD_INTEGER:
		return read_integer(raw, len, scratch, value, ret_reason);
	case FIELD_DECIMAL:
		return read_decimal(field->decimal_mark, raw, len, scratch, value, ret_reason);
	case FIELD_FLOAT:
		return read_float(raw, len, scratch, value, ret_reason);
	case FIELD_BOOLEAN:
		return read_boolean(raw, len, value);
	case FIELD_DATE:
		return read_date(field->date_format, raw, len, scratch, value);
	case FIELD_TIMESTAMP:
		return read_timestamp(raw, len, scratch, value);
	case FIELD_JSON:
		return read_json(raw, len, scratch, value);
	case FIELD_TYPE_COUNT_:
		break;
	}
	unreachable("a field has one of the types");
}

static int check_text(const struct field *field, const char *raw, size_t len, struct buf *scratch,
		      struct value *ret_value, struct err *err)
{
	const char *reason = NULL;

	if (!read_by_type(field, raw, len, scratch, ret_value, &reason))
		return complain(field, raw, len, reason, err);
	if (scratch != NULL && scratch->failed)
		return buf_check(scratch, field->name, err);
	return 0;
}

int field_check(const struct field *field, const char *raw, size_t len, struct buf *scratch,
		struct value *ret_value, struct err *err)
{
	assert(field != NULL && (raw != NULL || len == 0) && ret_value != NULL && err != NULL);
	if (len == 0 && field->optional) {
		*ret_value = (struct value){.is_null = true};
		return 0;
	}
	return check_text(field, raw == NULL ? "" : raw, len, scratch, ret_value, err);
}

static int check_null(const struct field *field, const char *what, struct value *ret_value,
		      struct err *err)
{
	if (!field->optional)
		return ERR(err, ERR_DATA, "%s; write %s? to allow that (field %s)", what,
			   field_type_name(field->type), field->name);
	*ret_value = (struct value){.is_null = true};
	return 0;
}

/* What the message calls a JSON value of the wrong type. */
static int complain_json(const struct field *field, const struct json *json, struct err *err)
{
	static const char *const whats[] = {"null",	"false",  "true",     "a number",
					    "a string", "a list", "an object"};
	const char *what = field->type == FIELD_FLOAT ? "number" : field_type_name(field->type);

	if (json->type == JSON_NUMBER && !field->sensitive)
		return ERR(err, ERR_DATA, "the number %.*s is no %s (field %s)",
			   (int)(json->text_len < 60 ? json->text_len : 60), json->text, what,
			   field->name);
	return ERR(err, ERR_DATA, "%s is no %s (field %s)", whats[json->type], what, field->name);
}

static int check_number(const struct field *field, const struct json *json, struct buf *scratch,
			struct value *ret_value, struct err *err)
{
	struct field plain = *field; /* JSON writes '.' whatever the mark of texts is */

	if (field->type != FIELD_INTEGER && field->type != FIELD_DECIMAL &&
	    field->type != FIELD_FLOAT)
		return complain_json(field, json, err);
	plain.decimal_mark = '.';
	if (field->type != FIELD_DECIMAL)
		return check_text(&plain, json->text, json->text_len, scratch, ret_value, err);
	if (read_json_decimal(json->text, json->text_len, scratch, ret_value))
		return scratch->failed ? buf_check(scratch, field->name, err) : 0;
	return complain_json(field, json, err);
}

int field_check_json(const struct field *field, const struct json *json, struct buf *scratch,
		     struct value *ret_value, struct err *err)
{
	assert(field != NULL && scratch != NULL && ret_value != NULL && err != NULL);
	if (json == NULL)
		return check_null(field, "the field is absent", ret_value, err);
	if (json->type == JSON_NULL)
		return check_null(field, "the field is null", ret_value, err);
	if (field->type == FIELD_JSON) {
		size_t from = scratch->len;
		json_put(scratch, json);
		*ret_value = (struct value){.text = buf_str(scratch) + from,
					    .len = scratch->len - from};
		return scratch->failed ? buf_check(scratch, field->name, err) : 0;
	}
	if (json->type == JSON_STRING)
		return check_text(field, json->text, json->text_len, scratch, ret_value, err);
	if (json->type == JSON_NUMBER)
		return check_number(field, json, scratch, ret_value, err);
	if (field->type != FIELD_BOOLEAN || (json->type != JSON_TRUE && json->type != JSON_FALSE))
		return complain_json(field, json, err);
	*ret_value = json->type == JSON_TRUE ? (struct value){.text = "true", .len = 4}
					     : (struct value){.text = "false", .len = 5};
	return 0;
}

void field_put_json(const struct field *field, const struct value *value, struct json_writer *w)
{
	assert(field != NULL && value != NULL && w != NULL);
	if (value->is_null) {
		jw_null(w);
		return;
	}
	switch (field_value_type(field, value)) {
	case FIELD_TEXT:
	case FIELD_DATE:
	case FIELD_TIMESTAMP:
		jw_string(w, value->text, value->len);
		return;
	case FIELD_INTEGER:
	case FIELD_DECIMAL:
	case FIELD_FLOAT:
	case FIELD_BOOLEAN:
	case FIELD_JSON:
		jw_raw(w, value->text, value->len);
		return;
	case FIELD_TYPE_COUNT_:
		break;
	}
	unreachable("a field has one of the types");
}
