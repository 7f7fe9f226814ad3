/* SPDX-License-Identifier: Apache-2.0 */
#include "source/unpack.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/err.h"
#include "base/mem.h"

enum { GZIP_ONLY = 15 + 16 }; /* inflateInit2: the largest window, and a gzip header */

struct unpack {
	enum unpack_kind kind;
	z_stream gzip;
	ZSTD_DCtx *zstd;
	bool is_complete;
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	size_t end_len = strlen(end);

	return len > end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

enum unpack_kind unpack_kind_of(const char *path)
{
	if (ends_with(path, ".gz"))
		return UNPACK_GZIP;
	return ends_with(path, ".zst") ? UNPACK_ZSTD : UNPACK_NONE;
}

struct unpack *unpack_new(enum unpack_kind kind)
{
	struct unpack *u = xnew(struct unpack);
	bool is_ready = false;

	assert(kind != UNPACK_NONE);
	u->kind = kind;
	if (kind == UNPACK_GZIP) {
		is_ready = inflateInit2(&u->gzip, GZIP_ONLY) == Z_OK;
	} else {
		u->zstd = ZSTD_createDCtx();
		is_ready = u->zstd != NULL &&
			   !ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax,
								UNPACK_WINDOW_LOG));
	}
	if (!is_ready) /* as xcalloc: small, and nothing to be done */
		mem_give_up(1, sizeof(*u));
	return u;
}

void unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	if (u->kind == UNPACK_GZIP)
		(void)inflateEnd(&u->gzip); /* only says that the stream was not at its end */
	ZSTD_freeDCtx(u->zstd);
	free(u);
}

static int run_gzip(struct unpack *u, const struct unpack_step *step, size_t *ret_used,
		    size_t *ret_made, struct err *err)
{
	z_stream *z = &u->gzip;

	if (u->is_complete && inflateReset(z) != Z_OK)
		return ERR(err, ERR_BUG, "inflateReset failed");
	u->is_complete = false;
	/* zlib before C89 habits: it does not write there. */
	union {
		const char *from;
		Bytef *to;
	} in = {.from = step->in};
	z->next_in = in.to;
	z->avail_in = step->in_len < UINT_MAX ? (uInt)step->in_len : UINT_MAX;
	z->next_out = (Bytef *)(void *)step->out;
	z->avail_out = step->out_room < UINT_MAX ? (uInt)step->out_room : UINT_MAX;
	uInt in_before = z->avail_in;
	uInt out_before = z->avail_out;
	int rc = inflate(z, Z_NO_FLUSH);
	*ret_used = in_before - z->avail_in;
	*ret_made = out_before - z->avail_out;
	u->is_complete = rc == Z_STREAM_END;
	if (rc == Z_MEM_ERROR)
		return ERR(err, ERR_MEMORY, "no memory to decompress");
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return ERR(err, ERR_DATA, "%s", z->msg == NULL ? "no gzip data" : z->msg);
	return 0;
}

static int run_zstd(struct unpack *u, const struct unpack_step *step, size_t *ret_used,
		    size_t *ret_made, struct err *err)
{
	ZSTD_inBuffer in = {.src = step->in, .size = step->in_len};
	ZSTD_outBuffer out = {.dst = step->out, .size = step->out_room};
	size_t rc = ZSTD_decompressStream(u->zstd, &out, &in);

	*ret_used = in.pos;
	*ret_made = out.pos;
	if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return ERR(err, ERR_MEMORY, "no memory to decompress");
	if (ZSTD_isError(rc))
		return ERR(err, ERR_DATA, "%s", ZSTD_getErrorName(rc));
	if (in.pos > 0 || out.pos > 0)
		u->is_complete = rc == 0;
	return 0;
}

int unpack_run(struct unpack *u, const struct unpack_step *step, size_t *ret_used, size_t *ret_made,
	       struct err *err)
{
	assert(u != NULL && step != NULL && ret_used != NULL && ret_made != NULL);
	if (u->kind == UNPACK_GZIP)
		return run_gzip(u, step, ret_used, ret_made, err);
	return run_zstd(u, step, ret_used, ret_made, err);
}

bool unpack_is_complete(const struct unpack *u)
{
	return u->is_complete;
}
