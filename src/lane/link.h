/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane's end of the socket: frames in, frames out.
 *
 * The worker uses it from its loop (link_fill, link_next, link_flush never wait); reader and
 * finisher, which have no loop, wait for a frame with link_read and send with link_send.
 * Promise: what is held is bounded: one frame and a little of the next on the way in; on the way
 *          out the caller looks at link_is_congested before it makes more.
 * Failure: ERR_BUG when what comes is no frame, ERR_IO when the socket breaks. LINK_END when the
 *          engine is gone.
 */
#ifndef STINT_LANE_LINK_H
#define STINT_LANE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "frame/frame.h"

struct err;

struct link {
	int fd;
	struct buf in;
	size_t in_at; /* frames before this were handed out */
	struct buf out;
	size_t out_at; /* bytes before this were written */
};

enum link_condition { LINK_END = 1, LINK_WAIT = 2 };

/* Makes the socket non-blocking; it stays the caller's. */
ST_MUST_CHECK int link_init(struct link *link, int fd, struct err *err);
void link_done(struct link *link);

/* Reads what is there, at most once. LINK_WAIT when nothing is. */
ST_MUST_CHECK int link_fill(struct link *link, struct err *err);
/* The next frame that is whole; LINK_WAIT when there is none. Lent until the next call. */
ST_MUST_CHECK int link_next(struct link *link, struct frame *ret_frame, struct err *err);
/* Writes what the socket takes. LINK_WAIT when something is left. ERR_TOO_BIG when a frame did not
 * fit into `out`. */
ST_MUST_CHECK int link_flush(struct link *link, struct err *err);
/* True when so much waits to be written that no more should be begun. */
bool link_is_congested(const struct link *link);

/* Waits for a frame, at most `us` (negative: for as long as it takes). LINK_WAIT when none came. */
ST_MUST_CHECK int link_read(struct link *link, int64_t us, struct frame *ret_frame,
			    struct err *err);
/* Writes all of `out`, waiting. */
ST_MUST_CHECK int link_send(struct link *link, struct err *err);

#endif
