/* SPDX-License-Identifier: Apache-2.0 */
/* What people decided about a run and its items: who, what, why and when. */
#ifndef STINT_REPORT_DECIDED_H
#define STINT_REPORT_DECIDED_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"

struct buf;
struct err;
struct json_writer;
struct ledger;

enum { DECIDED_MAX = 20 };

struct decision_row {
	utime at;
	const char *who;
	const char *verb;
	const char *why;
	int64_t number; /* of the item, -1: the run */
};

struct decided {
	struct decision_row rows[DECIDED_MAX]; /* the newest, newest first */
	size_t n;
	int64_t n_more;
};

ST_MUST_CHECK int decided_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
				 struct decided *ret_decided, struct err *err);
void decided_put_text(const struct decided *decided, int64_t run_id, struct buf *out);
/* The members "decisions" and "more_decisions" of an object (docs/json.md). */
void decided_put_json(const struct decided *decided, struct json_writer *w);

#endif
