/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a run that writes a file: its segments become the target, in the order of the items.
 *
 * Promise: the target appears under its name once, whole and on the disk, in the place of one that
 *          was there. Repeating it gives the same bytes. Each try (`epoch`) has a file of its own
 *          until then, and takes away those of earlier ones: what is left of one that was given up
 *          can neither be mixed with it nor appear behind it.
 * Owner:   the finisher, of which the ledger lets one at a time work on a run's end.
 */
#ifndef STINT_LANE_ASSEMBLE_H
#define STINT_LANE_ASSEMBLE_H

#include "base/attr.h"

struct assembly;
struct brief;
struct err;
struct frame_then;

/* NULL for a job that writes no file. Keeps the brief. ERR_CONFIG. */
ST_MUST_CHECK int assembly_new(const struct brief *brief, struct assembly **ret_assembly,
			       struct err *err);
void assembly_free(struct assembly *a);
/* The next chunk, with those of its items that are done; n 0: that was all, the target is made. */
ST_MUST_CHECK int assembly_add(struct assembly *a, const struct frame_then *then, struct err *err);
/* All is durable: what is left beside the target goes. */
void assembly_clean(struct assembly *a);
/* What became of it, for people, and to be kept (a JSON object); "" before. */
const char *assembly_words(const struct assembly *a);
const char *assembly_result(const struct assembly *a);

#endif
