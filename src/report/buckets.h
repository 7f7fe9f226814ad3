/* SPDX-License-Identifier: Apache-2.0 */
/* The table of `report --by`. */
#ifndef STINT_REPORT_BUCKETS_H
#define STINT_REPORT_BUCKETS_H

#include "base/attr.h"

struct err;
struct ledger;
struct report;

/* Fills report->buckets by report->by; the run and the errors are there already. */
ST_MUST_CHECK int report_fill_buckets(struct ledger *ledger, struct report *r, struct err *err);

#endif
