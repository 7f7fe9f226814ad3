/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where results go: a descriptor with a buffer before it.
 *
 * Promise: memory stays bounded however much is said (out_spill after each row), and a result that
 *          could not be written is an error, not silence. A reader that went away (a closed pipe)
 * is none. Owner:   whoever declared it; out_done frees and does not write.
 */
#ifndef STINT_CLI_OUT_H
#define STINT_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

struct err;

struct out {
	struct buf buf; /* what was put and not yet written */
	int fd;
	int os_errno; /* of the first write that failed, 0 none */
	bool is_terminal;
	bool has_colour; /* a terminal, and nobody asked for none (NO_COLOR, TERM=dumb) */
	size_t columns;	 /* of the terminal; 0: no limit */
};

void out_init(struct out *o, int fd);
void out_done(struct out *o);
/* Writes what is buffered when it has become much. */
void out_spill(struct out *o);
/* Writes what is buffered, for what takes long between its lines. */
void out_flush(struct out *o);
/* Writes all. ERR_IO when anything could not be written since out_init, ERR_FULL for lack of space.
 */
ST_MUST_CHECK int out_end(struct out *o, struct err *err);

enum out_style { OUT_BOLD, OUT_GOOD, OUT_BAD, OUT_WARN, OUT_FAINT, OUT_STYLE_COUNT_ };
/* Begins and ends a style where there is colour; both do nothing elsewhere. */
void out_style(struct out *o, enum out_style style);
void out_plain(struct out *o);

#endif
