/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of statuses as a job file writes them. Of programs: `3`, `64-68`, `[1-9]`, `1[0-5]`; of
 * HTTP: `404`, `500-599`, `5xx`, `40[0-9]`.
 */
#ifndef STINT_JOB_STATUS_H
#define STINT_JOB_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum status_kind { STATUS_OF_EXIT, STATUS_OF_HTTP };

enum { STATUS_COUNT = 600, STATUS_BYTES = STATUS_COUNT / 8 };

/* Adds the statuses to `set`, one bit each (base/bits.h). ERR_CONFIG with what was expected; `set`
 * is then as it was. */
ST_MUST_CHECK int status_parse(enum status_kind kind, const char *text, size_t len,
			       uint8_t set[STATUS_BYTES], struct err *err);
/* The lowest status that is in both sets, -1 when there is none. */
int status_find_common(const uint8_t a[STATUS_BYTES], const uint8_t b[STATUS_BYTES]);
/* Writes the set in words: `1, 64-68`. */
void status_put(const uint8_t set[STATUS_BYTES], struct buf *out);

#endif
