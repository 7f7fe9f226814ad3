/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long attempts took and what failed of them, as pages and as JSON (docs/json.md).
 *
 * Owner: latency_load gives a transaction whose arena holds everything; the caller frees it.
 */
#ifndef STINT_REPORT_LATENCY_H
#define STINT_REPORT_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "ledger/stats.h"

struct buf;
struct err;
struct json_writer;
struct ledger;
struct ledger_txn;

ST_MUST_CHECK int latency_load(struct ledger *ledger, int64_t run_id, struct ledger_txn **ret_txn,
			       const struct ledger_stats **ret_stats, struct err *err);

/* The attempts whose durations are known: all endpoints' `total` as one. Adds to `ret_all`. */
void latency_put_total(const struct ledger_stats *s, struct histogram *ret_all);
/* Likewise, what items took, with all attempts at them. */
void latency_put_items(const struct ledger_stats *s, struct histogram *ret_all);
/* Failed attempts that are counted by class. */
int64_t latency_by_class(const struct ledger_stats *s);
/* No part is larger than the whole; else `why` (may be NULL) gets the sums. */
bool latency_balances(const struct ledger_stats *s, struct buf *why);

/* Two tables; nothing where there were no attempts. */
void latency_put_text(const struct ledger_stats *s, struct buf *out);
void latency_put_classes(const struct ledger_stats *s, struct buf *out);
/* For one line of `status`: "p50 12.0 ms, p99 80.0 ms, 2.0 % of attempts fail"; "" without any. */
void latency_put_line(const struct ledger_stats *s, struct buf *out);
/* Members of an object: attempts, latency, failures. */
void latency_put_json(const struct ledger_stats *s, struct json_writer *w);

#endif
