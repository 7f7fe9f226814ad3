/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving files away or removing them for good, also to another file system, without overwriting.
 *
 * Promise: after mover_end() the files are where they should be, also after a power failure, and at
 *          any moment each is in its old or its new place or in both. Repeating it after a crash at
 *          any point ends in the same.
 * Owner:   whoever declared it; files are added in groups, so that directories are made durable
 *          once for each group and not for each file.
 */
#ifndef STINT_SOURCE_MOVE_H
#define STINT_SOURCE_MOVE_H

#include <stddef.h>

#include "base/attr.h"
#include "source/identity.h"

struct err;
struct job;

struct mover_old {
	char *path;
	struct identity identity;
};

struct mover {
	const struct job *job;	/* kept */
	struct mover_old *olds; /* what goes with mover_end() */
	size_t n;
};

enum { MOVER_GROUP = 1024 }; /* a good number of files before mover_end() */

void mover_init(struct mover *m, const struct job *job);
void mover_done(struct mover *m);
/* then: move gives the file its new name, in the job's then_directory, under its name or, where
 * that is taken, with `.1`, `.2` … behind it; then: delete only remembers it. A file that is gone,
 * or has made way for another, is well. ERR_DATA when it changed since it was loaded; ERR_IO,
 * ERR_PERM, ERR_FULL. */
ST_MUST_CHECK int mover_add(struct mover *m, const char *name, const struct identity *identity,
			    struct err *err);
/* Makes the new names durable and removes the old ones, until the first failure. */
ST_MUST_CHECK int mover_end(struct mover *m, struct err *err);

#endif
