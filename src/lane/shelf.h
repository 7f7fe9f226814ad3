/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments where they lie: in files beside the target, a few for each range of items (a shelf).
 * Each process appends to a file of its own. A file for each segment would be simpler; but to make
 * one costs ext4 up to a millisecond when many were removed there shortly before, and all who make
 * one wait for each other.
 *
 * In a file: a head, the text, a head, the text … A head is written behind its text, and says what
 * that hashes to. So what stands behind the first head that is none was never complete.
 */
#ifndef STINT_LANE_SHELF_H
#define STINT_LANE_SHELF_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

enum { SHELF_ITEMS = 1 << 16 };

/* In its own machine's bytes: one that another machine cannot read is written again. */
struct segment_head {
	char magic[8];
	uint64_t made_by; /* a hash of the job; 0: its text was not what it should be */
	uint64_t items;	  /* a hash of which of the chunk are in it */
	int64_t first_item;
	int64_t n_bytes;
	uint8_t hash[XXH128_BYTES];
	uint64_t check; /* a hash of what stands before */
};

struct shelf_place {
	struct segment_head head;
	int64_t at; /* of the head */
	size_t file;
};

struct shelf {
	int64_t first_item; /* of the range; -1: none was read */
	struct shelf_place *places;
	size_t n;
	char **files;
	size_t n_files;
};

void segment_head_seal(struct segment_head *head);

/* The first item of the range that the item is in. */
int64_t shelf_of(int64_t first_item);
/* Forgets what was read. */
void shelf_forget(struct shelf *shelf);
/* What is in that file of the shelf: of each segment the head. */
void shelf_add_file(struct shelf *shelf, int directory, const char *name);
/* To be called when all files were added. */
void shelf_sort(struct shelf *shelf);
/* NULL: it is not there. Lends, until the shelf is forgotten. */
struct shelf_place *shelf_find(const struct shelf *shelf, int64_t first_item, uint64_t made_by,
			       uint64_t items);

#endif
