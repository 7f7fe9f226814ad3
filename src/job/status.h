/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of exit statuses as a job file writes them: `3`, `64-68`, `[1-9]`, `1[0-5]`. */
#ifndef STINT_JOB_STATUS_H
#define STINT_JOB_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum { STATUS_COUNT = 256, STATUS_BYTES = STATUS_COUNT / 8 };

/* Adds the statuses to `set`, one bit each (base/bits.h). ERR_CONFIG with what was expected; `set`
 * is then as it was. */
ST_MUST_CHECK int status_parse(const char *text, size_t len, uint8_t set[STATUS_BYTES],
			       struct err *err);
/* The lowest status that is in both sets, -1 when there is none. */
int status_find_common(const uint8_t a[STATUS_BYTES], const uint8_t b[STATUS_BYTES]);
/* Writes the set in words: `1, 64-68`. */
void status_put(const uint8_t set[STATUS_BYTES], struct buf *out);

#endif
