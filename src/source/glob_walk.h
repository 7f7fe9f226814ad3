/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths that a pattern matches: `*`, `?` and `[a-z]` within a part between slashes, `\` before
 * a character that is meant as it is; a leading dot is matched only by a dot. What the shell does,
 * but a directory that may not be read is a failure that names it, and not a file less.
 */
#ifndef STINT_SOURCE_GLOB_WALK_H
#define STINT_SOURCE_GLOB_WALK_H

#include <stdbool.h>

#include "base/attr.h"

struct err;

/* Lends `name`, as the pattern writes it. A non-zero result ends the walk with it. */
typedef int (*glob_walk_fn)(void *arg, const char *name, struct err *err);

bool glob_has_magic(const char *pattern);
/* Calls `fn` for each match, in no order. A relative pattern starts from `root`. The last part,
 * where it has no magic, is not looked for: `fn` sees whether it is there. ERR_PERM, ERR_IO. */
ST_MUST_CHECK int glob_walk(const char *root, const char *pattern, glob_walk_fn fn, void *arg,
			    struct err *err);

#endif
