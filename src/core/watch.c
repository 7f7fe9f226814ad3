/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

static_assert(BEAT_EVERY_US < BEAT_LEASE_US && BEAT_LEASE_US < WATCH_GONE_US &&
		      WATCH_GONE_US < WATCH_HUNG_US && WATCH_LOOK_US < WATCH_GAP_US,
	      "who does not beat stops before others take him for dead");

void watch_done(struct watch *w)
{
	free(w->all);
	*w = (struct watch){0};
}

void watch_begin(struct watch *w, int64_t asked_at, int64_t now)
{
	assert(w != NULL && asked_at <= now);
	/* From answer to answer: who asks while the ledger is away is answered when it is back. */
	if (now - w->answered_at > WATCH_GAP_US)
		w->n = 0;
	w->asked_at = asked_at;
	w->answered_at = now;
	for (size_t i = 0; i < w->n; i++)
		w->all[i].was_listed = false;
}

static struct watched *watch_find(const struct watch *w, int64_t inc)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->all[i].inc == inc)
			return &w->all[i];
	return NULL;
}

/* It may have beaten last just before we heard of it, and it may beat just after we asked. */
static int64_t watched_still_us(const struct watch *w, const struct watched *one)
{
	return w->asked_at - one->since;
}

enum watch_verdict watch_see(struct watch *w, int64_t inc, int64_t beat, bool is_lock_free)
{
	struct watched *one = watch_find(w, inc);

	if (one == NULL) {
		w->all = xrealloc(w->all, w->n + 1, sizeof(*w->all));
		one = &w->all[w->n++];
		*one = (struct watched){.inc = inc, .beat = beat, .since = w->answered_at};
	} else if (one->beat != beat) {
		one->beat = beat;
		one->since = w->answered_at;
		one->has_moved = true;
	}
	one->was_listed = true;
	if (is_lock_free && watched_still_us(w, one) >= WATCH_GONE_US)
		return WATCH_GONE;
	if (!is_lock_free && watched_still_us(w, one) >= WATCH_HUNG_US)
		return WATCH_HUNG;
	return is_lock_free && !one->has_moved ? WATCH_SUSPECT : WATCH_ALIVE;
}

void watch_end(struct watch *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->all[i].was_listed)
			w->all[kept++] = w->all[i];
	w->n = kept;
}
