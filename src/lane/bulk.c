/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/bulk.h"

#include <stdatomic.h>
#include <string.h>

#include "base/bits.h"
#include "core/outcome.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/chunk.h"
#include "lane/lane.h"
#include "lane/link.h"
#include "lane/reshape.h"
#include "sys/clock.h"

int bulk_desk_init(struct bulk_desk *desk, struct err *err)
{
	if (desk->brief->job->work.kind != WORK_FILE)
		return 0;
	return segments_init(&desk->segments, desk->brief, err);
}

void bulk_desk_done(struct bulk_desk *desk)
{
	segments_done(&desk->segments);
}

/* As if it had never been given. */
static void bulk_return(struct bulk_desk *desk, const struct frame_bulk *bulk)
{
	static const uint8_t none[BITS_BYTES(FRAME_ITEMS_MAX)];

	frame_put_bulk_outcome(&desk->link->out,
			       &(struct frame_bulk_outcome){.ticket = bulk->ticket,
							    .n = bulk->n,
							    .done = none,
							    .rest = REST_LEFT,
							    .err_class = "",
							    .err = ""});
}

/* Nothing of the unit was done: the file cannot be written. */
static void unit_failed(const struct err *why, struct frame_bulk_outcome *o)
{
	o->n_failures = 0;
	o->rest = REST_ALIKE;
	o->err = why->text;
	o->err_class = why->code == ERR_FULL	  ? "disk-full"
		       : why->code == ERR_PERM	  ? "permission"
		       : why->code == ERR_NOINPUT ? "no-file"
						  : "io";
}

static int take_item(void *arg, const struct item *item, struct err *err)
{
	return segment_add(arg, item, err);
}

/* The items of a unit through the transform, and into the segment of the chunk where all of them
 * are there; of a part nothing is kept but that they can be written. */
static void unit_work(struct bulk_desk *desk, struct chunk *chunk, const struct frame_bulk *bulk,
		      uint8_t *done, struct frame_bulk_outcome *o)
{
	struct err why = ERR_INIT;
	struct reshape_unit unit = {
		.table = desk->chunks, .chunk = chunk, .bits = bulk->bits, .arg = &desk->segments};
	bool is_file = desk->brief->job->work.kind == WORK_FILE;
	bool is_whole = is_file && bits_count(bulk->bits, bulk->n) == bulk->n;
	int rc = 0;

	if (is_file)
		unit.take = take_item;
	if (is_whole)
		rc = segment_begin(&desk->segments, chunk->first_item, &why);
	else if (is_file)
		segment_try(&desk->segments);
	if (rc == 0)
		rc = reshape_unit(desk->reshape, &unit, done, &why);
	o->failures = desk->reshape->failures;
	o->n_failures = desk->reshape->n_failures;
	if (rc == 0 && is_whole)
		rc = segment_end(&desk->segments, done, bulk->n, &why);
	if (rc == 0)
		return;
	if (is_whole)
		segment_drop(&desk->segments);
	memset(done, 0, BITS_BYTES(bulk->n));
	desk->why = why;
	unit_failed(&desk->why, o);
}

/* What is made of the chunk has to get to where the others write. */
static bool bulk_may_write(struct bulk_desk *desk, struct chunk *chunk)
{
	if (desk->brief->job->work.kind != WORK_FILE || chunk->state != CHUNK_READ ||
	    chunk->len == 0 ||
	    segments_meet(&desk->segments, chunk->data, chunk->len, &chunk->err) == 0)
		return true;
	chunk_set_elsewhere(chunk);
	return false;
}

int bulk_desk_work(struct bulk_desk *desk, const struct frame_bulk *bulk, struct err *err)
{
	uint8_t done[BITS_BYTES(FRAME_ITEMS_MAX)] = {0};
	struct frame_outcome verdict = {.outcome = OUTCOME_NOT_BEGUN, .err_class = "", .err = ""};
	struct frame_bulk_outcome o = {.done = done,
				       .began_at = clock_now(),
				       .rest = REST_LEFT,
				       .err_class = "",
				       .err = ""};
	int64_t began_us = clock_monotonic_us();
	const struct job *job = desk->brief->job;
	struct chunk *chunk = chunk_find(desk->chunks, bulk->handle);

	if (chunk == NULL || bulk->n != chunk->n ||
	    (job->work.kind != WORK_NOOP && job->work.kind != WORK_FILE))
		return ERR(err, ERR_BUG, "chunk %u is no unit of work here", bulk->handle);
	if (lane_is_lapsed(desk->until, clock_boot_us())) {
		bulk_return(desk, bulk);
		return 0;
	}
	bool only_looks = desk->reshape->transform == NULL && job->work.kind == WORK_NOOP;
	/* Reading the chunk is what could kill us: from here on the unit is begun. */
	atomic_store(&desk->slots[FRAME_TICKET_SLOT(bulk->ticket)].begun, 1);
	if (chunk_open(desk->chunks, chunk, only_looks) || !bulk_may_write(desk, chunk))
		desk->changed(desk->arg, chunk);
	bool is_good = chunk->state == CHUNK_CHECKED || chunk->state == CHUNK_READ;
	if (!is_good) {
		chunk_verdict(chunk, &verdict);
		o.err_class = verdict.err_class;
		o.err = verdict.err;
	} else if (only_looks) {
		o.done = bulk->bits;
	} else {
		unit_work(desk, chunk, bulk, done, &o);
	}
	o.ticket = bulk->ticket;
	o.n = bulk->n;
	o.took_us = clock_monotonic_us() - began_us;
	frame_put_bulk_outcome(&desk->link->out, &o);
	return 0;
}
