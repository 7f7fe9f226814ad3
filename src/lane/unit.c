/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/unit.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/outcome.h"
#include "job/item.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/chunk.h"
#include "lane/link.h"
#include "lane/reshape.h"
#include "script/transform.h"
#include "sys/clock.h"
#include "target/target.h"
#include "work/exec_mask.h"

enum {
	TOGETHER_OF_TABLE = 16,
	TOGETHER_ITEMS = 16384, /* some 15 MiB; more in one go is hardly faster */
	WORDS_MAX = 4 * ERR_TEXT_MAX,
};

struct unit {
	struct list node; /* of those that wait */
	struct chunk *chunk;
	uint32_t ticket;
	uint32_t n;
	uint8_t *bits;
	/* while it is worked */
	uint8_t *done;
	struct frame_bulk_failure *failures;
	uint32_t n_failures;
	struct value **reshaped; /* by item: what the transform made of it */
	enum frame_rest rest;
	const char *err_class;
	const char *err;
};

/* Units that go together. */
struct group {
	struct unit_desk *desk;
	struct unit *units[TOGETHER_OF_TABLE];
	size_t n;
	struct target_batch batch;
	struct item *items; /* of the batch's rows */
	struct arena arena;
	int64_t began_us;
	int64_t began_at;
};

static enum frame_rest rest_of(enum target_rest rest)
{
	switch (rest) {
	case TARGET_LEFT:
		return REST_LEFT;
	case TARGET_UNREACHED:
		return REST_UNREACHED;
	case TARGET_FAILED:
		return REST_FAILED;
	case TARGET_ALIKE:
		return REST_ALIKE;
	}
	unreachable("a rest that does not exist");
}

/* ---- life ---- */

int unit_desk_init(struct unit_desk *desk, struct err *err)
{
	const struct brief *brief = desk->brief;
	const struct target_place place = {
		.job = brief->job, .run = &brief->run, .ledger_uuid = brief->hello.ledger_uuid};

	list_init(&desk->waiting);
	if (!job_has_target(brief->job))
		return 0;
	desk->mask = exec_mask_new(brief->job);
	return target_open(&place, &desk->target, err);
}

static void unit_free(struct unit *unit)
{
	for (uint32_t i = 0; unit->reshaped != NULL && i < unit->n; i++)
		free(unit->reshaped[i]);
	free(unit->reshaped);
	chunk_release(unit->chunk);
	free(unit->bits);
	free(unit->done);
	free(unit->failures);
	free(unit);
}

void unit_desk_done(struct unit_desk *desk)
{
	while (!list_is_empty(&desk->waiting)) {
		struct unit *unit = CONTAINER_OF(list_first(&desk->waiting), struct unit, node);
		list_remove(&unit->node);
		unit_free(unit);
	}
	target_free(desk->target);
	arena_done(&desk->lent);
	if (desk->mask != NULL)
		exec_mask_free(desk->mask);
}

int unit_desk_add(struct unit_desk *desk, const struct frame_bulk *bulk, struct err *err)
{
	struct chunk *chunk = chunk_find(desk->chunks, bulk->handle);

	if (chunk == NULL || bulk->n != chunk->n)
		return ERR(err, ERR_BUG, "chunk %u is no unit of work here", bulk->handle);
	struct unit *unit = xnew(struct unit);
	unit->chunk = chunk;
	unit->ticket = bulk->ticket;
	unit->n = bulk->n;
	unit->bits = xmemdup(bulk->bits, BITS_BYTES(bulk->n));
	unit->done = xcalloc(1, BITS_BYTES(bulk->n));
	unit->rest = REST_LEFT;
	unit->err_class = "";
	unit->err = "";
	chunk_hold(chunk);
	list_append(&desk->waiting, &unit->node);
	return 0;
}

bool unit_desk_is_idle(const struct unit_desk *desk)
{
	return list_is_empty(&desk->waiting);
}

/* ---- answers ---- */

static void unit_answer(const struct unit_desk *desk, struct unit *unit, int64_t began_at,
			int64_t took_us)
{
	frame_put_bulk_outcome(&desk->link->out,
			       &(struct frame_bulk_outcome){.ticket = unit->ticket,
							    .n = unit->n,
							    .done = unit->done,
							    .began_at = began_at,
							    .took_us = took_us,
							    .rest = (uint8_t)unit->rest,
							    .err_class = unit->err_class,
							    .err = unit->err,
							    .failures = unit->failures,
							    .n_failures = unit->n_failures});
	unit_free(unit);
}

void unit_desk_recall(struct unit_desk *desk)
{
	while (!list_is_empty(&desk->waiting)) {
		struct unit *unit = CONTAINER_OF(list_first(&desk->waiting), struct unit, node);
		list_remove(&unit->node);
		unit_answer(desk, unit, 0, 0);
	}
}

static const char *person_of(struct group *g, const struct item *item)
{
	const struct job *job = g->desk->brief->job;
	int index = job->person == NULL
			    ? -1
			    : job_find_work_field(job, job->person, strlen(job->person));

	if (item->fields == NULL || index < 0 || item->fields[index].is_null)
		return "";
	return arena_text(&g->arena, item->fields[index].text, item->fields[index].len);
}

/* The words of a failure, without what nobody may see. */
static const char *words_of(struct group *g, const struct item *item, const char *said)
{
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX);
	struct err err = ERR_INIT;

	err_set(&err, ERR_DATA, 0, "%s", said);
	exec_mask_put_err(g->desk->mask, item, &err, &words);
	return arena_str(&g->arena, buf_str(&words));
}

static void add_failure(struct group *g, struct unit *unit, const struct item *item,
			struct frame_bulk_failure failure)
{
	if (unit->n_failures == FRAME_FAILURES_MAX)
		return; /* the next time */
	failure.key = item->key == NULL ? "" : arena_text(&g->arena, item->key, item->key_len);
	failure.person = person_of(g, item);
	failure.err = words_of(g, item, failure.err);
	failure.err_class = arena_str(&g->arena, failure.err_class);
	unit->failures = xrealloc(unit->failures, unit->n_failures + 1, sizeof(*unit->failures));
	unit->failures[unit->n_failures++] = failure;
}

/* ---- rows ---- */

/* Nothing of it can be read. A source that has changed stops the run. */
static void unit_is_broken(struct group *g, struct unit *unit)
{
	struct chunk *chunk = unit->chunk;
	bool is_passing = chunk->state == CHUNK_CHANGED || chunk->err.code == ERR_DATA;

	unit->rest = is_passing ? REST_LEFT : REST_ALIKE;
	unit->err_class = chunk->state == CHUNK_CHANGED ? "source-changed" : "source";
	unit->err = arena_str(&g->arena, chunk->err.text);
}

/* False: the item has an end of its own. */
static bool read_item(struct group *g, struct unit *unit, uint32_t index, struct item *item)
{
	struct frame_bulk_failure failure = {.index = index, .outcome = OUTCOME_DEAD};
	struct reshape *reshape = g->desk->reshape;
	struct err why = ERR_INIT;

	if (chunk_item(g->desk->chunks, unit->chunk, index, item, &why) < 0) {
		failure.err_class = "bad-item";
		failure.err = why.text;
		add_failure(g, unit, item, failure);
		return false;
	}
	if (reshape->transform == NULL)
		return true;
	if (unit->reshaped == NULL)
		unit->reshaped = xcalloc(unit->n, sizeof(struct value *));
	failure.err = reshape_item(reshape, item, &unit->reshaped[index]);
	if (failure.err == NULL)
		return true;
	failure.err_class = RESHAPE_CLASS;
	add_failure(g, unit, item, failure);
	return false;
}

static void add_rows(struct group *g, size_t which)
{
	struct unit *unit = g->units[which];
	struct target_batch *batch = &g->batch;

	batch->units[which] = (struct target_unit){.first_item = unit->chunk->first_item,
						   .n = unit->n};
	for (uint32_t i = 0; i < unit->n; i++) {
		struct item *item = &g->items[batch->n_rows];
		if (!bits_get(unit->bits, i))
			continue;
		*item = (struct item){0};
		if (!read_item(g, unit, i, item))
			continue;
		batch->rows[batch->n_rows++] = (struct target_row){
			.unit = which,
			.index = i,
			.item = {.item = item,
				 .number = unit->chunk->first_item + i,
				 .attempt = 1,
				 .idempotency_key = ""}};
	}
}

static void open_unit(struct group *g, size_t which)
{
	struct unit_desk *desk = g->desk;
	struct unit *unit = g->units[which];

	/* Reading the chunk is what could kill us: from here on the unit is begun. */
	atomic_store(&desk->slots[FRAME_TICKET_SLOT(unit->ticket)].begun, 1);
	if (chunk_open(desk->chunks, unit->chunk, false))
		desk->changed(desk->arg, unit->chunk);
	if (unit->chunk->state == CHUNK_READ)
		add_rows(g, which);
	else
		unit_is_broken(g, unit);
}

/* ---- a group ---- */

static int by_first_item(const void *a, const void *b)
{
	const struct unit *left = *(struct unit *const *)a;
	const struct unit *right = *(struct unit *const *)b;
	int64_t x = left->chunk->first_item;
	int64_t y = right->chunk->first_item;

	return (x > y) - (x < y);
}

static void take_units(struct group *g)
{
	struct unit_desk *desk = g->desk;
	size_t most = desk->brief->job->work.kind == WORK_TABLE ? TOGETHER_OF_TABLE : 1;
	size_t n_items = 0;

	while (g->n < most && !list_is_empty(&desk->waiting)) {
		struct unit *unit = CONTAINER_OF(list_first(&desk->waiting), struct unit, node);
		if (g->n > 0 && n_items + unit->n > TOGETHER_ITEMS)
			break;
		list_remove(&unit->node);
		g->units[g->n++] = unit;
		n_items += unit->n;
	}
	qsort(g->units, g->n, sizeof(g->units[0]), by_first_item);
	g->items = xcalloc(n_items + 1, sizeof(*g->items));
	g->batch.units = xcalloc(g->n, sizeof(*g->batch.units));
	g->batch.n_units = g->n;
	g->batch.rows = xcalloc(n_items + 1, sizeof(*g->batch.rows));
}

static void take_results(struct group *g)
{
	const struct target_batch *batch = &g->batch;

	for (size_t i = 0; i < batch->n_rows; i++) {
		const struct target_row *row = &batch->rows[i];
		struct unit *unit = g->units[row->unit];
		if (row->outcome == OUTCOME_DONE)
			bits_set(unit->done, row->index);
		else if (row->outcome != 0)
			add_failure(g, unit, row->item.item,
				    (struct frame_bulk_failure){.index = row->index,
								.outcome = (uint8_t)row->outcome,
								.err_class = row->err_class,
								.err = row->err});
		if (row->outcome != 0 || batch->rest == TARGET_LEFT)
			continue;
		unit->rest = rest_of(batch->rest);
		unit->err_class = batch->rest_class;
		unit->err = batch->rest_err.text;
	}
}

void unit_desk_work(struct unit_desk *desk)
{
	struct group g = {.desk = desk};

	take_units(&g);
	g.began_us = clock_monotonic_us();
	g.began_at = clock_now();
	for (size_t i = 0; i < g.n; i++)
		open_unit(&g, i);
	if (g.batch.n_rows > 0) {
		target_run(desk->target, &g.batch);
		take_results(&g);
	}
	int64_t took_us = clock_monotonic_us() - g.began_us;
	for (size_t i = 0; i < g.n; i++)
		unit_answer(desk, g.units[i], g.began_at, took_us / (int64_t)g.n);
	target_batch_done(&g.batch);
	free(g.batch.units);
	free(g.batch.rows);
	free(g.items);
	arena_done(&g.arena);
}

/* ---- one item ---- */

static void outcome_of_row(const struct target_batch *batch, struct frame_outcome *ret)
{
	const struct target_row *row = &batch->rows[0];

	if (row->outcome != 0) {
		ret->outcome = (uint8_t)row->outcome;
		ret->err_class = row->err_class;
		ret->err = row->err;
		return;
	}
	/* What a unit would be given back for, an item is tried again for. */
	ret->outcome = batch->rest == TARGET_ALIKE  ? OUTCOME_ALL
		       : batch->rest == TARGET_LEFT ? OUTCOME_NOT_BEGUN
						    : OUTCOME_RETRY;
	ret->err_class = batch->rest_class;
	ret->err = batch->rest_err.text;
}

void unit_desk_item(struct unit_desk *desk, const struct unit_item *what,
		    struct frame_outcome *ret_outcome)
{
	struct target_unit unit = {.first_item = what->chunk->first_item, .n = what->chunk->n};
	struct target_row row = {
		.index = what->index, .is_redo = what->is_redo, .item = *what->item};
	struct target_batch batch = {.units = &unit, .n_units = 1, .rows = &row, .n_rows = 1};
	struct group g = {.desk = desk};
	int64_t began_us = clock_monotonic_us();

	*ret_outcome = (struct frame_outcome){.ticket = what->ticket, .began_at = clock_now()};
	atomic_store(&desk->slots[FRAME_TICKET_SLOT(what->ticket)].begun, 1);
	target_run(desk->target, &batch);
	outcome_of_row(&batch, ret_outcome);
	ret_outcome->took_us = clock_monotonic_us() - began_us;
	if (ret_outcome->outcome != OUTCOME_DONE) {
		const char *said = words_of(&g, what->item->item, ret_outcome->err);
		arena_reset(&desk->lent);
		ret_outcome->err = arena_str(&desk->lent, said);
		ret_outcome->err_class = arena_str(&desk->lent, ret_outcome->err_class);
	}
	target_batch_done(&batch);
	arena_done(&g.arena);
}
