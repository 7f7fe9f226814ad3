/* SPDX-License-Identifier: Apache-2.0 */
#include "core/probe.h"

#include <assert.h>
#include <stddef.h>

enum { NOS_WANTED = 2 };

/* It certainly did not happen. */
static struct probe_decision probe_not_done(const struct decide_policy *policy,
					    const struct probe_asked *a)
{
	bool may_again = a->used < policy->retry.attempts && a->crashes < DECIDE_CRASHES_MAX;

	return (struct probe_decision){.fate = may_again ? FATE_RETRY : FATE_DEAD, .due = a->now};
}

static struct probe_decision probe_no(const struct decide_policy *policy,
				      const struct probe_asked *a)
{
	utime settled_at = a->quiet_until + policy->settle_us;

	/* Safety: what happened just now may not show yet, and would be done again. */
	if (a->asked_at < settled_at)
		return (struct probe_decision){
			.fate = FATE_DOUBT, .unclear = a->unclear, .due = settled_at};
	if (a->nos + 1 < NOS_WANTED)
		return (struct probe_decision){.fate = FATE_DOUBT,
					       .nos = a->nos + 1,
					       .unclear = a->unclear,
					       .due = a->now + policy->settle_us};
	return probe_not_done(policy, a);
}

static struct probe_decision probe_unclear(const struct decide_policy *policy,
					   const struct probe_asked *a)
{
	struct probe_decision d = {.fate = FATE_ASKED, .unclear = a->unclear + 1, .due = a->now};

	if (d.unclear < policy->retry.attempts) {
		d.fate = FATE_DOUBT;
		d.due += retry_wait_us(&policy->retry, d.unclear, a->random);
		return d;
	}
	if (policy->doubt == DECIDE_SKIP)
		d.fate = FATE_SKIPPED;
	/* By consent: it may happen twice. Beyond its attempts, or with a key that is not known any
	 * more, a person is asked all the same. */
	else if (policy->doubt == DECIDE_RETRY && policy->effect == DECIDE_ONCE &&
		 a->used < policy->retry.attempts && a->crashes < DECIDE_CRASHES_MAX)
		d.fate = FATE_RETRY;
	return d;
}

struct probe_decision probe_decide(const struct decide_policy *policy,
				   const struct probe_asked *asked)
{
	assert(policy != NULL && policy->verifies && asked != NULL);
	switch (asked->answer) {
	case PROBE_YES:
		return (struct probe_decision){.fate = FATE_DONE, .due = asked->now};
	case PROBE_NO:
		return probe_no(policy, asked);
	case PROBE_UNCLEAR:
		break;
	}
	return probe_unclear(policy, asked);
}
