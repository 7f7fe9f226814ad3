/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where records end: the one part of reading that looks at every byte.
 *
 * A record ends at a line end that is not inside quotes. A quote opens only at the start of a
 * column (RFC 4180); one in the middle of a column is an ordinary byte here, and csv_record.c
 * refuses that record, so that a lone inch sign costs one record and not half the file. Without a
 * quote character records are lines. A CR before the LF belongs to the line end and is taken off by
 * the caller.
 *
 * The scanner keeps its state between calls: hand in what follows, never the same bytes twice.
 * Reads 64 bytes at a time, with SSE2 on x86-64 and by words elsewhere; the tests hold both to the
 * same answers as a byte-wise one.
 */
#ifndef STINT_SOURCE_CSV_SCAN_H
#define STINT_SOURCE_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csv_scan {
	char delimiter;
	char quote;	/* '\0': none */
	bool is_plain;	/* use the portable twin (tests) */
	uint8_t state;	/* within the unfinished record */
	uint64_t lines; /* line ends so far in the unfinished record */
};

/* The end of a record, as an offset behind its line end, and how many line ends it has. */
struct csv_mark {
	uint32_t end;
	uint32_t lines;
};

enum { CSV_SCAN_MAX = 1 << 30 }; /* bytes in one call: marks are 32 bits */

void csv_scan_init(struct csv_scan *s, char delimiter, char quote);
/* Scans `data` and sets up to `max` marks. Returns how many; *ret_used is how far it came: behind
 * the last mark when all marks are used up, else `len`. */
size_t csv_scan_run(struct csv_scan *s, const char *data, size_t len, struct csv_mark *marks,
		    size_t max, size_t *ret_used);
/* Whether a record, without its line end, is none: an empty line; of what is no CSV also one of
 * blanks. */
bool csv_scan_is_blank(const struct csv_scan *s, const char *text, size_t len);
/* Whether the unfinished record ends inside quotes. */
bool csv_scan_is_open(const struct csv_scan *s);
/* The same by the byte, as a yardstick for tests. */
size_t csv_scan_slowly(struct csv_scan *s, const char *data, size_t len, struct csv_mark *marks,
		       size_t max, size_t *ret_used);

#endif
