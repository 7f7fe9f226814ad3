/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An item as a worker of `mode: stream` is given it, one line of JSON:
 *
 *     {"id":"…","key":"…","attempt":1,"idempotency_key":"…","fields":{…}}
 *
 * id is opaque, and never used twice for one worker. Values have the types of their fields.
 */
#ifndef STINT_WORK_STREAM_LINE_H
#define STINT_WORK_STREAM_LINE_H

#include <stdint.h>

struct buf;
struct job;
struct stream_line;
struct template_item;

/* Prepares what is the same for every item. Keeps `job`. Gives. */
struct stream_line *stream_line_new(const struct job *job);
void stream_line_free(struct stream_line *line);
/* Appends it, with its end. */
void stream_line_put(const struct stream_line *line, uint64_t id, const struct template_item *item,
		     struct buf *out);

#endif
