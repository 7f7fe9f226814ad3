/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a run's attempts for people, and how what several instances wrote becomes one.
 *
 * Owner: rows and their texts are in the arena that the list was given. Pure.
 */
#ifndef STINT_LEDGER_STATS_H
#define STINT_LEDGER_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/histogram.h"

enum { LEDGER_CLASSES_MAX = 200 }; /* error classes of a run; what is more goes to … */
#define LEDGER_CLASS_OTHER "other"

/* Sums over all instances. */
struct ledger_effort {
	int64_t done, failed; /* attempts */
	int64_t took_us, failed_us;
	int64_t again, again_us; /* attempts at what had been tried before */
	int64_t over_quota;	 /* attempts beyond a quota */
	int64_t items;		 /* items that ended, well or not, … */
	/* … how often they were tried, that squared, and times how long it took: for the deviation
	 * of what an item costs */
	int64_t tries, tries_squares, tries_us;
	int64_t worked_us; /* how long instances were at it, each for itself */
};

/* How long a phase took, for all attempts of a run at an endpoint. */
struct ledger_latency_row {
	const char *endpoint, *phase;
	struct histogram *histogram;
};

/* Failed attempts of one class. */
struct ledger_failure_row {
	const char *endpoint, *err_class;
	const char *sample; /* the words of one of them */
	int64_t n, took_us;
};

struct ledger_stats {
	struct ledger_effort effort;
	struct ledger_latency_row *latency; /* by endpoint and phase */
	size_t n_latency;
	struct ledger_failure_row *failures; /* the most frequent first, at most
					      * LEDGER_CLASSES_MAX and one for the others */
	size_t n_failures;
};

/* Adds what one instance wrote. Bytes that are no histogram are left out: they must not keep people
 * from the rest. */
void ledger_stats_add_latency(struct ledger_stats *s, struct arena *a,
			      const struct ledger_latency_row *names, const void *data, size_t len);
void ledger_stats_add_failure(struct ledger_stats *s, struct arena *a,
			      const struct ledger_failure_row *row);
/* Puts both lists in their order; the rarest classes become one. */
void ledger_stats_sort(struct ledger_stats *s);

#endif
