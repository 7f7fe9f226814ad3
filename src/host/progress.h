/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The progress bar: one line at the bottom of a terminal, drawn over in place; elsewhere a plain
 * line now and then. Everything else that is said goes above it.
 */
#ifndef STINT_HOST_PROGRESS_H
#define STINT_HOST_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "host/host.h"

struct buf;
struct session_status;

#define PROGRESS_BAR_US (150 * US_PER_MS)
#define PROGRESS_LINES_US (30 * US_PER_S)

/* Draws or prints to standard error. */
void progress_show(enum host_progress kind, const struct session_status *status, utime now);
/* Takes the bar off the screen, before something else is written. */
void progress_hide(enum host_progress kind);

/* The line, at most `columns` wide, without colour or control characters (for tests and for lines).
 */
void progress_format(const struct session_status *status, utime now, int columns, bool bar,
		     struct buf *out);

#endif
