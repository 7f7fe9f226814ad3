/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hunting: night after night, in child processes; and making a failure small.
 */
#ifndef STINT_TESTS_SIM_HUNT_H
#define STINT_TESTS_SIM_HUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "sim/options.h"

enum { HUNT_JOBS_MAX = 64 };

#define CHANGE_NONE UINT64_MAX

/* What is different from what the seed says: switched off, or made smaller. */
struct changes {
	bool with[FAULT_COUNT_];
	bool without[FAULT_COUNT_];
	uint64_t records; /* CHANGE_NONE: as the seed says; so, too, below */
	uint64_t instances;
	uint64_t slots;
};

struct hunt {
	uint64_t seed; /* of the first night; the next ones count up */
	uint64_t nights;
	int jobs;
	struct changes changes;
	const char *seeds_path; /* seeds that failed once, run first; NULL none */
	bool prints_trace;
	bool shows; /* what the seeds stand for */
	bool keeps_size;
	bool once;    /* each night, without a look whether it repeats */
	bool goes_on; /* after a failure; names all seeds that fail */
};

void changes_apply(const struct changes *c, struct options *o);
/* The exit status. */
int hunt_run(const struct hunt *h);

#endif
