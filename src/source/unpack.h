/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression in pieces: gzip (also several members, as `cat a.gz b.gz` makes) and Zstandard
 * (also several frames). Memory is bounded: a window above UNPACK_WINDOW_LOG is refused.
 */
#ifndef STINT_SOURCE_UNPACK_H
#define STINT_SOURCE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct unpack;

enum unpack_kind { UNPACK_NONE, UNPACK_GZIP, UNPACK_ZSTD };
enum { UNPACK_WINDOW_LOG = 27 }; /* 128 MiB, what the zstd program takes without being told */

struct unpack_step {
	const char *in;
	size_t in_len;
	char *out;
	size_t out_room;
};

/* By the end of the name: .gz, .zst. */
enum unpack_kind unpack_kind_of(const char *path);
/* Gives. `kind` is not UNPACK_NONE. */
struct unpack *unpack_new(enum unpack_kind kind);
void unpack_free(struct unpack *u);
/* Takes and makes as much as fits. ERR_DATA with why when the data are damaged; how far it came is
 * set then, too. */
ST_MUST_CHECK int unpack_run(struct unpack *u, const struct unpack_step *step, size_t *ret_used,
			     size_t *ret_made, struct err *err);
/* Whether the data may end here: a member or frame was just complete. */
bool unpack_is_complete(const struct unpack *u);

#endif
