/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations of a ledger transaction (ledger/txn.h) on what instances share: rates, quotas,
 * pools, breakers, and how many at once each of them lets through to an endpoint.
 */
#ifndef STINT_LEDGER_TXN_SHARE_H
#define STINT_LEDGER_TXN_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/breaker.h"
#include "ledger/row.h"

/* Up to `max` slots of a rate, `spacing_ns` apart: the first is open at `now_ns` at the earliest,
 * and so far behind the last that anybody ever took; all open before `until_ns`. Times are those of
 * the boot clock, and what was taken before this boot counts as taken at its beginning: so no clock
 * that can be set is asked. */
struct lop_rate_take {
	const char *name;
	const char *boot_id;
	int64_t now_ns, spacing_ns, until_ns;
	uint32_t max;
	int64_t ret_first_ns; /* with none taken: when the next could be open */
	uint32_t ret_n;
};

/* Takes up to `want` of what is left of a named quota in the period that began at `period`, after
 * `give` that were taken in `give_period` have been given back. A later period begins with nothing
 * used; an earlier one than the ledger's is taken for the ledger's, since somebody's clock is wrong
 * or went back. `most`: what this job may use, all jobs' use counted; `seen_used`: what the other
 * side says is used at least, -1: nothing. */
struct lop_quota_take {
	const char *name;
	utime period, give_period;
	int64_t most, want, give, seen_used;
	int64_t ret_n;
	int64_t ret_left; /* that this job could still take */
};

struct ledger_pool {
	const char *name;
	int64_t units, capacity;
};
/* Takes all these pools (sorted by name, each once) for the run, or none; what it has already it
 * keeps. What a run has is its own as long as an instance is on it; after that it is whoever's
 * takes it. Guarded: the instance is on the run; and where lost batches are written again, all are
 * taken. A batch that is sent again finds what was taken; `ret_full`, the first without room, is
 * then what the run has not. */
struct lop_pools_take {
	int64_t run_id;
	const struct ledger_pool *pools;
	size_t n;
	bool ret_taken;
	const char *ret_full;	/* NULL when all were taken; in the arena */
	int64_t ret_used;	/* of it, by others */
	const char *ret_holder; /* the name of a run that has some of it, NULL: none has */
};

/* The breaker of an endpoint, shared by all jobs that talk to it; version 0 when it was never
 * opened. Read only. Nobody sends its probe any more once the instance that had the right to has
 * ended or was reaped: that is a new version. */
struct lop_breaker_get {
	const char *endpoint;
	struct breaker_row ret_row;
};
/* Writes `row` over the version before it (row.version - 1); when that is not what is there,
 * nothing is changed. `ret_row` is what is there then. */
struct lop_breaker_put {
	const char *endpoint;
	struct breaker_row row;
	struct breaker_row ret_row;
};

/* What a run's items talk to, and how many at once this instance lets: now, at least and at most so
 * far, and by the job at most. */
struct lop_endpoint_put {
	int64_t run_id;
	const char *endpoint;
	int64_t at_once, lowest, highest, max;
};

#endif
