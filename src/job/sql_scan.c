/* SPDX-License-Identifier: Apache-2.0 */
#include "job/sql_scan.h"

#include <string.h>
#include <strings.h>

static char scan_char(const struct sql_scan *s, size_t ahead)
{
	return s->at + ahead < s->len ? s->sql[s->at + ahead] : '\0';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

/* Goes behind the closing quote; two of them are one in the text. */
static void skip_quoted(struct sql_scan *s, char close, bool has_escapes)
{
	for (s->at++; s->at < s->len; s->at++) {
		if (has_escapes && s->sql[s->at] == '\\') {
			s->at++;
			continue;
		}
		if (s->sql[s->at] != close)
			continue;
		if (close == ']' || scan_char(s, 1) != close)
			break;
		s->at++;
	}
	s->at += s->at < s->len ? 1 : 0;
}

static void skip_line(struct sql_scan *s)
{
	const char *end = memchr(s->sql + s->at, '\n', s->len - s->at);

	s->at = end == NULL ? s->len : (size_t)(end - s->sql) + 1;
}

/* PostgreSQL's may stand within each other, SQLite's may not. */
static void skip_comment(struct sql_scan *s)
{
	int depth = 0;

	while (s->at < s->len) {
		if (scan_char(s, 0) == '/' && scan_char(s, 1) == '*') {
			depth += depth == 0 || s->dialect == STATEMENT_POSTGRES ? 1 : 0;
			s->at += 2;
		} else if (scan_char(s, 0) == '*' && scan_char(s, 1) == '/') {
			s->at += 2;
			if (--depth == 0)
				return;
		} else {
			s->at++;
		}
	}
	s->at = s->len;
}

/* `$tag$ … $tag$`; goes over the '$' where it begins no such text. */
static void skip_dollar(struct sql_scan *s)
{
	size_t tag = 1;

	while (is_word(scan_char(s, tag)))
		tag++;
	if (scan_char(s, tag) != '$' || (scan_char(s, 1) >= '0' && scan_char(s, 1) <= '9')) {
		s->at++;
		return;
	}
	tag++;
	const char *from = s->sql + s->at + tag;
	const char *end = memmem(from, s->len - s->at - tag, s->sql + s->at, tag);
	s->at = end == NULL ? s->len : (size_t)(end - s->sql) + tag;
}

/* Whether the quote at the place belongs to E'…', in which a backslash escapes. */
static bool is_escape_text(const struct sql_scan *s)
{
	if (s->dialect != STATEMENT_POSTGRES || s->at == 0)
		return false;
	char before = s->sql[s->at - 1];
	return (before == 'e' || before == 'E') && (s->at == 1 || !is_word(s->sql[s->at - 2]));
}

void sql_scan_step(struct sql_scan *s)
{
	char c = scan_char(s, 0);
	bool is_sqlite = s->dialect == STATEMENT_SQLITE;

	if (c == '\'')
		skip_quoted(s, '\'', is_escape_text(s));
	else if (c == '"' || (c == '`' && is_sqlite))
		skip_quoted(s, c, false);
	else if (c == '[' && is_sqlite)
		skip_quoted(s, ']', false);
	else if (c == '-' && scan_char(s, 1) == '-')
		skip_line(s);
	else if (c == '/' && scan_char(s, 1) == '*')
		skip_comment(s);
	else if (c == '$' && !is_sqlite)
		skip_dollar(s);
	else
		s->at++;
}

/* ---- the statements of a text ---- */

bool sql_word_is(struct sql_word word, const char *text)
{
	return word.len == strlen(text) && strncasecmp(word.text, text, word.len) == 0;
}

/* What begins here: a word, else whatever one step goes over. */
static struct sql_word next_word(struct sql_scan *s)
{
	size_t from = s->at;

	if (!is_word(scan_char(s, 0)))
		sql_scan_step(s);
	while (is_word(s->sql[from]) && is_word(scan_char(s, 0)))
		s->at++;
	return (struct sql_word){.text = s->sql + from, .len = s->at - from};
}

static bool says_nothing(struct sql_word w)
{
	return memchr(" \t\n\v\f\r", w.text[0], 6) != NULL ||
	       (w.len > 1 && (memcmp(w.text, "--", 2) == 0 || memcmp(w.text, "/*", 2) == 0));
}

/* A trigger's body, or that of a function with BEGIN ATOMIC, holds statements up to its END. */
bool sql_next_statement(struct sql_scan *s, struct sql_word *ret_first)
{
	struct sql_word first = {0};
	struct sql_word part = {0}; /* the first between two semicolons */
	bool has_body = false;

	while (s->at < s->len) {
		struct sql_word word = next_word(s);
		if (says_nothing(word))
			continue;
		if (word.text[0] == ';') {
			if (first.len > 0 && (!has_body || sql_word_is(part, "end")))
				break;
			part = (struct sql_word){0};
			continue;
		}
		first = first.len == 0 ? word : first;
		part = part.len == 0 ? word : part;
		if (sql_word_is(first, "create") && sql_word_is(word, "begin"))
			has_body = true;
	}
	*ret_first = first;
	return first.len > 0;
}
