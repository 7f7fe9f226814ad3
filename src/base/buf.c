/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { BUF_FIRST_CAP = 64 }; /* one cache line: most are short texts */

void buf_init(struct buf *b, size_t max_bytes)
{
	assert(b != NULL);
	*b = BUF_INIT(max_bytes);
}

void buf_done(struct buf *b)
{
	assert(b != NULL);
	free(b->data);
	*b = BUF_INIT(b->max);
}

void buf_auto(struct buf *b)
{
	buf_done(b);
}

void buf_reset(struct buf *b)
{
	assert(b != NULL);
	b->len = 0;
	b->failed = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Room for `len` more bytes and the '\0'; false when refused. */
static bool buf_grow(struct buf *b, size_t len)
{
	if (b->failed || len > b->max - b->len || b->max == SIZE_MAX) {
		b->failed = true;
		return false;
	}
	size_t need = b->len + len + 1;
	size_t cap = b->cap < BUF_FIRST_CAP ? BUF_FIRST_CAP : b->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	b->data = xrealloc(b->data, cap, 1);
	b->data[b->len] = '\0'; /* a C string also before anything is put in */
	b->cap = cap;
	return true;
}

static bool buf_has_room(const struct buf *b, size_t len)
{
	return !b->failed && len < b->cap - b->len;
}

char *buf_reserve(struct buf *b, size_t len)
{
	assert(b != NULL);
	if (!buf_has_room(b, len) && !buf_grow(b, len))
		return NULL;
	return b->data + b->len;
}

void buf_added(struct buf *b, size_t len)
{
	assert(b != NULL);
	if (len == 0)
		return;
	assert(len < b->cap - b->len); /* no more than was reserved */
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	assert(b != NULL && (data != NULL || len == 0));
	char *to = buf_reserve(b, len);
	if (to == NULL)
		return;
	if (len > 0)
		memcpy(to, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	assert(s != NULL);
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	if (to == NULL)
		return;
	to[0] = c;
	to[1] = '\0';
	b->len++;
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;

	assert(b != NULL && fmt != NULL);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(n >= 0); /* our own formats never fail */
	char *to = buf_reserve(b, (size_t)n);
	if (to == NULL)
		return;
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap); /* the length is known */
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

/* Little-endian by arithmetic; compilers make one store of it. */
static void buf_put_le(struct buf *b, uint64_t v, size_t bytes)
{
	char *to = buf_reserve(b, bytes);

	if (to == NULL)
		return;
	for (size_t i = 0; i < bytes; i++)
		to[i] = (char)(unsigned char)(v >> (8 * i));
	to[bytes] = '\0';
	b->len += bytes;
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put_le(b, v, sizeof(v));
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	buf_put_le(b, v, sizeof(v));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	buf_put_le(b, v, sizeof(v));
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	buf_put_le(b, v, sizeof(v));
}

void buf_put_bytes(struct buf *b, const void *data, size_t len)
{
	assert(b != NULL);
	if (len > UINT32_MAX) { /* the length field could not say it */
		b->failed = true;
		return;
	}
	buf_put_u32(b, (uint32_t)len);
	buf_put(b, data, len);
}

void buf_consume(struct buf *b, size_t len)
{
	assert(b != NULL && len <= b->len);
	if (len == 0)
		return;
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
	b->data[b->len] = '\0';
}

void buf_truncate(struct buf *b, size_t len)
{
	assert(b != NULL && len <= b->len);
	b->len = len;
	if (b->data != NULL)
		b->data[len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	assert(b != NULL);
	return b->data == NULL ? "" : b->data;
}

char *buf_take(struct buf *b)
{
	assert(b != NULL);
	if (b->failed || (b->data == NULL && buf_reserve(b, 0) == NULL))
		return NULL;
	char *data = b->data;
	data[b->len] = '\0';
	*b = BUF_INIT(b->max);
	return data;
}

int buf_check(const struct buf *b, const char *what, struct err *err)
{
	assert(b != NULL && what != NULL);
	if (!b->failed)
		return 0;
	return ERR(err, ERR_TOO_BIG, "%s is larger than the limit of %zu bytes", what, b->max);
}

const char *reader_raw(struct reader *r, size_t len)
{
	assert(r != NULL);
	if (r->failed || len > r->len - r->at) {
		r->failed = true;
		return NULL;
	}
	const char *p = len == 0 && r->data == NULL ? "" : r->data + r->at;
	r->at += len;
	return p;
}

static uint64_t reader_le(struct reader *r, size_t bytes)
{
	const char *p = reader_raw(r, bytes);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)reader_le(r, sizeof(uint8_t));
}

uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)reader_le(r, sizeof(uint16_t));
}

uint32_t reader_u32(struct reader *r)
{
	return (uint32_t)reader_le(r, sizeof(uint32_t));
}

uint64_t reader_u64(struct reader *r)
{
	return reader_le(r, sizeof(uint64_t));
}

const char *reader_bytes(struct reader *r, size_t *ret_len)
{
	size_t len = reader_u32(r);
	const char *p = reader_raw(r, len);

	*ret_len = p == NULL ? 0 : len;
	return p;
}

bool reader_is_done(const struct reader *r)
{
	assert(r != NULL);
	return !r->failed && r->at == r->len;
}
