/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of a script in Lua 5.4.
 *
 * Promise: ends whatever the bytes are; a token is lent by the text. What is inside a text in
 *          quotes, or which digits a number has, is left to those who read them.
 */
#ifndef STINT_JOB_SCRIPT_SCAN_H
#define STINT_JOB_SCRIPT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;

enum script_token_kind {
	SCRIPT_END,
	SCRIPT_WORD, /* a reserved word */
	SCRIPT_NAME,
	SCRIPT_NUMBER,
	SCRIPT_TEXT, /* in quotes or long brackets */
	SCRIPT_SYMBOL,
};

struct script_place {
	int line;   /* from 1 */
	int column; /* in characters, from 1 */
};

struct script_token {
	enum script_token_kind kind;
	const char *text;
	size_t len;
	size_t at; /* offset of its first byte */
	int line;
	size_t line_at; /* offset of the first byte of that line */
};

struct script_scan {
	const char *text;
	size_t len;
	size_t at;
	int line;
	size_t line_at;
};

void script_scan_init(struct script_scan *s, const char *text, size_t len);
/* ERR_CONFIG, and the token is where it went wrong: a text or comment without an end, a byte that
 * Lua has no use for. */
ST_MUST_CHECK int script_scan_next(struct script_scan *s, struct script_token *ret_token,
				   struct err *err);
bool script_token_is(const struct script_token *token, const char *text);
struct script_place script_token_place(const struct script_scan *s,
				       const struct script_token *token);

#endif
