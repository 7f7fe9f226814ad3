/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/step_check.h"

#include <stdio.h>
#include <string.h>

#include "job/job.h"
#include "sim/machine.h"
#include "sim/shadow.h"

static bool is_as_wanted(const struct options *o, enum item_state state)
{
	return state == (o->taken == JOB_TAKE_DEAD ? ITEM_DEAD : ITEM_DONE);
}

/* What is dead may be sent back by a person; what is done stays so. */
static bool may_have_changed(const struct machine *m)
{
	return m->somebody_lost || (m->opt->taken == JOB_TAKE_DEAD && m->person_acts > 0);
}

/* A key of an earlier run may keep it out, and what a person did later came too late. */
static bool may_be_left_out(const struct run_view *run, const struct item_view *from, int step)
{
	const struct load_view *before = &run->before[step];

	return run->n_held_back > before->n_held_back || from->is.since_us >= before->began_us;
}

void step_check_taken(struct machine *m, const struct run_view *run, int step)
{
	uint32_t end = options_step_begin(m->opt, step + 1);

	for (uint32_t record = options_step_begin(m->opt, step); record < end; record++) {
		uint32_t from = run->item_of[options_taken_from(m->opt, record)];
		bool is_there = run->item_of[record] != 0;
		enum item_state state = from == 0 ? ITEM_WAITING : shadow_state(run, from - 1);
		bool is_wanted = from != 0 && is_as_wanted(m->opt, state);
		if (is_there && !is_wanted && !may_have_changed(m))
			machine_fail(m, "taken-wrong",
				     "record %u of run %lld is of an item in state %d", record,
				     (long long)run->id, state);
		if (!is_there && is_wanted && !may_be_left_out(run, &run->items[from - 1], step))
			machine_fail(m, "taken-lost",
				     "record %u of run %lld was not taken into step %d", record,
				     (long long)run->id, step);
	}
}

const char *step_keep(const struct options *o, uint32_t record, char keep[STEP_KEEP_BYTES])
{
	if (!o->takes || record % 2 == 0)
		return NULL;
	(void)snprintf(keep, STEP_KEEP_BYTES, "{\"of\":%u}", record);
	return keep;
}

void step_check_kept(struct machine *m, const char *kept, uint32_t record)
{
	const struct options *o = m->opt;
	char text[STEP_KEEP_BYTES];
	const char *keep = step_keep(o, record, text);

	if (kept != NULL && (keep == NULL || strcmp(kept, keep) != 0))
		machine_fail(m, "kept-wrong", "record %u is said to have kept %s", record, kept);
	/* Units of work keep nothing; who is only told that it is done kept nothing. */
	if (kept == NULL && keep != NULL && o->taken == JOB_TAKE_DONE && !o->is_noop &&
	    !o->verifies && m->person_acts == 0 && !m->somebody_lost)
		machine_fail(m, "kept-lost", "what record %u kept is not there", record);
}
