/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"

enum { SENTENCE_MAX = 16 * 1024 };

void why_done(struct why *why)
{
	arena_done(&why->arena);
}

void why_say(struct why *why, const char *fmt, ...)
{
	AUTO(buf) struct buf raw = BUF_INIT(SENTENCE_MAX);
	AUTO(buf) struct buf shown = BUF_INIT(4 * (size_t)SENTENCE_MAX);
	va_list ap;

	if (why->n == WHY_MAX)
		return; /* nobody reads more */
	va_start(ap, fmt);
	buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	text_put_printable(&shown, buf_str(&raw), raw.len, 0);
	why->because[why->n++] = arena_text(&why->arena, buf_str(&shown), shown.len);
}

void why_count(struct why *why, int64_t n, const char *one, const char *many)
{
	AUTO(buf) struct buf b = BUF_INIT(SENTENCE_MAX);

	if (n == 0)
		return;
	text_put_count(&b, n);
	why_say(why, "%s %s", buf_str(&b), n == 1 ? one : many);
}

void why_next(struct why *why, const char *because, const char *fmt, ...)
{
	AUTO(buf) struct buf command = BUF_INIT(SENTENCE_MAX);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&command, fmt, ap);
	va_end(ap);
	next_add(&why->next, arena_text(&why->arena, buf_str(&command), command.len), because);
}

static void put_json(const struct why *why, struct cli *cli)
{
	struct json_writer w = {0};

	jw_init(&w, &cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.why.1");
	jw_member_text(&w, "kind", why->kind);
	jw_member_text(&w, "name", why->name);
	jw_member_text(&w, "state", why->state);
	jw_member_text(&w, "step", why->step);
	jw_name(&w, "because");
	jw_array(&w);
	for (size_t i = 0; i < why->n; i++)
		jw_text(&w, why->because[i]);
	jw_array_end(&w);
	jw_name(&w, "next");
	jw_array(&w);
	for (size_t i = 0; i < why->next.n; i++) {
		jw_object(&w);
		jw_member_text(&w, "command", why->next.steps[i].command);
		jw_member_text(&w, "because", why->next.steps[i].because);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&cli->out.buf, '\n');
}

void why_put(struct why *why, struct cli *cli)
{
	struct buf *b = &cli->out.buf;

	assert(why->kind != NULL && why->name != NULL);
	if (cli->wants_json) {
		put_json(why, cli);
		return;
	}
	buf_puts(b, why->name);
	if (why->state != NULL)
		buf_puts(b, ": ");
	for (const char *c = why->state; c != NULL && *c != '\0'; c++)
		buf_putc(b, *c == '_' ? ' ' : *c);
	buf_putc(b, '\n');
	for (size_t i = 0; i < why->n; i++)
		buf_printf(b, "  %s\n", why->because[i]);
	if (why->next.n > 0)
		buf_puts(b, "\nNext\n");
	for (size_t i = 0; i < why->next.n; i++)
		buf_printf(b, "  %s\n      %s\n", why->next.steps[i].command,
			   why->next.steps[i].because);
}
