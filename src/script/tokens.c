/* SPDX-License-Identifier: Apache-2.0 */
#include "script/tokens.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"

enum kind { KIND_END, KIND_OTHER, KIND_PLAIN, KIND_EQUAL }; /* PLAIN: a text, nil, true, false */

struct scan {
	const char *name;
	const char *at;
	const char *end;
	int line;
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

static char char_at(const struct scan *s, size_t i)
{
	return i < (size_t)(s->end - s->at) ? s->at[i] : '\0';
}

static void go_on(struct scan *s, size_t n)
{
	for (; n > 0 && s->at < s->end; n--, s->at++) {
		if (*s->at == '\n')
			s->line++;
	}
}

/* `[[`, `[==[`: how many characters open it; 0 when it is none. */
static size_t long_bracket(const struct scan *s)
{
	size_t n = 1;

	if (char_at(s, 0) != '[')
		return 0;
	while (char_at(s, n) == '=')
		n++;
	return char_at(s, n) == '[' ? n + 1 : 0;
}

static void skip_long(struct scan *s, size_t opening)
{
	go_on(s, opening);
	while (s->at < s->end) {
		size_t n = 1;
		if (char_at(s, 0) == ']') {
			while (n < opening - 1 && char_at(s, n) == '=')
				n++;
			if (n == opening - 1 && char_at(s, n) == ']') {
				go_on(s, opening);
				return;
			}
		}
		go_on(s, 1);
	}
}

static void skip_quoted(struct scan *s)
{
	char quote = *s->at;

	go_on(s, 1);
	while (s->at < s->end && *s->at != quote)
		go_on(s, *s->at == '\\' ? 2 : 1);
	go_on(s, 1);
}

static void skip_comment(struct scan *s)
{
	go_on(s, 2);
	size_t opening = long_bracket(s);
	if (opening > 0) {
		skip_long(s, opening);
		return;
	}
	while (s->at < s->end && *s->at != '\n')
		go_on(s, 1);
}

/* The next one, which begins in *ret_line; words are at `ret_text`. */
static enum kind scan_next(struct scan *s, int *ret_line, const char **ret_text, size_t *ret_len)
{
	for (;;) {
		if (char_at(s, 0) == '-' && char_at(s, 1) == '-')
			skip_comment(s);
		else if (s->at < s->end && strchr(" \t\r\n\f\v", *s->at) != NULL && *s->at != '\0')
			go_on(s, 1);
		else
			break;
	}
	*ret_line = s->line;
	*ret_text = s->at;
	*ret_len = 0;
	if (s->at == s->end)
		return KIND_END;
	size_t opening = long_bracket(s);
	if (opening > 0 || *s->at == '"' || *s->at == '\'') {
		if (opening > 0)
			skip_long(s, opening);
		else
			skip_quoted(s);
		return KIND_PLAIN;
	}
	while (is_name_char(char_at(s, *ret_len)))
		++*ret_len;
	const char *word = s->at;
	size_t len = *ret_len;
	bool is_equal = (*word == '=' || *word == '~') && char_at(s, 1) == '=';
	/* `<=` and `>=` have their '=' taken with them. */
	bool is_order = (*word == '<' || *word == '>') && char_at(s, 1) == '=';
	go_on(s, len > 0 ? len : is_equal || is_order ? 2 : 1);
	if (is_equal)
		return KIND_EQUAL;
	return is_word(word, len, "nil") || is_word(word, len, "true") ||
			       is_word(word, len, "false")
		       ? KIND_PLAIN
		       : KIND_OTHER;
}

/* `f"x"` is a call: what comes behind the text compares what it gives. */
static bool begins_value(const char *word, size_t len, char before)
{
	static const char *const words[] = {"and", "or",    "not",   "return", "if",   "elseif",
					    "in",  "while", "until", "then",   "else", "do"};

	if (len == 0)
		return before != ')' && before != ']';
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (is_word(word, len, words[i]))
			return true;
	}
	return false;
}

int tokens_check(const char *name, const char *text, size_t len, struct err *err)
{
	struct scan s = {.name = name, .at = text, .end = text + len, .line = 1};
	enum kind before = KIND_END;
	bool needs_plain = false;
	int line = 0;
	int equal_line = 0;
	const char *word = "";
	size_t word_len = 0;

	assert(name != NULL && (text != NULL || len == 0) && err != NULL);
	for (;;) {
		bool may_begin = begins_value(word, word_len, s.at > text ? *word : '(');
		enum kind kind = scan_next(&s, &line, &word, &word_len);
		if (kind == KIND_PLAIN && word_len == 0 && !may_begin)
			kind = KIND_OTHER;
		if (needs_plain && kind != KIND_PLAIN)
			return ERR(err, ERR_CONFIG,
				   "%s:%d: == and ~= compare with a text in quotes, nil, true or "
				   "false; for numbers there is equal(a, b)",
				   name, equal_line);
		needs_plain = kind == KIND_EQUAL && before != KIND_PLAIN;
		equal_line = line;
		if (is_word(word, word_len, "_ENV"))
			return ERR(err, ERR_CONFIG, "%s:%d: there is no _ENV here", name, line);
		if (kind == KIND_END)
			return 0;
		before = kind;
	}
}
