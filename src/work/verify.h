/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking whether an item took effect: `verify` of the job, as work of its own.
 *
 * Promise: a command gets what the item's own program gets: its environment, its fields as input,
 *          its directory and user. A server is asked by a GET, and told who we are only where the
 *          items are sent to the same one. The answer is OUTCOME_DONE (it took effect),
 * OUTCOME_RETRY (it did not), or anything else: nobody can tell. No failure of its own passes for
 * an answer.
 */
#ifndef STINT_WORK_VERIFY_H
#define STINT_WORK_VERIFY_H

#include "base/attr.h"

struct err;
struct job;
struct work_backend;

/* The job as it would be if its work were to ask. Its pointers are those of `job`, which must
 * outlive it; never to be freed by job_free. */
void verify_job(const struct job *job, struct job *ret_job);
/* What such a job is worked by. */
const struct work_backend *verify_backend(const struct job *job);
/* Before a run, without side effects: is what verify names there? Nothing is, without verify. */
ST_MUST_CHECK int verify_check(const struct job *job, struct err *err);

#endif
