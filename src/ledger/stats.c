/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/stats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { FIRST_CAP = 8 };

/* Room for one more row of `size` bytes; it doubles, since arenas do not give back. */
static void *rows_grow(struct arena *a, void *rows, size_t n, size_t size)
{
	if (n != 0 && (n < FIRST_CAP || (n & (n - 1)) != 0))
		return rows;
	void *more = arena_alloc(a, (n < FIRST_CAP ? FIRST_CAP : 2 * n) * size);
	if (n > 0)
		memcpy(more, rows, n * size);
	return more;
}

static struct histogram *latency_of(struct ledger_stats *s, struct arena *a,
				    const struct ledger_latency_row *names)
{
	for (size_t i = 0; i < s->n_latency; i++)
		if (strcmp(s->latency[i].endpoint, names->endpoint) == 0 &&
		    strcmp(s->latency[i].phase, names->phase) == 0)
			return s->latency[i].histogram;
	s->latency = rows_grow(a, s->latency, s->n_latency, sizeof(*s->latency));
	struct ledger_latency_row *row = &s->latency[s->n_latency++];
	*row = (struct ledger_latency_row){.endpoint = arena_str(a, names->endpoint),
					   .phase = arena_str(a, names->phase),
					   .histogram = arena_new(a, struct histogram)};
	return row->histogram;
}

void ledger_stats_add_latency(struct ledger_stats *s, struct arena *a,
			      const struct ledger_latency_row *names, const void *data, size_t len)
{
	struct histogram more = {0};
	struct err err = ERR_INIT;

	assert(s != NULL && a != NULL && names != NULL);
	if (histogram_get(data, len, &more, &err) == 0)
		histogram_merge(latency_of(s, a, names), &more);
}

void ledger_stats_add_failure(struct ledger_stats *s, struct arena *a,
			      const struct ledger_failure_row *row)
{
	assert(s != NULL && a != NULL && row != NULL);
	for (size_t i = 0; i < s->n_failures; i++) {
		struct ledger_failure_row *known = &s->failures[i];
		if (strcmp(known->endpoint, row->endpoint) != 0 ||
		    strcmp(known->err_class, row->err_class) != 0)
			continue;
		known->n += row->n;
		known->took_us += row->took_us;
		return;
	}
	s->failures = rows_grow(a, s->failures, s->n_failures, sizeof(*s->failures));
	s->failures[s->n_failures++] = (struct ledger_failure_row){
		.endpoint = arena_str(a, row->endpoint),
		.err_class = arena_str(a, row->err_class),
		.sample = arena_str(a, row->sample),
		.n = row->n,
		.took_us = row->took_us};
}

static int compare_latency(const void *a, const void *b)
{
	const struct ledger_latency_row *x = a;
	const struct ledger_latency_row *y = b;
	int by = strcmp(x->endpoint, y->endpoint);

	return by != 0 ? by : strcmp(x->phase, y->phase);
}

static bool is_other(const struct ledger_failure_row *row)
{
	return strcmp(row->err_class, LEDGER_CLASS_OTHER) == 0;
}

static int compare_failures(const void *a, const void *b)
{
	const struct ledger_failure_row *x = a;
	const struct ledger_failure_row *y = b;

	if (is_other(x) != is_other(y))
		return is_other(x) ? 1 : -1;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	int by = strcmp(x->err_class, y->err_class);
	return by != 0 ? by : strcmp(x->endpoint, y->endpoint);
}

void ledger_stats_sort(struct ledger_stats *s)
{
	if (s->n_latency > 0)
		qsort(s->latency, s->n_latency, sizeof(*s->latency), compare_latency);
	if (s->n_failures == 0)
		return;
	qsort(s->failures, s->n_failures, sizeof(*s->failures), compare_failures);
	while (s->n_failures > LEDGER_CLASSES_MAX + 1) {
		const struct ledger_failure_row *last = &s->failures[--s->n_failures];
		struct ledger_failure_row *other = &s->failures[LEDGER_CLASSES_MAX];
		other->err_class = LEDGER_CLASS_OTHER;
		other->n += last->n;
		other->took_us += last->took_us;
	}
}
