/* SPDX-License-Identifier: Apache-2.0 */
#include "source/elements.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

void elements_fail(struct elements *e, const char *fmt, ...)
{
	va_list args;

	e->has_failed = true;
	va_start(args, fmt);
	(void)vsnprintf(e->reason, sizeof(e->reason), fmt, args); /* cut is well */
	va_end(args);
}

void elements_begin(struct elements *e, int64_t at, int64_t line, int64_t indent)
{
	assert(!e->is_inside);
	e->is_inside = true;
	e->open = (struct element_mark){.begin = at, .line = line, .indent = indent};
}

void elements_pass(struct elements *e, const char *data, size_t len)
{
	const char *from = data;
	const char *end = data + len;

	while ((from = memchr(from, '\n', (size_t)(end - from))) != NULL) {
		from++;
		e->line++;
		e->line_at = e->at + (from - data);
	}
	e->at += (int64_t)len;
}

size_t elements_run(struct elements *e, const char *data, size_t len, struct element_mark *marks,
		    size_t max, size_t *ret_used)
{
	size_t n = 0;
	size_t i = 0;

	assert(e != NULL && e->kind != ELEMENTS_NONE && max > 0);
	while (i < len && n < max && !e->has_failed) {
		bool is_mark = false;
		i = e->kind == ELEMENTS_JSON ? elements_json_run(e, data, i, len, &is_mark)
					     : elements_xml_run(e, data, i, len, &is_mark);
		if (!is_mark)
			continue;
		e->is_inside = false;
		e->open.end = e->at;
		e->open.lines = e->line - e->open.line;
		marks[n++] = e->open;
	}
	*ret_used = i;
	return n;
}

int64_t elements_needed(const struct elements *e)
{
	if (e->is_inside)
		return e->open.begin;
	return e->kind == ELEMENTS_XML ? elements_xml_needed(e) : e->at;
}

int elements_end(const struct elements *e, const char *name, struct err *err)
{
	const char *missing = e->kind == ELEMENTS_JSON ? elements_json_missing(e)
						       : elements_xml_missing(e);

	if (e->has_failed)
		return ERR(err, ERR_DATA, "%s:%" PRId64 ": byte %" PRId64 ": %s", name, e->line,
			   e->at, e->reason);
	if (missing == NULL)
		return 0;
	return ERR(err, ERR_DATA, "%s:%" PRId64 ": %s", name, e->line, missing);
}
