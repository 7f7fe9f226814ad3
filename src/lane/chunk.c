/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/outcome.h"
#include "job/item.h"
#include "job/job.h"
#include "lane/brief.h"
#include "source/body.h"

static void chunk_free(struct chunk *chunk)
{
	list_remove(&chunk->node);
	body_free(chunk->body);
	free(chunk->data);
	free(chunk);
}

void chunk_table_init(struct chunk_table *table, const struct brief *brief)
{
	table->brief = brief;
	list_init(&table->chunks);
}

void chunk_table_done(struct chunk_table *table)
{
	while (!list_is_empty(&table->chunks))
		chunk_free(CONTAINER_OF(list_first(&table->chunks), struct chunk, node));
}

int chunk_add(struct chunk_table *table, const struct frame_chunk *frame, struct err *err)
{
	if (chunk_find(table, frame->handle) != NULL)
		return ERR(err, ERR_BUG, "chunk %u was given twice", frame->handle);
	struct chunk *chunk = xnew(struct chunk);
	chunk->handle = frame->handle;
	chunk->n = frame->n;
	chunk->first_item = frame->first_item;
	chunk->len = frame->body_len;
	if (frame->body_len > 0)
		chunk->data = xmemdup(frame->body, frame->body_len);
	list_prepend(&table->chunks, &chunk->node); /* the newest is asked for most */
	return 0;
}

struct chunk *chunk_find(struct chunk_table *table, uint32_t handle)
{
	struct list *node = NULL;
	struct list *next = NULL;

	LIST_EACH (node, next, &table->chunks) {
		struct chunk *chunk = CONTAINER_OF(node, struct chunk, node);
		if (chunk->handle == handle && !chunk->is_dropped)
			return chunk;
	}
	return NULL;
}

void chunk_drop(struct chunk *chunk)
{
	assert(!chunk->is_dropped);
	chunk->is_dropped = true;
	if (chunk->n_attempts == 0)
		chunk_free(chunk);
}

/* A job without a source has one item, which stands in no body. */
static bool has_body(const struct chunk_table *table)
{
	return table->brief->job->source.kind != SOURCE_NONE;
}

bool chunk_open(struct chunk_table *table, struct chunk *chunk, bool check_only)
{
	enum chunk_state wanted = check_only ? CHUNK_CHECKED : CHUNK_READ;

	if (chunk->state >= wanted)
		return false;
	chunk->state = wanted;
	if (!has_body(table))
		return false;
	body_free(chunk->body);
	chunk->body = NULL;
	int rc = body_open(table->brief->job, chunk->data, chunk->len, chunk->n, check_only,
			   &chunk->body, &chunk->err);
	chunk->is_elsewhere = rc == BODY_ELSEWHERE;
	if (rc > 0)
		chunk->state = CHUNK_CHANGED;
	else if (rc < 0)
		chunk->state = CHUNK_BROKEN;
	return rc > 0;
}

void chunk_set_elsewhere(struct chunk *chunk)
{
	chunk->state = CHUNK_CHANGED;
	chunk->is_elsewhere = true;
}

int chunk_item(struct chunk_table *table, struct chunk *chunk, uint32_t index,
	       struct item *ret_item, struct err *err)
{
	const struct template_run *run = &table->brief->run;

	assert(chunk->state == CHUNK_READ && index < chunk->n);
	if (has_body(table))
		return body_item(chunk->body, index, ret_item, err);
	*ret_item = (struct item){
		.key = run->slot, .key_len = strlen(run->slot), .source_path = ""};
	return 0;
}

void chunk_hold(struct chunk *chunk)
{
	chunk->n_attempts++;
}

void chunk_release(struct chunk *chunk)
{
	assert(chunk->n_attempts > 0);
	chunk->n_attempts--;
	if (chunk->n_attempts == 0 && chunk->is_dropped)
		chunk_free(chunk);
}

void chunk_verdict(const struct chunk *chunk, struct frame_outcome *o)
{
	o->err = chunk->err.text;
	if (chunk->state == CHUNK_CHANGED) {
		o->outcome = OUTCOME_NOT_BEGUN;
		o->err_class = "source-changed";
	} else if (chunk->err.code == ERR_DATA) {
		o->outcome = OUTCOME_DEAD;
		o->err_class = "bad-chunk";
	} else {
		o->outcome = OUTCOME_ALL;
		o->err_class = "source";
	}
}
