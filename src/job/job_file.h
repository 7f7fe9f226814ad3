/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a small file whole. */
#ifndef STINT_JOB_JOB_FILE_H
#define STINT_JOB_JOB_FILE_H

#include "base/attr.h"

struct buf;
struct err;

/* Appends the file's content. ERR_NOINPUT when it is not there or a directory, ERR_PERM when it may
 * not be read, ERR_TOO_BIG when it does not fit in `out`, ERR_IO. */
ST_MUST_CHECK int job_file_read(const char *path, struct buf *out, struct err *err);

#endif
