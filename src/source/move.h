/* SPDX-License-Identifier: Apache-2.0 */
/* Moving one file away for good, also to another file system, without overwriting anything. */
#ifndef STINT_SOURCE_MOVE_H
#define STINT_SOURCE_MOVE_H

#include "base/attr.h"

struct err;
struct identity;
struct job;

/* Moves the file to the job's then_directory, under its name or, where that is taken, with `.1`,
 * `.2` … behind it. After success it is there and gone from here, also after a power failure.
 * Repeating it after a crash at any point ends in the same. ERR_DATA when it is not what was loaded
 * any more; ERR_IO, ERR_PERM, ERR_FULL. A file that is gone is well. */
ST_MUST_CHECK int move_file(const struct job *job, const char *name,
			    const struct identity *identity, struct err *err);
/* Removes it, likewise. */
ST_MUST_CHECK int move_delete(const struct job *job, const char *name,
			      const struct identity *identity, struct err *err);

#endif
