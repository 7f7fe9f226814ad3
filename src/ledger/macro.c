/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/macro.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"

enum { MACRO_ARGUMENTS = 3 };

struct argument {
	const char *text;
	size_t len;
};

static const char *macro_find(const struct ledger_macro *macros, const char *name, size_t len)
{
	for (; macros->name != NULL; macros++)
		if (strncmp(macros->name, name, len) == 0 && macros->name[len] == '\0')
			return macros->text;
	return NULL;
}

/* Splits "a; b)…" at semicolons; gives where it ends, behind the parenthesis that closes it. */
static const char *arguments_split(const char *at, struct argument *arguments)
{
	size_t n = 0;
	int depth = 0;

	arguments[0].text = at;
	for (; depth > 0 || *at != ')'; at++) {
		assert(*at != '\0');
		depth += (*at == '(') - (*at == ')');
		if (*at != ';' || depth > 0)
			continue;
		arguments[n].len = (size_t)(at - arguments[n].text);
		n++;
		assert(n < MACRO_ARGUMENTS);
		arguments[n].text = at + 2; /* behind the blank */
	}
	arguments[n].len = (size_t)(at - arguments[n].text);
	return at + 1;
}

static void macro_put(struct buf *out, const char *text, const struct argument *arguments)
{
	for (; *text != '\0'; text++) {
		if (text[0] != '$' || text[1] < '1' || text[1] > '0' + MACRO_ARGUMENTS) {
			buf_putc(out, *text);
			continue;
		}
		const struct argument *a = &arguments[text[1] - '1'];
		buf_put(out, a->text, a->len);
		text++;
	}
}

void ledger_macros_put(struct buf *out, const char *text, const struct ledger_macro *macros)
{
	while (*text != '\0') {
		struct argument arguments[MACRO_ARGUMENTS] = {{0}};
		size_t len = strcspn(text, "@");
		buf_put(out, text, len);
		text += len;
		if (*text == '\0')
			return;
		len = strcspn(text, "(");
		const char *macro = macro_find(macros, text + 1, len - 1);
		assert(macro != NULL);
		text = arguments_split(text + len + 1, arguments);
		macro_put(out, macro, arguments);
	}
}
