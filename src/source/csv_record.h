/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One CSV record into its columns (RFC 4180, strictly).
 *
 * Columns are lent from the record; only one with doubled quotes is written anew, to `scratch`.
 * What is no CSV is a fault of the record, said with its place: text behind a closing quote, a
 * quote or a carriage return in a column without quotes, a quote that is never closed.
 */
#ifndef STINT_SOURCE_CSV_RECORD_H
#define STINT_SOURCE_CSV_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;

enum { FLAW_REASON_MAX = 400 };

/* What is wrong with a record, and at which of its bytes. */
struct flaw {
	size_t at;
	char reason[FLAW_REASON_MAX];
};

struct csv_column {
	const char *text;
	size_t len;
	size_t at; /* where it begins in the record, its quote included */
};

struct csv_form {
	char delimiter;
	char quote; /* '\0': none */
};

enum csv_record_condition { CSV_RECORD_FLAW = 1 };

/* Room for columns, and how many there are: that may be more than `max`, which are then not set. */
struct csv_columns {
	struct csv_column *list;
	size_t max;
	size_t n;
};

/* Splits the record, without its line end. Lends from `text` and `scratch`, which is emptied first.
 * Returns CSV_RECORD_FLAW and sets *ret_flaw when it is no CSV. */
ST_MUST_CHECK int csv_record_split(const struct csv_form *form, const char *text, size_t len,
				   struct csv_columns *columns, struct buf *scratch,
				   struct flaw *ret_flaw);
/* Fills the reason, cut to fit. */
void flaw_set(struct flaw *flaw, size_t at, const char *fmt, ...) ST_PRINTF(3, 4);

#endif
