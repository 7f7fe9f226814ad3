/* SPDX-License-Identifier: Apache-2.0 */
#include "job/script_scan.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static const char *const words[] = {
	"and",	    "break",  "do",   "else", "elseif", "end",	 "false", "for",
	"function", "goto",   "if",   "in",   "local",	"nil",	 "not",	  "or",
	"repeat",   "return", "then", "true", "until",	"while",
};

static const char *const symbols[] = {"...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char char_at(const struct script_scan *s, size_t i)
{
	return s->at + i < s->len ? s->text[s->at + i] : '\0';
}

static void go_on(struct script_scan *s, size_t n)
{
	for (; n > 0 && s->at < s->len; n--) {
		if (s->text[s->at++] != '\n')
			continue;
		s->line++;
		s->line_at = s->at;
	}
}

static bool is_blank(const struct script_scan *s)
{
	return s->at < s->len && memchr(" \t\r\n\f\v", s->text[s->at], 6) != NULL;
}

void script_scan_init(struct script_scan *s, const char *text, size_t len)
{
	assert(s != NULL && (text != NULL || len == 0));
	*s = (struct script_scan){.text = text, .len = len, .line = 1};
}

/* ---- texts and comments ---- */

/* `[[`, `[==[`: how many characters open it; 0 when it is none. */
static size_t long_bracket(const struct script_scan *s)
{
	size_t n = 1;

	if (char_at(s, 0) != '[')
		return 0;
	while (char_at(s, n) == '=')
		n++;
	return char_at(s, n) == '[' ? n + 1 : 0;
}

static bool closes(const struct script_scan *s, size_t opening)
{
	if (char_at(s, 0) != ']' || char_at(s, opening - 1) != ']')
		return false;
	for (size_t i = 1; i < opening - 1; i++)
		if (char_at(s, i) != '=')
			return false;
	return true;
}

/* False when it has no end. */
static bool skip_long(struct script_scan *s, size_t opening)
{
	for (go_on(s, opening); s->at < s->len; go_on(s, 1)) {
		if (!closes(s, opening))
			continue;
		go_on(s, opening);
		return true;
	}
	return false;
}

static bool skip_quoted(struct script_scan *s)
{
	char quote = s->text[s->at];

	go_on(s, 1);
	while (s->at < s->len && char_at(s, 0) != '\n') {
		bool is_end = char_at(s, 0) == quote;
		bool is_escape = char_at(s, 0) == '\\';
		bool skips_blanks = is_escape && char_at(s, 1) == 'z';
		go_on(s, is_escape ? 2 : 1);
		if (is_end)
			return true;
		while (skips_blanks && is_blank(s))
			go_on(s, 1);
	}
	return false;
}

static bool skip_comment(struct script_scan *s)
{
	go_on(s, 2);
	size_t opening = long_bracket(s);
	if (opening > 0)
		return skip_long(s, opening);
	while (s->at < s->len && s->text[s->at] != '\n')
		go_on(s, 1);
	return true;
}

/* ---- tokens ---- */

static void take(struct script_scan *s, struct script_token *token, enum script_token_kind kind)
{
	token->kind = kind;
	token->len = s->at - token->at;
}

static void take_name(struct script_scan *s, struct script_token *token)
{
	while (is_name_start(char_at(s, 0)) || is_digit(char_at(s, 0)))
		s->at++;
	take(s, token, SCRIPT_NAME);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (script_token_is(token, words[i]))
			token->kind = SCRIPT_WORD;
}

/* As Lua does: whatever may stand in a number, and the sign of an exponent. */
static void take_number(struct script_scan *s, struct script_token *token)
{
	bool is_hex = char_at(s, 0) == '0' && (char_at(s, 1) | 0x20) == 'x';
	char exponent = is_hex ? 'p' : 'e';

	while (is_name_start(char_at(s, 0)) || is_digit(char_at(s, 0)) || char_at(s, 0) == '.') {
		bool is_exponent = (char_at(s, 0) | 0x20) == exponent;
		s->at++;
		if (is_exponent && (char_at(s, 0) == '+' || char_at(s, 0) == '-'))
			s->at++;
	}
	take(s, token, SCRIPT_NUMBER);
}

static int take_symbol(struct script_scan *s, struct script_token *token, struct err *err)
{
	size_t len = 1;

	for (size_t i = 0; i < ARRAY_LEN(symbols) && len == 1; i++) {
		size_t n = strlen(symbols[i]);
		if (n <= s->len - s->at && memcmp(s->text + s->at, symbols[i], n) == 0)
			len = n;
	}
	if (len == 1 &&
	    (char_at(s, 0) == '\0' || strchr("+-*/%^#&~|<>=(){}[];:,.", char_at(s, 0)) == NULL)) {
		size_t n = utf8_sequence(s->text + s->at, s->len - s->at);
		return ERR(err, ERR_CONFIG, "unexpected %s",
			   QUOTED(s->text + s->at, n == 0 ? 1 : n));
	}
	s->at += len;
	take(s, token, SCRIPT_SYMBOL);
	return 0;
}

int script_scan_next(struct script_scan *s, struct script_token *ret_token, struct err *err)
{
	struct script_token *token = ret_token;

	assert(s != NULL && token != NULL && err != NULL);
	for (;;) {
		*token = (struct script_token){.text = s->text + s->at,
					       .at = s->at,
					       .line = s->line,
					       .line_at = s->line_at};
		bool is_comment = char_at(s, 0) == '-' && char_at(s, 1) == '-';
		if (is_comment && !skip_comment(s))
			return ERR(err, ERR_CONFIG, "this comment has no end");
		if (is_blank(s))
			go_on(s, 1);
		else if (!is_comment)
			break;
	}
	char c = char_at(s, 0);
	size_t opening = long_bracket(s);
	if (s->at == s->len)
		return 0;
	if (opening > 0 || c == '"' || c == '\'') {
		if (opening > 0 ? !skip_long(s, opening) : !skip_quoted(s))
			return ERR(err, ERR_CONFIG, "this text has no end");
		take(s, token, SCRIPT_TEXT);
		return 0;
	}
	if (is_name_start(c)) {
		take_name(s, token);
		return 0;
	}
	if (is_digit(c) || (c == '.' && is_digit(char_at(s, 1)))) {
		take_number(s, token);
		return 0;
	}
	return take_symbol(s, token, err);
}

bool script_token_is(const struct script_token *token, const char *text)
{
	return strlen(text) == token->len && memcmp(token->text, text, token->len) == 0;
}

struct script_place script_token_place(const struct script_scan *s,
				       const struct script_token *token)
{
	const char *line = s->text + token->line_at;
	size_t len = token->at - token->line_at;
	size_t good = utf8_find_bad(line, len);

	/* What is no UTF-8 counts by the byte. */
	return (struct script_place){.line = token->line,
				     .column = (int)(utf8_count(line, good) + len - good) + 1};
}
