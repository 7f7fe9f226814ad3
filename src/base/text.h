/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for people: nearest word, durations, sizes, counts; and reading them.
 */
#ifndef STINT_BASE_TEXT_H
#define STINT_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum { TEXT_DIGITS_MAX = 20 };

/* The candidate nearest to `word` by edit distance (Damerau-Levenshtein), when near enough to be a
 * typing error (at most a third of the length, at least 1); else NULL. Lends a candidate. */
const char *text_nearest(const char *word, size_t len, const char *const *candidates, size_t n);

/* `250ms` `30s` `5m` `1h30m` `2w`, units ms s m h d w in falling order, each once; `0` alone is
 * allowed. ERR_DATA with what was expected. */
ST_MUST_CHECK int text_parse_duration(const char *text, size_t len, int64_t *ret_us,
				      struct err *err);
/* `64K` `512M` `5G` `2T`, also Ki Mi Gi; a plain number is bytes. */
ST_MUST_CHECK int text_parse_size(const char *text, size_t len, int64_t *ret_bytes,
				  struct err *err);
/* Plain decimal digits with an optional '-', no leading zeros ("010" is refused and the message
 * says so), within int64. */
ST_MUST_CHECK int text_parse_int(const char *text, size_t len, int64_t *ret_value, struct err *err);

/* The shortest form that text_parse_duration reads back to the same value: `1h30m`. */
void text_put_duration(struct buf *b, int64_t us);
/* For people: `3 ms`, `12.4 s`, `4 min 10 s`, `2 h 05 min`, `3 d 4 h`. */
void text_put_span(struct buf *b, int64_t us);
/* As text_put_span, and finer below a second: `850 us`, `1.23 ms`, `123.4 ms`. */
void text_put_short_span(struct buf *b, int64_t us);
/* `64K`, `5G` when exact, else bytes. */
void text_put_size(struct buf *b, int64_t bytes);
/* What is written for every item, where printf would cost more than all the rest: the digits of
 * `n`, with zeros in front of them up to `width`; no '\0'. Gives how many, TEXT_DIGITS_MAX
 * at most. */
size_t text_digits(uint64_t n, size_t width, char *out);
void text_put_number(struct buf *b, int64_t n);
/* Thousands set apart: `1,234,567`. */
void text_put_count(struct buf *b, int64_t n);
/* Outside text made printable on one line: control characters and bad UTF-8 as \xNN; at most
 * `columns` wide (0: no limit), cut with `…`. */
void text_put_printable(struct buf *b, const char *text, size_t len, size_t columns);

#endif
