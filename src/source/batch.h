/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch in the making: the items of a chunk, and the rejects beside them.
 *
 * By reference it remembers a range of the file and which of its records are left out; staged it
 * takes the values. Memory is bounded: a batch is full at a number of items, of records, of
 * rejects, and at a number of bytes, whichever comes first.
 * Owner:   the source; everything in it is forgotten when the next batch begins.
 */
#ifndef STINT_SOURCE_BATCH_H
#define STINT_SOURCE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/bits.h"
#include "base/buf.h"
#include "frame/frame.h"
#include "source/body_format.h"

struct decimal;
struct err;
struct item;
struct job_source;

enum {
	BATCH_FILTERED_MAX = 65536,
	BATCH_ITEMS_MAX = 4096,
	BATCH_REJECTS_MAX = 1024,
	REJECT_RAW_MAX = 64 * 1024
};

struct batch {
	/* what is in it */
	uint32_t n; /* items */
	uint32_t n_rejects;
	int64_t n_read;
	int64_t n_filtered; /* of these */
	/* by reference */
	int64_t begin; /* of the first item's record */
	int64_t end;   /* behind the last item's record */
	int64_t first_line;
	int64_t first_record;
	uint32_t n_records;	   /* from the first item on */
	uint32_t n_records_to_end; /* up to the last item */
	uint8_t skips[BITS_BYTES(BODY_RECORDS_MAX)];
	uint16_t record_of[BATCH_ITEMS_MAX]; /* for each item its record, from 0 */
	/* staged */
	struct buf content;
	size_t starts[BATCH_ITEMS_MAX + 1]; /* of each item in it */
	struct body_path *paths;
	uint32_t n_paths;
	/* beside the items */
	struct buf keys; /* each with a '\0', where they are wanted */
	size_t key_at[BATCH_ITEMS_MAX + 1];
	struct decimal *amounts; /* of each item: n_controls, for totals over what was loaded, and
				  * n_sums, for reports */
	size_t n_controls;
	size_t n_sums;
	struct frame_reject rejects[BATCH_REJECTS_MAX];
	size_t reject_bytes;
	struct arena arena; /* texts of rejects, paths */
	/* what is sent */
	struct buf body;
	struct buf keys_json;
	struct buf cursor;
	struct buf sums;
	struct buf load_sums;
};

struct batch *batch_new(size_t n_controls, size_t n_sums);
void batch_free(struct batch *b);
void batch_reset(struct batch *b);
/* No room for another reject or record. */
bool batch_is_full(const struct batch *b);
bool batch_is_empty(const struct batch *b);

struct batch_record {
	int64_t offset;
	int64_t size;
	int64_t line;
	int64_t number;
};

/* An item by reference. */
void batch_add_reference(struct batch *b, const struct batch_record *record);
/* A staged item; paths[path] was set by batch_add_path. */
void batch_add_staged(struct batch *b, uint32_t path, const struct item *item,
		      const struct job_source *source);
uint32_t batch_add_path(struct batch *b, const struct body_path *path);
/* Remembers the key of the last item. */
void batch_add_key(struct batch *b, const char *key, size_t len);
/* The amounts of item i; the item behind the last one is the next to be added. */
struct decimal *batch_controls(const struct batch *b, uint32_t i);
struct decimal *batch_sums(const struct batch *b, uint32_t i);
/* A record within the range that is no item. */
void batch_skip_record(struct batch *b);
/* A reject; its texts are copied, its raw is cut at REJECT_RAW_MAX. */
void batch_add_reject(struct batch *b, const struct frame_reject *reject);

/* Takes items out again: those whose bit is set. Returns how many there were. */
uint32_t batch_hold_back(struct batch *b, const uint8_t *bits);

#endif
