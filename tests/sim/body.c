/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/body.h"

#include "base/arena.h"
#include "base/buf.h"

void body_put(struct buf *b, const uint32_t *records, uint32_t n)
{
	buf_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++)
		buf_put_u32(b, records[i]);
}

uint32_t *body_records(struct arena *a, const void *body, size_t len, uint32_t n)
{
	struct reader r = READER(body, len);

	if (len == 0 && n == 1) /* a job without a source */
		return arena_new(a, uint32_t);
	if (body == NULL || reader_u32(&r) != n)
		return NULL;
	uint32_t *records = arena_alloc(a, n * sizeof(*records));
	for (uint32_t i = 0; i < n; i++)
		records[i] = reader_u32(&r);
	return reader_is_done(&r) ? records : NULL;
}
