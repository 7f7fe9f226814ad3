/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef STINT_BASE_UTF8_H
#define STINT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum { UTF8_BYTES_MAX = 4, UTF8_REPLACEMENT = 0xfffd };

/* The offset of the first byte that is not well-formed UTF-8, or `len` when all is. Fast on ASCII.
 */
size_t utf8_find_bad(const char *text, size_t len);
/* The length of the well-formed character that `text` (not empty) starts with, 0 when it is none.
 */
size_t utf8_sequence(const char *text, size_t len);
/* The first code point of a well-formed, not empty text, and its length in bytes. */
uint32_t utf8_decode(const char *text, size_t *ret_len);
/* Writes one code point, which must be no surrogate; returns the length in bytes. */
size_t utf8_encode(uint32_t code_point, char out[UTF8_BYTES_MAX]);
/* Appends one code point. */
void utf8_put(struct buf *b, uint32_t code_point);
/* False for what has no place in one line of a terminal or log: control characters (C0, DEL, C1),
 * line and paragraph separators, and the marks that turn the direction of what follows. */
bool utf8_is_printable(uint32_t code_point);
/* How many terminal columns a well-formed text takes (wide East Asian characters two). */
size_t utf8_width(const char *text, size_t len);
/* The length in bytes of the longest prefix that is at most `columns` wide and ends on a character.
 */
size_t utf8_cut(const char *text, size_t len, size_t columns);
/* A text that was cut to fill `size` bytes with its '\0': its last characters become "…", so that
 * people see that there was more. */
void utf8_mark_cut(char *text, size_t size);
/* How many characters (code points) a well-formed text has. */
size_t utf8_count(const char *text, size_t len);

#endif
