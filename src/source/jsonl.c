/* SPDX-License-Identifier: Apache-2.0 */
#include "source/jsonl.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "job/field.h"
#include "source/csv_record.h"

enum { NAME_MAX_BYTES = 4096 };

/* The byte at which character number `column` (from 1) of the line stands. */
static size_t byte_of_place(const char *text, size_t len, size_t line, size_t column)
{
	size_t i = 0;

	for (; line > 1 && i < len; i++)
		line -= text[i] == '\n';
	for (size_t at = 1; i < len && at < column; at++) {
		i++;
		while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80)
			i++;
	}
	return i;
}

static bool take_word(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

static size_t take_number(const char **p)
{
	size_t n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (size_t)(**p - '0');
	return n;
}

/* The reason behind "line 1, column 17: ", whose place is told anyhow, as that of a record. */
static const char *skip_place(const char *message, size_t *ret_line, size_t *ret_column)
{
	const char *p = message;

	if (!take_word(&p, "line "))
		return message;
	size_t line = take_number(&p);
	if (!take_word(&p, ", column "))
		return message;
	size_t column = take_number(&p);
	if (!take_word(&p, ": "))
		return message;
	*ret_line = line;
	*ret_column = column;
	return p;
}

int jsonl_parse(struct json_doc *doc, const char *text, size_t len, const struct json **ret_root,
		struct flaw *ret_flaw)
{
	struct err err = ERR_INIT;

	assert(doc != NULL && text != NULL && ret_root != NULL && ret_flaw != NULL);
	if (json_parse_into(doc, text, len, ret_root, &err) == 0) {
		if ((*ret_root)->type == JSON_OBJECT)
			return 0;
		flaw_set(ret_flaw, 0, "a record is one JSON object, this is something else");
		return JSONL_FLAW;
	}
	size_t line = 1;
	size_t column = 1;
	const char *reason = skip_place(err.text, &line, &column);
	flaw_set(ret_flaw, byte_of_place(text, len, line, column), "%s", reason);
	return JSONL_FLAW;
}

static bool is_pointer(const struct field *field)
{
	return field->from != NULL && (field->from[0] == '/' || field->from[0] == '\0');
}

static const char *member_name(const struct field *field)
{
	return field->from != NULL ? field->from : field->name;
}

const struct json *jsonl_find(const struct json *root, const struct field *field)
{
	assert(root != NULL && field != NULL);
	if (is_pointer(field))
		return json_pointer(root, field->from);
	const char *name = member_name(field);
	return json_find(root, name, strlen(name));
}

/* ---- where a value stands: a walk over text that is known to be JSON ---- */

struct walk {
	const char *text;
	size_t len;
	size_t at;
};

static char walk_char(const struct walk *w)
{
	return w->at < w->len ? w->text[w->at] : '\0';
}

static void skip_blanks(struct walk *w)
{
	while (walk_char(w) == ' ' || walk_char(w) == '\t' || walk_char(w) == '\r' ||
	       walk_char(w) == '\n')
		w->at++;
}

static void skip_string(struct walk *w)
{
	for (w->at++; w->at < w->len && w->text[w->at] != '"'; w->at++)
		w->at += w->text[w->at] == '\\';
	w->at++;
}

/* Goes behind the value that begins here. */
static void skip_value(struct walk *w)
{
	int depth = 0;

	do {
		char c = walk_char(w);
		if (c == '"') {
			skip_string(w);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		w->at++;
		if (depth == 0 && strchr(",]} \t\r\n", walk_char(w)) != NULL)
			break;
	} while (w->at < w->len && (depth > 0 || strchr(",]}", walk_char(w)) == NULL));
}

/* Whether the name in quotes at the walk's place is this one; goes behind it and the colon. Names
 * with escapes are not found: then the place is that of the record. */
static bool take_name(struct walk *w, const char *name, size_t name_len)
{
	size_t from = w->at + 1;

	skip_string(w);
	bool is_it = w->at - from - 1 == name_len && memcmp(w->text + from, name, name_len) == 0;
	skip_blanks(w);
	w->at++;
	skip_blanks(w);
	return is_it;
}

/* Goes to the value of the member; false when there is none. */
static bool enter_member(struct walk *w, const char *name, size_t name_len)
{
	for (w->at++;; w->at++) {
		skip_blanks(w);
		if (walk_char(w) != '"')
			return false;
		if (take_name(w, name, name_len))
			return true;
		skip_value(w);
		skip_blanks(w);
		if (walk_char(w) != ',')
			return false;
	}
}

static bool enter_element(struct walk *w, const char *index, size_t index_len)
{
	size_t n = 0;

	for (size_t i = 0; i < index_len; i++)
		n = n * 10 + (size_t)(index[i] - '0');
	for (w->at++; n > 0; n--, w->at++) {
		skip_blanks(w);
		skip_value(w);
		skip_blanks(w);
		if (walk_char(w) != ',')
			return false;
	}
	skip_blanks(w);
	return true;
}

static bool enter(struct walk *w, const char *token, size_t len)
{
	if (walk_char(w) == '{')
		return enter_member(w, token, len);
	return walk_char(w) == '[' && enter_element(w, token, len);
}

size_t jsonl_locate(const char *text, size_t len, const struct field *field)
{
	struct walk w = {.text = text, .len = len};
	char token[NAME_MAX_BYTES];

	skip_blanks(&w);
	if (!is_pointer(field)) {
		const char *name = member_name(field);
		return enter(&w, name, strlen(name)) ? w.at : 0;
	}
	for (const char *p = field->from; *p == '/';) {
		size_t n = json_pointer_take(&p, token, sizeof(token));
		if (!enter(&w, token, n))
			return 0;
	}
	return w.at < len ? w.at : 0;
}
