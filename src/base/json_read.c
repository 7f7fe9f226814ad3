/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader.
 *
 * The text is copied into the arena once, with zeros behind it, and then parsed in place: plain
 * strings and numbers are not copied again, and escapes only ever make a string shorter. The zeros
 * end every scan, so that no step asks for the end of the text. As the copy has the offsets of the
 * original, a place in it is a place in the text, for messages.
 *
 * That the text is UTF-8 is checked once, before all else.
 */
#include "base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/json_doc.h"
#include "base/json_scan.h"
#include "base/utf8.h"

enum {
	PADDING_BYTES = 8,    /* zeros behind the text: a word may be loaded anywhere in it */
	NAMES_SCAN_MAX = 256, /* members up to which a suspected name is looked for one by one */
	NAMES_FILTER_BITS = 1024, /* with 20 members, one in five objects has a false suspicion */
};

struct parser {
	struct json_doc *doc;
	const char *text; /* the original, for messages */
	size_t len;
	char *base; /* the copy */
	char *at;
	struct err *err;
};

/* Which names an object has so far, roughly: a name whose bit is not set is new. */
struct names {
	uint64_t filter[NAMES_FILTER_BITS / 64];
};

static int parse_value(struct parser *p, int depth, struct json **ret_value);

/* ---- messages ---- */

/* Line and column of a place, counted when something is wrong only. */
static void parser_locate(const struct parser *p, size_t at, size_t *ret_line, size_t *ret_column)
{
	const char *start = p->text;
	const char *place = p->text + at;
	const char *end = NULL;
	size_t line = 1;

	while ((end = memchr(start, '\n', (size_t)(place - start))) != NULL) {
		line++;
		start = end + 1;
	}
	*ret_line = line;
	*ret_column = utf8_count(start, (size_t)(place - start)) + 1;
}

static void ST_PRINTF(4, 5)
	parser_complain(struct parser *p, int code, const char *at, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX] = {0};
	size_t line = 0;
	size_t column = 0;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long */
	va_end(ap);
	parser_locate(p, (size_t)(at - p->base), &line, &column);
	err_set(p->err, code, 0, "line %zu, column %zu: %s", line, column, text);
}

#define COMPLAIN(p, at, ...) (parser_complain((p), ERR_DATA, (at), __VA_ARGS__), ERR_DATA)

/* "expected WHAT, found 'x'", at the parser's place. */
static int parser_expected(struct parser *p, const char *what)
{
	size_t at = (size_t)(p->at - p->base);

	if (at == p->len)
		return COMPLAIN(p, p->at, "expected %s, but the text ends", what);
	size_t n = utf8_sequence(p->text + at, p->len - at);
	return COMPLAIN(p, p->at, "expected %s, found %s", what, QUOTED(p->text + at, n));
}

static int parser_too_big(struct parser *p)
{
	parser_complain(p, ERR_TOO_BIG, p->at, "the document needs more than %zu bytes of memory",
			json_doc_max(p->doc));
	return ERR_TOO_BIG;
}

/* ---- scanning ---- */

static void parser_skip_blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r')
		p->at++;
}

static char *scan_plain(char *at)
{
	while (json_word_special(json_load_word(at)) == 0)
		at += sizeof(uint64_t);
	while (!json_is_special(*at))
		at++;
	return at;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Four hexadecimal digits; -1 when they are none. */
static int32_t scan_hex4(const char *at)
{
	int32_t v = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];
		char lower = (char)(c | 0x20);
		if (is_digit(c))
			v = v * 16 + (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v * 16 + (lower - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* `\uXXXX`, or two of them for a pair of surrogates; `p->at` is on the 'u'. */
static int parse_unicode_escape(struct parser *p, char **out)
{
	const char *backslash = p->at - 1;
	int32_t unit = scan_hex4(p->at + 1);

	if (unit < 0)
		return COMPLAIN(p, backslash, "\\u needs four hexadecimal digits");
	p->at += 5;
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return COMPLAIN(p, backslash, "\\u%04x is half of a surrogate pair",
				(unsigned)unit);
	uint32_t code_point = (uint32_t)unit;
	if (unit >= 0xd800 && unit <= 0xdbff) {
		int32_t low = p->at[0] == '\\' && p->at[1] == 'u' ? scan_hex4(p->at + 2) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return COMPLAIN(p, backslash, "\\u%04x is half of a surrogate pair",
					(unsigned)unit);
		code_point = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
		p->at += 6;
	}
	char bytes[UTF8_BYTES_MAX] = {0};
	size_t n = utf8_encode(code_point, bytes);
	memcpy(*out, bytes, n);
	*out += n;
	return 0;
}

/* The character that stands for the escape `c`, '\0' when there is no such escape. */
static char escape_value(char c)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const char *found = c == '\0' ? NULL : strchr(escapes, c);

	return found == NULL ? '\0' : values[found - escapes];
}

/* One escape; `p->at` is on the backslash. Writes at `*out`, which is never behind. */
static int parse_escape(struct parser *p, char **out)
{
	char c = *++p->at;

	if (c == 'u')
		return parse_unicode_escape(p, out);
	char value = escape_value(c);
	if (value == '\0')
		return COMPLAIN(p, p->at - 1, "there is no such escape in JSON");
	*(*out)++ = value;
	p->at++;
	return 0;
}

static int parser_bad_in_string(struct parser *p, const char *start)
{
	if (p->at == p->base + p->len)
		return COMPLAIN(p, start - 1, "the string that begins here has no end");
	return COMPLAIN(p, p->at, "a control character (0x%02x) in a string must be escaped",
			(unsigned)(unsigned char)*p->at);
}

/* The rest of a string that has escapes: moved together in place. */
static int parse_escaped_string(struct parser *p, char *start, size_t *ret_len)
{
	char *out = p->at;

	while (*p->at != '"') {
		if (*p->at != '\\')
			return parser_bad_in_string(p, start);
		int rc = parse_escape(p, &out);
		if (rc < 0)
			return rc;
		char *run = p->at;
		p->at = scan_plain(run);
		memmove(out, run, (size_t)(p->at - run));
		out += p->at - run;
	}
	p->at++;
	*out = '\0';
	*ret_len = (size_t)(out - start);
	return 0;
}

/* A string; `p->at` is on its quote. */
static int parse_string(struct parser *p, const char **ret_text, size_t *ret_len)
{
	char *start = p->at + 1;

	p->at = scan_plain(start);
	*ret_text = start;
	if (*p->at == '"') {
		*ret_len = (size_t)(p->at - start);
		*p->at++ = '\0';
		return 0;
	}
	return parse_escaped_string(p, start, ret_len);
}

static void parser_skip_digits(struct parser *p)
{
	while (is_digit(*p->at))
		p->at++;
}

static int parse_number(struct parser *p, struct json *node)
{
	node->text = p->at;
	if (*p->at == '-')
		p->at++;
	if (p->at[0] == '0' && is_digit(p->at[1]))
		return COMPLAIN(p, p->at, "a number must not begin with 0");
	if (!is_digit(*p->at))
		return parser_expected(p, "a digit");
	parser_skip_digits(p);
	if (*p->at == '.') {
		p->at++;
		if (!is_digit(*p->at))
			return parser_expected(p, "a digit after the decimal point");
		parser_skip_digits(p);
	}
	if (*p->at == 'e' || *p->at == 'E') {
		p->at++;
		if (*p->at == '+' || *p->at == '-')
			p->at++;
		if (!is_digit(*p->at))
			return parser_expected(p, "a digit in the exponent");
		parser_skip_digits(p);
	}
	node->text_len = (size_t)(p->at - node->text);
	return 0;
}

/* ---- names that come twice ---- */

static int parser_duplicate(struct parser *p, const struct json *member)
{
	return COMPLAIN(p, member->name - 1, "the name %s comes twice in this object",
			QUOTED(member->name, member->name_len));
}

static bool name_is(const struct json *member, const char *name, size_t len)
{
	return member->name_len == len && memcmp(member->name, name, len) == 0;
}

static int name_order(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a;
	const struct json *y = *(const struct json *const *)b;
	size_t both = x->name_len < y->name_len ? x->name_len : y->name_len;
	int order = memcmp(x->name, y->name, both);

	if (order != 0)
		return order;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return x->name < y->name ? -1 : 1; /* equal: by place, so that the second is blamed */
}

/* For objects of many members: by sorting, which no choice of names can make slow. */
static int check_many_names(struct parser *p, const struct json *object)
{
	const struct json **sorted = json_doc_alloc(p->doc, object->n * sizeof(*sorted));
	size_t n = 0;

	if (sorted == NULL)
		return parser_too_big(p);
	for (const struct json *m = object->first; m != NULL; m = m->next)
		sorted[n++] = m;
	qsort(sorted, n, sizeof(*sorted), name_order);
	for (size_t i = 1; i < n; i++)
		if (name_is(sorted[i], sorted[i - 1]->name, sorted[i - 1]->name_len))
			return parser_duplicate(p, sorted[i]);
	return 0;
}

/* Notes the name of `member`, which is not yet in the object. */
static int check_name(struct parser *p, struct names *names, const struct json *object,
		      const struct json *member)
{
	size_t bit = hash_xxh64(member->name, member->name_len) % NAMES_FILTER_BITS;
	uint64_t mask = UINT64_C(1) << (bit % 64);
	bool suspect = (names->filter[bit / 64] & mask) != 0;

	names->filter[bit / 64] |= mask;
	if (!suspect || object->n > NAMES_SCAN_MAX)
		return 0;
	if (json_find(object, member->name, member->name_len) != NULL)
		return parser_duplicate(p, member);
	return 0;
}

/* ---- values ---- */

static int parse_array(struct parser *p, int depth, struct json *array)
{
	struct json **tail = &array->first;

	p->at++;
	parser_skip_blanks(p);
	if (*p->at == ']') {
		p->at++;
		return 0;
	}
	for (;;) {
		int rc = parse_value(p, depth, tail);
		if (rc < 0)
			return rc;
		tail = &(*tail)->next;
		array->n++;
		parser_skip_blanks(p);
		char c = *p->at;
		if (c != ',' && c != ']')
			return parser_expected(p, "',' or ']'");
		p->at++;
		if (c == ']')
			return 0;
		parser_skip_blanks(p);
	}
}

/* `"name" : value`; blanks before it are skipped. */
static int parse_member(struct parser *p, int depth, struct json **ret_member)
{
	const char *name = NULL;
	size_t name_len = 0;

	if (*p->at != '"')
		return parser_expected(p, "a name in double quotes");
	int rc = parse_string(p, &name, &name_len);
	if (rc < 0)
		return rc;
	parser_skip_blanks(p);
	if (*p->at != ':')
		return parser_expected(p, "':' after the name");
	p->at++;
	parser_skip_blanks(p);
	rc = parse_value(p, depth, ret_member);
	if (rc < 0)
		return rc;
	(*ret_member)->name = name;
	(*ret_member)->name_len = name_len;
	return 0;
}

static int parse_members(struct parser *p, int depth, struct json *object)
{
	struct names names = {0};
	struct json **tail = &object->first;

	for (;;) {
		struct json *member = NULL;
		int rc = parse_member(p, depth, &member);
		if (rc == 0)
			rc = check_name(p, &names, object, member);
		if (rc < 0)
			return rc;
		*tail = member;
		tail = &member->next;
		object->n++;
		parser_skip_blanks(p);
		char c = *p->at;
		if (c != ',' && c != '}')
			return parser_expected(p, "',' or '}'");
		p->at++;
		if (c == '}')
			return 0;
		parser_skip_blanks(p);
	}
}

static int parse_object(struct parser *p, int depth, struct json *object)
{
	p->at++;
	parser_skip_blanks(p);
	if (*p->at == '}') {
		p->at++;
		return 0;
	}
	int rc = parse_members(p, depth, object);
	if (rc < 0 || object->n <= NAMES_SCAN_MAX)
		return rc;
	return check_many_names(p, object);
}

static int parse_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (memcmp(p->at, word, n) != 0) /* the zeros behind the text keep this inside */
		return parser_expected(p, "a value");
	p->at += n;
	return 0;
}

static enum json_type type_that_begins(char c)
{
	switch (c) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return c == '-' || is_digit(c) ? JSON_NUMBER : JSON_COUNT_;
	}
}

static int parse_content(struct parser *p, int depth, struct json *node)
{
	if ((node->type == JSON_ARRAY || node->type == JSON_OBJECT) && depth >= JSON_DEPTH_MAX)
		return COMPLAIN(p, p->at, "nested deeper than %d levels", JSON_DEPTH_MAX);
	switch (node->type) {
	case JSON_NULL:
		return parse_word(p, "null");
	case JSON_FALSE:
		return parse_word(p, "false");
	case JSON_TRUE:
		return parse_word(p, "true");
	case JSON_NUMBER:
		return parse_number(p, node);
	case JSON_STRING:
		return parse_string(p, &node->text, &node->text_len);
	case JSON_ARRAY:
		return parse_array(p, depth + 1, node);
	case JSON_OBJECT:
		return parse_object(p, depth + 1, node);
	case JSON_COUNT_:
		break;
	}
	return parser_expected(p, "a value");
}

/* A value of any type, blanks before it skipped; `depth` containers are open. */
static int parse_value(struct parser *p, int depth, struct json **ret_value)
{
	struct json *node = json_doc_alloc(p->doc, sizeof(*node));

	if (node == NULL)
		return parser_too_big(p);
	*node = (struct json){.type = type_that_begins(*p->at)};
	int rc = parse_content(p, depth, node);
	if (rc < 0)
		return rc;
	*ret_value = node;
	return 0;
}

static int parser_copy(struct parser *p)
{
	p->base = p->len > SIZE_MAX / 2 ? NULL : json_doc_alloc(p->doc, p->len + PADDING_BYTES);
	if (p->base == NULL)
		return ERR(p->err, ERR_TOO_BIG, "the document needs more than %zu bytes of memory",
			   json_doc_max(p->doc));
	if (p->len > 0)
		memcpy(p->base, p->text, p->len);
	memset(p->base + p->len, 0, PADDING_BYTES);
	p->at = p->base;
	size_t bad = utf8_find_bad(p->base, p->len);
	if (bad < p->len)
		return COMPLAIN(p, p->base + bad, "the text is not UTF-8 (byte 0x%02x)",
				(unsigned)(unsigned char)p->text[bad]);
	if (p->len >= 3 && memcmp(p->base, "\xef\xbb\xbf", 3) == 0)
		return COMPLAIN(p, p->base, "JSON must not begin with a byte order mark");
	return 0;
}

int json_parse_into(struct json_doc *doc, const char *text, size_t len,
		    const struct json **ret_root, struct err *err)
{
	struct parser p = {.doc = doc, .text = text == NULL ? "" : text, .len = len, .err = err};
	struct json *root = NULL;

	assert(doc != NULL && ret_root != NULL && err != NULL);
	assert(text != NULL || len == 0);
	json_doc_reset(doc);
	int rc = parser_copy(&p);
	if (rc < 0)
		return rc;
	parser_skip_blanks(&p);
	rc = parse_value(&p, 0, &root);
	if (rc < 0)
		return rc;
	parser_skip_blanks(&p);
	if (p.at != p.base + len)
		return parser_expected(&p, "the end of the text");
	*ret_root = root;
	return 0;
}

int json_parse(const char *text, size_t len, size_t max_bytes, struct json_doc **ret_doc,
	       const struct json **ret_root, struct err *err)
{
	AUTO(json_doc) struct json_doc *doc = json_doc_new(max_bytes);

	assert(ret_doc != NULL);
	int rc = json_parse_into(doc, text, len, ret_root, err);
	if (rc < 0)
		return rc;
	*ret_doc = TAKE(doc);
	return 0;
}

const struct json *json_find(const struct json *object, const char *name, size_t name_len)
{
	assert(object != NULL && (name != NULL || name_len == 0));
	if (object->type != JSON_OBJECT)
		return NULL;
	for (const struct json *m = object->first; m != NULL; m = m->next)
		if (m->name_len == name_len && memcmp(m->name, name, name_len) == 0)
			return m;
	return NULL;
}
