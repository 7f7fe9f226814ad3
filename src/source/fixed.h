/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line whose columns stand at fixed places, counted in characters from 1.
 *
 * Blanks that only fill a column are no part of its value: behind a text, around anything else. A
 * line may have lost blanks at its end; one that ends before a column begins is cut off.
 */
#ifndef STINT_SOURCE_FIXED_H
#define STINT_SOURCE_FIXED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "job/job.h"

struct csv_column;
struct flaw;

enum fixed_condition { FIXED_FLAW = 1 };

/* The columns of a job's lines, in order of their places. */
struct fixed;
struct fixed *fixed_new(const struct job *job);
void fixed_free(struct fixed *f);
/* Sets `columns`, one for each field of the job, lent from `text`. Returns FIXED_FLAW and sets
 * *ret_flaw when the line is too short. */
ST_MUST_CHECK int fixed_split(const struct fixed *f, const char *text, size_t len,
			      struct csv_column *columns, struct flaw *ret_flaw);
/* One column of a line, with what fills it; false when it is not there. */
bool fixed_find(enum job_encoding encoding, const char *text, size_t len, int start, int n_chars,
		struct csv_column *ret_column);

#endif
