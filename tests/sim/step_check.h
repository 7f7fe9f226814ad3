/* SPDX-License-Identifier: Apache-2.0 */
/* `source: {step: NAME}`: a step takes each item of the one before it that ended as it says, once,
 * with what that kept. */
#ifndef STINT_TESTS_SIM_STEP_CHECK_H
#define STINT_TESTS_SIM_STEP_CHECK_H

#include <stdint.h>

struct machine;
struct options;
struct run_view;

enum { STEP_KEEP_BYTES = 32 };

/* The step was loaded. */
void step_check_taken(struct machine *m, const struct run_view *run, int step);
/* What the record's item keeps when it is done; NULL: nothing. Lent from `keep`. */
const char *step_keep(const struct options *o, uint32_t record, char keep[STEP_KEEP_BYTES]);
/* A reader was told that the record's item kept that; NULL: nothing. */
void step_check_kept(struct machine *m, const char *kept, uint32_t record);

#endif
