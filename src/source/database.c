/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a database as items, by keyset paging: each page begins behind the last row of the one
 * before, so that it costs the same wherever it is, and a load goes on exactly where it stood.
 *
 * That holds only while the cursor rises and names one row, so each row is compared with the one
 * before, also across pages: a page is asked for one row more than it has, and that one, too, is
 * looked at. What has no order here (texts) is compared for sameness alone.
 * A load ends at the row that was the last when it began; what is added meanwhile is for another
 * run. A failure that may pass closes the connection, and the page is asked for again.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/item.h"
#include "job/job.h"
#include "source/load.h"
#include "source/rows.h"
#include "sys/clock.h"

/* A longer wait for the next page is not one for what is in the batch already. */
#define PACE_SEND_US (20 * US_PER_MS)

enum {
	SCRATCH_MAX = 64 * 1024 * 1024,
	VALUE_ROOM = 64, /* field_check may append so much beyond the value's own length */
	JSON_GROWTH = 6,
	SEEN_MAX = 64 * 1024,
	PATH_MAX_BYTES = 512
};

static const char name_of_all[] = "the database";

struct database {
	const struct job *job;
	struct rows *rows; /* NULL: no connection */
	bool in_page;
	bool has_pending; /* a row that did not fit into the last batch */
	bool is_over;
	bool is_alone;	  /* a page of one row: one of the next two is too long */
	bool is_too_long; /* the next row is: of it only the cursor is asked for */
	int64_t n_in_page;
	const struct rows_cell *cells; /* of the present row */
	struct rows_mark last;	       /* behind which the next page begins */
	struct rows_mark end;	       /* the last row when the load began */
	int attempts;		       /* that failed since the last row */
	/* the columns */
	size_t cursor;	   /* the column of it */
	size_t *column_of; /* of each field */
	bool has_digest;
	uint8_t digest[XXH128_BYTES];
	char *seen; /* in words, of this process */
	/* the present row */
	struct buf scratch;
	struct buf raw;
	char path[PATH_MAX_BYTES];
};

int database_new(struct source *s, struct err *err ST_UNUSED)
{
	struct database *d = xnew(struct database);

	d->job = s->job;
	d->column_of = xcalloc(s->job->source.n_fields + 1, sizeof(*d->column_of));
	d->scratch = BUF_INIT(SCRATCH_MAX);
	d->raw = BUF_INIT(REJECT_RAW_MAX * JSON_GROWTH);
	s->rows = d;
	return 0;
}

void database_free(struct database *d)
{
	if (d == NULL)
		return;
	rows_close(d->rows);
	rows_mark_done(&d->last);
	rows_mark_done(&d->end);
	buf_done(&d->scratch);
	buf_done(&d->raw);
	free(d->column_of);
	free(d->seen);
	free(d);
}

static const struct field *cursor_field(const struct database *d)
{
	return &d->job->source.fields[d->job->source.database.cursor_field];
}

static struct rows_cell cell_of(const struct rows_mark *mark)
{
	return (struct rows_cell){
		.kind = mark->kind, .text = buf_str(&mark->text), .len = mark->text.len};
}

/* ---- columns ---- */

static int find_column(const struct rows *rows, const char *name, size_t *ret_column,
		       struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n_columns; i++) {
		if (strcmp(rows->columns[i].name, name) != 0)
			continue;
		*ret_column = i;
		n++;
	}
	if (n == 0)
		return ERR(err, ERR_CONFIG, "the query gives no column %s",
			   QUOTED(name, strlen(name)));
	if (n > 1)
		return ERR(err, ERR_CONFIG, "the query gives %zu columns called %s", n,
			   QUOTED(name, strlen(name)));
	return 0;
}

static int find_columns(struct database *d, struct err *err)
{
	const struct job_source *source = &d->job->source;
	int rc = find_column(d->rows, source->database.cursor, &d->cursor, err);

	for (size_t i = 0; rc == 0 && i < source->n_fields; i++) {
		const struct field *field = &source->fields[i];
		rc = find_column(d->rows, field->from != NULL ? field->from : field->name,
				 &d->column_of[i], err);
		if (rc != 0 || !d->rows->ops->misfits(d->rows, d->column_of[i], field))
			continue;
		const struct rows_column *column = &d->rows->columns[d->column_of[i]];
		rc = ERR(err, ERR_CONFIG,
			 "column %s is of type %s, which does not fit field %s of type %s; cast it "
			 "in the query, or declare the field as text",
			 QUOTED(column->name, strlen(column->name)), column->type, field->name,
			 field_type_name(field->type));
	}
	return rc;
}

/* The columns must be those of the first page: by name and type, in whatever process. */
static int compare_columns(struct database *d, struct err *err)
{
	AUTO(buf) struct buf words = BUF_INIT(SEEN_MAX);
	uint8_t digest[XXH128_BYTES];

	for (size_t i = 0; i < d->rows->n_columns; i++)
		buf_printf(&words, "%s%s %s", i > 0 ? ", " : "", d->rows->columns[i].name,
			   d->rows->columns[i].type);
	int rc = buf_check(&words, "the columns of a query", err);
	if (rc != 0)
		return rc;
	hash_xxh128(buf_str(&words), words.len, digest);
	if (d->has_digest && memcmp(d->digest, digest, sizeof(digest)) != 0)
		return ERR(err, ERR_DATA,
			   "the columns of the query have changed while it was read: they were "
			   "%.180s and are %.180s; load again",
			   d->seen == NULL ? "others" : d->seen, buf_str(&words));
	memcpy(d->digest, digest, sizeof(digest));
	d->has_digest = true;
	if (d->seen == NULL)
		d->seen = xstrndup(buf_str(&words), words.len);
	return 0;
}

/* ---- the connection and its pages ---- */

static void disconnect(struct database *d)
{
	rows_close(d->rows);
	d->rows = NULL;
	d->in_page = false;
	d->has_pending = false;
}

/* After a failure: waits, if it may pass, and 0 then; else the failure. */
static int may_go_on(struct source *s, bool may_pass, struct err *err)
{
	struct database *d = s->rows;

	disconnect(d);
	if (!may_pass)
		return err->code;
	return patience_after(&s->patience, ++d->attempts, name_of_all, err);
}

static int connect(struct source *s, bool *ret_may_pass, struct err *err)
{
	const struct rows_options options = {.job = s->job, .run = s->options.run};

	return s->job->source.kind == SOURCE_SQLITE
		       ? rows_open_sqlite(&options, &s->rows->rows, ret_may_pass, err)
		       : rows_open_postgres(&options, &s->rows->rows, ret_may_pass, err);
}

/* Where the load ends: at what is the last row now. */
static int find_end(struct database *d, struct err *err)
{
	if (d->end.is_set)
		return 0;
	int rc = d->rows->ops->last(d->rows, &d->last, &d->end, err);
	if (rc == 0 && !d->end.is_set)
		d->is_over = true; /* there is none */
	return rc;
}

/* A row was too long. That may have cost the one before it, too, which had come in and was not
 * asked for yet: so the next one is asked for alone, and is it when that fails as well. */
static void leave_long_row(struct database *d)
{
	disconnect(d);
	d->is_too_long = d->is_alone;
	d->is_alone = !d->is_alone;
}

/* Connected, and within a page; or over; or before a row that is too long. */
static int begin_page(struct source *s, struct err *err)
{
	struct database *d = s->rows;
	bool may_pass = false;
	int rc = pace_page(&s->pace, &s->patience, err);

	if (rc != 0)
		return rc;
	if (d->rows == NULL)
		rc = connect(s, &may_pass, err);
	if (rc == 0)
		rc = find_end(d, err);
	if (rc == 0 && d->is_over)
		return 0;
	if (rc == 0)
		rc = d->rows->ops->begin(d->rows, &d->last,
					 d->is_alone ? 1 : s->job->source.page + 1, err);
	if (rc == ROWS_TOO_LONG) {
		leave_long_row(d);
		return 0;
	}
	if (rc != 0)
		return may_go_on(s, may_pass || (d->rows != NULL && d->rows->may_pass), err);
	rc = find_columns(d, err);
	if (rc == 0)
		rc = compare_columns(d, err);
	d->in_page = rc == 0;
	d->n_in_page = 0;
	return rc;
}

static void end_page(struct database *d)
{
	d->rows->ops->end(d->rows);
	d->is_alone = false;
	d->in_page = false;
	d->has_pending = false;
}

/* ---- the cursor ---- */

static int refuse_order(const struct database *d, const struct rows_cell *before,
			const struct rows_cell *cell, enum rows_order order, struct err *err)
{
	const char *cursor = d->job->source.database.cursor;
	const char *last = QUOTED(before->text, before->len);
	const char *now = QUOTED(cell->text, cell->len);

	if (order == ROWS_SAME)
		return ERR(err, ERR_DATA,
			   "the cursor %s is not unique: a row with %s comes behind one with %s, "
			   "and where a page ends between them one would be lost",
			   cursor, now, last);
	return ERR(err, ERR_DATA,
		   "the rows are not ordered by the cursor %s, or their order changes: %s comes "
		   "behind %s",
		   cursor, now, last);
}

/* 0; ROWS_END: it is behind the last row of this load. */
static int check_cursor(const struct database *d, const struct rows_cell *cell, struct err *err)
{
	enum field_type type = cursor_field(d)->type;
	const struct rows_cell last = cell_of(&d->last);
	const struct rows_cell end = cell_of(&d->end);

	if (cell->kind == ROWS_NULL)
		return ERR(err, ERR_DATA, "the cursor %s is null in a row behind %s",
			   d->job->source.database.cursor,
			   d->last.is_set ? QUOTED(last.text, last.len) : "the start");
	enum rows_order order = d->last.is_set ? rows_compare(type, &last, cell) : ROWS_BEFORE;
	if (order == ROWS_SAME || order == ROWS_BEHIND)
		return refuse_order(d, &last, cell, order, err);
	/* The row behind the last one is looked at, too: it may have the same value. */
	if (d->last.is_set && rows_compare(type, &last, &end) == ROWS_SAME)
		return ROWS_END;
	return rows_compare(type, cell, &end) == ROWS_BEHIND ? ROWS_END : 0;
}

/* The row is dealt with: the next page may begin behind it. */
static int pass_row(struct database *d, const struct rows_cell *cell, struct err *err)
{
	rows_mark_set(&d->last, cell);
	d->has_pending = false;
	d->n_in_page++;
	d->attempts = 0;
	return buf_check(&d->last.text, "a value of the cursor", err);
}

/* ---- rows ---- */

static size_t row_bytes(const struct database *d)
{
	size_t bytes = 0;

	for (size_t i = 0; i < d->rows->n_columns; i++)
		bytes += d->cells[i].len;
	return bytes;
}

/* Null of what may not be shown in a list of rejects. */
static void put_raw(struct database *d)
{
	const struct job_source *source = &d->job->source;
	struct json_writer w;

	buf_reset(&d->raw);
	jw_init(&w, &d->raw);
	jw_object(&w);
	for (size_t i = 0; i < source->n_fields; i++) {
		const struct rows_cell *cell = &d->cells[d->column_of[i]];
		size_t len = cell->len < REJECT_RAW_MAX / 8 ? cell->len : REJECT_RAW_MAX / 8;
		jw_name(&w, source->fields[i].name);
		if (cell->kind == ROWS_NULL)
			jw_null(&w);
		else if (source->fields[i].sensitive)
			jw_text(&w, "***");
		else
			jw_string(&w, cell->kind == ROWS_BLOB ? "" : cell->text,
				  cell->kind == ROWS_BLOB ? 0 : len);
	}
	jw_object_end(&w);
}

void database_describe(const struct database *d, struct judge_reject *ret_reject)
{
	ret_reject->path = d->path;
	ret_reject->raw = buf_str(&d->raw);
	ret_reject->raw_len = d->raw.failed ? 0 : d->raw.len;
}

/* `id=17`: what a person finds the row by. */
static void name_row(struct database *d, const struct rows_cell *cell)
{
	AUTO(buf) struct buf value = BUF_INIT(PATH_MAX_BYTES * 4);

	text_put_printable(&value, cell->text, cell->len, PATH_MAX_BYTES / 8);
	(void)snprintf(d->path, sizeof(d->path), "%s=%s", d->job->source.database.cursor,
		       buf_str(&value)); /* cut is well */
}

/* True with a flaw when one of its values is none of its field. */
static bool has_flaw(struct source *s)
{
	struct database *d = s->rows;
	const struct job_source *source = &s->job->source;
	size_t bytes = row_bytes(d);
	struct err why = ERR_INIT;

	buf_reset(&d->scratch);
	if (bytes > RECORD_BYTES_MAX) {
		flaw_set(&s->flaw, 0, "longer than %d MiB: the row has %zu bytes",
			 RECORD_BYTES_MAX >> 20, bytes);
		return true;
	}
	/* All at once: values are lent from it, so it must not move. */
	if (buf_reserve(&d->scratch, bytes * 2 + source->n_fields * VALUE_ROOM * 2 + 1) == NULL) {
		flaw_set(&s->flaw, 0, "there is no memory for a row of %zu bytes", bytes);
		return true;
	}
	for (size_t i = 0; i < source->n_fields; i++) {
		if (rows_value(&source->fields[i], &d->cells[d->column_of[i]], &d->scratch,
			       &s->shape.values[i], &why) == 0)
			continue;
		flaw_set(&s->flaw, 0, "%s", why.text);
		return true;
	}
	return false;
}

static int take_row(struct source *s, struct err *err)
{
	struct database *d = s->rows;
	struct item item = {.fields = s->shape.values, .source_path = ""};

	name_row(d, &d->cells[d->cursor]);
	put_raw(d);
	s->batch->n_read++;
	if (!has_flaw(s))
		return judge_item(s, &item, NULL, err);
	struct judge_reject reject = {.flaw = &s->flaw};
	database_describe(d, &reject);
	return judge_reject(s, &reject, err);
}

static int take_key(struct source *s, struct err *err)
{
	struct item item = {.fields = s->shape.values, .source_path = ""};

	name_row(s->rows, &s->rows->cells[s->rows->cursor]);
	return has_flaw(s) ? 0 : judge_item_key(s, &item, err);
}

/* ---- rows that are too long ---- */

/* Its cursor, when it is still there; else, and when it is behind the end, ROWS_END. */
static int find_long_row(struct source *s, struct rows_mark *ret_mark, struct err *err)
{
	struct database *d = s->rows;
	bool may_pass = false;
	int rc = d->rows == NULL ? connect(s, &may_pass, err) : 0;

	if (rc == 0)
		rc = d->rows->ops->key(d->rows, &d->last, ret_mark, err);
	if (rc != 0) {
		rc = may_go_on(s, may_pass || (d->rows != NULL && d->rows->may_pass), err);
		return rc == 0 ? ROWS_END : rc; /* and once more */
	}
	d->is_too_long = false;
	if (!ret_mark->is_set)
		return ROWS_END;
	const struct rows_cell cell = cell_of(ret_mark);
	rc = check_cursor(d, &cell, err);
	d->is_over = rc == ROWS_END;
	return rc;
}

static int reject_long_row(struct source *s, const struct rows_cell *cell, struct err *err)
{
	struct database *d = s->rows;
	struct judge_reject reject = {.flaw = &s->flaw};

	name_row(d, cell);
	buf_reset(&d->raw);
	flaw_set(&s->flaw, 0, "longer than %d MiB: the row has more than %d MiB",
		 RECORD_BYTES_MAX >> 20, ROWS_BYTES_MAX >> 20);
	database_describe(d, &reject);
	s->batch->n_read++;
	return judge_reject(s, &reject, err);
}

/* The load goes on behind it. `counts`: it is a reject; else it was one before. */
static int pass_long_row(struct source *s, bool counts, struct err *err)
{
	struct rows_mark mark = {0};
	int rc = find_long_row(s, &mark, err);

	if (rc == 0) {
		const struct rows_cell cell = cell_of(&mark);
		rc = counts ? reject_long_row(s, &cell, err) : 0;
		if (rc == 0)
			rc = pass_row(s->rows, &cell, err);
	}
	rows_mark_done(&mark);
	return rc == ROWS_END ? 0 : rc;
}

/* ---- reading ---- */

static bool fits(const struct source *s)
{
	return s->batch->n == 0 ||
	       (int64_t)s->batch->content.len + (int64_t)row_bytes(s->rows) <= load_chunk_bytes(s);
}

/* Behind the end of the load there is nothing for us, unless the order has changed: then what is
 * ours may stand behind it. ROWS_END; what else goes wrong there is for another run. */
static int check_rest(struct database *d, struct err *err)
{
	enum field_type type = cursor_field(d)->type;
	struct rows_mark before = {0};
	struct err ignored = ERR_INIT;
	int rc = 0;

	do {
		const struct rows_cell *cell = &d->cells[d->cursor];
		const struct rows_cell last = cell_of(&before);
		if (before.is_set && rows_compare(type, &last, cell) == ROWS_BEHIND)
			rc = refuse_order(d, &last, cell, ROWS_BEHIND, err);
		rows_mark_set(&before, cell);
		if (rc == 0)
			rc = d->rows->ops->next(d->rows, &d->cells, &ignored) == 0 ? 0 : ROWS_END;
	} while (rc == 0 && d->cells[d->cursor].kind != ROWS_NULL);
	rows_mark_done(&before);
	return rc == 0 ? ROWS_END : rc;
}

/* The next row within a page; ROWS_END when the page ended, or all of it. */
static int next_row(struct source *s, struct err *err)
{
	struct database *d = s->rows;
	bool is_full = d->n_in_page == s->job->source.page;

	if (d->has_pending)
		return 0;
	int rc = d->rows->ops->next(d->rows, &d->cells, err);
	if (rc == ROWS_TOO_LONG) {
		leave_long_row(d);
		return ROWS_END;
	}
	if (rc < 0) {
		rc = may_go_on(s, d->rows->may_pass, err);
		if (rc != 0 && d->last.is_set)
			err_add(err, "behind %s=%s: ", s->job->source.database.cursor,
				QUOTED(buf_str(&d->last.text), d->last.text.len));
		return rc == 0 ? ROWS_END : rc;
	}
	if (rc == ROWS_END) { /* fewer than were asked for */
		d->is_over = !d->is_alone || d->n_in_page == 0;
		end_page(d);
		return ROWS_END;
	}
	rc = check_cursor(d, &d->cells[d->cursor], err);
	if (rc == ROWS_END) {
		d->is_over = true;
		rc = check_rest(d, err);
	}
	if (rc == ROWS_END || (rc == 0 && is_full)) {
		end_page(d);
		return ROWS_END;
	}
	return rc;
}

/* One row or one page's beginning; SOURCE_END when the batch must be sent first. */
static int step(struct source *s, struct err *err)
{
	struct database *d = s->rows;

	if (d->is_too_long)
		return pass_long_row(s, true, err);
	if (!d->in_page) {
		/* What is there need not wait with us. */
		bool waits = pace_wait_us(&s->pace, clock_boot_us()) > PACE_SEND_US;
		return waits && !batch_is_empty(s->batch) ? SOURCE_END : begin_page(s, err);
	}
	int rc = next_row(s, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!fits(s)) {
		d->has_pending = true;
		return SOURCE_END;
	}
	rc = take_row(s, err);
	return rc == 0 ? pass_row(d, &d->cells[d->cursor], err) : rc;
}

/* Locks of SQLite would keep others from writing while the engine has no credit for us. */
static void let_go(struct source *s)
{
	if (s->rows->in_page && s->job->source.kind == SOURCE_SQLITE)
		end_page(s->rows);
}

int database_fill(struct source *s, struct err *err)
{
	struct database *d = s->rows;
	uint32_t limit = load_item_limit(s);

	if (limit == 0)
		return SOURCE_END; /* --first: what is left does not count, nor do its totals */
	while (!d->is_over && s->batch->n < limit && !batch_is_full(s->batch) && !s->has_failed &&
	       (int64_t)s->batch->content.len < load_chunk_bytes(s)) {
		int rc = step(s, err);
		if (rc < 0)
			return rc;
		if (rc == SOURCE_END)
			break;
	}
	let_go(s);
	if (!batch_is_empty(s->batch))
		return 0;
	int rc = totals_check(&s->totals, NULL, NULL, s->options.run, &s->patience, err);
	return rc == 0 ? SOURCE_END : rc;
}

/* ---- keys again ---- */

/* A key that is the cursor cannot come twice. */
static bool is_key_cursor(const struct source *s)
{
	return s->keys.how == KEYS_FIELD && s->keys.field == s->job->source.database.cursor_field;
}

int database_replay_keys(struct source *s, struct err *err)
{
	struct database *d = s->rows;
	struct rows_mark stop = d->last;
	struct rows_mark end = d->end;
	int rc = 0;

	if (!stop.is_set || is_key_cursor(s))
		return 0;
	d->last = (struct rows_mark){0};
	d->end = stop; /* lent */
	while (rc == 0 && !d->is_over) {
		if (!d->in_page) {
			rc = d->is_too_long ? pass_long_row(s, false, err) : begin_page(s, err);
			continue;
		}
		rc = next_row(s, err);
		if (rc == 0)
			rc = take_key(s, err);
		else if (rc == ROWS_END)
			rc = 0;
		else
			continue;
		if (rc == 0 && d->in_page)
			rc = pass_row(d, &d->cells[d->cursor], err);
	}
	rows_mark_done(&d->last);
	d->last = stop;
	d->end = end;
	d->is_over = false;
	return rc;
}

/* ---- where it stands ---- */

static void put_mark(const struct rows_mark *mark, struct buf *b)
{
	buf_put_u8(b, mark->is_set ? 1 : 0);
	if (!mark->is_set)
		return;
	buf_put_u8(b, (uint8_t)mark->kind);
	buf_put_bytes(b, buf_str(&mark->text), mark->text.len);
}

static void get_mark(struct rows_mark *mark, struct reader *r)
{
	struct rows_cell cell = {0};

	if (reader_u8(r) == 0)
		return;
	cell.kind = (enum rows_kind)reader_u8(r);
	cell.text = reader_bytes(r, &cell.len);
	if (cell.text != NULL)
		rows_mark_set(mark, &cell);
}

void database_put_place(const struct database *d, struct buf *b)
{
	buf_put_u8(b, d->is_over ? 1 : 0);
	put_mark(&d->last, b);
	put_mark(&d->end, b);
	buf_put_u8(b, d->has_digest ? 1 : 0);
	buf_put(b, d->digest, sizeof(d->digest));
}

void database_get_place(struct database *d, struct reader *r)
{
	d->is_over = reader_u8(r) != 0;
	get_mark(&d->last, r);
	get_mark(&d->end, r);
	d->has_digest = reader_u8(r) != 0;
	const char *digest = reader_raw(r, sizeof(d->digest));
	if (digest != NULL)
		memcpy(d->digest, digest, sizeof(d->digest));
}

void database_get_behind(struct database *d, struct reader *r)
{
	(void)reader_u8(r); /* whether that load was over */
	get_mark(&d->last, r);
}
