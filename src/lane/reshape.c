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
	r->mask = exec_mask_new(brief->job);
	if (brief->job->transform == NULL)
		return 0;
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

/* lint: allow parameters: an item, and what is wrong with it in words and by class */
static void add_failure(struct reshape *r, uint32_t index, const struct item *item,
			const char *err_class, const char *words)
{
	r->failures[r->n_failures++] = (struct frame_bulk_failure){
		.index = index,
		.outcome = OUTCOME_DEAD,
		.err_class = err_class,
		.err = arena_str(&r->arena, words),
		.key = item->key == NULL ? "" : arena_text(&r->arena, item->key, item->key_len),
		.person = person_of(r, item)};
}

static void add_refused(struct reshape *r, uint32_t index, struct item *item, const struct err *why)
{
	struct value *fields = bare_fields(r, item);

	item->fields = fields;
	add_failure(r, index, item, RESHAPE_CLASS, reshape_words(r, item, why));
	free(fields);
}

/* Gives the item what the transform makes of it. False: it was refused, and said so. */
static bool unit_read(struct reshape *r, const struct reshape_unit *unit, uint32_t index,
		      struct item *ret_item)
{
	const struct value *fields = NULL;
	struct err why = ERR_INIT;

	if (chunk_item(unit->table, unit->chunk, index, ret_item, &why) < 0) {
		add_failure(r, index, ret_item, RESHAPE_CLASS, why.text);
		return false;
	}
	if (r->transform == NULL)
		return true;
	if (transform_run(r->transform, ret_item, &fields, &why) < 0) {
		add_refused(r, index, ret_item, &why);
		return false;
	}
	ret_item->fields = fields;
	return true;
}

int reshape_unit(struct reshape *r, const struct reshape_unit *unit, uint8_t *done, struct err *err)
{
	r->n_failures = 0;
	arena_reset(&r->arena);
	for (uint32_t i = 0; i < unit->chunk->n && r->n_failures < FRAME_FAILURES_MAX; i++) {
		struct item item = {0};
		struct err why = ERR_INIT;
		if (!bits_get(unit->bits, i) || !unit_read(r, unit, i, &item))
			continue;
		int rc = unit->take == NULL ? 0 : unit->take(unit->arg, &item, &why);
		if (rc == ERR_DATA || rc == ERR_TOO_BIG) {
			add_failure(r, i, &item, REFUSED_CLASS, reshape_words(r, &item, &why));
		} else if (rc < 0) {
			*err = why;
			return rc;
		} else {
			bits_set(done, i);
		}
	}
	return 0;
}
