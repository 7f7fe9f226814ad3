/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which column of a CSV file is which field: by the names in its header, in any order; further
 * columns are left alone. Without a header the declared fields, in their order, are all columns
 * that there are.
 */
#ifndef STINT_SOURCE_CSV_HEADER_H
#define STINT_SOURCE_CSV_HEADER_H

#include <stddef.h>

#include "base/attr.h"

struct err;
struct shape;

enum { CSV_COLUMNS_MAX = 16384 };

/* Gives the shape its columns by the header record (without line end and byte order mark).
 * ERR_DATA, without the place: no CSV, a name that comes twice, a field without a column. */
ST_MUST_CHECK int csv_header_read(struct shape *s, const char *text, size_t len, struct err *err);
/* The same for a file without a header. ERR_CONFIG when a field asks for a column by name. */
ST_MUST_CHECK int csv_header_none(struct shape *s, struct err *err);

#endif
