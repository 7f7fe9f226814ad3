/* SPDX-License-Identifier: Apache-2.0 */
#include "target/verdict.h"

#include <stdio.h>
#include <string.h>

#include "job/job.h"
#include "target/backend.h"

#define STANDBY "25006"

/* Beginnings of SQLSTATEs; the first that fits. What no line names may have any reason, and is
 * tried again: its transaction was rolled back, so it certainly did not take effect. */
static const struct {
	const char *begins;
	enum outcome outcome;
	enum target_rest rest;
} rows[] = {
	{"08", OUTCOME_RETRY, TARGET_FAILED},
	{"57P0", OUTCOME_RETRY, TARGET_FAILED},
	{"53", OUTCOME_RETRY, TARGET_FAILED},
	{"58", OUTCOME_RETRY, TARGET_FAILED},
	{"XX", OUTCOME_RETRY, TARGET_FAILED},
	{"22", OUTCOME_DEAD, TARGET_LEFT},
	{"23", OUTCOME_DEAD, TARGET_LEFT},
	/* What the schema says of a row in its own words: a view's check option, a trigger. */
	{"44", OUTCOME_DEAD, TARGET_LEFT},
	{"P0001", OUTCOME_DEAD, TARGET_LEFT},
	{STANDBY, OUTCOME_ALL, TARGET_ALIKE},
	{"28", OUTCOME_ALL, TARGET_ALIKE},
	{"3D", OUTCOME_ALL, TARGET_ALIKE},
	{"3F", OUTCOME_ALL, TARGET_ALIKE},
	/* No such table, column, function; no permission; no SQL: whatever the item. */
	{"42P01", OUTCOME_ALL, TARGET_ALIKE},
	{"42703", OUTCOME_ALL, TARGET_ALIKE},
	{"42883", OUTCOME_ALL, TARGET_ALIKE},
	{"42501", OUTCOME_ALL, TARGET_ALIKE},
	{"42601", OUTCOME_ALL, TARGET_ALIKE},
	{"42704", OUTCOME_ALL, TARGET_ALIKE},
	/* … a view that takes no rows, names that mean several things or come twice. */
	{"42809", OUTCOME_ALL, TARGET_ALIKE},
	{"42702", OUTCOME_ALL, TARGET_ALIKE},
	{"42725", OUTCOME_ALL, TARGET_ALIKE},
	{"42701", OUTCOME_ALL, TARGET_ALIKE},
	{"42803", OUTCOME_ALL, TARGET_ALIKE},
	{"42P02", OUTCOME_ALL, TARGET_ALIKE},
	{"42P10", OUTCOME_ALL, TARGET_ALIKE},
	/* Types that do not fit: a column was retyped. */
	{"42804", OUTCOME_ALL, TARGET_ALIKE},
	{"42846", OUTCOME_ALL, TARGET_ALIKE},
	{"42P08", OUTCOME_ALL, TARGET_ALIKE},
	{"42P18", OUTCOME_ALL, TARGET_ALIKE},
	{"428C9", OUTCOME_ALL, TARGET_ALIKE},
	{"42", OUTCOME_DEAD, TARGET_LEFT},
};

static bool verdict_of_job(const struct job_target *job, const char *state, struct verdict *ret)
{
	static const enum outcome by_when[] = {[JOB_DONE_WHEN] = OUTCOME_DONE,
					       [JOB_RETRY_WHEN] = OUTCOME_RETRY,
					       [JOB_DEAD_WHEN] = OUTCOME_DEAD,
					       [JOB_DOUBT_WHEN] = OUTCOME_UNKNOWN};

	for (size_t i = 0; i < job->n_states; i++)
		if (job_state_matches(job->states[i].text, state)) {
			*ret = (struct verdict){.outcome = by_when[job->states[i].when],
						.rest = TARGET_LEFT};
			return true;
		}
	return false;
}

/* By what was said, whenever it was. */
static struct verdict verdict_by_state(const struct job_target *job, const struct target_fail *fail)
{
	struct verdict v = {.outcome = OUTCOME_RETRY, .rest = TARGET_LEFT};

	if (fail->is_timeout) {
		v.rest = fail->row == NO_ROW ? TARGET_FAILED : TARGET_LEFT;
		return v;
	}
	if (fail->is_lost && (fail->state[0] == '\0' || strncmp(fail->state, "57P0", 4) == 0)) {
		v.rest = TARGET_FAILED;
		return v;
	}
	if (fail->state[0] != '\0' && verdict_of_job(job, fail->state, &v))
		return v;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strncmp(fail->state, rows[i].begins, strlen(rows[i].begins)) == 0)
			return (struct verdict){.outcome = rows[i].outcome, .rest = rows[i].rest};
	if (fail->err.code == ERR_DATA)
		return (struct verdict){.outcome = OUTCOME_DEAD, .rest = TARGET_LEFT};
	if (fail->err.code == ERR_CONFIG || fail->err.code == ERR_PERM)
		return (struct verdict){.outcome = OUTCOME_ALL, .rest = TARGET_ALIKE};
	return v;
}

struct verdict verdict_of(const struct job_target *job, const struct target_fail *fail)
{
	struct verdict v = verdict_by_state(job, fail);

	/* What is looked at before the first item is the same for each: it is no item's fault. */
	bool is_config = fail->err.code == ERR_CONFIG || fail->err.code == ERR_PERM;
	if (fail->is_unopened && v.rest != TARGET_ALIKE)
		v.rest = is_config ? TARGET_ALIKE : TARGET_UNREACHED;
	return v;
}

bool verdict_is_passing(const struct job_target *job, const struct target_fail *fail, int tries)
{
	if (fail->is_timeout)
		return false;
	/* Safety: also after a COMMIT that was not answered: the marks say whether it took place.
	 */
	if (fail->is_lost)
		return tries == 0;
	struct verdict v = {0};
	if (verdict_of_job(job, fail->state, &v))
		return false;
	return strncmp(fail->state, "40", 2) == 0;
}

bool verdict_lasts(const struct job_target *job, const struct target_fail *fail)
{
	enum outcome outcome = verdict_of(job, fail).outcome;

	/* A standby may become the primary. */
	return (outcome == OUTCOME_ALL || outcome == OUTCOME_DEAD) &&
	       strcmp(fail->state, STANDBY) != 0;
}

void verdict_class(const struct target_fail *fail, char ret_class[TARGET_CLASS_MAX])
{
	const char *word = fail->is_timeout ? "timeout" : "connection";

	if (fail->state[0] != '\0' && !fail->is_timeout)
		(void)snprintf(ret_class, TARGET_CLASS_MAX, "sqlstate-%s", fail->state);
	else if (fail->err.code == ERR_DATA)
		(void)snprintf(ret_class, TARGET_CLASS_MAX, "bad-item");
	else if (fail->err.code == ERR_CONFIG)
		(void)snprintf(ret_class, TARGET_CLASS_MAX, "config");
	else
		(void)snprintf(ret_class, TARGET_CLASS_MAX, "%s", word);
}
