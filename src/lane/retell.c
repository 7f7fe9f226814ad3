/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/retell.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/chunk.h"
#include "lane/reshape.h"
#include "work/work.h"

enum { RETELL_MAGIC = 0x5265746c };

struct retell {
	uint32_t magic;
	struct brief brief;
	struct chunk_table chunks;
	struct reshape reshape;
	bool has_reshape;
	struct chunk *chunk; /* that is open, NULL none */
};

static const char STARS[] = "***";

static int retell_fill(struct retell *r, const struct frame_hello *hello, struct err *err)
{
	int rc = brief_of(&r->brief, hello, err);

	if (rc < 0)
		return rc;
	r->brief.run.hides_secrets = true;
	rc = reshape_init(&r->reshape, &r->brief, err);
	r->has_reshape = rc == 0;
	return rc;
}

int retell_new(const struct frame_hello *hello, struct retell **ret_retell, struct err *err)
{
	struct retell *r = xnew(struct retell);

	assert(hello != NULL && ret_retell != NULL);
	r->magic = RETELL_MAGIC;
	chunk_table_init(&r->chunks, &r->brief);
	int rc = retell_fill(r, hello, err);
	if (rc < 0) {
		retell_free(r);
		return rc;
	}
	*ret_retell = r;
	return 0;
}

void retell_free(struct retell *r)
{
	if (r == NULL)
		return;
	assert(r->magic == RETELL_MAGIC);
	if (r->has_reshape)
		reshape_done(&r->reshape);
	chunk_table_done(&r->chunks);
	brief_done(&r->brief);
	r->magic = 0;
	free(r);
}

int retell_open(struct retell *r, const struct frame_chunk *chunk, struct err *err)
{
	assert(r != NULL && r->magic == RETELL_MAGIC);
	bool is_open = r->chunk != NULL && r->chunk->first_item == chunk->first_item;
	if (r->chunk != NULL && !is_open)
		chunk_drop(r->chunk);
	if (!is_open) {
		r->chunk = NULL;
		int rc = chunk_add(&r->chunks, chunk, err);
		if (rc < 0)
			return rc;
		r->chunk = chunk_find(&r->chunks, chunk->handle);
		(void)chunk_open(&r->chunks, r->chunk, false); /* its state says it, too */
	}
	if (r->chunk->state == CHUNK_READ)
		return 0;
	return ERR(err, ERR_DATA, "%s", r->chunk->err.text);
}

/* What nobody may see is not there: whatever is made of the fields cannot show it. */
static struct value *mask_fields(const struct retell *r, struct item *item, bool *ret_is_masked)
{
	const struct job *job = r->brief.job;
	struct value *fields = xcalloc(job->n_fields + 1, sizeof(*fields));

	for (size_t i = 0; i < job->n_fields; i++) {
		fields[i] = item->fields[i];
		if (!job->fields[i].sensitive || fields[i].is_null)
			continue;
		fields[i].text = STARS;
		fields[i].len = strlen(STARS);
		*ret_is_masked = true;
	}
	item->fields = fields;
	return fields;
}

/* For whom it is: a process that died has not told. */
static void take_person(const struct retell *r, const struct item *item, struct retold *ret)
{
	const struct job *job = r->brief.job;
	int index = job->person == NULL
			    ? -1
			    : job_find_work_field(job, job->person, strlen(job->person));

	if (index >= 0 && !item->fields[index].is_null)
		ret->person = arena_text(&ret->sent.arena, item->fields[index].text,
					 item->fields[index].len);
}

static int retell_masked(const struct retell *r, int64_t number, struct item *item,
			 struct retold *ret, struct err *err)
{
	take_person(r, item, ret);
	struct value *masked = mask_fields(r, item, &ret->is_masked);
	const struct work_context context = {.job = r->brief.job,
					     .run = &r->brief.run,
					     .run_date = r->brief.hello.date,
					     .nonce = ""};
	const struct template_item what = {.item = item,
					   .number = number,
					   .attempt = 1,
					   .idempotency_key = ret->idempotency_key};
	int rc = work_sent_make(&context, &what, &ret->sent, err);

	free(masked);
	return rc;
}

int retell_item(struct retell *r, int64_t number, int32_t redo, bool hides_key,
		struct retold *ret_retold, struct err *err)
{
	struct item item = {0};
	struct value *fields = NULL;

	assert(r != NULL && r->magic == RETELL_MAGIC && r->chunk != NULL && ret_retold != NULL);
	*ret_retold = (struct retold){0};
	if (number < r->chunk->first_item || number >= r->chunk->first_item + r->chunk->n)
		return ERR(err, ERR_DATA, "the item is not of its chunk");
	int rc = chunk_item(&r->chunks, r->chunk, (uint32_t)(number - r->chunk->first_item), &item,
			    err);
	if (rc < 0)
		return rc;
	brief_make_key(&r->brief, &item, number, redo, ret_retold->idempotency_key);
	const char *why = reshape_item(&r->reshape, &item, &fields);
	if (hides_key) {
		item.key = STARS;
		item.key_len = strlen(STARS);
		ret_retold->is_masked = true;
	}
	rc = why != NULL ? ERR(err, ERR_DATA, "%s", why)
			 : retell_masked(r, number, &item, ret_retold, err);
	free(fields);
	return rc;
}
