/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A night: engines are started as an operator's cron would, again and again; things go wrong; then
 * all faults end, and within bounded time nothing may be left but what needs a person.
 */
#ifndef STINT_TESTS_SIM_NIGHT_H
#define STINT_TESTS_SIM_NIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine.h"
#include "sim/options.h"

struct instance;

struct night_result {
	struct failure failure;
	uint64_t hash;
	int64_t events;
	int64_t starts;
	int64_t commits;
	int64_t virtual_us;
};

enum night_flags {
	NIGHT_KEEP = 1 << 0,  /* on failure the last lines of the trace are printed */
	NIGHT_PRINT = 1 << 1, /* all lines are printed */
	NIGHT_ONCE = 1 << 2   /* it is not run again to see whether it repeats */
};

void night_run(const struct options *o, unsigned flags, struct night_result *ret_result);

/* An instance is over; called by it. */
void night_on_over(struct machine *m, struct instance *inst);
/* commit: run, or go_on_when: done: somebody has to say what becomes of those that are dead. */
bool night_waits_for_person(struct machine *m, const struct run_view *run);

/* A person does something at random; and: does what is needed (person.c). */
void person_act(struct machine *m);
void person_tidy(struct machine *m);

#endif
