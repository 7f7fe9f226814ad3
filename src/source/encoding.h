/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings of CSV files. All three write ASCII as ASCII, so that records and columns are found in
 * the bytes as they stand, and only a column with other characters is converted.
 */
#ifndef STINT_SOURCE_ENCODING_H
#define STINT_SOURCE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "job/job.h"

struct buf;

enum { ENCODING_GROWTH = 3 }; /* one byte becomes at most so many of UTF-8 */

/* Where the first NUL or byte that is no character stands, `len` when there is none; *ret_why,
 * which may be NULL, says what it is. */
size_t encoding_find_bad(enum job_encoding encoding, const char *text, size_t len,
			 const char **ret_why);
bool encoding_is_ascii(const char *text, size_t len);
/* Appends the text as UTF-8; what encoding_find_bad refuses becomes U+FFFD. */
void encoding_put_utf8(enum job_encoding encoding, const char *text, size_t len, struct buf *out);
/* How many characters the text has; any bytes are allowed. */
size_t encoding_count(enum job_encoding encoding, const char *text, size_t len);

#endif
