/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work on a file (work.file): each chunk is a segment, a file of its own beside the target, and the
 * target is made of them at the end.
 *
 * Promise: a segment stands under its name whole or not at all, and says which items are in it and
 *          what its bytes hash to. It is never the only place of anything: one that is missing, cut
 *          off, or of other items is written again from the chunk, with the same bytes. So it needs
 *          no fsync of its own; the target gets one.
 * Owner:   a lane process.
 */
#ifndef STINT_LANE_SEGMENT_H
#define STINT_LANE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct brief;
struct err;
struct hash128;
struct item;
struct output;
struct pack;

struct segments {
	const struct brief *brief;
	char *target;	 /* absolute */
	char *parent;	 /* its directory */
	char *directory; /* of the segments: one for each run */
	struct output *output;
	struct pack *pack; /* NULL: as it is */
	struct buf text;   /* what was not written yet … */
	struct buf packed; /* … compressed */
	uint64_t made_by;  /* a hash of the job that makes them */
	bool is_marked;	   /* this machine's mark stands in the directory */
	/* the one that is being written */
	int fd; /* -1: none, items are only looked at */
	char *temporary;
	int64_t first_item;
	struct hash128 *hash;
	int64_t n_bytes;
};

/* Keeps the brief, whose job is of WORK_FILE. ERR_CONFIG. */
ST_MUST_CHECK int segments_init(struct segments *s, const struct brief *brief, struct err *err);
void segments_done(struct segments *s);

/* Segments of all machines that take part have to meet in one directory. The machine that loaded a
 * chunk marks it, and another one that does not see that mark would write elsewhere: ERR_TEMP.
 * `body` is the chunk's; ERR_DATA. */
ST_MUST_CHECK int segments_meet(struct segments *s, const void *body, size_t len, struct err *err);

/* Begins a segment; items follow, then segment_end or segment_drop. The failures are those of
 * making files: ERR_NOINPUT (no such directory, or the target is one), ERR_PERM, ERR_FULL, ERR_IO.
 */
ST_MUST_CHECK int segment_begin(struct segments *s, int64_t first_item, struct err *err);
/* Begins nothing: whether items can be written is all that is asked. */
void segment_try(struct segments *s);
/* ERR_DATA and ERR_TOO_BIG are the item's; else as segment_begin. */
ST_MUST_CHECK int segment_add(struct segments *s, const struct item *item, struct err *err);
/* `bits`, n of them: which items were added. Gives it its name. */
ST_MUST_CHECK int segment_end(struct segments *s, const uint8_t *bits, uint32_t n, struct err *err);
void segment_drop(struct segments *s);

/* Opens the segment when it is there, whole, and of exactly these items: 0, and where its text ends
 * in *ret_bytes. Else -1, which is no failure. The caller closes it. */
int segment_open(const struct segments *s, int64_t first_item, const uint8_t *bits, uint32_t n,
		 int64_t *ret_bytes);
/* The hash that it says its text has. */
ST_MUST_CHECK int segment_hash(int fd, int64_t bytes, uint8_t ret_hash[16], struct err *err);

/* Calls `fn` with the names in the directory of the segments, which may be gone. */
void segments_each(const struct segments *s, void (*fn)(int directory, const char *name));
/* All of them, and the directory. */
void segments_remove(const struct segments *s);
void segment_remove(const struct segments *s, int64_t first_item);

/* The failure that fits errno. */
ST_MUST_CHECK int segment_fail(int os_errno, const char *what, const char *path, struct err *err);

#endif
