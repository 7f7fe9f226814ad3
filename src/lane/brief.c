/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/brief.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "job/item.h"
#include "job/job.h"
#include "work/key.h"

/* Parameters are text values of a few lines. */
enum {
	PARAMS_BYTES_MAX = 16 * 1024 * 1024,
	DIFFERENCE_MAX = 4096,
	HELLO_BYTES_MAX = 64 * 1024 * 1024
};

/* Puts the parameters in the order of the job's declaration. */
static int brief_take_params(struct brief *brief, struct err *err)
{
	const struct job *job = brief->job;
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	const char *text = brief->hello.params[0] == '\0' ? "{}" : brief->hello.params;
	const char **values = arena_alloc(&brief->arena, job->n_params * sizeof(*values));

	int rc = json_parse(text, strlen(text), PARAMS_BYTES_MAX, &doc, &root, err);
	if (rc < 0) {
		err_add(err, "parameters: ");
		return ERR_BUG;
	}
	for (size_t i = 0; i < job->n_params; i++) {
		const struct job_param *param = &job->params[i];
		const struct json *value = json_find(root, param->name, strlen(param->name));
		values[i] = param->fallback == NULL ? "" : param->fallback;
		if (value != NULL)
			values[i] = arena_text(&brief->arena, value->text, value->text_len);
	}
	brief->run.param_values = values;
	return 0;
}

/* What of the run's job is as today's file says. How the two differ otherwise the engine tells. */
static int brief_take_today(struct brief *brief, struct err *err)
{
	const struct frame_hello *hello = &brief->hello;
	AUTO(buf) struct buf difference = BUF_INIT(DIFFERENCE_MAX);
	struct job *today = NULL;

	if (hello->today_text[0] == '\0')
		return 0;
	int rc = job_parse(hello->today_text, strlen(hello->today_text), hello->job_path,
			   hello->job_directory, NULL, NULL, &today, err);
	if (rc < 0)
		return rc;
	rc = job_refresh(brief->job, today, &difference);
	job_free(today);
	return rc == JOB_CHANGED ? 0 : rc;
}

int brief_init(struct brief *brief, const struct frame *frame, struct err *err)
{
	assert(brief != NULL && frame != NULL);
	*brief = (struct brief){0};
	if (frame->type != FRAME_HELLO)
		return ERR(err, ERR_BUG, "the first frame is %s", frame_name(frame->type));
	int rc = frame_get_hello(frame, &brief->arena, &brief->hello, err);
	if (rc < 0)
		return rc;
	struct frame_hello *hello = &brief->hello;
	/* The frame's bytes go with the next one. */
	if (hello->cursor != NULL)
		hello->cursor = arena_dup(&brief->arena, hello->cursor, hello->cursor_len);
	rc = job_parse(hello->job_text, strlen(hello->job_text), hello->job_path,
		       hello->job_directory, NULL, NULL, &brief->job, err);
	if (rc < 0)
		return rc;
	struct job *step = job_step(brief->job, (int)hello->step);
	if (step == NULL)
		return ERR(err, ERR_BUG, "the job has no step %u", hello->step);
	brief->job = step;
	rc = brief_take_today(brief, err);
	if (rc < 0)
		return rc;
	brief->run = (struct template_run){.id = hello->run_id,
					   .name = hello->run_name,
					   .job = brief->job->name,
					   .slot = hello->slot,
					   .date = hello->date};
	return brief_take_params(brief, err);
}

int brief_of(struct brief *brief, const struct frame_hello *hello, struct err *err)
{
	AUTO(buf) struct buf bytes = BUF_INIT(HELLO_BYTES_MAX);
	struct frame frame = {0};
	size_t used = 0;

	frame_put_hello(&bytes, hello);
	int rc = frame_split(buf_str(&bytes), bytes.len, &frame, &used, err);
	assert(rc == 0); /* it was written a moment ago */
	return rc < 0 ? rc : brief_init(brief, &frame, err);
}

void brief_make_key(const struct brief *brief, const struct item *item, int64_t number,
		    int32_t redo, char out[ITEM_KEY_CHARS + 1])
{
	enum job_unique unique = brief->job->source.unique;
	struct work_key key = {.ledger_uuid = brief->hello.ledger_uuid,
			       .run_id = brief->hello.run_id,
			       .item = number,
			       .effect = (uint32_t)brief->job->step - 1,
			       .redo = redo};

	if (unique == JOB_UNIQUE_JOB || unique == JOB_UNIQUE_WITHIN) {
		key.job = brief->job->name;
		key.key = item->key;
		key.key_len = item->key_len;
	}
	work_key_format(&key, out);
}

void brief_done(struct brief *brief)
{
	job_free(brief->job);
	arena_done(&brief->arena);
	*brief = (struct brief){0};
}
