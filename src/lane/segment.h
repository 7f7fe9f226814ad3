/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work on a file (work.file): each chunk is a segment, in files beside the target (lane/shelf.h),
 * and the target is made of them at the end.
 *
 * Promise: a segment has its head or it is not there, and says which items are in it and what its
 *          bytes hash to. It is never the only place of anything: one that is missing, cut
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
#include "lane/shelf.h"

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
	/* the file that they are appended to */
	int fd;	       /* -1: none */
	char *file;    /* its path */
	int64_t shelf; /* of which it is */
	int64_t end;   /* of the last segment in it */
	int n_files;   /* made so far */
	bool is_remote;
	/* the one that is being written */
	bool has_begun; /* else items are only looked at */
	int64_t first_item;
	struct hash128 *hash;
	int64_t n_bytes;
	/* the one that was opened last, and those beside it */
	struct shelf there;
	struct shelf_place *opened;
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
/* `bits`, n of them: which items were added. Gives it its head. */
ST_MUST_CHECK int segment_end(struct segments *s, const uint8_t *bits, uint32_t n, struct err *err);
void segment_drop(struct segments *s);

/* Opens the segment when it is there and of exactly these items: a descriptor at its text, and in
 * *ret_head how long that is and what it should hash to. Else -1, which is no failure. The caller
 * closes it. */
int segment_open(struct segments *s, int64_t first_item, const uint8_t *bits, uint32_t n,
		 struct segment_head *ret_head);
/* The one that was opened last is not what it says, and is not found any more. */
void segment_spoil(struct segments *s);

/* Calls `fn` with the names in the directory of the segments, which may be gone. */
void segments_each(const struct segments *s, void (*fn)(void *arg, int directory, const char *name),
		   void *arg);
/* All of them, and the directory. */
void segments_remove(const struct segments *s);
/* Whether the directory is there that they are in. */
bool segments_are_there(const struct segments *s);

/* The failure that fits errno. */
ST_MUST_CHECK int segment_fail(int os_errno, const char *what, const char *path, struct err *err);

#endif
