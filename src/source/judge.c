/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a record: an item, a reject with its place and reason, or (a trailer) neither.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "job/item.h"
#include "job/job.h"
#include "script/filter.h"
#include "source/encoding.h"
#include "source/load.h"
#include "source/unique.h"

/* ---- places ---- */

/* Line and column (in characters, from 1) of a byte of the record. */
static void find_place(const struct source *s, const struct record *record, size_t at,
		       struct frame_reject *reject)
{
	const char *text = record->text;
	const char *line = text;
	int64_t lines = 0;

	if (at > record->len)
		at = record->len;
	for (const char *p = text; (p = memchr(p, '\n', (size_t)(text + at - p))) != NULL;) {
		p++;
		line = p;
		lines++;
	}
	reject->line = record->line + lines;
	reject->offset = record->offset + (int64_t)at;
	reject->column = 1 + (lines == 0 ? record->indent : 0) +
			 (int64_t)encoding_count(s->job->source.encoding, line,
						 (size_t)(text + at - line));
}

/* ---- rejects ---- */

static int count_sums(struct source *s, enum sums_part part, const struct item *item,
		      struct err *err)
{
	if (s->sums.n == 0)
		return 0;
	sums_take(&s->sums, item->fields, s->amounts);
	return sums_add(&s->sums, part, s->amounts, err);
}

struct again {
	struct source *s;
	const struct record *record;
};

static bool read_again(void *arg, size_t field, struct value *ret_value)
{
	const struct again *a = arg;

	if (a->record == NULL || a->record->is_cut)
		return false;
	return shape_read_field(&a->s->shape, field, a->record->text, a->record->len, ret_value) ==
	       0;
}

/* Totals over what was read have the rejects in them, as far as they can be read. */
static int count_reject(struct source *s, const struct judge_reject *reject, struct err *err)
{
	struct again again = {.s = s, .record = reject->record};
	bool is_control = !s->job->control_over_loaded && s->totals.n > 0;
	int rc = 0;

	if (reject->item == NULL) {
		if (is_control)
			rc = totals_add_bad(&s->totals, read_again, &again, err);
		return rc == 0 && s->sums.n > 0 ? sums_add_bad(&s->sums, read_again, &again, err)
						: rc;
	}
	if (is_control) {
		totals_take(&s->totals, reject->item->fields, s->amounts);
		rc = totals_add(&s->totals, s->amounts, err);
	}
	return rc == 0 ? count_sums(s, SUMS_REJECTED, reject->item, err) : rc;
}

static void fail_later(struct source *s, const struct frame_reject *r, const char *why)
{
	const char *path = r->path[0] == '\0' ? load_name(s) : r->path;

	if (s->has_failed)
		return;
	s->has_failed = true;
	if (r->line > 0)
		err_set(&s->failure, ERR_DATA, 0,
			"%s:%" PRId64 ": column %" PRId64 ", byte %" PRId64 ": %s (%s)", path,
			r->line, r->column, r->offset, r->reason, why);
	else
		err_set(&s->failure, ERR_DATA, 0, "%s: %s (%s)", path, r->reason, why);
}

static void check_limits(struct source *s, const struct frame_reject *r, bool is_duplicate)
{
	const struct job_limit *max = &s->job->source.max_rejects;
	char why[96] = "";

	if (s->job->source.when_malformed == JOB_MALFORMED_FAIL && !is_duplicate)
		fail_later(s, r, "when_malformed: fail");
	if (!max->is_set || max->is_ratio || s->tally.rejected <= max->count)
		return;
	(void)snprintf(why, sizeof(why), "more than %" PRId64 " rejects, max_rejects", max->count);
	fail_later(s, r, why);
}

int judge_reject(struct source *s, const struct judge_reject *reject, struct err *err)
{
	const struct record *record = reject->record;
	const struct item *item = reject->item;
	AUTO(buf) struct buf key = BUF_INIT(KEY_BYTES_MAX);
	struct frame_reject r = {.path = reject->path != NULL ? reject->path
							      : s->list.files[s->index].name,
				 .reason = reject->flaw->reason,
				 .raw = "",
				 .key = ""};

	if (record != NULL) {
		find_place(s, record, reject->flaw->at, &r);
		r.raw = record->text;
		r.raw_len = record->len;
		r.is_cut = record->is_cut;
	} else if (reject->raw != NULL) {
		r.raw = reject->raw;
		r.raw_len = reject->raw_len;
	}
	if (item != NULL && item->key != NULL && item->key_len <= KEY_BYTES_MAX) {
		buf_put(&key, item->key, item->key_len);
		r.key = buf_str(&key);
	}
	batch_add_reject(s->batch, &r);
	if (s->by_reference)
		batch_skip_record(s->batch);
	s->tally.rejected++;
	check_limits(s, &r, reject->is_duplicate);
	return count_reject(s, reject, err);
}

/* ---- items ---- */

static int add_reference(struct source *s, const struct item *item, const struct record *record)
{
	const struct batch_record place = {.offset = record->offset,
					   .size = record->size,
					   .line = record->line,
					   .number = s->number};

	if (s->batch->n == 0)
		records_keep(&s->records, record->offset);
	batch_add_reference(s->batch, &place);
	if (load_wants_keys(s))
		batch_add_key(s->batch, item->key, item->key_len);
	return 0;
}

/* The items of a step have paths of their own. */
static uint32_t find_path(const struct source *s, const struct item *item)
{
	const struct batch *b = s->batch;

	if (s->step == NULL)
		return s->job->source.kind == SOURCE_FILES ? UINT32_MAX : s->path;
	bool is_last = b->n_paths > 0 &&
		       strcmp(b->paths[b->n_paths - 1].path, item->source_path) == 0;
	return is_last ? b->n_paths - 1 : UINT32_MAX;
}

static int add_staged(struct source *s, const struct item *item)
{
	const struct file *file = &s->list.files[s->index];

	s->path = find_path(s, item);
	if (s->path == UINT32_MAX && s->step != NULL) {
		const struct body_path path = {.path = item->source_path,
					       .path_len = strlen(item->source_path)};
		s->path = batch_add_path(s->batch, &path);
	} else if (s->path == UINT32_MAX) {
		const struct body_path path = {.path = file->name,
					       .path_len = strlen(file->name),
					       .is_known = !s->is_stdin && source_has_files(s),
					       .identity = file->identity};
		s->path = batch_add_path(s->batch, &path);
	}
	batch_add_staged(s->batch, s->path, item, &s->job->source);
	batch_add_key(s->batch, item->key, item->key_len);
	return 0;
}

static void say_twice(const struct source *s, const struct item *item,
		      const struct unique_place *first, struct flaw *flaw)
{
	const char *path = first->file < s->list.n ? s->list.files[first->file].name : "";
	const char *key = QUOTED(item->key, item->key_len);

	if (first->line == 0)
		flaw_set(flaw, 0, "the key %s comes twice, first from %s", key, path);
	else if (first->file == s->index)
		flaw_set(flaw, 0, "the key %s comes twice, first in line %" PRId64, key,
			 first->line);
	else
		flaw_set(flaw, 0, "the key %s comes twice, first in line %" PRId64 " of %s", key,
			 first->line, path);
}

/* 0, SHAPE_FLAW when the item cannot be one, or a failure. */
static int check_key(struct source *s, struct item *item, struct flaw *flaw, bool *ret_is_duplicate,
		     struct err *err)
{
	struct unique_place first = {0};

	*ret_is_duplicate = false;
	if (s->unique == NULL && !load_wants_keys(s))
		return 0;
	if (keys_make(&s->keys, item, flaw) != 0)
		return SHAPE_FLAW;
	if (s->unique == NULL)
		return 0;
	const struct unique_place place = {.file = (uint32_t)s->index, .line = item->source_line};
	int rc = unique_add(s->unique, item->key, item->key_len, &place, &first, err);
	if (rc != UNIQUE_TWICE)
		return rc;
	say_twice(s, item, &first, flaw);
	*ret_is_duplicate = true;
	return SHAPE_FLAW;
}

static int count_read(struct source *s, const struct item *item, struct err *err)
{
	if (s->totals.n == 0 || s->job->control_over_loaded)
		return 0;
	totals_take(&s->totals, item->fields, s->amounts);
	return totals_add(&s->totals, s->amounts, err);
}

/* What is added once it is known that it is not held back. */
static void note_amounts(struct source *s, const struct item *item)
{
	if (s->batch->n_controls > 0)
		totals_take(&s->totals, item->fields, batch_controls(s->batch, s->batch->n));
	sums_take(&s->sums, item->fields, batch_sums(s->batch, s->batch->n));
}

/* 0, or SHAPE_FLAW when the filter fails on it. */
static int check_filter(struct source *s, const struct item *item, struct flaw *flaw,
			bool *ret_keeps)
{
	struct err why = ERR_INIT;

	*ret_keeps = true;
	if (s->filter == NULL || filter_run(s->filter, item, ret_keeps, &why) == 0)
		return 0;
	flaw_set(flaw, 0, "%s", why.text);
	return SHAPE_FLAW;
}

/* Control totals over what was read have it in them. */
static int leave_out(struct source *s, const struct item *item, struct err *err)
{
	s->batch->n_filtered++;
	if (s->by_reference)
		batch_skip_record(s->batch);
	int rc = count_read(s, item, err);
	return rc != 0 ? rc : count_sums(s, SUMS_FILTERED, item, err);
}

/* A row has its name for a place. */
static void put_row(struct source *s, struct judge_reject *reject)
{
	if (s->rows != NULL)
		database_describe(s->rows, reject);
	if (s->step != NULL)
		step_describe(s->step, reject);
	if (s->inbox != NULL)
		inbox_describe(s, reject);
}

int judge_item(struct source *s, struct item *item, const struct record *record, struct err *err)
{
	bool is_duplicate = false;
	bool keeps = true;

	int rc = check_filter(s, item, &s->flaw, &keeps);
	if (!keeps)
		return leave_out(s, item, err);
	if (rc == 0)
		rc = check_key(s, item, &s->flaw, &is_duplicate, err);
	if (rc == SHAPE_FLAW) {
		struct judge_reject reject = {.record = record,
					      .flaw = &s->flaw,
					      .item = item,
					      .is_duplicate = is_duplicate};
		put_row(s, &reject);
		return judge_reject(s, &reject, err);
	}
	if (rc == 0)
		rc = count_read(s, item, err);
	if (rc != 0)
		return rc;
	note_amounts(s, item);
	return s->by_reference ? add_reference(s, item, record) : add_staged(s, item);
}

/* ---- records ---- */

/* Whether a byte of the record is no character. Looks through all that was read at once: far ahead
 * of the record, since most files are clean. */
static bool has_bad_byte(struct source *s, const struct record *record, struct flaw *flaw)
{
	enum job_encoding encoding = s->job->source.encoding;
	int64_t end = record->offset + record->size;
	const char *why = NULL;

	if (end > s->looked_to) {
		size_t ready = records_ready(&s->records, record);
		size_t bad = encoding_find_bad(encoding, record->text, ready, NULL);
		s->looked_to = record->offset + (int64_t)ready;
		s->bad_at = bad < ready ? record->offset + (int64_t)bad : INT64_MAX;
	}
	if (s->bad_at >= end)
		return false;
	size_t at = encoding_find_bad(encoding, record->text, record->len, &why);
	flaw_set(flaw, at, "%s", why);
	s->looked_to = end; /* what follows has to be looked through again */
	return true;
}

static void say_too_long(const struct record *record, struct flaw *flaw)
{
	AUTO(buf) struct buf size = BUF_INIT(64);
	const char *open = record->is_open ? "; a quote in it is never closed" : "";

	text_put_count(&size, record->size);
	flaw_set(flaw, 0, "longer than %d MiB: it has %s bytes%s", RECORD_BYTES_MAX >> 20,
		 buf_str(&size), open);
}

static bool has_flaw(struct source *s, const struct record *record, struct flaw *flaw)
{
	if (record->is_cut) {
		say_too_long(record, flaw);
		return true;
	}
	/* An XML document says by itself how its characters are written. */
	if (s->shape.format != SHAPE_XML && has_bad_byte(s, record, flaw))
		return true;
	if (shape_read(&s->shape, record->text, record->len, flaw) == 0)
		return false;
	size_t len = strlen(flaw->reason);
	if (record->is_open && record->lines > 0)
		(void)snprintf(flaw->reason + len, sizeof(flaw->reason) - len,
			       "; the %" PRId64 " lines behind it, to the end, are part of it",
			       record->lines); /* cut is well */
	return true;
}

/* 0: a record; 1: the trailer, which was taken. */
static int check_trailer(struct source *s, const struct record *record, struct err *err)
{
	if (!trailer_is_wanted(&s->trailer))
		return 0;
	if (s->trailer.is_seen)
		return ERR(err, ERR_DATA,
			   "%s:%" PRId64 ": a record stands behind the trailer in line %" PRId64,
			   load_name(s), record->line, s->trailer.line);
	if (record->is_cut || !trailer_matches(&s->trailer, record->text, record->len))
		return 0;
	if (trailer_read(&s->trailer, record, err) == 0)
		return 1;
	err_add(err, "%s:%" PRId64 ": ", load_name(s), record->line);
	return err->code;
}

int judge_record(struct source *s, const struct record *record, struct err *err)
{
	int rc = check_trailer(s, record, err);

	if (rc != 0)
		return rc > 0 ? 0 : rc;
	s->number++;
	s->batch->n_read++;
	if (has_flaw(s, record, &s->flaw)) {
		const struct judge_reject reject = {.record = record, .flaw = &s->flaw};
		return judge_reject(s, &reject, err);
	}
	struct item item = {.fields = s->shape.values,
			    .source_path = s->list.files[s->index].name,
			    .source_line = record->line};
	return judge_item(s, &item, record, err);
}

int judge_item_key(struct source *s, struct item *item, struct err *err)
{
	bool is_duplicate = false;
	bool keeps = true;
	int rc = check_filter(s, item, &s->flaw, &keeps);

	if (rc == 0 && keeps)
		rc = check_key(s, item, &s->flaw, &is_duplicate, err);
	return rc < 0 ? rc : 0;
}

int judge_key_only(struct source *s, const struct record *record, struct err *err)
{
	if (!record->is_cut && trailer_matches(&s->trailer, record->text, record->len))
		return 0;
	if (has_flaw(s, record, &s->flaw))
		return 0;
	struct item item = {.fields = s->shape.values,
			    .source_path = s->list.files[s->index].name,
			    .source_line = record->line};
	return judge_item_key(s, &item, err);
}
