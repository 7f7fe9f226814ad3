/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/reshape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/outcome.h"
#include "job/item.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/chunk.h"
#include "script/transform.h"
#include "work/exec_mask.h"

int reshape_init(struct reshape *r, const struct brief *brief, struct err *err)
{
	assert(r != NULL && brief != NULL && err != NULL);
	*r = (struct reshape){.brief = brief, .words = BUF_INIT(ERR_TEXT_MAX * 4)};
	if (brief->job->transform == NULL)
		return 0;
	r->mask = exec_mask_new(brief->job);
	return transform_open(brief->job, &brief->run, &r->transform, err);
}

void reshape_done(struct reshape *r)
{
	transform_free(r->transform);
	if (r->mask != NULL)
		exec_mask_free(r->mask);
	buf_done(&r->words);
	arena_done(&r->arena);
}

/* The fields of the source, and nulls for those that work sees beside them. */
static struct value *bare_fields(const struct reshape *r, const struct item *item)
{
	const struct job *job = r->brief->job;
	size_t n = job->source.n_fields;
	struct value *fields = xcalloc(job->n_fields + 1, sizeof(*fields));

	memcpy(fields, item->fields, n * sizeof(*fields));
	for (size_t i = n; i < job->n_fields; i++)
		fields[i].is_null = true;
	return fields;
}

/* The words of a failure, without what nobody may see. */
static const char *reshape_words(struct reshape *r, const struct item *item, const struct err *why)
{
	buf_reset(&r->words);
	exec_mask_put_err(r->mask, item, why, &r->words);
	return buf_str(&r->words);
}

const char *reshape_item(struct reshape *r, struct item *item, struct value **ret_fields)
{
	const struct value *fields = NULL;
	struct err why = ERR_INIT;

	*ret_fields = NULL;
	if (r->transform == NULL)
		return NULL;
	bool is_good = transform_run(r->transform, item, &fields, &why) == 0;
	*ret_fields = is_good ? transform_keep(r->transform) : bare_fields(r, item);
	item->fields = *ret_fields;
	return is_good ? NULL : reshape_words(r, item, &why);
}

/* ---- units ---- */

static const char *person_of(struct reshape *r, const struct item *item)
{
	const struct job *job = r->brief->job;
	int index = job->person == NULL
			    ? -1
			    : job_find_work_field(job, job->person, strlen(job->person));

	if (item->fields == NULL || index < 0 || item->fields[index].is_null)
		return "";
	return arena_text(&r->arena, item->fields[index].text, item->fields[index].len);
}

static void add_failure(struct reshape *r, uint32_t index, const struct item *item,
			const char *words)
{
	r->failures[r->n_failures++] = (struct frame_bulk_failure){
		.index = index,
		.outcome = OUTCOME_DEAD,
		.err_class = RESHAPE_CLASS,
		.err = arena_str(&r->arena, words),
		.key = item->key == NULL ? "" : arena_text(&r->arena, item->key, item->key_len),
		.person = person_of(r, item)};
}

static void add_refused(struct reshape *r, uint32_t index, struct item *item, const struct err *why)
{
	struct value *fields = bare_fields(r, item);

	item->fields = fields;
	add_failure(r, index, item, reshape_words(r, item, why));
	free(fields);
}

void reshape_unit(struct reshape *r, struct chunk_table *table, struct chunk *chunk,
		  const uint8_t *bits, uint8_t *done)
{
	const struct value *fields = NULL;

	r->n_failures = 0;
	arena_reset(&r->arena);
	for (uint32_t i = 0; i < chunk->n && r->n_failures < FRAME_FAILURES_MAX; i++) {
		struct item item = {0};
		struct err why = ERR_INIT;
		if (!bits_get(bits, i))
			continue;
		if (chunk_item(table, chunk, i, &item, &why) < 0)
			add_failure(r, i, &item, why.text);
		else if (transform_run(r->transform, &item, &fields, &why) < 0)
			add_refused(r, i, &item, &why);
		else
			bits_set(done, i);
	}
}
