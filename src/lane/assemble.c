/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/assemble.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/chunk.h"
#include "lane/pack.h"
#include "lane/reshape.h"
#include "lane/segment.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "work/output.h"

/* A segment that is not as it was is written again; what was written then is read. */
enum {
	COPY_BYTES = 256 * 1024,
	WORDS_MAX = 8192,
	RESULT_MAX = 64 * 1024,
	PATH_BYTES_MAX = 64 * 1024,
	MODE = 0666,
	ATTEMPTS = 3
};

/* The target before it has its name. */
#define WHOLE "whole."

struct assembly {
	struct segments segments;
	struct reshape reshape;
	struct chunk_table chunks;
	char *whole; /* the target before it has its name */
	int fd;	     /* of it, -1: not begun */
	int64_t n_bytes, n_rows;
	struct hash256 *hash;	/* of what was written … */
	struct hash256 *before; /* … before the segment that is being appended */
	char *copy;
	struct buf words;
	struct buf result;
	bool has_failed;
	bool is_there;
};

int assembly_new(const struct brief *brief, struct assembly **ret_assembly, struct err *err)
{
	*ret_assembly = NULL;
	if (brief->job->work.kind != WORK_FILE)
		return 0;
	struct assembly *a = xnew(struct assembly);
	a->fd = -1;
	a->hash = hash256_new();
	a->before = hash256_new();
	a->copy = xcalloc(COPY_BYTES, 1);
	a->words = BUF_INIT(WORDS_MAX);
	a->result = BUF_INIT(RESULT_MAX);
	chunk_table_init(&a->chunks, brief);
	int rc = reshape_init(&a->reshape, brief, err);
	if (rc == 0)
		rc = segments_init(&a->segments, brief, err);
	if (rc < 0) {
		assembly_free(a);
		return rc;
	}
	*ret_assembly = a;
	return 0;
}

void assembly_free(struct assembly *a)
{
	if (a == NULL)
		return;
	segments_done(&a->segments);
	reshape_done(&a->reshape);
	chunk_table_done(&a->chunks);
	if (a->fd >= 0)
		(void)close(a->fd); /* it was synced, or is not kept */
	hash256_free(a->hash);
	hash256_free(a->before);
	free(a->whole);
	free(a->copy);
	buf_done(&a->words);
	buf_done(&a->result);
	free(a);
}

const char *assembly_words(const struct assembly *a)
{
	return a == NULL ? "" : buf_str(&a->words);
}

const char *assembly_result(const struct assembly *a)
{
	return a == NULL ? "" : buf_str(&a->result);
}

/* ---- the beginning ---- */

/* Safety: whoever made it and was not proved gone cannot give it its name any more. */
static void remove_whole(void *arg, int directory, const char *name)
{
	(void)arg;
	if (strncmp(name, WHOLE, strlen(WHOLE)) == 0)
		(void)unlinkat(directory, name, 0); /* what stays is only litter */
}

/* All that the target consists of goes through here: it is not read again for its digest. */
static int write_whole(struct assembly *a, const void *data, size_t len, struct err *err)
{
	if (fd_write_all(a->fd, data, len) < 0)
		return segment_fail(errno, "write", a->whole, err);
	hash256_add(a->hash, data, len);
	return 0;
}

/* Compresses and writes a piece of our own: what stands before and behind the items. */
static int put_piece(struct assembly *a, struct buf *piece, struct err *err)
{
	AUTO(buf) struct buf packed = BUF_INIT(COPY_BYTES);
	const struct buf *out = piece;

	if (piece->len == 0)
		return 0;
	if (a->segments.pack != NULL) {
		int rc = pack_piece(a->segments.pack, piece, &packed, err);
		if (rc < 0)
			return rc;
		out = &packed;
	}
	int rc = write_whole(a, out->data, out->len, err);
	if (rc == 0)
		a->n_bytes += (int64_t)out->len;
	return rc;
}

static int begin(struct assembly *a, int64_t epoch, struct err *err)
{
	AUTO(buf) struct buf head = BUF_INIT(COPY_BYTES);

	if (a->fd >= 0)
		return 0;
	if (mkdir(a->segments.directory, 0700) < 0 && errno != EEXIST)
		return segment_fail(errno, "make the directory", a->segments.directory, err);
	segments_each(&a->segments, remove_whole, NULL);
	struct buf path = BUF_INIT(PATH_BYTES_MAX);
	buf_printf(&path, "%s/" WHOLE "%" PRId64, a->segments.directory, epoch);
	a->whole = buf_take(&path);
	a->fd = open(a->whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
	if (a->fd < 0)
		return segment_fail(errno, "write", a->whole, err);
	output_put_head(a->segments.output, &head);
	return put_piece(a, &head, err);
}

/* ---- a chunk ---- */

/* Behind what is there already. 1 when the segment's bytes are not what they were: a power failure
 * can do that. Then nothing was appended. */
static int append(struct assembly *a, int segment, const struct segment_head *head, struct err *err)
{
	uint8_t found[XXH128_BYTES];
	int64_t left = head->n_bytes;
	int rc = 0;
	struct hash128 *check = hash128_new();
	hash256_copy(a->before, a->hash);
	while (left > 0 && rc == 0) {
		size_t want = left < COPY_BYTES ? (size_t)left : (size_t)COPY_BYTES;
		ssize_t n = fd_read_full(segment, a->copy, want);
		if (n != (ssize_t)want)
			rc = ERR(err, ERR_IO, "a segment of '%s' cannot be read",
				 a->segments.target);
		else
			rc = write_whole(a, a->copy, want, err);
		hash128_add(check, a->copy, want);
		left -= (int64_t)want;
	}
	hash128_end(check, found);
	hash128_free(check);
	if (rc < 0)
		return rc;
	if (memcmp(found, head->hash, sizeof(found)) == 0)
		return 0;
	if (ftruncate(a->fd, a->n_bytes) < 0 || lseek(a->fd, a->n_bytes, SEEK_SET) < 0)
		return segment_fail(errno, "write", a->whole, err);
	hash256_copy(a->hash, a->before);
	return 1;
}

static int write_item(void *arg, const struct item *item, struct err *err)
{
	return segment_add(arg, item, err);
}

/* From the chunk, as a lane did it or would have. */
static int write_segment(struct assembly *a, const struct frame_then *then, struct err *err)
{
	uint8_t *done = xcalloc(BITS_BYTES(then->n) + 1, 1);
	const struct frame_chunk body = {.handle = 1,
					 .n = then->n,
					 .first_item = then->first_item,
					 .body = then->body,
					 .body_len = then->body_len};

	int rc = chunk_add(&a->chunks, &body, err);
	if (rc == 0)
		rc = segment_begin(&a->segments, then->first_item, err);
	struct chunk *chunk = chunk_find(&a->chunks, 1);
	if (rc == 0 && chunk_open(&a->chunks, chunk, false))
		chunk->state = CHUNK_BROKEN;
	if (rc == 0 && chunk->state != CHUNK_READ) {
		*err = chunk->err;
		rc = ERR_DATA;
	}
	if (rc == 0)
		rc = reshape_unit(&a->reshape,
				  &(struct reshape_unit){.table = &a->chunks,
							 .chunk = chunk,
							 .bits = then->good,
							 .take = write_item,
							 .arg = &a->segments},
				  done, err);
	if (rc == 0 && memcmp(done, then->good, BITS_BYTES(then->n)) != 0)
		rc = ERR(err, ERR_DATA, "an item that was written cannot be written again: %s",
			 a->reshape.n_failures > 0 ? a->reshape.failures[0].err : "");
	if (rc == 0)
		rc = segment_end(&a->segments, done, then->n, err);
	segment_drop(&a->segments);
	if (chunk != NULL)
		chunk_drop(chunk);
	free(done);
	return rc;
}

static int add_chunk(struct assembly *a, const struct frame_then *then, struct err *err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		struct segment_head head = {0};
		AUTO(fd)
		int segment = segment_open(&a->segments, then->first_item, then->good, then->n,
					   &head);
		if (segment < 0) {
			int rc = write_segment(a, then, err);
			if (rc < 0)
				return rc;
			continue;
		}
		int rc = append(a, segment, &head, err);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			(void)FAULT("file.appended");
			a->n_bytes += head.n_bytes;
			a->n_rows += (int64_t)bits_count(then->good, then->n);
			return 0;
		}
		segment_spoil(&a->segments);
	}
	return ERR(err, ERR_IO, "a segment of '%s' does not keep what is written into it",
		   a->segments.target);
}

/* ---- the end ---- */

static void put_result(struct assembly *a, const char *sha256)
{
	struct json_writer w;

	jw_init(&w, &a->result);
	jw_object(&w);
	jw_member_text(&w, "path", a->segments.target);
	jw_member_int(&w, "bytes", a->n_bytes);
	jw_member_int(&w, "rows", a->n_rows);
	jw_member_text(&w, "sha256", sha256);
	jw_object_end(&w);
	jw_done(&w);
}

static int end(struct assembly *a, struct err *err)
{
	AUTO(buf) struct buf tail = BUF_INIT(COPY_BYTES);
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	output_put_tail(a->segments.output, &tail);
	int rc = put_piece(a, &tail, err);
	if (rc < 0)
		return rc;
	/* Safety: the content is on the disk before the name leads to it, and the name before the
	 * ledger says that the run is finished. */
	if (fsync(a->fd) < 0)
		return segment_fail(errno, "write", a->whole, err);
	(void)FAULT("file.synced");
	if (rename(a->whole, a->segments.target) < 0)
		return segment_fail(errno, "replace", a->segments.target, err);
	(void)FAULT("file.named");
	rc = file_sync_directory(a->segments.parent, err);
	if (rc < 0)
		return rc;
	hash256_end(a->hash, digest);
	hash_hex(digest, sizeof(digest), hex);
	buf_printf(&a->words, "%s is there: %" PRId64 " bytes, %" PRId64 " rows, sha256 %s",
		   a->segments.target, a->n_bytes, a->n_rows, hex);
	(void)FAULT("file.made");
	put_result(a, hex);
	a->is_there = true;
	return 0;
}

int assembly_add(struct assembly *a, const struct frame_then *then, struct err *err)
{
	assert(a != NULL && then != NULL);
	if (a->has_failed)
		return ERR(err, ERR_TEMP, "'%s' was not made", a->segments.target);
	int rc = then->body_len == 0 ? 0
				     : segments_meet(&a->segments, then->body, then->body_len, err);
	if (rc == 0)
		rc = begin(a, then->epoch, err);
	if (rc == 0)
		rc = then->n > 0 ? add_chunk(a, then, err) : end(a, err);
	a->has_failed = rc < 0;
	return rc;
}

void assembly_clean(struct assembly *a)
{
	if (a != NULL && a->is_there)
		segments_remove(&a->segments);
}
