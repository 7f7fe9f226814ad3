/* SPDX-License-Identifier: Apache-2.0 */
#include "report/ending.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "report/moment.h"
#include "sys/clock.h"

enum { RESULT_BYTES_MAX = 64 * 1024 };

static const struct json *member(const struct json *result, const char *name)
{
	return json_find(result, name, strlen(name));
}

/* A file. */
static void take_result(struct arena *arena, struct ending_shown *e)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *result = NULL;
	struct err ignored = ERR_INIT;

	if (e->result[0] == '\0' ||
	    json_parse(e->result, strlen(e->result), RESULT_BYTES_MAX, &doc, &result, &ignored) < 0)
		return;
	const struct json *path = member(result, "path");
	const struct json *sha256 = member(result, "sha256");
	const struct json *bytes = member(result, "bytes");
	const struct json *rows = member(result, "rows");
	if (path == NULL || sha256 == NULL || bytes == NULL || rows == NULL)
		return;
	e->path = arena_text(arena, path->text, path->text_len);
	e->sha256 = arena_text(arena, sha256->text, sha256->text_len);
	e->bytes = strtoll(bytes->text, NULL, 10);
	e->rows = strtoll(rows->text, NULL, 10);
}

static int on_ending(void *arg, const struct ledger_row *row)
{
	struct endings *endings = arg;
	struct ending_shown *e = &endings->endings[endings->n++];

	*e = (struct ending_shown){.step = ledger_row_str(row, 0, endings->arena),
				   .kind = ledger_row_str(row, 1, endings->arena),
				   .state = ledger_row_str(row, 2, endings->arena),
				   .failures = ledger_row_int(row, 3),
				   .error = ledger_row_str(row, 4, endings->arena),
				   .next_at = moment_at(row, 5),
				   .result = ledger_row_str(row, 6, endings->arena)};
	take_result(endings->arena, e);
	return 0;
}

int endings_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
		   struct endings *ret_endings, struct err *err)
{
	static const char sql[] = "SELECT step, kind, state, failures, error, next_try, result"
				  " FROM ending WHERE run_id = ?1 ORDER BY at, kind LIMIT ?2";
	const struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = run_id},
		{.type = LEDGER_INT, .number = ENDINGS_MAX},
	};

	assert(ledger != NULL && arena != NULL && ret_endings != NULL && err != NULL);
	*ret_endings = (struct endings){.arena = arena};
	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_ending, ret_endings, err);
}

static void put_failure(const struct ending_shown *e, struct buf *out)
{
	char text[CLOCK_TEXT_MAX] = {0};

	buf_printf(out, "its end failed %" PRId64 " time%s: ", e->failures,
		   e->failures == 1 ? "" : "s");
	text_put_printable(out, e->error, strlen(e->error), 0);
	if (e->next_at != 0) {
		clock_format_short(e->next_at, text);
		buf_printf(out, "; tried again from %s on", text);
	}
}

void endings_put_text(const struct endings *endings, const char *indent, struct buf *out)
{
	for (size_t i = 0; i < endings->n; i++) {
		const struct ending_shown *e = &endings->endings[i];
		if (e->path == NULL && e->error[0] == '\0')
			continue;
		buf_puts(out, indent);
		if (e->step[0] != '\0') {
			text_put_printable(out, e->step, strlen(e->step), 0);
			buf_puts(out, ": ");
		}
		if (e->path == NULL || strcmp(e->state, "done") != 0) {
			put_failure(e, out);
		} else {
			text_put_printable(out, e->path, strlen(e->path), 0);
			buf_printf(out, ": %" PRId64 " bytes, %" PRId64 " rows, sha256 %s",
				   e->bytes, e->rows, e->sha256);
		}
		buf_putc(out, '\n');
	}
}

void endings_put_json(const struct endings *endings, struct json_writer *w)
{
	jw_name(w, "endings");
	jw_array(w);
	for (size_t i = 0; i < endings->n; i++) {
		const struct ending_shown *e = &endings->endings[i];
		jw_object(w);
		jw_member_text(w, "step", e->step[0] == '\0' ? NULL : e->step);
		jw_member_text(w, "kind", e->kind);
		jw_member_text(w, "state", e->state);
		jw_member_int(w, "failures", e->failures);
		jw_member_text(w, "error", e->error[0] == '\0' ? NULL : e->error);
		moment_put_json(w, "next_at", e->next_at);
		jw_name(w, "result");
		if (e->result[0] == '\0')
			jw_null(w);
		else
			jw_raw(w, e->result, strlen(e->result));
		jw_object_end(w);
	}
	jw_array_end(w);
}
