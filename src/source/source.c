/* SPDX-License-Identifier: Apache-2.0 */
#include "source/source.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "job/job.h"
#include "script/filter.h"
#include "source/content.h"
#include "source/load.h"
#include "source/unique.h"

/* ---- opening ---- */

/* What has no files is one without a name. */
static int list_none(struct source *s)
{
	s->list.files = xcalloc(1, sizeof(*s->list.files));
	s->list.files[0].name = xstrdup("");
	s->list.n = 1;
	return 0;
}

static int list_files(struct source *s, struct err *err)
{
	const struct globs_options options = {.job = s->job,
					      .run = s->options.run,
					      .path = s->options.path,
					      .patience = &s->patience};

	if (!s->is_stdin && source_has_files(s))
		return globs_list(&options, &s->list, err);
	return list_none(s);
}

/* Content that another run had is refused before anything is loaded. */
static int refuse_same_content(struct source *s, struct err *err)
{
	const struct source_options *o = &s->options;
	int rc = 0;

	if (!s->job->source.refuse_same_content || o->find_content == NULL || s->is_stdin ||
	    !source_has_files(s))
		return 0;
	for (size_t i = 0; rc == 0 && i < s->list.n; i++) {
		struct frame_content content = {.path = s->list.files[i].name};
		const char *run = "";
		rc = content_digest(s->job, content.path, &s->patience, content.digest, err);
		if (rc == 0)
			rc = o->find_content(o->arg, &content, &run, err);
		if (rc == 0 && run != NULL && run[0] != '\0')
			rc = ERR(err, ERR_DATA,
				 "%s has the same content as a file of %s (same_content: refuse)",
				 content.path, run);
	}
	return rc;
}

/* What a source has beside its files. */
static int prepare(struct source *s, struct err *err)
{
	const struct job_source *source = &s->job->source;

	shape_init(&s->shape, s->job);
	totals_init(&s->totals, s->job);
	sums_init(&s->sums, s->job);
	s->amounts = xcalloc(s->totals.n + s->sums.n + 1, sizeof(*s->amounts));
	s->batch = batch_new(s->job->control_over_loaded ? s->totals.n : 0, s->sums.n);
	int rc = trailer_init(&s->trailer, s->job, err);
	if (rc == 0)
		rc = keys_init(&s->keys, s->job, s->options.run, err);
	if (rc == 0 && s->job->filter != NULL)
		rc = filter_open(s->job, s->options.run, &s->filter, err);
	if (rc == 0 && job_is_from_database(s->job))
		rc = database_new(s, err);
	if (rc == 0 && source->kind == SOURCE_STEP)
		step_new(s);
	if (source->kind == SOURCE_INBOX)
		inbox_new(s);
	if (rc == 0 && source->unique != JOB_UNIQUE_NONE && keys_are_names(&s->keys))
		s->unique = unique_new(0);
	return rc;
}

static int begin(struct source *s, struct err *err)
{
	int rc = list_files(s, err);

	return rc != 0 ? rc : refuse_same_content(s, err);
}

/* Goes on behind an earlier batch. */
static int resume(struct source *s, struct err *err)
{
	const uint8_t *cursor = s->options.cursor;

	if (cursor[0] == FRAME_CURSOR_BEHIND) {
		int behind = cursor_get_behind(s, cursor, s->options.cursor_len, err);
		return behind == 0 ? list_none(s) : behind;
	}
	int rc = cursor_get(s, cursor, s->options.cursor_len, err);
	if (rc == 0 && !source_has_files(s))
		rc = list_none(s);
	if (rc != 0 || s->unique == NULL || s->inbox != NULL)
		return rc;
	if (s->rows != NULL)
		return database_replay_keys(s, err);
	if (s->step != NULL)
		return step_replay_keys(s, err);
	return s->job->source.kind == SOURCE_FILES ? files_replay_keys(s, err)
						   : load_replay_keys(s, err);
}

/* What is wrong with files that another machine began to load is not for this one to say: it may
 * see other files, or none. */
static int or_elsewhere(const struct source *s, int rc, struct err *err)
{
	bool is_fault = rc < 0 ? rc != ERR_CONFIG && rc != ERR_TEMP : rc != 0 && rc != SOURCE_END;

	if (!s->is_from_elsewhere || !is_fault)
		return rc;
	err_add(err, "its load was begun on another machine: ");
	return SOURCE_ELSEWHERE;
}

int source_check_path(const struct job *job, struct err *err)
{
	if (job_is_from_database(job))
		return ERR(err, ERR_CONFIG,
			   "--source names a file, and this job reads a database: mend the rows "
			   "there, and run it again");
	if (job->source.kind == SOURCE_INBOX)
		return ERR(
			err, ERR_CONFIG,
			"--source names a file, and this job reads its inbox: put the items there "
			"with stint add, and run it again");
	return 0;
}

int source_open(const struct source_options *options, struct source **ret_source, struct err *err)
{
	assert(options != NULL && options->job != NULL && ret_source != NULL);
	const struct job *job = options->job;
	struct source *s = xnew(struct source);
	s->options = *options;
	s->job = job;
	/* With --source a file takes the place of standard input. */
	bool has_path = options->path != NULL && options->path[0] != '\0';
	s->is_stdin = job->source.kind == SOURCE_STDIN && !has_path;
	s->path = UINT32_MAX;
	s->pace.rate = job->source.rate;
	s->patience = (struct patience){
		.retry = &job->source.retry, .arg = options->arg, .wait = options->wait};
	assert(job->source.kind == SOURCE_FILES || job->source.kind == SOURCE_STEP ||
	       job_is_from_database(job) || shape_format_of(job) != SHAPE_NONE);
	int rc = has_path ? source_check_path(job, err) : 0;
	if (rc == 0)
		rc = machine_here(s->machine, err);
	if (rc == 0)
		rc = prepare(s, err);
	if (rc == 0)
		rc = options->cursor_len > 0 ? resume(s, err) : begin(s, err);
	if (rc == 0)
		rc = cursor_set_list(s, err);
	rc = or_elsewhere(s, rc, err);
	if (rc != 0)
		source_free(s);
	else
		*ret_source = s;
	return rc;
}

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	load_close_file(s);
	file_list_done(&s->list);
	buf_done(&s->list_bytes);
	shape_done(&s->shape);
	trailer_done(&s->trailer);
	keys_done(&s->keys);
	filter_free(s->filter);
	database_free(s->rows);
	step_free(s->step);
	inbox_free(s->inbox);
	unique_free(s->unique);
	totals_done(&s->totals);
	batch_free(s->batch);
	free(s->amounts);
	free(s->shown);
	free(s);
}

/* ---- a batch is complete ---- */

/* Leaves out what is open in an earlier run, or was done before. */
static int hold_back(struct source *s, uint32_t *ret_held, struct err *err)
{
	struct batch *b = s->batch;
	const char *keys[BATCH_ITEMS_MAX];
	uint8_t bits[BITS_BYTES(BATCH_ITEMS_MAX)] = {0};
	struct frame_keys_answer answer = {0};

	*ret_held = 0;
	if (b->n == 0 || s->options.find_keys == NULL || !keys_are_names(&s->keys))
		return 0;
	int rc = buf_check(&b->keys, "the keys of a chunk", err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < b->n; i++)
		keys[i] = b->keys.data + b->key_at[i];
	const struct frame_keys ask = {.n = b->n, .keys = keys};
	rc = s->options.find_keys(s->options.arg, &ask, &answer, err);
	if (rc != 0)
		return rc;
	if (answer.n != b->n)
		return ERR(err, ERR_BUG, "asked about %u keys, told about %u", b->n, answer.n);
	if (answer.open != NULL)
		bits_or(bits, answer.open, b->n);
	if (s->inbox != NULL)
		inbox_leave(s, bits);
	if (answer.seen != NULL)
		bits_or(bits, answer.seen, b->n);
	for (uint32_t i = 0; rc == 0 && s->sums.n > 0 && i < b->n; i++)
		if (bits_get(bits, i))
			rc = sums_add(&s->sums, SUMS_HELD_BACK, batch_sums(b, i), err);
	*ret_held = batch_hold_back(b, bits);
	return rc;
}

static int count_loaded(struct source *s, struct err *err)
{
	const struct batch *b = s->batch;
	int64_t max = s->job->source.max_items;
	int rc = 0;

	s->tally.loaded += b->n;
	if (max > 0 && s->tally.loaded > max)
		return ERR(err, ERR_DATA, "more than %" PRId64 " items (max_items)", max);
	for (uint32_t i = 0; rc == 0 && b->n_controls > 0 && i < b->n; i++)
		rc = totals_add(&s->totals, batch_controls(b, i), err);
	for (uint32_t i = 0; rc == 0 && s->sums.n > 0 && i < b->n; i++)
		rc = sums_add(&s->sums, SUMS_LOADED, batch_sums(b, i), err);
	return rc;
}

static void put_keys(struct batch *b)
{
	struct json_writer w;

	jw_init(&w, &b->keys_json);
	jw_array(&w);
	for (uint32_t i = 0; i < b->n; i++)
		jw_string(&w, b->keys.data + b->key_at[i], b->key_at[i + 1] - b->key_at[i] - 1);
	jw_array_end(&w);
	jw_done(&w);
}

static int put_reference(struct source *s, struct err *err)
{
	struct batch *b = s->batch;
	const struct file *file = &s->list.files[s->index];
	struct body_reference ref = {
		.format = s->shape.format,
		.path = file->name,
		.path_len = strlen(file->name),
		.identity = file->identity,
		.offset = b->begin,
		.size = b->end - b->begin,
		.first_line = b->first_line,
		.first_record = b->first_record,
		.n_records = b->n_records_to_end,
		.n_items = b->n,
		.n_columns = (uint32_t)s->shape.n_columns,
		.n_fields = (uint16_t)s->job->source.n_fields,
		.column_of = s->shape.column_of,
		.has_keys = s->keys.how == KEYS_TEMPLATE,
		.keys = buf_str(&b->keys),
		.keys_len = b->keys.len,
	};

	if (b->n < b->n_records_to_end)
		ref.skips = b->skips;
	hash_xxh128(records_at(&s->records, b->begin), (size_t)ref.size, ref.hash);
	body_put_reference(&b->body, s->machine, &ref);
	int rc = buf_check(&b->body, "a chunk", err);
	/* A key that the job declares must be known of an item that is left open, however it came
	 * to that: a later run asks for it. A place in a file names nothing beyond the run. */
	if (rc == 0 && keys_are_names(&s->keys))
		put_keys(b);
	return rc != 0 ? rc : buf_check(&b->keys_json, "the keys of a chunk", err);
}

static int put_staged(struct source *s, struct err *err)
{
	struct batch *b = s->batch;
	struct buf content = BUF_INIT(BODY_STAGED_MAX);

	body_put_paths(&content, b->paths, b->n_paths);
	buf_put_u32(&content, b->n);
	buf_put_u16(&content, (uint16_t)s->job->source.n_fields);
	buf_put(&content, b->content.data, b->content.len);
	int rc = buf_check(&b->content, "a chunk", err);
	if (rc == 0)
		rc = buf_check(&content, "a chunk", err);
	if (rc == 0)
		rc = body_put_staged(&b->body, s->machine, &content, err);
	buf_done(&content);
	put_keys(b);
	return rc != 0 ? rc : buf_check(&b->keys_json, "the keys of a chunk", err);
}

static int put_sums(struct source *s, struct err *err)
{
	struct batch *b = s->batch;

	if (s->sums.n == 0)
		return 0;
	if (b->n > 0)
		sums_put_items(&s->sums, batch_sums(b, 0), b->n_controls + b->n_sums, b->n,
			       &b->sums);
	sums_put_load(&s->sums, &b->load_sums);
	int rc = buf_check(&b->sums, "the amounts of a chunk", err);
	return rc != 0 ? rc : buf_check(&b->load_sums, "the totals of a load", err);
}

static int put_body(struct source *s, struct err *err)
{
	if (s->batch->n == 0)
		return 0;
	return s->by_reference ? put_reference(s, err) : put_staged(s, err);
}

static void describe(struct source *s, uint32_t held, struct frame_loaded *ret_batch)
{
	struct batch *b = s->batch;

	*ret_batch = (struct frame_loaded){
		.n = b->n,
		.body = buf_str(&b->body),
		.body_len = b->body.len,
		.keys = buf_str(&b->keys_json),
		.tell = s->job->source.then != JOB_THEN_KEEP || job_writes_back(s->job),
		.n_rejects = b->n_rejects,
		.rejects = b->rejects,
		.read = b->n_read,
		.filtered = b->n_filtered,
		.held_back = held,
		.cursor = buf_str(&b->cursor),
		.cursor_len = b->cursor.len,
		.sums = buf_str(&b->sums),
		.run_sums = buf_str(&b->load_sums),
	};
	if (s->inbox != NULL)
		ret_batch->taken = *inbox_taken(s->inbox);
}

static int complete(struct source *s, struct frame_loaded *ret_batch, struct err *err)
{
	uint32_t held = 0;

	int rc = hold_back(s, &held, err);
	if (rc == 0)
		rc = count_loaded(s, err);
	if (rc == 0)
		rc = put_body(s, err);
	if (rc == 0)
		rc = put_sums(s, err);
	if (rc != 0)
		return rc;
	s->tally.read += s->batch->n_read;
	s->tally.held_back += held;
	cursor_put(s, &s->batch->cursor);
	rc = buf_check(&s->batch->cursor, "the place of a load", err);
	describe(s, held, ret_batch);
	return rc;
}

static int fill(struct source *s, struct err *err)
{
	if (s->rows != NULL)
		return database_fill(s, err);
	if (s->step != NULL)
		return step_fill(s, err);
	int rc = s->inbox != NULL		       ? inbox_fill(s, err)
		 : s->job->source.kind == SOURCE_FILES ? files_fill(s, err)
						       : load_fill(s, err);
	/* Read ahead, so that nobody waits for a batch that there is not. */
	return rc == 0 ? pace_page(&s->pace, &s->patience, err) : rc;
}

int source_next(struct source *s, struct frame_loaded *ret_batch, struct err *err)
{
	assert(s != NULL && ret_batch != NULL && err != NULL);
	if (s->has_failed) {
		*err = s->failure;
		return or_elsewhere(s, s->failure.code, err);
	}
	if (s->is_ended)
		return SOURCE_END;
	batch_reset(s->batch);
	s->path = UINT32_MAX;
	if (s->is_open)
		records_let_go(&s->records);
	int rc = fill(s, err);
	if (rc == 0)
		rc = complete(s, ret_batch, err);
	if (rc < 0) {
		s->failure = *err;
		s->has_failed = true;
	}
	s->is_ended = rc == SOURCE_END;
	return or_elsewhere(s, rc, err);
}
