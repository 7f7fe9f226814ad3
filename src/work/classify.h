/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the exit status of a program says (docs/job-file.md). Pure: tables.
 */
#ifndef STINT_WORK_CLASSIFY_H
#define STINT_WORK_CLASSIFY_H

#include "base/attr.h"
#include "core/outcome.h"

struct job_work;

/* The outcome of an exit with `status`, 0 … 255. done_when, retry_when, dead_when and doubt_when of
 * the job go first, in this order. How a program ended that did not exit is always OUTCOME_UNKNOWN.
 */
enum outcome classify_exit(const struct job_work *work, int status);

/* What a program says that was asked whether an item took effect: OUTCOME_DONE, OUTCOME_RETRY (it
 * did not) or OUTCOME_UNKNOWN (it cannot tell). */
enum outcome classify_probe(int status);

/* The outcome when a program could not be started for `os_errno`; `*ret_class` is a literal. */
enum outcome classify_start(int os_errno, const char **ret_class);

#endif
