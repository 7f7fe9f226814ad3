/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around the records of a source: before the first, between two, behind the last. */
#ifndef STINT_CLI_SOURCE_HEAD_H
#define STINT_CLI_SOURCE_HEAD_H

#include "base/attr.h"

struct buf;
struct err;
struct job;

/* Appends what a file with some of the records of the job's file `path` (also a compressed one)
 * begins with: of CSV the lines that are skipped and the header, byte by byte; of a document its
 * declaration, and what leads to the elements. ERR_DATA, ERR_IO when that cannot be read, and what
 * can be said without is there all the same. */
ST_MUST_CHECK int source_head_read(const struct job *job, const char *path, struct buf *out,
				   struct err *err);
/* What stands between two records, beside a line end; "" mostly. */
const char *source_head_between(const struct job *job);
/* Appends what such a file ends with. */
void source_head_put_end(const struct job *job, struct buf *out);

#endif
