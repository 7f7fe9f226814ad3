/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/litter.h"

#include "base/err.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/segment.h"

static int litter_take_step(struct litter *litter, const struct frame_hello *hello,
			    uint32_t *ret_n_steps, struct err *err)
{
	struct brief brief = {0};
	int rc = brief_of(&brief, hello, err);

	*ret_n_steps = 0;
	if (rc == 0)
		*ret_n_steps = (uint32_t)brief.job->n_steps;
	if (rc == 0 && brief.job->work.kind == WORK_FILE) {
		struct segments segments;
		rc = segments_init(&segments, &brief, err);
		litter->is_there = litter->is_there || (rc == 0 && segments_are_there(&segments));
		if (rc == 0 && litter->removes)
			segments_remove(&segments);
		segments_done(&segments);
	}
	brief_done(&brief);
	return rc;
}

int litter_take(struct litter *litter, const struct frame_hello *hello, struct err *err)
{
	struct frame_hello of_step = *hello;
	uint32_t n_steps = 1;
	int rc = 0;

	for (of_step.step = 1; rc == 0 && of_step.step <= n_steps; of_step.step++)
		rc = litter_take_step(litter, &of_step, &n_steps, err);
	return rc;
}
