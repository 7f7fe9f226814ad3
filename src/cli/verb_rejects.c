/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stint rejects RUN [--format csv]`: malformed records as they stood. As CSV: the header of their
 * file and then the records byte by byte, to be mended and fed back; elements of a document are in
 * one that the job can read.
 */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/ledger_choice.h"
#include "cli/run_job.h"
#include "cli/source_head.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/mask.h"
#include "report/run.h"

enum { PAGE_REJECTS = 64, HEADER_MAX = 1024 * 1024, RAW_COLUMNS = 60 };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

struct reject {
	const char *path;
	int64_t line, column, offset;
	const char *reason;
	const char *key;  /* NULL none */
	const char *step; /* "" its job has none */
	const char *raw;
	size_t raw_len;
	bool is_cut;
};

struct page {
	struct arena arena;
	struct reject rejects[PAGE_REJECTS];
	size_t n;
};

struct lister {
	struct cli *cli;
	struct ledger *ledger;
	struct report_run run;
	struct table *table;
	struct json_writer *w;
	enum format format;
	struct mask mask;
	int64_t n;
	int64_t n_cut;
	/* --format csv */
	int64_t n_put;
	struct job *job;
	const struct job *of; /* whose source it is: that, or the step of it */
	struct buf head;      /* of the file at hand */
	const char *path;     /* of that file; in `arena` */
	struct arena arena;
	struct buf last; /* the record that was put last … */
	int64_t last_line;
};

/* ---- reading ---- */

static const char *text_at(struct page *page, const struct ledger_row *row, int column)
{
	size_t len = 0;
	const char *text = ledger_row_text(row, column, &len);

	return text == NULL ? NULL : arena_text(&page->arena, text, len);
}

static unsigned digit_of(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* The bytes that so many digits stand for. */
static const char *bytes_of(struct arena *arena, const char *digits, size_t n)
{
	char *bytes = arena_alloc(arena, n / 2 + 1);

	for (size_t i = 0; i < n / 2; i++)
		bytes[i] = (char)(digit_of(digits[2 * i]) << 4 | digit_of(digits[2 * i + 1]));
	bytes[n / 2] = '\0';
	return bytes;
}

static int on_reject(void *arg, const struct ledger_row *row)
{
	struct page *page = arg;
	struct reject *r = &page->rejects[page->n++];
	size_t n_digits = 0;
	const char *digits = ledger_row_text(row, 6, &n_digits);

	*r = (struct reject){
		.path = text_at(page, row, 0),
		.line = ledger_row_int(row, 1),
		.column = ledger_row_int(row, 2),
		.offset = ledger_row_int(row, 3),
		.reason = text_at(page, row, 4),
		.key = text_at(page, row, 5),
		.raw = digits == NULL ? "" : bytes_of(&page->arena, digits, n_digits),
		.raw_len = n_digits / 2,
		.is_cut = ledger_row_int(row, 7) != 0,
		.step = text_at(page, row, 8),
	};
	return 0;
}

/* The page behind `last`; all of it in the order of the file. */
static int load_page(struct lister *l, const struct reject *last, struct page *page,
		     struct err *err)
{
	static const char sql[] =
		"SELECT path, line, \"column\", \"offset\", reason, key, raw_hex, raw_cut,"
		" coalesce(step, '') FROM reject WHERE run_id = ?1"
		" AND (path, \"offset\", line, \"column\", coalesce(step, '')) >"
		" (?2, ?3, ?4, ?5, ?7)"
		" ORDER BY path, \"offset\", line, \"column\", coalesce(step, '') LIMIT ?6";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = l->run.id},
		{.type = LEDGER_TEXT, .text = last->path},
		{.type = LEDGER_INT, .number = last->offset},
		{.type = LEDGER_INT, .number = last->line},
		{.type = LEDGER_INT, .number = last->column},
		{.type = LEDGER_INT, .number = PAGE_REJECTS},
		{.type = LEDGER_TEXT, .text = last->step},
	};

	page->n = 0;
	return ledger_select(l->ledger, sql, params, ARRAY_LEN(params), on_reject, page, err);
}

/* ---- telling ---- */

static void put_json(struct lister *l, const struct reject *r)
{
	struct json_writer *w = l->w;

	jw_object(w);
	jw_member_text(w, "run", l->run.name);
	jw_member_int(w, "run_id", l->run.id);
	jw_member_text(w, "step", r->step[0] == '\0' ? NULL : r->step);
	jw_member_text(w, "path", r->path);
	jw_member_int(w, "line", r->line);
	jw_member_int(w, "column", r->column);
	jw_member_int(w, "offset", r->offset);
	jw_member_text(w, "reason", r->reason);
	jw_member_text(w, "key", r->key);
	jw_name(w, "raw");
	jw_string(w, r->raw, r->raw_len);
	jw_member_bool(w, "is_cut", r->is_cut);
	jw_object_end(w);
}

static void put_text(struct lister *l, const struct reject *r)
{
	AUTO(buf) struct buf raw = BUF_INIT(HEADER_MAX);

	text_put_printable(&raw, r->raw, r->raw_len, RAW_COLUMNS);
	table_put(l->table, r->step);
	table_put(l->table, r->path);
	table_put_f(l->table, "%" PRId64, r->line);
	table_put_f(l->table, "%" PRId64, r->column);
	table_put(l->table, r->reason);
	table_put(l->table, buf_str(&raw));
}

/* The first record of a file: what stands at the file's beginning goes in front of all of them. */
static int begin_file(struct lister *l, const char *path, struct err *err)
{
	AUTO(buf) struct buf head = BUF_INIT(HEADER_MAX);
	bool is_first = l->path == NULL;

	struct err trouble = ERR_INIT;
	if (source_head_read(l->of, path, &head, &trouble) < 0) {
		cli_error("the header of %s is not there any more (%s): put it in front yourself",
			  path, trouble.text);
	}
	l->path = arena_str(&l->arena, path);
	if (is_first) {
		buf_put(&l->head, head.data, head.len);
		buf_put(&l->cli->out.buf, head.data, head.len);
		return 0;
	}
	if (head.len == l->head.len &&
	    (head.len == 0 || memcmp(head.data, l->head.data, head.len) == 0))
		return 0;
	return ERR(err, ERR_DATA,
		   "the headers of the files differ (%s has another): such rejects cannot stand in "
		   "one file; --json has them with their paths",
		   path);
}

/* What the rejects of one file are of. */
static int find_source(struct lister *l, const struct reject *r, struct err *err)
{
	const struct job *of = r->step[0] == '\0' ? NULL : job_find_step(l->job, r->step);

	if (of == NULL)
		of = l->job;
	if (l->of != NULL && l->of->source.kind != of->source.kind)
		return ERR(err, ERR_DATA,
			   "the rejects are of sources of several kinds (step %s has another): "
			   "such cannot stand in one file; --json has them with their steps",
			   of->step_name);
	l->of = of;
	return 0;
}

/* Another step has read the same file, and rejected the same record. */
static bool was_put(struct lister *l, const struct reject *r)
{
	if (l->path != NULL && strcmp(l->path, r->path) == 0 && l->last_line == r->line &&
	    l->last.len == r->raw_len && memcmp(buf_str(&l->last), r->raw, r->raw_len) == 0)
		return true;
	l->last_line = r->line;
	buf_reset(&l->last);
	buf_put(&l->last, r->raw, r->raw_len);
	return false;
}

/* The record as it stood, behind the line of the one before. */
static int put_raw(struct lister *l, const struct reject *r, struct err *err)
{
	struct buf *b = &l->cli->out.buf;
	int rc = find_source(l, r, err);

	if (rc < 0)
		return rc;
	if (r->step[0] != '\0' && was_put(l, r))
		return 0;
	if (l->path == NULL || strcmp(l->path, r->path) != 0) {
		rc = begin_file(l, r->path, err);
		if (rc < 0)
			return rc;
	}
	if (r->is_cut) {
		l->n_cut++;
		return 0;
	}
	if (l->n_put++ > 0)
		buf_printf(b, "%s\n", source_head_between(l->of));
	bool has_end = r->raw_len > 0 && r->raw[r->raw_len - 1] == '\n';
	buf_put(b, r->raw, r->raw_len - (has_end ? 1 : 0));
	return 0;
}

static int put_reject(struct lister *l, const struct reject *r, struct err *err)
{
	struct reject shown = *r;
	struct arena arena = {0};
	int rc = 0;

	l->n++;
	shown.key = mask_value(l->mask.key, r->key, &arena);
	if (l->format == FORMAT_JSON)
		put_json(l, &shown);
	else if (l->format == FORMAT_TEXT)
		put_text(l, &shown);
	else
		rc = put_raw(l, &shown, err);
	arena_done(&arena);
	out_spill(&l->cli->out);
	return rc;
}

static int put_all(struct lister *l, struct err *err)
{
	struct page pages[2] = {0}; /* the last row of one page leads to the next */
	struct reject last = {.path = "", .offset = -1, .step = ""};
	int rc = 0;

	for (size_t turn = 0;; turn++) {
		struct page *page = &pages[turn % 2];
		arena_reset(&page->arena);
		rc = load_page(l, &last, page, err);
		for (size_t i = 0; i < page->n && rc == 0; i++)
			rc = put_reject(l, &page->rejects[i], err);
		if (rc != 0 || page->n < PAGE_REJECTS)
			break;
		last = page->rejects[page->n - 1];
	}
	arena_done(&pages[0].arena);
	arena_done(&pages[1].arena);
	return rc;
}
/* ---- the verb ---- */

static int put_list(struct lister *l, struct err *err)
{
	static const struct table_column columns[] = {
		{.title = "STEP", .max = 32, .is_left_out = true},
		{.title = "FILE"},
		{.title = "LINE", .is_right = true},
		{.title = "COLUMN", .is_right = true},
		{.title = "REASON", .max = 60},
		{.title = "RECORD"},
	};
	struct table table = {0};
	struct json_writer w = {0};

	l->table = &table;
	l->w = &w;
	if (l->format == FORMAT_TEXT) {
		table_init(&table, &l->cli->out, columns, ARRAY_LEN(columns));
	} else if (l->format == FORMAT_JSON) {
		jw_init(&w, &l->cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.rejects.1");
		jw_name(&w, "rejects");
		jw_array(&w);
	}
	int rc = put_all(l, err);
	if (l->format == FORMAT_TEXT)
		table_end(&table);
	if (rc == 0 && l->n_put > 0)
		buf_putc(&l->cli->out.buf, '\n');
	if (rc == 0 && l->path != NULL)
		source_head_put_end(l->of, &l->cli->out.buf);
	if (rc == 0 && l->format == FORMAT_JSON) {
		jw_array_end(&w);
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&l->cli->out.buf, '\n');
	}
	l->table = NULL;
	l->w = NULL;
	return rc;
}

static void put_notes(const struct lister *l)
{
	if (l->n == 0)
		cli_note(l->cli, "no record of %s was rejected", l->run.name);
	if (l->n_cut > 0)
		cli_note(l->cli,
			 "%" PRId64 " records are left out: they are too long to be kept whole",
			 l->n_cut);
	if (l->format == FORMAT_CSV && l->n > 0 && l->of->source.trailer_when != NULL)
		cli_note(l->cli,
			 "the job wants a trailer: add one that counts what is in the file");
}

static int read_format(const struct cli *cli, enum format *ret_format, struct err *err)
{
	static const char *const words[] = {"text", "json", "csv", NULL};
	int format = cli->wants_json ? FORMAT_JSON : FORMAT_TEXT;

	int rc = options_word(&cli->options, OPTION_FORMAT, words, format, &format, err);
	*ret_format = (enum format)format;
	return rc;
}

int verb_rejects(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct lister l = {.cli = cli, .head = BUF_INIT(HEADER_MAX), .last = BUF_INIT(HEADER_MAX)};

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = read_format(cli, &l.format, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	l.ledger = ledger;
	if (rc == 0)
		rc = find_run(cli, ledger, cli_word(cli, 0), &l.arena, &l.run, err);
	if (rc == 0)
		rc = mask_of_run(ledger, l.run.id, &l.mask, err);
	if (rc == 0 && l.format == FORMAT_CSV)
		rc = run_job_load(ledger, l.run.id, &l.job, err);
	if (rc == 0)
		rc = put_list(&l, err);
	if (rc == 0)
		put_notes(&l);
	job_free(l.job);
	buf_done(&l.head);
	buf_done(&l.last);
	arena_done(&l.arena);
	return rc < 0 ? rc : EXIT_DONE;
}
