/* SPDX-License-Identifier: Apache-2.0 */
#include "report/next.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "report/run.h"

enum { COMMAND_MAX = 64 * 1024 };

static const char *arena_printf(struct arena *arena, const char *fmt, ...) ST_PRINTF(2, 3);

static const char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	AUTO(buf) struct buf b = BUF_INIT(COMMAND_MAX);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return arena_text(arena, buf_str(&b), b.len);
}

/* Whether a shell takes it as it stands; '#' begins a comment only at the start of a word. */
static bool is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "@%_+=:,./#-";

	return word[0] != '\0' && word[0] != '#' && word[strspn(word, plain)] == '\0';
}

static bool is_printable(const char *word)
{
	size_t len = strlen(word);
	size_t same = 0;

	for (size_t i = 0, n = 0; i < len; i += n) {
		n = utf8_sequence(word + i, len - i);
		if (n == 0 || !utf8_is_printable(utf8_decode(word + i, &same)))
			return false;
	}
	return true;
}

/* $'…' with each byte outside ASCII and each control character as \xNN. */
static const char *escaped_word(const char *word, struct arena *arena)
{
	AUTO(buf) struct buf b = BUF_INIT(COMMAND_MAX);

	buf_puts(&b, "$'");
	for (const char *c = word; *c != '\0'; c++) {
		unsigned char u = (unsigned char)*c;
		if (u == '\'' || u == '\\')
			buf_printf(&b, "\\%c", u);
		else if (u >= ' ' && u < 0x7f)
			buf_putc(&b, *c);
		else
			buf_printf(&b, "\\x%02x", u);
	}
	buf_putc(&b, '\'');
	return arena_text(arena, buf_str(&b), b.len);
}

const char *shell_word(const char *word, struct arena *arena)
{
	AUTO(buf) struct buf b = BUF_INIT(COMMAND_MAX);

	assert(word != NULL && arena != NULL);
	if (is_plain(word))
		return word;
	if (!is_printable(word))
		return escaped_word(word, arena);
	buf_putc(&b, '\'');
	for (const char *c = word; *c != '\0'; c++) {
		if (*c == '\'')
			buf_puts(&b, "'\\''");
		else
			buf_putc(&b, *c);
	}
	buf_putc(&b, '\'');
	return arena_text(arena, buf_str(&b), b.len);
}

void next_add(struct next *next, const char *command, const char *because)
{
	if (next->n == NEXT_MAX)
		return; /* nobody reads more */
	next->steps[next->n++] = (struct next_step){.command = command, .because = because};
}

/* The parameters that the run was begun with: without them a call would be about another run. */
static void put_params(const char *params, struct arena *arena, struct buf *out)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err ignored = ERR_INIT;

	if (json_parse(params, strlen(params), COMMAND_MAX, &doc, &root, &ignored) < 0)
		return; /* the command is a hint, and good without them */
	for (const struct json *p = root->first; p != NULL; p = p->next)
		if (p->type == JSON_STRING)
			buf_printf(
				out, " --param %s",
				shell_word(arena_printf(arena, "%s=%s", p->name, p->text), arena));
}

const char *next_job_file(const struct report_run *run, struct arena *arena)
{
	AUTO(buf) struct buf b = BUF_INIT(COMMAND_MAX);

	buf_puts(&b, shell_word(run->job_path[0] == '\0' ? run->job : run->job_path, arena));
	put_params(run->params, arena, &b);
	return arena_text(arena, buf_str(&b), b.len);
}

static const char *count_text(int64_t n, const char *one, const char *many, struct arena *arena)
{
	AUTO(buf) struct buf b = BUF_INIT(256);

	text_put_count(&b, n);
	return arena_printf(arena, "%s %s", buf_str(&b), n == 1 ? one : many);
}

static void add_records(const struct report_run *run, const char *name, struct arena *arena,
			struct next *next)
{
	next_add(next, arena_printf(arena, "stint rejects %s --format csv > mended.csv", name),
		 count_text(run->rejects[REJECTS_OF_FILES],
			    "record could not be read: mend it, then",
			    "records could not be read: mend them, then", arena));
	next_add(next,
		 arena_printf(arena, "stint run %s --again --source mended.csv",
			      next_job_file(run, arena)),
		 "works what was mended, and nothing twice");
}

/* Fed back by --source, what was mended would be done by that run and by this one. */
static void add_load(const struct report_run *run, const char *name, struct arena *arena,
		     struct next *next)
{
	next_add(next, arena_printf(arena, "stint rejects %s", name),
		 count_text(run->rejects[REJECTS_OF_LOAD],
			    "record could not be read: mend it in the source itself, which "
			    "`stint run` then reads again",
			    "records could not be read: mend them in the source itself, which "
			    "`stint run` then reads again",
			    arena));
}

/* What --source cannot stand for: it would be read by other steps, too, or be no source of theirs.
 */
static void add_whole(const struct report_run *run, enum report_rejects kind, const char *name,
		      struct arena *arena, struct next *next)
{
	int64_t n = run->rejects[kind];

	next_add(next, arena_printf(arena, "stint rejects %s", name),
		 kind == REJECTS_AMONG
			 ? count_text(n, "record could not be read: mend it in its file",
				      "records could not be read: mend them in their files", arena)
			 : count_text(n, "item of an earlier step did not fit: mend its record",
				      "items of an earlier step did not fit: mend their records",
				      arena));
	if (run->is_over)
		next_add(next,
			 arena_printf(arena, "stint run %s --again", next_job_file(run, arena)),
			 "works all that the sources of its steps give, what is done, too: leave "
			 "that out of them before");
}

/* Rows are mended where they are. */
static void add_rows(const struct report_run *run, enum report_rejects kind, const char *name,
		     struct arena *arena, struct next *next)
{
	static const char *const because[] = {
		[REJECTS_TOLD] = "reads the query again, which by on_done leaves out what is done",
		[REJECTS_ALL] = "works all rows that the query gives, those that are done, too: "
				"have it leave them out before",
	};

	next_add(next, arena_printf(arena, "stint rejects %s", name),
		 count_text(run->rejects[kind], "row could not be read: mend it in the database",
			    "rows could not be read: mend them in the database", arena));
	if (kind != REJECTS_BEHIND && run->is_over)
		next_add(next,
			 arena_printf(arena, "stint run %s --again", next_job_file(run, arena)),
			 because[kind]);
	if (kind == REJECTS_BEHIND)
		next_add(next, arena_printf(arena, "stint explain %s", next_job_file(run, arena)),
			 "cursor_from: last_run reads a mended row again when its cursor is above "
			 "the last one's");
}

/* They have left the inbox; what is put in again is worked by a later run. */
static void add_inbox(const struct report_run *run, const char *name, struct arena *arena,
		      struct next *next)
{
	next_add(next, arena_printf(arena, "stint rejects %s", name),
		 count_text(run->rejects[REJECTS_OF_INBOX], "item did not fit: mend it, then",
			    "items did not fit: mend them, then", arena));
	next_add(next,
		 arena_printf(arena, "stint add %s mended.jsonl", shell_word(run->job, arena)),
		 "puts what was mended into the inbox, for the next run");
}

static void add_rejects(const struct report_run *run, const char *name, struct arena *arena,
			struct next *next)
{
	for (enum report_rejects kind = 0; kind < REJECTS_COUNT_; kind++) {
		if (run->rejects[kind] == 0)
			continue;
		switch (kind) {
		case REJECTS_OF_FILES:
			add_records(run, name, arena, next);
			break;
		case REJECTS_OF_LOAD:
			add_load(run, name, arena, next);
			break;
		case REJECTS_AMONG:
		case REJECTS_OF_STEP:
			add_whole(run, kind, name, arena, next);
			break;
		case REJECTS_TOLD:
		case REJECTS_BEHIND:
		case REJECTS_ALL:
			add_rows(run, kind, name, arena, next);
			break;
		case REJECTS_OF_INBOX:
			add_inbox(run, name, arena, next);
			break;
		case REJECTS_COUNT_:
			break;
		}
	}
}

static void add_items(const struct report_run *run, const char *name, struct arena *arena,
		      struct next *next)
{
	const struct ledger_counts *c = &run->counts;

	if (c->in_doubt > 0) {
		next_add(next, arena_printf(arena, "stint items --run %s --state in_doubt", name),
			 count_text(c->in_doubt,
				    "item may have taken effect or not: look at the other side",
				    "items may have taken effect or not: look at the other side",
				    arena));
		next_add(next, "stint resolve ITEM --done --why TEXT",
			 "then decide, one by one or by --run; or --retry, or --skip");
	}
	if (c->dead > 0) {
		next_add(next, arena_printf(arena, "stint items --run %s --state dead", name),
			 count_text(c->dead, "item was given up", "items were given up", arena));
		next_add(next, arena_printf(arena, "stint retry --run %s --now", name),
			 "when the cause is gone: another chance for all that are dead");
	}
	add_rejects(run, name, arena, next);
}

/* Why `stint run` is the thing to do about a run that nobody is on. */
static const char *because_left(const struct report_run *run, struct arena *arena)
{
	int64_t left = run->counts.waiting + run->counts.retry + run->counts.running;

	if (strcmp(run->state, "failed") == 0)
		return "when the cause is gone: begins again, or goes on where it was";
	if (left == 0)
		return "goes on where it was";
	return count_text(left, "item is left: goes on", "items are left: goes on", arena);
}

void next_of_run(const struct report_run *run, struct arena *arena, struct next *ret_next)
{
	const char *name = shell_word(run->name, arena);

	assert(ret_next != NULL);
	*ret_next = (struct next){0};
	if (run->n_joined > 0)
		next_add(ret_next, arena_printf(arena, "stint status %s", run->job),
			 run->is_over ? "who was at work on it has not yet left"
				      : "it is being worked on");
	if (run->n_joined > 0 && !run->is_over) {
		next_add(ret_next, arena_printf(arena, "stint stop %s", name),
			 "ends it between items; the next `stint run` goes on");
	} else if (!run->is_over) {
		next_add(ret_next, arena_printf(arena, "stint run %s", next_job_file(run, arena)),
			 because_left(run, arena));
	}
	add_items(run, name, arena, ret_next);
	if (!run->is_over && run->n_joined == 0)
		next_add(ret_next, arena_printf(arena, "stint abandon %s --why TEXT", name),
			 "if nobody wants the rest of it any more");
}
