/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/pack.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/err.h"
#include "base/mem.h"

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_MEMBER_BYTES = 64, ZSTD_LEVEL = 3 };

struct pack {
	enum pack_kind kind;
	z_stream gzip;
	ZSTD_CCtx *zstd;
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	size_t end_len = strlen(end);

	return len > end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

enum pack_kind pack_kind_of(const char *path)
{
	assert(path != NULL);
	if (ends_with(path, ".gz"))
		return PACK_GZIP;
	return ends_with(path, ".zst") ? PACK_ZSTD : PACK_NONE;
}

struct pack *pack_new(enum pack_kind kind)
{
	if (kind == PACK_NONE)
		return NULL;
	struct pack *p = xnew(struct pack);
	bool is_ready = false;
	p->kind = kind;
	if (kind == PACK_GZIP) {
		is_ready = deflateInit2(&p->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW,
					GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
	} else {
		p->zstd = ZSTD_createCCtx();
		is_ready = p->zstd != NULL;
	}
	if (!is_ready) /* as xcalloc: small, and nothing to be done */
		mem_give_up(1, sizeof(*p));
	return p;
}

void pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	if (p->kind == PACK_GZIP)
		(void)deflateEnd(&p->gzip); /* only says that the stream was not at its end */
	ZSTD_freeCCtx(p->zstd);
	free(p);
}

static int piece_gzip(struct pack *p, const struct buf *piece, struct buf *out, struct err *err)
{
	z_stream *z = &p->gzip;
	/* zlib before C89 habits: it does not write there. */
	union {
		const char *from;
		Bytef *to;
	} in = {.from = piece->data};

	if (piece->len > UINT_MAX / 2 || deflateReset(z) != Z_OK)
		return ERR(err, ERR_TOO_BIG, "too much to compress at once");
	size_t most = deflateBound(z, piece->len) + GZIP_MEMBER_BYTES;
	char *room = buf_reserve(out, most);
	if (room == NULL)
		return buf_check(out, "what is written", err);
	z->next_in = in.to;
	z->avail_in = (uInt)piece->len;
	z->next_out = (Bytef *)(void *)room;
	z->avail_out = (uInt)most;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return ERR(err, ERR_MEMORY, "cannot compress: %s", z->msg == NULL ? "" : z->msg);
	buf_added(out, most - z->avail_out);
	return 0;
}

static int piece_zstd(struct pack *p, const struct buf *piece, struct buf *out, struct err *err)
{
	size_t most = ZSTD_compressBound(piece->len);
	char *room = buf_reserve(out, most);

	if (room == NULL)
		return buf_check(out, "what is written", err);
	size_t n = ZSTD_compressCCtx(p->zstd, room, most, piece->data, piece->len, ZSTD_LEVEL);
	if (ZSTD_isError(n))
		return ERR(err, ERR_MEMORY, "cannot compress: %s", ZSTD_getErrorName(n));
	buf_added(out, n);
	return 0;
}

int pack_piece(struct pack *p, const struct buf *piece, struct buf *out, struct err *err)
{
	assert(p != NULL && piece != NULL && out != NULL);
	return p->kind == PACK_GZIP ? piece_gzip(p, piece, out, err)
				    : piece_zstd(p, piece, out, err);
}
