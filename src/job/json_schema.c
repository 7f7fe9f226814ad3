/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of job files: what this version takes, for editors. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "job/job.h"
#include "job/schema.h"

static void put_value(struct json_writer *w, const struct schema_key *key);

static void put_type(struct json_writer *w, const char *type)
{
	jw_member_text(w, "type", type);
}

static void put_words(struct json_writer *w, const struct schema_key *key)
{
	jw_name(w, "enum");
	jw_array(w);
	for (int i = 0; schema_word(key, i).text != NULL; i++) {
		struct schema_word word = schema_word(key, i);
		if (!word.is_later)
			jw_string(w, word.text, word.len);
	}
	jw_array_end(w);
}

static void put_range(struct json_writer *w, const struct schema_key *key)
{
	jw_member_int(w, "minimum", key->min);
	if (key->max != 0)
		jw_member_int(w, "maximum", key->max);
}

/* Plain numbers and booleans are texts where a text is expected. */
static void put_text_types(struct json_writer *w)
{
	static const char *const types[] = {"string", "number", "boolean"};

	jw_name(w, "type");
	jw_array(w);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		jw_text(w, types[i]);
	jw_array_end(w);
}

/* ---- maps and lists ---- */

static bool is_shown(const struct schema_key *key)
{
	return !key->later && schema_name(key)[0] != '*' && schema_name(key)[0] != '[';
}

static void put_required(struct json_writer *w, const struct schema_key *map)
{
	bool has_any = false;

	for (const struct schema_key *key = schema_first_child(map); key != NULL;
	     key = schema_next_child(map, key)) {
		if (!key->is_required || !is_shown(key))
			continue;
		if (!has_any) {
			jw_name(w, "required");
			jw_array(w);
		}
		has_any = true;
		jw_text(w, schema_name(key));
	}
	if (has_any)
		jw_array_end(w);
}

/* Exactly one of the kinds. */
static void put_kinds(struct json_writer *w, const struct schema_key *map)
{
	bool has_any = false;

	for (const struct schema_key *key = schema_first_child(map); key != NULL;
	     key = schema_next_child(map, key)) {
		if (!key->is_kind || key->later)
			continue;
		if (!has_any) {
			jw_name(w, "oneOf");
			jw_array(w);
		}
		has_any = true;
		jw_object(w);
		jw_name(w, "required");
		jw_array(w);
		jw_text(w, schema_name(key));
		jw_array_end(w);
		jw_object_end(w);
	}
	if (has_any)
		jw_array_end(w);
}

/* Keys that begin with x- are the user's own, at any level. */
static void put_users_own(struct json_writer *w)
{
	jw_name(w, "patternProperties");
	jw_object(w);
	jw_name(w, "^x-");
	jw_object(w);
	jw_object_end(w);
	jw_object_end(w);
}

static void put_map(struct json_writer *w, const struct schema_key *map)
{
	put_type(w, "object");
	jw_name(w, "properties");
	jw_object(w);
	for (const struct schema_key *key = schema_first_child(map); key != NULL;
	     key = schema_next_child(map, key)) {
		if (!is_shown(key))
			continue;
		jw_name(w, schema_name(key));
		put_value(w, key);
	}
	jw_object_end(w);
	put_users_own(w);
	jw_member_bool(w, "additionalProperties", false);
	put_required(w, map);
	put_kinds(w, map);
}

static void put_names(struct json_writer *w, const struct schema_key *map)
{
	put_type(w, "object");
	put_users_own(w);
	jw_name(w, "additionalProperties");
	put_value(w, schema_child(map, "*"));
}

static void put_list(struct json_writer *w, const struct schema_key *list)
{
	put_type(w, "array");
	jw_name(w, "items");
	put_value(w, schema_entry(list));
}

/* ---- one type ---- */

/* Types that are texts of some form; some may also stand as plain numbers. */
struct form {
	bool is_number_too;
	const char *pattern;
};

static const struct form forms[SCHEMA_TYPE_COUNT_] = {
	[SCHEMA_DURATION] = {true, "^(0|(?=[0-9])([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
				   "([0-9]+ms)?)$"},
	[SCHEMA_SIZE] = {true, "^[0-9]+([KMGT]i?)?$"},
	[SCHEMA_RATIO] = {false, "^[0-9]+(\\.[0-9]+)?%$"},
	[SCHEMA_LIMIT] = {true, "^[0-9]+(\\.[0-9]+)?%$"},
	[SCHEMA_FACTOR] = {false, "^[0-9]+(\\.[0-9]+)?x$"},
	[SCHEMA_RATE] = {false, "^[1-9][0-9]*/[smhd]$"},
	[SCHEMA_CLOCK] = {false, "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
	[SCHEMA_CHAR] = {false, "^.?$"},
	[SCHEMA_JOB_NAME] = {true, "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"},
	[SCHEMA_SECRET] = {false, "^(env|file|credential):.+$"},
	[SCHEMA_FIELD_TYPE] = {false, "^(text|integer|decimal|float|boolean|date|timestamp|json)"
				      "(\\(.*\\))?\\??$"},
	[SCHEMA_STATUSES] = {true, "^([0-9]+(-[0-9]+)?|[0-9x]*(\\[[0-9-]+\\][0-9x]*)+|"
				   "[1-5]([0-9]x|xx))$"},
	[SCHEMA_UMASK] = {true, "^0?[0-7]{3}$"},
	[SCHEMA_THEN] = {false, "^(keep|delete|move:.+)$"},
	[SCHEMA_PATTERN] = {false, "^.+$"},
};

static void put_form(struct json_writer *w, const struct form *form)
{
	if (form->is_number_too) {
		jw_name(w, "type");
		jw_array(w);
		jw_text(w, "string");
		jw_text(w, "integer");
		jw_array_end(w);
	} else {
		put_type(w, "string");
	}
	jw_member_text(w, "pattern", form->pattern);
}

static void put_one(struct json_writer *w, const struct schema_key *key, int type)
{
	switch (type) {
	case SCHEMA_MAP:
		put_map(w, key);
		break;
	case SCHEMA_NAMES:
		put_names(w, key);
		break;
	case SCHEMA_LIST:
		put_list(w, key);
		break;
	case SCHEMA_ENUM:
		put_words(w, key);
		break;
	case SCHEMA_BOOLEAN:
		put_type(w, "boolean");
		break;
	case SCHEMA_INTEGER:
	case SCHEMA_NUMBER:
	case SCHEMA_AMOUNT:
		put_type(w, type == SCHEMA_INTEGER ? "integer" : "number");
		put_range(w, key);
		break;
	case SCHEMA_TEMPLATE:
	case SCHEMA_TEXT:
		put_text_types(w);
		break;
	case SCHEMA_ANY:
		break;
	default:
		put_form(w, &forms[type]);
		break;
	}
}

static void put_default(struct json_writer *w, const struct schema_key *key)
{
	const char *text = key->fallback;
	size_t len = text == NULL ? 0 : strlen(text);

	if (text == NULL || text[0] == '[')
		return;
	jw_name(w, "default");
	if ((key->types & (T_INTEGER | T_NUMBER | T_BOOLEAN)) != 0)
		jw_raw(w, text, len);
	else if (len >= 2 && (text[0] == '"' || text[0] == '\''))
		jw_string(w, text + 1, len - 2);
	else
		jw_string(w, text, len);
}

static void put_value(struct json_writer *w, const struct schema_key *key)
{
	unsigned types = key->types & ~key->later_types;
	bool is_several = (types & (types - 1)) != 0;

	jw_object(w);
	jw_member_text(w, "description", key->says);
	put_default(w, key);
	if (is_several) {
		jw_name(w, "anyOf");
		jw_array(w);
	}
	for (int type = 0; type < SCHEMA_TYPE_COUNT_; type++) {
		if ((types & (1u << type)) == 0)
			continue;
		if (is_several)
			jw_object(w);
		put_one(w, key, type);
		if (is_several)
			jw_object_end(w);
	}
	if (is_several)
		jw_array_end(w);
	jw_object_end(w);
}

void job_put_schema(struct buf *out)
{
	struct json_writer w = {0};

	assert(out != NULL);
	jw_init(&w, out);
	w.pretty = true;
	jw_object(&w);
	jw_member_text(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
	jw_member_text(&w, "title", "stint job file");
	put_map(&w, NULL);
	jw_object_end(&w);
	buf_putc(out, '\n');
}
