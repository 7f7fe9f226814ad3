/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program says on stdout and stderr: the end of it is kept, all of it is counted.
 *
 * Promise: memory is bounded by what is to be kept, whatever comes; adding costs the same, on
 *          average, whether a thousand bytes come or a thousand millions.
 */
#ifndef STINT_WORK_EXEC_OUTPUT_H
#define STINT_WORK_EXEC_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct exec_mask;
struct item;

struct exec_output {
	struct buf tail;
	size_t keep;   /* so much is handed out */
	size_t margin; /* so much more is held, to see a masked value that the cut goes through */
	uint64_t total;
};

/* Keeps the last `keep` bytes, 0 none. `longest`: of what will be masked. */
void exec_output_init(struct exec_output *o, size_t keep, size_t longest);
void exec_output_done(struct exec_output *o);
void exec_output_add(struct exec_output *o, const char *data, size_t len);
/* Whether more came than is kept. */
bool exec_output_is_cut(const struct exec_output *o);
/* What is kept, as it came. Lent until more comes. */
const char *exec_output_text(const struct exec_output *o, size_t *ret_len);
/* Appends what is kept, masked. */
void exec_output_put(const struct exec_output *o, struct exec_mask *mask, const struct item *item,
		     struct buf *out);
/* Appends the last line that is not blank, printable and at most OUTPUT_LINE_COLUMNS wide; nothing
 * when there is none. */
enum { OUTPUT_LINE_COLUMNS = 200 };
void exec_output_put_last_line(const char *text, size_t len, struct buf *out);

#endif
