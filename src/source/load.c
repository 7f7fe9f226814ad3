/* SPDX-License-Identifier: Apache-2.0 */
#include "source/load.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "job/job.h"
#include "source/csv_header.h"
#include "source/encoding.h"
#include "source/input.h"

enum { CHUNK_BYTES_MAX = 16 * 1024 * 1024 };

const char *load_name(const struct source *s)
{
	return s->is_stdin ? "standard input" : s->list.files[s->index].name;
}

int64_t load_chunk_bytes(const struct source *s)
{
	int64_t bytes = s->job->chunk_bytes;

	return bytes > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : bytes;
}

uint32_t load_item_limit(const struct source *s)
{
	int64_t limit = s->job->chunk_items;

	if (limit > BATCH_ITEMS_MAX)
		limit = BATCH_ITEMS_MAX;
	if (s->options.first_n > 0 && limit > s->options.first_n - s->tally.loaded)
		limit = s->options.first_n - s->tally.loaded;
	return limit < 0 ? 0 : (uint32_t)limit;
}

bool load_wants_keys(const struct source *s)
{
	return !s->by_reference || keys_are_names(&s->keys);
}

/* ---- opening ---- */

/* Opens the bytes of the file; where ranges of it can be read again, items are references. */
static int open_input(struct source *s, struct err *err)
{
	struct file *file = &s->list.files[s->index];

	if (s->is_stdin) {
		s->input = input_open_stream(STDIN_FILENO, load_name(s), &s->patience);
		s->by_reference = false;
		return 0;
	}
	char *path = globs_full_path(s->job, file->name);
	int rc = input_open(path, file->name, &s->patience, &s->input, err);
	free(path);
	if (rc != 0)
		return rc;
	file->identity = *input_identity(s->input);
	file->was_read = true;
	s->by_reference = input_is_plain(s->input) && s->job->source.then != JOB_THEN_DELETE &&
			  s->shape.format != SHAPE_XML && /* a part says nothing of its encoding */
			  s->job->source.kind != SOURCE_STDIN;
	return 0;
}

static void start_records(struct source *s, int64_t offset, int64_t line)
{
	const struct records_options options = {
		.input = s->input,
		.name = load_name(s),
		.elements = s->shape.format == SHAPE_JSON  ? ELEMENTS_JSON
			    : s->shape.format == SHAPE_XML ? ELEMENTS_XML
							   : ELEMENTS_NONE,
		.element = s->job->source.element,
		.delimiter = s->shape.form.delimiter,
		.quote = s->shape.form.quote,
		.keep_max = (size_t)load_chunk_bytes(s),
		.offset = offset,
		.line = line,
	};

	records_init(&s->records, &options);
	s->shape.encoding = s->records.elements.xml.encoding;
	s->looked_to = 0;
	s->bad_at = INT64_MAX;
}

static int read_header(struct source *s, struct err *err)
{
	const struct job_source *source = &s->job->source;
	struct record record = {0};
	const char *why = NULL;

	int rc = records_skip_lines(&s->records, source->skip_first, err);
	if (rc != 0)
		return rc;
	if (!source->header)
		return csv_header_none(&s->shape, err);
	rc = records_next(&s->records, &record, err);
	if (rc == RECORDS_END)
		return csv_header_none(&s->shape, err); /* no records that could need it */
	if (rc < 0)
		return rc;
	if (rc == RECORDS_TOO_LONG)
		return ERR(err, ERR_DATA, "%s: the header is longer than %d MiB", load_name(s),
			   RECORD_BYTES_MAX >> 20);
	if (encoding_find_bad(source->encoding, record.text, record.len, &why) < record.len)
		rc = ERR(err, ERR_DATA, "the header has %s", why);
	else
		rc = csv_header_read(&s->shape, record.text, record.len, err);
	if (rc != 0)
		err_add(err, "%s:%" PRId64 ": ", load_name(s), record.line);
	return rc;
}

static int skip_long(struct source *s, struct record *ret_record, struct err *err)
{
	if (s->shown == NULL)
		s->shown = xcalloc(1, REJECT_RAW_MAX);
	return records_skip(&s->records, s->shown, REJECT_RAW_MAX, ret_record, err);
}

/* What an element is depends on all that stands before it: the document is read from its start. */
static int pass_elements(struct source *s, const struct load_start *start, struct err *err)
{
	struct record record = {0};
	int rc = 0;

	while (rc == 0) {
		rc = records_next(&s->records, &record, err);
		if (rc == RECORDS_TOO_LONG)
			rc = skip_long(s, &record, err);
		if (rc == 0 && record.offset >= start->offset) {
			s->pending = record;
			s->has_pending = true;
			break;
		}
	}
	s->number = start->number;
	return rc < 0 ? rc : 0;
}

/* Goes on where an earlier load of the same file stopped. */
static int go_to_start(struct source *s, struct err *err)
{
	struct load_start *start = &s->start;
	const struct identity *now = input_identity(s->input);
	char text[96] = "";

	if (s->is_from_elsewhere)
		start->identity.device = now->device; /* each machine numbers them for itself */
	if (identity_difference(&start->identity, now, text, sizeof(text))[0] != '\0')
		return ERR(err, ERR_DATA, "%s changed since its load began: %s", load_name(s),
			   text);
	if (s->shape.format == SHAPE_JSON || s->shape.format == SHAPE_XML)
		return pass_elements(s, start, err);
	records_done(&s->records);
	input_close(s->input);
	s->input = NULL;
	int rc = open_input(s, err);
	if (rc == 0)
		rc = input_go_to(s->input, start->offset, err);
	if (rc != 0)
		return rc;
	start_records(s, start->offset, start->line);
	s->number = start->number;
	return 0;
}

/* Opens the file s->index at s->start. */
static int open_file(struct source *s, struct err *err)
{
	assert(!s->is_open && s->index < s->list.n);
	int rc = open_input(s, err);
	if (rc != 0)
		return rc;
	s->is_open = true;
	s->number = 0;
	s->path = UINT32_MAX;
	start_records(s, 0, 1);
	if (s->shape.format == SHAPE_CSV)
		rc = read_header(s, err);
	if (rc == 0 && s->start.is_set)
		rc = go_to_start(s, err);
	s->start = (struct load_start){0};
	return rc;
}

void load_close_file(struct source *s)
{
	if (!s->is_open)
		return;
	records_done(&s->records);
	input_close(s->input);
	s->input = NULL;
	s->is_open = false;
	s->has_pending = false;
}

/* ---- the end of a file, and of all ---- */

static int end_file(struct source *s, struct err *err)
{
	int rc = input_check(s->input, err);

	if (rc != 0)
		return rc;
	if (trailer_is_wanted(&s->trailer) && !s->trailer.is_seen)
		return ERR(err, ERR_DATA, "%s is cut off: it has no trailer (no record matches %s)",
			   load_name(s), s->job->source.trailer_when);
	rc = totals_check(&s->totals, load_name(s), &s->trailer, s->options.run, &s->patience, err);
	if (rc != 0)
		return rc;
	load_close_file(s);
	trailer_reset(&s->trailer);
	s->index++;
	return 0;
}

/* All was read: the totals of the load, and whether the files are still what was read. */
static int finish(struct source *s, struct err *err)
{
	int rc = totals_check(&s->totals, NULL, NULL, s->options.run, &s->patience, err);

	for (size_t i = 0; rc == 0 && !s->is_stdin && i < s->list.n; i++) {
		const struct file *file = &s->list.files[i];
		if (!file->was_read)
			continue;
		char *path = globs_full_path(s->job, file->name);
		rc = identity_check(&file->identity, -1, path, file->name, err);
		free(path);
	}
	return rc;
}

/* ---- reading ---- */

static bool is_full(const struct source *s)
{
	const struct batch *b = s->batch;
	int64_t bytes = s->by_reference ? b->end - b->begin : (int64_t)b->content.len;

	return batch_is_full(b) || b->n >= load_item_limit(s) ||
	       (b->n > 0 && bytes >= load_chunk_bytes(s));
}

/* Whether the record goes into this batch; a chunk has at least one, however large. */
static bool fits(const struct source *s, const struct record *record)
{
	const struct batch *b = s->batch;

	if (b->n == 0)
		return true;
	if (s->by_reference)
		return record->offset + record->size - b->begin <= load_chunk_bytes(s);
	return (int64_t)b->content.len + record->size <= load_chunk_bytes(s);
}

static int next_record(struct source *s, struct record *ret_record, struct err *err)
{
	if (!s->has_pending)
		return records_next(&s->records, ret_record, err);
	*ret_record = s->pending;
	s->has_pending = false;
	return 0;
}

/* Takes one record, or what is there instead. Returns SOURCE_END when the batch must be sent first.
 */
static int step(struct source *s, struct err *err)
{
	struct record record = {0};
	int rc = next_record(s, &record, err);

	if (rc < 0)
		return rc;
	if (rc == RECORDS_FULL)
		return SOURCE_END;
	if (rc != 0 && !batch_is_empty(s->batch))
		return SOURCE_END;
	if (rc == RECORDS_END)
		return end_file(s, err);
	if (rc == RECORDS_TOO_LONG) {
		rc = skip_long(s, &record, err);
		return rc != 0 ? rc : judge_record(s, &record, err);
	}
	if (!fits(s, &record)) {
		s->pending = record;
		s->has_pending = true;
		return SOURCE_END;
	}
	return judge_record(s, &record, err);
}

int load_fill(struct source *s, struct err *err)
{
	if (load_item_limit(s) == 0)
		return SOURCE_END; /* --first: what is left does not count, nor do its totals */
	while (!is_full(s) && !s->has_failed) {
		int rc = 0;
		if (!s->is_open && s->index == s->list.n) {
			if (!batch_is_empty(s->batch))
				return 0;
			rc = finish(s, err);
			return rc == 0 ? SOURCE_END : rc;
		}
		rc = s->is_open ? step(s, err) : open_file(s, err);
		if (rc < 0)
			return rc;
		if (rc == SOURCE_END)
			return 0;
	}
	return 0;
}

/* ---- keys again ---- */

static int replay_file(struct source *s, int64_t stop_at, struct err *err)
{
	struct record record = {0};
	int rc = open_file(s, err);

	while (rc == 0) {
		rc = records_next(&s->records, &record, err);
		if (rc == RECORDS_TOO_LONG) {
			rc = skip_long(s, &record, err);
			continue;
		}
		if (rc != 0 || record.offset >= stop_at)
			break;
		rc = judge_key_only(s, &record, err);
	}
	load_close_file(s);
	return rc < 0 ? rc : 0;
}

int load_replay_keys(struct source *s, struct err *err)
{
	const struct load_start start = s->start;
	size_t last = s->index;
	int rc = 0;

	s->start = (struct load_start){0};
	for (s->index = 0; rc == 0 && s->index < last; s->index++)
		rc = replay_file(s, INT64_MAX, err);
	if (rc == 0 && start.is_set)
		rc = replay_file(s, start.offset, err);
	s->index = last;
	s->start = start;
	return rc;
}
