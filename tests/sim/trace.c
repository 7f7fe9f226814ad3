/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/trace.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"

static const char *const trace_texts[] = {
#define X(id, text) text,
	TRACES(X)
#undef X
};

void trace_init(struct trace *t)
{
	assert(t != NULL);
	t->hash = 0;
	t->events = 0;
	t->next = 0;
	if (t->keep)
		memset(t->line, 0, sizeof(t->line));
}

static void trace_mix(struct trace *t, int64_t value)
{
	t->hash = (t->hash ^ (uint64_t)value) * UINT64_C(0xff51afd7ed558ccd);
	t->hash ^= t->hash >> 32;
}

/* Replaces each %lld of the kind's text in turn. */
static size_t trace_format(const struct trace_event *e, char *out, size_t size)
{
	const char *p = trace_texts[e->kind];
	size_t len = (size_t)snprintf(out, size, "%12.6f ", (double)e->at / (double)US_PER_S);
	int used = 0;

	while (*p != '\0' && len + 24 < size) {
		if (strncmp(p, "%lld", 4) == 0 && used < 4) {
			len += (size_t)snprintf(out + len, size - len, "%lld",
						(long long)e->n[used++]);
			p += 4;
			continue;
		}
		out[len++] = *p++;
	}
	out[len] = '\0';
	if (e->text != NULL)
		(void)snprintf(out + len, size - len, ": %s", e->text);
	return strlen(out);
}

void trace_add(struct trace *t, const struct trace_event *e)
{
	assert(t != NULL && e->kind < TRACE_COUNT_);
	t->events++;
	trace_mix(t, e->at);
	trace_mix(t, (int64_t)e->kind);
	for (int i = 0; i < 4; i++)
		trace_mix(t, e->n[i]);
	for (const char *p = e->text; p != NULL && *p != '\0'; p++)
		trace_mix(t, *p);
	if (!t->keep && !t->print)
		return;
	char *line = t->line[t->next];
	(void)trace_format(e, line, TRACE_LINE_BYTES);
	if (t->print)
		(void)puts(line);
	t->next = (t->next + 1) % TRACE_LINES;
}

void trace_print(const struct trace *t)
{
	for (int i = 0; i < TRACE_LINES; i++) {
		const char *line = t->line[(t->next + i) % TRACE_LINES];
		if (line[0] != '\0')
			(void)puts(line);
	}
}
