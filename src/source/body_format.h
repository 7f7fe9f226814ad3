/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of chunks as bytes: written by the batch, read by body.c and the finisher.
 *
 * To change it: raise BODY_VERSION, keep the old reader as long as runs of that version may be
 * resumed, and a test with bytes of the old version. All integers little-endian (base/buf.h).
 *
 *   all:           u8 version, u8 kind, the machine that loaded it (not in version 1), then
 *   by reference:  u8 format, path, identity, u64 offset, u64 size, u64 first line,
 *                  u64 first record, u32 records, u32 items, u8 has skips [bits],
 *                  u32 columns, u16 fields, u32 column of each, XXH3-128 of the bytes,
 *                  u8 has keys [u32 length: each key with a '\0']
 *   staged:        u32 length, a zstd frame of so many bytes:
 *                  u32 paths: each path, u8 known, identity
 *                  u32 items, u16 fields: each u32 path, u64 line, key,
 *                  of each field u32 length (UINT32_MAX: null), bytes; of one whose values
 *                  bring their type (what a step kept) that is the first of them
 */
#ifndef STINT_SOURCE_BODY_FORMAT_H
#define STINT_SOURCE_BODY_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/hash.h"
#include "job/item.h"
#include "source/identity.h"
#include "source/machine.h"
#include "source/shape.h"

struct err;
struct job_source;

enum {
	BODY_VERSION = 2,
	BODY_STAGED_MAX = 128 * 1024 * 1024,
	BODY_RECORDS_MAX = 8192,
	BODY_PATHS_MAX = 4096
};
enum body_kind { BODY_BY_REFERENCE = 1, BODY_STAGED = 2 };

struct body_head {
	enum body_kind kind;
	uint8_t machine[MACHINE_BYTES]; /* all zero where it is not known */
};

struct body_reference {
	enum shape_format format;
	const char *path;
	size_t path_len;
	struct identity identity;
	int64_t offset;
	int64_t size;
	int64_t first_line;
	int64_t first_record; /* from 1, the header not counted */
	uint32_t n_records;   /* in the range */
	uint32_t n_items;     /* of them, those not skipped */
	const uint8_t *skips; /* bits of the records; NULL: none */
	uint32_t n_columns;   /* csv */
	uint16_t n_fields;
	const uint32_t *column_of; /* written; read: NULL, see column_bytes */
	const char *column_bytes;
	uint8_t hash[XXH128_BYTES];
	bool has_keys;
	const char *keys; /* as buf_put_bytes wrote them, one for each item */
	size_t keys_len;
};

/* A file that staged items came from. */
struct body_path {
	const char *path;
	size_t path_len;
	bool is_known; /* its identity is */
	struct identity identity;
};

void body_put_reference(struct buf *b, const uint8_t machine[MACHINE_BYTES],
			const struct body_reference *ref);
/* One item of a staged body, of these fields. */
void body_put_item(struct buf *b, uint32_t path, const struct item *item,
		   const struct job_source *source);
/* Packs the staged content: what body_put_paths and body_put_item wrote. ERR_BUG, ERR_MEMORY. */
void body_put_paths(struct buf *b, const struct body_path *paths, uint32_t n);
ST_MUST_CHECK int body_put_staged(struct buf *b, const uint8_t machine[MACHINE_BYTES],
				  const struct buf *content, struct err *err);

/* 0, or ERR_DATA when it is no body that this version reads. */
ST_MUST_CHECK int body_get_head(struct reader *r, struct body_head *ret_head, struct err *err);
ST_MUST_CHECK int body_get_reference(struct reader *r, struct body_reference *ret_ref,
				     struct err *err);
/* Unpacks the staged content; gives its bytes with free(). */
ST_MUST_CHECK int body_get_staged(struct reader *r, char **ret_content, size_t *ret_len,
				  struct err *err);
/* The next path of staged content; the caller read their number before. */
void body_get_path(struct reader *r, struct body_path *ret_path);
/* Goes over one item of staged content and says where it came from; r->failed when it is damaged.
 */
void body_skip_item(struct reader *r, size_t n_fields, uint32_t *ret_path, int64_t *ret_line);

#endif
