/* SPDX-License-Identifier: Apache-2.0 */
/* What stands at the beginning of a CSV source before its first record. */
#ifndef STINT_CLI_SOURCE_HEAD_H
#define STINT_CLI_SOURCE_HEAD_H

#include "base/attr.h"

struct buf;
struct err;
struct job;

/* Appends the lines that are skipped and the header, byte by byte, of the job's file `path` (also a
 * compressed one); nothing where the job has neither. ERR_DATA, ERR_IO when it cannot be read. */
ST_MUST_CHECK int source_head_read(const struct job *job, const char *path, struct buf *out,
				   struct err *err);

#endif
