/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a load is over: the list that a path gives, fixed at the start and sorted by bytes,
 * after waiting for files to appear and to stay the same, as the job says.
 *
 * Names are as in the job file; relative ones start from its directory. The name is what messages,
 * keys and ${source.path} show; globs_full_path() is what is opened.
 */
#ifndef STINT_SOURCE_GLOBS_H
#define STINT_SOURCE_GLOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "source/identity.h"

struct buf;
struct err;
struct job;
struct patience;
struct template_run;

enum { FILES_MAX = 1000000 }; /* in one list; more is a mistake, and memory */

struct file {
	char *name;
	struct identity identity; /* when it was listed; later, when it was opened */
	bool was_read;
};

struct file_list {
	struct file *files;
	size_t n;
};

struct globs_options {
	const struct job *job;
	const struct template_run *run;
	const char *path; /* --source, or NULL */
	const struct patience *patience;
};

/* Sets *ret_list, which the caller frees with file_list_done. Returns SOURCE_MISSING and
 * SOURCE_MISSING_OK as source_open does; fails with ERR_DATA (a directory, a FIFO, never stable),
 * ERR_PERM, ERR_IO, ERR_TEMP. Files that are not old enough yet are left out, which may leave none.
 */
ST_MUST_CHECK int globs_list(const struct globs_options *options, struct file_list *ret_list,
			     struct err *err);
void file_list_done(struct file_list *list);
/* The path to open; gives. */
char *globs_full_path(const struct job *job, const char *name);

#endif
