/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failure of a database says (docs/targets.md). Pure: tables.
 */
#ifndef STINT_TARGET_VERDICT_H
#define STINT_TARGET_VERDICT_H

#include <stdbool.h>

#include "core/outcome.h"
#include "target/target.h"

struct job_target;
struct target_fail;

/* The mark of a step of a run itself is at minus its number, beside those of chunks. */
enum { TARGET_RUN_BITS = 8, TARGET_BIT_BEFORE = 0, TARGET_BIT_AFTER = 1 };

struct verdict {
	enum target_rest rest; /* TARGET_LEFT: one row is to blame, should it be known which … */
	enum outcome outcome;  /* … and ends so */
};

struct verdict verdict_of(const struct job_target *job, const struct target_fail *fail);
/* It may well go after the `tries`-th failure, counted from 0. */
bool verdict_is_passing(const struct job_target *job, const struct target_fail *fail, int tries);
/* It is refused for what it is: the same would be refused again. */
bool verdict_lasts(const struct job_target *job, const struct target_fail *fail);
/* "sqlstate-23505", "timeout", "connection". */
void verdict_class(const struct target_fail *fail, char ret_class[TARGET_CLASS_MAX]);

#endif
