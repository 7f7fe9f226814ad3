/* SPDX-License-Identifier: Apache-2.0 */
#include "core/breaker.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- the row ---- */

struct breaker_row breaker_row_opened(const struct breaker_row *row,
				      const struct breaker_policy *policy, utime now,
				      const char *reason)
{
	struct breaker_row next = *row;

	next.version++;
	next.open_for_us = policy->open_for_us;
	if (row->is_open)
		next.open_for_us = least(2 * row->open_for_us,
					 most(policy->open_max_us, policy->open_for_us));
	if (!row->is_open) {
		next.first_open = now;
		next.n_opened++;
	}
	next.is_open = true;
	next.until = now + next.open_for_us;
	next.probe = next.probe_until = next.probe_for_us = 0;
	next.reason = reason;
	return next;
}

struct breaker_row breaker_row_probed(const struct breaker_row *row, int64_t inc, utime now,
				      int64_t patience_us)
{
	struct breaker_row next = *row;

	assert(row->is_open);
	next.version++;
	next.probe = inc;
	next.probe_until = now + patience_us;
	next.probe_for_us = patience_us;
	return next;
}

struct breaker_row breaker_row_released(const struct breaker_row *row)
{
	struct breaker_row next = *row;

	next.version++;
	next.probe = next.probe_until = next.probe_for_us = 0;
	return next;
}

struct breaker_row breaker_row_closed(const struct breaker_row *row)
{
	struct breaker_row next = breaker_row_released(row);

	next.is_open = false;
	next.until = 0;
	return next;
}

/* ---- this instance's view of it ---- */

/* What is left of a pause that ends at `until`, whatever the wall clock did: never more than all of
 * it. */
static int64_t left_us(utime until, utime now, int64_t most_us)
{
	return least(most(until - now, 0), most_us);
}

bool breaker_take(struct breaker *b, const struct breaker_row *row, int64_t inc, utime now,
		  int64_t now_us)
{
	enum breaker_state was = b->state;

	assert(row != NULL);
	if (row->version == b->row.version)
		return false;
	/* The first that is heard after it was tripped here is that this was written. */
	bool is_news = !b->row.is_open;
	bool has_moved = row->until != b->row.until;

	b->row = *row;
	(void)snprintf(b->reason, sizeof(b->reason), "%s", row->reason != NULL ? row->reason : "");
	b->row.reason = NULL;
	if (!row->is_open) {
		b->state = BREAKER_CLOSED;
		memset(b->window, 0, sizeof(b->window));
		return was != BREAKER_CLOSED;
	}
	b->state = row->probe == inc && inc != 0 ? BREAKER_HALF_OPEN : BREAKER_OPEN;
	b->until_us = now_us + (row->probe == 0
					? left_us(row->until, now, row->open_for_us)
					: left_us(row->probe_until, now, row->probe_for_us));
	if (was == BREAKER_CLOSED || is_news) {
		b->first_seen_us = was == BREAKER_CLOSED ? now_us : b->first_seen_us;
		b->first_probe_us = b->until_us;
		b->has_failed_again = false;
	} else if (has_moved) {
		b->has_failed_again = true;
	}
	return was != b->state;
}

static int64_t bucket_us(const struct breaker_policy *policy)
{
	int64_t us = policy->window_us / BREAKER_BUCKETS;

	return us > 0 ? us : 1;
}

void breaker_window(const struct breaker *b, const struct breaker_policy *policy, int64_t now_us,
		    int64_t *ret_answered, int64_t *ret_failed)
{
	int64_t newest = now_us / bucket_us(policy);

	*ret_answered = *ret_failed = 0;
	for (size_t i = 0; i < BREAKER_BUCKETS; i++) {
		const struct breaker_bucket *bucket = &b->window[i];
		if (bucket->number <= newest - BREAKER_BUCKETS)
			continue;
		*ret_answered += bucket->answered;
		*ret_failed += bucket->failed;
	}
}

bool breaker_count(struct breaker *b, const struct breaker_policy *policy, enum breaker_says says,
		   int64_t now_us)
{
	int64_t number = now_us / bucket_us(policy);
	struct breaker_bucket *bucket = &b->window[number % BREAKER_BUCKETS];
	int64_t answered = 0;
	int64_t failed = 0;

	/* What was sent before it opened says nothing new. */
	if (b->state != BREAKER_CLOSED || says == BREAKER_NOTHING)
		return false;
	if (says == BREAKER_ALIKE)
		return true;
	if (bucket->number != number)
		*bucket = (struct breaker_bucket){.number = number};
	bucket->answered++;
	if (says != BREAKER_FAILS)
		return false;
	bucket->failed++;
	breaker_window(b, policy, now_us, &answered, &failed);
	return answered >= policy->at_least &&
	       (double)failed >= policy->failures * (double)answered;
}

void breaker_trip(struct breaker *b, int64_t now_us)
{
	assert(b->state == BREAKER_CLOSED);
	b->state = BREAKER_OPEN;
	b->first_seen_us = b->first_probe_us = now_us;
	b->has_failed_again = false;
	b->until_us = now_us;
}

bool breaker_excuses(const struct breaker *b, const struct breaker_policy *policy, utime now)
{
	if (b->state == BREAKER_CLOSED)
		return false;
	return !b->row.is_open || now - b->row.first_open < policy->give_up_after_us;
}

bool breaker_holds(const struct breaker *b, int64_t now_us)
{
	assert(b != NULL);
	return b->state == BREAKER_OPEN && now_us < b->until_us;
}

void breaker_postpone(struct breaker *b, int64_t until_us)
{
	assert(b != NULL);
	if (b->first_probe_us < until_us)
		b->first_probe_us = until_us;
}

int64_t breaker_gives_up_at(const struct breaker *b, const struct breaker_policy *policy)
{
	if (b->state == BREAKER_CLOSED)
		return INT64_MAX;
	return (b->has_failed_again ? b->first_seen_us : b->first_probe_us) +
	       policy->give_up_after_us;
}
