/* SPDX-License-Identifier: Apache-2.0 */
#include "source/body_format.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"

enum { ZSTD_LEVEL = 1, VERSION_WITHOUT_MACHINE = 1 };

static const uint32_t null_len = UINT32_MAX;

static void put_head(struct buf *b, enum body_kind kind, const uint8_t machine[MACHINE_BYTES])
{
	buf_put_u8(b, BODY_VERSION);
	buf_put_u8(b, (uint8_t)kind);
	buf_put(b, machine, MACHINE_BYTES);
}

void body_put_reference(struct buf *b, const uint8_t machine[MACHINE_BYTES],
			const struct body_reference *ref)
{
	assert(ref->n_items > 0 && ref->n_items <= ref->n_records);
	put_head(b, BODY_BY_REFERENCE, machine);
	buf_put_u8(b, (uint8_t)ref->format);
	buf_put_bytes(b, ref->path, ref->path_len);
	identity_put(b, &ref->identity);
	buf_put_u64(b, (uint64_t)ref->offset);
	buf_put_u64(b, (uint64_t)ref->size);
	buf_put_u64(b, (uint64_t)ref->first_line);
	buf_put_u64(b, (uint64_t)ref->first_record);
	buf_put_u32(b, ref->n_records);
	buf_put_u32(b, ref->n_items);
	buf_put_u8(b, ref->skips != NULL ? 1 : 0);
	if (ref->skips != NULL)
		buf_put(b, ref->skips, BITS_BYTES(ref->n_records));
	buf_put_u32(b, ref->n_columns);
	buf_put_u16(b, ref->n_fields);
	for (size_t i = 0; i < ref->n_fields; i++)
		buf_put_u32(b, ref->column_of == NULL ? 0 : ref->column_of[i]);
	buf_put(b, ref->hash, sizeof(ref->hash));
	buf_put_u8(b, ref->has_keys ? 1 : 0);
	if (ref->has_keys)
		buf_put_bytes(b, ref->keys, ref->keys_len);
}

void body_put_item(struct buf *b, uint32_t path, const struct item *item,
		   const struct job_source *source)
{
	buf_put_u32(b, path);
	buf_put_u64(b, (uint64_t)item->source_line);
	buf_put_bytes(b, item->key, item->key_len);
	for (size_t i = 0; i < source->n_fields; i++) {
		const struct value *v = &item->fields[i];
		size_t typed = source->fields[i].is_assigned ? 1 : 0;
		if (v->is_null) {
			buf_put_u32(b, null_len);
			continue;
		}
		buf_put_u32(b, (uint32_t)(v->len + typed));
		if (typed != 0)
			buf_put_u8(b, v->type);
		buf_put(b, v->text, v->len);
	}
}

void body_put_paths(struct buf *b, const struct body_path *paths, uint32_t n)
{
	buf_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		buf_put_bytes(b, paths[i].path, paths[i].path_len);
		buf_put_u8(b, paths[i].is_known ? 1 : 0);
		identity_put(b, &paths[i].identity);
	}
}

int body_put_staged(struct buf *b, const uint8_t machine[MACHINE_BYTES], const struct buf *content,
		    struct err *err)
{
	size_t bound = ZSTD_compressBound(content->len);

	put_head(b, BODY_STAGED, machine);
	buf_put_u32(b, (uint32_t)content->len);
	char *to = buf_reserve(b, bound);
	if (to == NULL || content->len > BODY_STAGED_MAX)
		return ERR(err, ERR_TOO_BIG, "a chunk of %zu bytes is too large to be stored",
			   content->len);
	size_t len = ZSTD_compress(to, bound, buf_str(content), content->len, ZSTD_LEVEL);
	if (ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
		mem_give_up(1, bound);
	if (ZSTD_isError(len))
		return ERR(err, ERR_BUG, "compressing a chunk: %s", ZSTD_getErrorName(len));
	buf_added(b, len);
	return 0;
}

static int damaged(struct err *err)
{
	return ERR(err, ERR_DATA, "the stored chunk is damaged");
}

int body_get_head(struct reader *r, struct body_head *ret_head, struct err *err)
{
	uint8_t version = reader_u8(r);
	uint8_t kind = reader_u8(r);
	struct body_head head = {.kind = (enum body_kind)kind};

	if (r->failed)
		return damaged(err);
	if (version != BODY_VERSION && version != VERSION_WITHOUT_MACHINE)
		return ERR(err, ERR_DATA,
			   "the stored chunk is of version %d, this program reads version %d",
			   version, BODY_VERSION);
	if (kind != BODY_BY_REFERENCE && kind != BODY_STAGED)
		return damaged(err);
	if (version != VERSION_WITHOUT_MACHINE) {
		const char *machine = reader_raw(r, MACHINE_BYTES);
		if (machine == NULL)
			return damaged(err);
		memcpy(head.machine, machine, MACHINE_BYTES);
	}
	*ret_head = head;
	return 0;
}

static bool is_sound(const struct body_reference *ref)
{
	bool has_format = ref->format == SHAPE_CSV || ref->format == SHAPE_JSONL ||
			  ref->format == SHAPE_JSON || ref->format == SHAPE_FIXED;
	size_t n_skips = ref->skips == NULL ? 0 : bits_count(ref->skips, ref->n_records);

	return has_format && ref->n_items > 0 && ref->n_records <= BODY_RECORDS_MAX &&
	       ref->n_items == ref->n_records - n_skips && ref->offset >= 0 && ref->size > 0 &&
	       ref->offset <= INT64_MAX - ref->size && ref->first_line > 0;
}

int body_get_reference(struct reader *r, struct body_reference *ret_ref, struct err *err)
{
	struct body_reference ref = {0};

	ref.format = (enum shape_format)reader_u8(r);
	ref.path = reader_bytes(r, &ref.path_len);
	identity_get(r, &ref.identity);
	ref.offset = (int64_t)reader_u64(r);
	ref.size = (int64_t)reader_u64(r);
	ref.first_line = (int64_t)reader_u64(r);
	ref.first_record = (int64_t)reader_u64(r);
	ref.n_records = reader_u32(r);
	ref.n_items = reader_u32(r);
	if (ref.n_records > BODY_RECORDS_MAX)
		return damaged(err);
	if (reader_u8(r) != 0)
		ref.skips = (const uint8_t *)(const void *)reader_raw(r, BITS_BYTES(ref.n_records));
	ref.n_columns = reader_u32(r);
	ref.n_fields = reader_u16(r);
	ref.column_bytes = reader_raw(r, ref.n_fields * sizeof(uint32_t));
	const char *hash = reader_raw(r, sizeof(ref.hash));
	ref.has_keys = reader_u8(r) != 0;
	if (ref.has_keys)
		ref.keys = reader_bytes(r, &ref.keys_len);
	if (!reader_is_done(r) || hash == NULL || !is_sound(&ref))
		return damaged(err);
	memcpy(ref.hash, hash, sizeof(ref.hash));
	*ret_ref = ref;
	return 0;
}

int body_get_staged(struct reader *r, char **ret_content, size_t *ret_len, struct err *err)
{
	size_t len = reader_u32(r);
	size_t packed_len = r->failed ? 0 : r->len - r->at;
	const char *packed = reader_raw(r, packed_len);

	if (packed == NULL || len == 0 || len > BODY_STAGED_MAX ||
	    ZSTD_getFrameContentSize(packed, packed_len) != len)
		return damaged(err);
	char *content = xcalloc(len, 1);
	size_t got = ZSTD_decompress(content, len, packed, packed_len);
	if (ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
		mem_give_up(1, len); /* the chunk is not to blame */
	if (got != len) {
		free(content);
		return damaged(err);
	}
	*ret_content = content;
	*ret_len = len;
	return 0;
}

void body_get_path(struct reader *r, struct body_path *ret_path)
{
	ret_path->path = reader_bytes(r, &ret_path->path_len);
	ret_path->is_known = reader_u8(r) != 0;
	identity_get(r, &ret_path->identity);
}

void body_skip_item(struct reader *r, size_t n_fields, uint32_t *ret_path, int64_t *ret_line)
{
	size_t len = 0;

	*ret_path = reader_u32(r);
	*ret_line = (int64_t)reader_u64(r);
	(void)reader_bytes(r, &len); /* the key: r->failed tells */
	for (size_t i = 0; i < n_fields; i++) {
		uint32_t value_len = reader_u32(r);
		if (value_len != null_len)
			(void)reader_raw(r, value_len); /* likewise */
	}
}
