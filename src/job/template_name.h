/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a parsed template, and reading what stands between `${` and `}`. */
#ifndef STINT_JOB_TEMPLATE_NAME_H
#define STINT_JOB_TEMPLATE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/template.h"

enum part_kind {
	PART_LITERAL,
	PART_FIELD, /* index */
	PART_ITEM_KEY,
	PART_ITEM_ATTEMPT,
	PART_ITEM_IDEMPOTENCY_KEY,
	PART_RUN_ID,
	PART_RUN_JOB,
	PART_RUN_SLOT,
	PART_DATE,
	PART_MONTH_START,
	PART_MONTH_END,
	PART_PARAM,  /* index */
	PART_SECRET, /* index */
	PART_SOURCE_PATH,
	PART_SOURCE_LINE,
	PART_TRAILER,  /* index */
	PART_CONSTANT, /* text, of the type at index */
	PART_CURSOR,
	PART_PAGE_SIZE,
	PART_COUNT_
};

struct part {
	enum part_kind kind;
	char *text; /* a literal, a constant, or the format of a date (NULL: ISO 8601) */
	size_t len;
	size_t at; /* where it stands in the template */
	size_t index;
	int64_t offset_days; /* of dates */
};

/* Reads a name such as `run.date-1d:%Y%m%d`. Fills `ret_part`, whose text is given. ERR_CONFIG
 * without the place: "unknown placeholder ${emial}; did you mean '${email}'?". */
ST_MUST_CHECK int part_parse(enum template_use use, const char *name, size_t len,
			     const struct job *job, struct part *ret_part, struct err *err);

#endif
