/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated reader's pages of an inbox: asked for one ahead, given out row by row, and which of
 * them the batch at hand has dealt with.
 */
#ifndef STINT_TESTS_SIM_READER_INBOX_H
#define STINT_TESTS_SIM_READER_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "frame/frame.h"

struct buf;
struct err;
struct proc;
struct reader;
struct reader_inbox;

struct reader_inbox *reader_inbox_new(struct proc *p);
/* The place behind a batch, and going on there; with `is_over` it ends at once. */
void reader_inbox_put_place(struct reader_inbox *b, struct buf *out);
void reader_inbox_get_place(struct reader_inbox *b, struct reader *r, bool is_over);

/* True when there is a row at hand, or none any more; else a page was asked for. */
bool reader_inbox_is_ready(struct reader_inbox *b);
bool reader_inbox_is_over(const struct reader_inbox *b);
/* It comes: true when somebody waits for it. */
ST_MUST_CHECK int reader_inbox_hear(struct reader_inbox *b, const struct frame *frame,
				    bool *ret_goes_on, struct err *err);

void reader_inbox_begin_batch(struct reader_inbox *b);
/* The next row's record; false: none is at hand. It counts as dealt with. */
bool reader_inbox_next(struct reader_inbox *b, uint32_t *ret_record);
/* The row of that record of the batch stays where it is. */
void reader_inbox_leave(struct reader_inbox *b, uint32_t record);
struct frame_taken reader_inbox_taken(const struct reader_inbox *b);

#endif
