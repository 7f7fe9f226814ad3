/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes of chunks that were worked as one unit (settle.c). */
#include "engine/settle_inside.h"

#include "base/bits.h"

/* An item of a unit with an end of its own, as if it had been worked by itself. */
static void settle_failure(struct run *r, struct chunk *chunk, const struct frame_bulk_outcome *f,
			   const struct frame_bulk_failure *failure)
{
	const struct ending e = {.outcome = (enum outcome)failure->outcome,
				 .began_at = f->began_at,
				 .took_us = f->took_us / f->n,
				 .err_class = failure->err_class,
				 .err = failure->err,
				 .key = failure->key,
				 .person = failure->person};
	struct ticket *t = ticket_new(r);

	if (t == NULL) {
		chunk_untake(r, chunk, failure->index);
		return;
	}
	t->state = TICKET_AHEAD;
	t->chunk = chunk;
	t->index = failure->index;
	t->attempt = 1;
	settle_ticket(r, t, &e);
}

static void settle_failures(struct run *r, struct ticket *t, const struct frame_bulk_outcome *f)
{
	for (uint32_t i = 0; i < f->n_failures; i++) {
		const struct frame_bulk_failure *failure = &f->failures[i];
		if (!bits_get(t->bits, failure->index))
			continue;
		bits_clear(t->bits, failure->index); /* an answer for one item, and no second */
		settle_failure(r, t->chunk, f, failure);
	}
}

/* So often a unit may fail as a whole, or kill its lane, before its items are worked alone. */
enum { UNIT_FAILURES_MAX = 3, UNIT_DEATHS_MAX = 2 };

/* What of a unit is neither done nor has an end of its own goes back as it was. Something among
 * them may be to blame when that happens again and again. */
static void settle_rest(struct run *r, struct ticket *t, const struct frame_bulk_outcome *f)
{
	if (f->rest == REST_FAILED && bits_count(t->bits, t->n_bits) > 0)
		t->chunk->unit_failures++;
	for (uint32_t i = 0; i < t->n_bits; i++) {
		if (!bits_get(t->bits, i))
			continue;
		if (t->chunk->unit_failures >= UNIT_FAILURES_MAX)
			chunk_suspect(r, t->chunk, i);
		else
			chunk_untake(r, t->chunk, i);
	}
}

/* What a unit says about the other side. That an item is wrong is an answer, too. */
static enum breaker_says says_of_unit(const struct frame_bulk_outcome *f, int64_t done)
{
	if (f->rest == REST_ALIKE)
		return BREAKER_ALIKE;
	if (f->rest != REST_LEFT)
		return BREAKER_FAILS;
	return done > 0 || f->n_failures > 0 ? BREAKER_WORKS : BREAKER_NOTHING;
}

void settle_bulk(struct run *r, struct lane *lane, const struct frame_bulk_outcome *f)
{
	struct ticket *t = ticket_find(r, f->ticket, lane->number);
	int64_t done = 0;

	if (t == NULL || !t->is_bulk || f->n != t->n_bits) {
		run_say(r, SAY_DETAIL, "a worker answered what nobody asked (ticket %u)",
			f->ticket);
		return;
	}
	ticket_back(r, lane);
	lane->was_recalled = false;
	lane->heard_at = r->ops->boot_us(r->world);
	settle_failures(r, t, f);
	for (uint32_t i = 0; i < t->n_bits; i++) {
		if (!bits_get(t->bits, i) || !bits_get(f->done, i))
			continue;
		bits_clear(t->bits, i);
		chunk_settle(r, t->chunk, i);
		done++;
	}
	settle_rest(r, t, f);
	if (f->err[0] != '\0')
		run_warn(r, f->err);
	else if (done > 0)
		run_warn_over(r);
	if (done > 0) {
		forecast_add(r->forecast, f->took_us);
		stats_unit(r, done, f->took_us);
		r->mine.done += done;
		r->canary_left = r->canary_left > done ? r->canary_left - done : 0;
		meter_add(&r->meter, r->ops->boot_us(r->world), done);
		r->last_settled_at = r->ops->boot_us(r->world);
	}
	(void)protect_count(r, says_of_unit(f, done), true, f->err); /* nor here */
	ticket_free(r, t);
}

void settle_lost_bulk(struct run *r, struct ticket *t, bool begun)
{
	bool is_suspect = begun;

	if (begun)
		chunk_progress(r, t->chunk)->add_crashes = 1;
	/* What is marked where it takes effect may be sent again whole, which is quick. */
	if (begun && r->job->work.effect == JOB_TRANSACTIONAL)
		is_suspect = ++t->chunk->unit_deaths >= UNIT_DEATHS_MAX;
	for (uint32_t i = 0; i < t->n_bits; i++) {
		if (!bits_get(t->bits, i))
			continue;
		if (is_suspect)
			chunk_suspect(r, t->chunk, i);
		else
			chunk_untake(r, t->chunk, i);
	}
	ticket_free(r, t);
}
