/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items as the text of a file (work.file): csv, jsonl, xml, fixed.
 *
 * Promise: the same items give the same bytes, wherever and however often they are written: what
 *          stands before all items, what stands for each, what stands behind them. Values keep
 * their exact digits. What a format cannot hold is refused, and the buffer is as it was.
 * Owner:   one thread. Keeps the job.
 */
#ifndef STINT_WORK_OUTPUT_H
#define STINT_WORK_OUTPUT_H

#include "base/attr.h"
#include "base/buf.h"

struct err;
struct item;
struct job;

struct output;

struct output *output_new(const struct job *job);
void output_free(struct output *o);
void output_put_head(const struct output *o, struct buf *out);
/* ERR_DATA names the field; ERR_TOO_BIG when `out` cannot hold it. */
ST_MUST_CHECK int output_put_item(const struct output *o, const struct item *item, struct buf *out,
				  struct err *err);
void output_put_tail(const struct output *o, struct buf *out);

#endif
