/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoints of a run: how many attempts at once they are given, and whether their breakers are
 * open.
 */
#ifndef STINT_REPORT_ENDPOINT_H
#define STINT_REPORT_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct buf;
struct err;
struct json_writer;
struct ledger;

enum { ENDPOINTS_MAX = 8 };

struct endpoint {
	const char *name;
	int64_t at_once, lowest, highest,
		max;	     /* of the instance that came last; of all; by the job */
	const char *breaker; /* closed, open, half_open */
	bool is_open;
	utime since, next_probe; /* while it is not closed */
	const char *reason;
};

struct endpoints {
	struct endpoint endpoints[ENDPOINTS_MAX];
	size_t n;
	struct arena *arena;
};

/* Texts go to the arena. */
ST_MUST_CHECK int endpoints_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
				   struct endpoints *ret_endpoints, struct err *err);
/* In words that its breaker is open; the caller asks whether it is. */
void endpoint_put_breaker(const struct endpoint *endpoint, struct buf *out);
/* A line for each of which there is something to say, after `indent`. */
void endpoints_put_text(const struct endpoints *endpoints, const char *indent, struct buf *out);
/* A member `endpoints`. */
void endpoints_put_json(const struct endpoints *endpoints, struct json_writer *w);

#endif
