/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "source/elements.h"

enum want {
	WANT_VALUE,
	WANT_VALUE_OR_END,
	WANT_NAME,
	WANT_NAME_OR_END,
	WANT_COLON,
	WANT_COMMA,
	WANT_NOTHING
};
enum token { TOKEN_NONE, TOKEN_STRING, TOKEN_SCALAR };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What a number or a word is made of. */
static bool is_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '+' || c == '.';
}

/* ---- the pointer ---- */

static size_t count_tokens(const char *pointer)
{
	size_t n = 0;

	for (; *pointer != '\0'; pointer++)
		n += *pointer == '/';
	return n;
}

/* Whether token number `k` of the pointer is this text. */
static bool token_is(const char *pointer, size_t k, const char *text, size_t len)
{
	size_t i = 0;

	for (size_t n = 0; n <= k; pointer++)
		n += *pointer == '/';
	for (; *pointer != '\0' && *pointer != '/'; pointer++, i++) {
		char c = *pointer;
		if (c == '~' && pointer[1] != '\0')
			c = *++pointer == '1' ? '/' : '~';
		if (i >= len || text[i] != c)
			return false;
	}
	return i == len;
}

static bool is_in_object(const struct elements_json *j)
{
	return j->depth > 0 && (j->is_object[j->depth / 8] >> (j->depth % 8) & 1) != 0;
}

/* Whether the value that begins here lies on the way to the array, or is it. */
static bool is_on_path(const struct elements_json *j)
{
	char index[24];

	if (j->path_depth != j->depth || (size_t)j->depth > j->n_tokens)
		return false;
	if (j->depth == 0)
		return true;
	if (is_in_object(j))
		return token_is(j->pointer, (size_t)j->depth - 1, j->name, j->name_len);
	int len = snprintf(index, sizeof(index), "%llu", (unsigned long long)j->index);
	return token_is(j->pointer, (size_t)j->depth - 1, index, (size_t)len);
}

/* ---- values ---- */

static bool is_element(const struct elements_json *j)
{
	return j->is_open && j->depth == j->element_depth;
}

/* A value is over, also one that is no element; tells whether it was one. */
static bool value_ended(struct elements_json *j)
{
	j->want = j->depth == 0 ? WANT_NOTHING : WANT_COMMA;
	return is_element(j);
}

static void open_container(struct elements *e, char c)
{
	struct elements_json *j = &e->json;
	bool is_way = is_on_path(j);
	bool is_target = is_way && (size_t)j->depth == j->n_tokens;

	if (is_target && (c != '[' || j->is_found)) {
		elements_fail(e,
			      c != '[' ? "what '%s' (pointer) names is an object, no list"
				       : "what '%s' (pointer) names comes twice",
			      j->pointer);
		return;
	}
	if (j->depth + 1 >= ELEMENTS_DEPTH_MAX) {
		elements_fail(e, "nested more than %d deep", ELEMENTS_DEPTH_MAX);
		return;
	}
	j->depth++;
	uint8_t bit = (uint8_t)(1U << (j->depth % 8));
	if (c == '{')
		j->is_object[j->depth / 8] |= bit;
	else
		j->is_object[j->depth / 8] &= (uint8_t)~bit;
	if (is_way) {
		j->path_depth = j->depth;
		j->index = 0;
	}
	if (is_target) {
		j->is_found = j->is_open = true;
		j->element_depth = j->depth;
	}
	j->want = c == '{' ? WANT_NAME_OR_END : WANT_VALUE_OR_END;
}

static bool close_container(struct elements *e, char c)
{
	struct elements_json *j = &e->json;

	if (j->depth == 0 || is_in_object(j) != (c == '}')) {
		elements_fail(e, "'%c' closes nothing", c);
		return false;
	}
	if (is_element(j)) /* of elements the list itself is none */
		j->is_open = false;
	if (j->path_depth == j->depth)
		j->path_depth--;
	j->depth--;
	return value_ended(j);
}

static void begin_value(struct elements *e, char c)
{
	struct elements_json *j = &e->json;

	if (is_element(j))
		elements_begin(e, e->at, e->line, e->at - e->line_at);
	if (c == '{' || c == '[') {
		open_container(e, c);
		return;
	}
	if (is_on_path(j) && (size_t)j->depth == j->n_tokens)
		elements_fail(e, "what '%s' (pointer) names is no list", j->pointer);
	j->token = c == '"' ? TOKEN_STRING : TOKEN_SCALAR;
	j->is_name = false;
}

static void begin_name(struct elements *e, char c)
{
	struct elements_json *j = &e->json;

	if (c != '"') {
		elements_fail(e, "expected a name in quotes, found %s", QUOTED(&c, 1));
		return;
	}
	j->token = TOKEN_STRING;
	j->is_name = true;
	j->name_len = 0;
}

static void separate(struct elements *e, char c)
{
	struct elements_json *j = &e->json;

	if (c != ',') {
		elements_fail(e, "expected ',' or the end of the %s, found %s",
			      is_in_object(j) ? "object" : "list", QUOTED(&c, 1));
		return;
	}
	j->want = is_in_object(j) ? WANT_NAME : WANT_VALUE;
	if (j->path_depth == j->depth)
		j->index++;
}

/* One byte of the structure; tells whether an element ends with it. */
static bool take_structure(struct elements *e, char c)
{
	struct elements_json *j = &e->json;
	bool may_end = j->want == WANT_COMMA || j->want == WANT_NAME_OR_END ||
		       j->want == WANT_VALUE_OR_END;

	if (is_blank(c))
		return false;
	if ((c == '}' || c == ']') && may_end)
		return close_container(e, c);
	switch ((enum want)j->want) {
	case WANT_VALUE:
	case WANT_VALUE_OR_END:
		if (c != '{' && c != '[' && c != '"' && !is_scalar(c))
			elements_fail(e, "expected a value, found %s", QUOTED(&c, 1));
		else
			begin_value(e, c);
		break;
	case WANT_NAME:
	case WANT_NAME_OR_END:
		begin_name(e, c);
		break;
	case WANT_COLON:
		if (c != ':')
			elements_fail(e, "expected ':', found %s", QUOTED(&c, 1));
		j->want = WANT_VALUE;
		break;
	case WANT_COMMA:
		separate(e, c);
		break;
	case WANT_NOTHING:
		elements_fail(e, "behind the end of the document stands %s", QUOTED(&c, 1));
		break;
	}
	return false;
}

/* The rest of a string, from data[i] on; returns behind what was taken. */
static size_t take_string(struct elements *e, const char *data, size_t i, size_t len,
			  bool *ret_is_over)
{
	struct elements_json *j = &e->json;
	bool keeps = j->is_name && j->path_depth == j->depth;

	for (; i < len; i++) {
		char c = data[i];
		if (!j->is_escape && c == '"') {
			*ret_is_over = true;
			return i + 1;
		}
		j->is_escape = !j->is_escape && c == '\\';
		if (keeps && j->name_len < ELEMENTS_NAME_MAX)
			j->name[j->name_len++] = c;
	}
	return i;
}

size_t elements_json_run(struct elements *e, const char *data, size_t i, size_t len,
			 bool *ret_is_mark)
{
	struct elements_json *j = &e->json;

	while (i < len && !e->has_failed) {
		if (j->token == TOKEN_STRING) {
			bool is_over = false;
			size_t to = take_string(e, data, i, len, &is_over);
			elements_pass(e, data + i, to - i);
			i = to;
			if (!is_over)
				return i;
			j->token = TOKEN_NONE;
			if (j->is_name)
				j->want = WANT_COLON;
			else if ((*ret_is_mark = value_ended(j)))
				return i;
			continue;
		}
		if (j->token == TOKEN_SCALAR) {
			if (is_scalar(data[i])) {
				e->at++;
				i++;
				continue;
			}
			j->token = TOKEN_NONE;
			if ((*ret_is_mark = value_ended(j)))
				return i;
			continue;
		}
		*ret_is_mark = take_structure(e, data[i]);
		if (e->has_failed)
			return i;
		elements_pass_one(e, data[i++]);
		if (*ret_is_mark)
			return i;
	}
	return i;
}

void elements_init_json(struct elements *e, const char *pointer)
{
	assert(e != NULL && pointer != NULL);
	*e = (struct elements){.kind = ELEMENTS_JSON, .line = 1};
	e->json.pointer = pointer;
	e->json.n_tokens = count_tokens(pointer);
	e->json.want = WANT_VALUE;
}

void elements_enter(struct elements *e, int64_t line)
{
	struct elements_json *j = &e->json;

	assert(e->kind == ELEMENTS_JSON && e->at == 0);
	e->line = line;
	j->depth = j->path_depth = j->element_depth = (int)j->n_tokens + 1;
	j->is_found = j->is_open = true;
	j->want = WANT_VALUE;
}

const char *elements_json_missing(const struct elements *e)
{
	const struct elements_json *j = &e->json;

	if (j->token == TOKEN_STRING)
		return "the document is cut off within a text";
	if (j->want != WANT_NOTHING && !(j->token == TOKEN_SCALAR && j->depth == 0))
		return j->depth > 0 ? "the document is cut off: what is open is not closed"
				    : "the document is empty";
	return j->is_found ? NULL : "there is nothing where the pointer leads";
}
