/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file it was that was read: device, inode, size and time of change. Two looks at a path that
 * give the same four saw the same content, as far as a file system can tell; the hash of a chunk
 * tells the rest.
 */
#ifndef STINT_SOURCE_IDENTITY_H
#define STINT_SOURCE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;
struct reader;
struct stat;

struct identity {
	uint64_t device;
	uint64_t inode;
	int64_t size;
	int64_t mtime_ns;
};

void identity_from_stat(struct identity *id, const struct stat *st);
bool identity_is_same(const struct identity *a, const struct identity *b);
/* As seen from two machines, which number devices each for itself. */
bool identity_is_same_far(const struct identity *a, const struct identity *b);
/* Size and time alone: a copy on another file system that kept its time. */
bool identity_is_copy(const struct identity *a, const struct identity *b);
/* How `now` differs from `then`, as the rest of a sentence about the file: "its size was 100, is
 * 120".
 * "" when it does not. Returns `out`. */
const char *identity_difference(const struct identity *then, const struct identity *now, char *out,
				size_t size);
/* Compares what is open and what has the name now with what was opened. ERR_DATA: "invoices.csv
 * changed while it was read: …". `fd` may be -1. */
ST_MUST_CHECK int identity_check(const struct identity *then, int fd, const char *path,
				 const char *name, struct err *err);
void identity_put(struct buf *b, const struct identity *id);
void identity_get(struct reader *r, struct identity *ret_id);

#endif
