/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HELLO says, made usable: the job, and what the placeholders of its run stand for.
 *
 * Owner: one for each lane process, for its whole life.
 */
#ifndef STINT_LANE_BRIEF_H
#define STINT_LANE_BRIEF_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/hash.h"
#include "frame/frame.h"
#include "job/template.h"

struct err;
struct item;
struct job;
struct rlimit;

struct brief {
	struct frame_hello hello; /* all from `arena` */
	struct job *job;
	struct template_run run;
	const struct rlimit *core; /* for programs, of core files; NULL: as it is */
	struct arena arena;
};

/* ERR_BUG when the frame is no HELLO; ERR_CONFIG when the job does not read any more, of which
 * `hello` is filled all the same. */
ST_MUST_CHECK int brief_init(struct brief *brief, const struct frame *frame, struct err *err);
/* The same where no lane is told: nothing is sent. ERR_CONFIG. */
ST_MUST_CHECK int brief_of(struct brief *brief, const struct frame_hello *hello, struct err *err);
void brief_done(struct brief *brief);

/* The idempotency key of an item of the run. */
void brief_make_key(const struct brief *brief, const struct item *item, int64_t number,
		    int32_t redo, char out[ITEM_KEY_CHARS + 1]);

#endif
