/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a maximum that is stated when it is made.
 *
 * Promise: never grows past `max`; what does not fit is refused and the buffer is marked `failed`,
 *          so that a caller may append freely and ask once, at the end, with buf_check(). A lack of
 *          memory is another matter (it is nobody's data that is too large): as in base/mem.h.
 * Owner:   whoever declared it; buf_done() frees.
 * The content always has a '\0' after it that does not count, for use as a C string.
 */
#ifndef STINT_BASE_BUF_H
#define STINT_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

struct buf {
	char *data; /* NULL while nothing was ever put in; see buf_str() */
	size_t len;
	size_t cap;
	size_t max;
	bool failed; /* something did not fit */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);
void buf_auto(struct buf *b);

/* Empty again, keeping the memory; clears `failed`. */
void buf_reset(struct buf *b);

void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) ST_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) ST_PRINTF(2, 0);

/* Integers in network byte order would be wrong here: these are little-endian, as the frames and
 * chunk bodies are. */
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* u32 length, then the bytes. */
void buf_put_bytes(struct buf *b, const void *data, size_t len);

/* Makes room for `len` more bytes and gives where they go; NULL (and `failed`) when they do not
 * fit. buf_added() then says how many were written. */
char *buf_reserve(struct buf *b, size_t len);
void buf_added(struct buf *b, size_t len);

/* Drops the first `len` bytes. */
void buf_consume(struct buf *b, size_t len);

/* Keeps the first `len` bytes only. */
void buf_truncate(struct buf *b, size_t len);

/* The content as a C string, "" when empty. Lent until the buffer changes. */
const char *buf_str(const struct buf *b);

/* Gives the content as a malloc'd C string and empties the buffer; NULL only when `failed`. */
char *buf_take(struct buf *b);

/* 0, or ERR_TOO_BIG when something did not fit; `what` names the content in the message. */
ST_MUST_CHECK int buf_check(const struct buf *b, const char *what, struct err *err);

/* Reads what the buf_put_* functions wrote; never past the end. After any short read `failed` is
 * set and every further read gives 0 or NULL: ask once, at the end. */
struct reader {
	const char *data;
	size_t len;
	size_t at;
	bool failed;
};

#define READER(data_, len_) ((struct reader){.data = (data_), .len = (len_)})

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* Lends `len` bytes of the source, NULL when there are not that many. */
const char *reader_raw(struct reader *r, size_t len);
/* u32 length and bytes; lends. `*ret_len` is always set. */
const char *reader_bytes(struct reader *r, size_t *ret_len);
/* True when everything was read and nothing failed. */
bool reader_is_done(const struct reader *r);

#endif
