/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work: lua. A script that is the work of an item: nothing or true is done; retry(why) and
 * dead(why) end it and say otherwise.
 *
 * Owner: one thread; action_free.
 */
#ifndef STINT_SCRIPT_ACTION_H
#define STINT_SCRIPT_ACTION_H

#include "base/attr.h"

struct action;
struct err;
struct job;
struct template_item;
struct template_run;

/* Compiles job->work.script, which must be set. Gives; keeps the job and the run, which is NULL
 * where it is only compiled. ERR_CONFIG: "script:2: what". */
ST_MUST_CHECK int action_open(const struct job *job, const struct template_run *run,
			      struct action **ret_action, struct err *err);
/* Conditions: ACTION_RETRY and ACTION_DEAD, `err` filled with what the script says. ERR_DATA:
 * "script:2: what was wrong", the item's fault. */
enum action_condition { ACTION_RETRY = 1, ACTION_DEAD };
ST_MUST_CHECK int action_run(struct action *action, const struct template_item *item,
			     struct err *err);
/* NULL is allowed. */
void action_free(struct action *action);

#endif
