/* SPDX-License-Identifier: Apache-2.0 */
#include "report/note.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "report/moment.h"
#include "sys/clock.h"

static int on_note(void *arg, const struct ledger_row *row)
{
	struct notes *notes = arg;

	notes->notes[notes->n++] = (struct note){.at = moment_at(row, 0),
						 .kind = ledger_row_str(row, 1, notes->arena),
						 .text = ledger_row_str(row, 2, notes->arena),
						 .until = moment_at(row, 3)};
	return 0;
}

int notes_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
		 struct notes *ret_notes, struct err *err)
{
	static const char sql[] = "SELECT at, kind, text, until FROM"
				  " (SELECT at, kind, text, until FROM note WHERE run_id = ?1"
				  "  ORDER BY at DESC LIMIT ?2) AS n"
				  " ORDER BY at";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = run_id},
		{.type = LEDGER_INT, .number = NOTES_MAX},
	};

	assert(ledger != NULL && arena != NULL && ret_notes != NULL && err != NULL);
	*ret_notes = (struct notes){.arena = arena};
	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_note, ret_notes, err);
}

static void put_time(struct buf *out, utime t)
{
	char text[CLOCK_TEXT_MAX] = {0};

	clock_format_short(t, text);
	buf_puts(out, text);
}

void notes_put_text(const struct notes *notes, const char *indent, struct buf *out)
{
	for (size_t i = 0; i < notes->n; i++) {
		const struct note *note = &notes->notes[i];
		buf_puts(out, indent);
		put_time(out, note->at);
		buf_puts(out, ": ");
		text_put_printable(out, note->text, strlen(note->text), 0);
		if (note->until != 0) {
			buf_puts(out, "; it may end ");
			put_time(out, note->until);
		}
		buf_putc(out, '\n');
	}
}

void notes_put_json(const struct notes *notes, struct json_writer *w)
{
	jw_name(w, "notes");
	jw_array(w);
	for (size_t i = 0; i < notes->n; i++) {
		jw_object(w);
		moment_put_json(w, "at", notes->notes[i].at);
		jw_member_text(w, "kind", notes->notes[i].kind);
		jw_member_text(w, "text", notes->notes[i].text);
		moment_put_json(w, "expected_end", notes->notes[i].until);
		jw_object_end(w);
	}
	jw_array_end(w);
}
