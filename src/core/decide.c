/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decide.h"

#include <assert.h>
#include <stddef.h>

/* A start that had no resources, or was taken back: soon, but not in a tight loop. */
#define NOT_BEGUN_WAIT_US US_PER_S

static struct decision decide_again_charged(const struct decide_policy *policy,
					    const struct decide_attempt *a)
{
	struct decision d = {.fate = FATE_DEAD, .used = a->used + 1, .crashes = a->crashes};

	if (d.used >= policy->retry.attempts && !a->excused)
		return d;
	d.fate = FATE_RETRY;
	d.due = a->now + retry_wait_us(&policy->retry, d.used, a->random);
	if (a->excused)
		d.used = a->used;
	return d;
}

static struct decision decide_again_free(const struct decide_attempt *a, utime due)
{
	return (struct decision){
		.fate = FATE_RETRY, .used = a->used, .crashes = a->crashes, .due = due};
}

bool decide_key_lasts(const struct decide_policy *policy, utime unclear_since, utime due)
{
	assert(policy != NULL);
	if (policy->effect != DECIDE_KEYED || policy->key_valid_us == 0 || unclear_since == 0)
		return true;
	return due < unclear_since + policy->key_valid_us - policy->key_valid_us / 10;
}

utime decide_doubt_due(const struct decide_policy *policy, utime quiet_at)
{
	return quiet_at + policy->settle_us;
}

static struct decision decide_repeatable_unknown(const struct decide_policy *policy,
						 const struct decide_attempt *a)
{
	bool is_free = a->cancelled || a->lane_died;
	struct decision d = is_free ? decide_again_free(a, a->now)
				    : decide_again_charged(policy, a);

	if (a->blamed)
		d.crashes++;
	if (d.crashes >= DECIDE_CRASHES_MAX)
		d.fate = FATE_DEAD;
	return d;
}

static struct decision decide_once_unknown(const struct decide_policy *policy,
					   const struct decide_attempt *a)
{
	struct decision d = {.fate = FATE_ASKED, .used = a->used, .crashes = a->crashes};

	if (!a->cancelled && !a->lane_died)
		d.used++;
	if (a->blamed)
		d.crashes++;
	if (policy->verifies) {
		d.fate = FATE_DOUBT;
		return d;
	}
	switch (policy->doubt) {
	case DECIDE_ASK:
		return d;
	case DECIDE_SKIP:
		d.fate = FATE_SKIPPED;
		return d;
	case DECIDE_RETRY:
		return decide_repeatable_unknown(policy, a);
	}
	return d;
}

/* The lane died before this item's point of no return: free of charge, but not free of suspicion.
 */
static struct decision decide_not_begun(const struct decide_attempt *a)
{
	bool at_once = a->cancelled || a->lane_died;
	struct decision d = decide_again_free(a, at_once ? a->now : a->now + NOT_BEGUN_WAIT_US);

	if (a->blamed && ++d.crashes >= DECIDE_CRASHES_MAX)
		d.fate = FATE_DEAD;
	return d;
}

static struct decision decide_outcome(const struct decide_policy *policy,
				      const struct decide_attempt *a)
{
	switch (a->outcome) {
	case OUTCOME_DONE:
		return (struct decision){
			.fate = FATE_DONE, .used = a->used + 1, .crashes = a->crashes};
	case OUTCOME_RETRY:
		return decide_again_charged(policy, a);
	case OUTCOME_DEAD:
		return (struct decision){.fate = FATE_DEAD,
					 .used = a->used + (a->never_begun ? 0 : 1),
					 .crashes = a->crashes};
	case OUTCOME_ALL:
		return decide_again_free(a, a->now);
	case OUTCOME_UNKNOWN:
		if (policy->effect == DECIDE_ONCE)
			return decide_once_unknown(policy, a);
		return decide_repeatable_unknown(policy, a);
	case OUTCOME_NOT_BEGUN:
		return decide_not_begun(a);
	case OUTCOME_COUNT_:
		break;
	}
	unreachable("an outcome that does not exist");
}

struct decision decide(const struct decide_policy *policy, const struct decide_attempt *a)
{
	assert(policy != NULL && a != NULL);
	struct decision d = decide_outcome(policy, a);

	if (d.fate == FATE_RETRY && d.due < a->not_before)
		d.due = a->not_before;
	if (d.fate == FATE_RETRY && d.due < a->now + a->wait_us)
		d.due = a->now + a->wait_us;
	/* Also after an attempt that certainly did nothing: an earlier one is still unclear. */
	if (d.fate == FATE_RETRY && !decide_key_lasts(policy, a->first_started, d.due))
		d.fate = policy->verifies ? FATE_DOUBT : FATE_ASKED;
	if (d.fate == FATE_DOUBT) {
		utime wait_until = d.due; /* of an attempt that failed after an unclear one */
		d.due = decide_doubt_due(policy, a->now > a->not_before ? a->now : a->not_before);
		if (d.due < wait_until)
			d.due = wait_until;
	}
	return d;
}
