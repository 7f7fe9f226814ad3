/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compresses what is written into a file, piece by piece: each piece is a gzip member or a zstd
 * frame of its own, so pieces can stand one behind the other, and the same piece gives the same
 * bytes whatever stood before it.
 */
#ifndef STINT_LANE_PACK_H
#define STINT_LANE_PACK_H

#include "base/attr.h"
#include "base/buf.h"

struct err;

enum pack_kind { PACK_NONE, PACK_GZIP, PACK_ZSTD };

struct pack;

/* By the ending of the name: .gz, .zst. */
enum pack_kind pack_kind_of(const char *path);
/* NULL for PACK_NONE. */
struct pack *pack_new(enum pack_kind kind);
void pack_free(struct pack *p);
/* Appends the piece to `out`. ERR_MEMORY, ERR_TOO_BIG. */
ST_MUST_CHECK int pack_piece(struct pack *p, const struct buf *piece, struct buf *out,
			     struct err *err);

#endif
