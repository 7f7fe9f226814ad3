/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/shelf.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/file.h"

/* Each chunk has an item at least, and some are written twice; what is beyond is not found, and
 * written again. */
enum { PLACES_MAX = 2 * SHELF_ITEMS, PLACES_FIRST = 256, FILES_FIRST = 8 };

static const char magic[] = "stintsg2";

static uint64_t check_of(const struct segment_head *head)
{
	return hash_xxh64(head, offsetof(struct segment_head, check));
}

void segment_head_seal(struct segment_head *head)
{
	memcpy(head->magic, magic, sizeof(head->magic));
	head->check = check_of(head);
}

int64_t shelf_of(int64_t first_item)
{
	return first_item - first_item % SHELF_ITEMS;
}

void shelf_forget(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->n_files; i++)
		free(shelf->files[i]);
	free(shelf->files);
	free(shelf->places);
	*shelf = (struct shelf){.first_item = -1};
}

/* Arrays grow at each power of two. */
static bool is_full(size_t n, size_t first)
{
	return n == 0 || (n >= first && (n & (n - 1)) == 0);
}

static void add_place(struct shelf *shelf, const struct segment_head *head, int64_t at)
{
	size_t n = shelf->n;

	if (is_full(n, PLACES_FIRST))
		shelf->places = xrealloc(shelf->places, n == 0 ? PLACES_FIRST : 2 * n,
					 sizeof(*shelf->places));
	shelf->places[n] = (struct shelf_place){
		.head = *head, .at = at, .file = shelf->n_files - 1};
	shelf->n++;
}

void shelf_add_file(struct shelf *shelf, int directory, const char *name)
{
	AUTO(fd) int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct segment_head head = {0};
	struct stat st = {0};
	int64_t at = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (is_full(shelf->n_files, FILES_FIRST))
		shelf->files = xrealloc(shelf->files,
					shelf->n_files == 0 ? FILES_FIRST : 2 * shelf->n_files,
					sizeof(*shelf->files));
	shelf->files[shelf->n_files++] = xstrdup(name);
	while (shelf->n < PLACES_MAX &&
	       pread(fd, &head, sizeof(head), at) == (ssize_t)sizeof(head) &&
	       memcmp(head.magic, magic, sizeof(head.magic)) == 0 &&
	       head.check == check_of(&head)) {
		int64_t rest = st.st_size - at - (int64_t)sizeof(head);
		if (head.n_bytes < 0 || head.n_bytes > rest)
			return;
		add_place(shelf, &head, at);
		at += (int64_t)sizeof(head) + head.n_bytes;
	}
}

static int compare(const void *a, const void *b)
{
	const struct shelf_place *one = a;
	const struct shelf_place *two = b;

	return (one->head.first_item > two->head.first_item) -
	       (one->head.first_item < two->head.first_item);
}

void shelf_sort(struct shelf *shelf)
{
	if (shelf->n > 0)
		qsort(shelf->places, shelf->n, sizeof(*shelf->places), compare);
}

struct shelf_place *shelf_find(const struct shelf *shelf, int64_t first_item, uint64_t made_by,
			       uint64_t items)
{
	size_t low = 0;
	size_t high = shelf->n;

	assert(made_by != 0);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (shelf->places[mid].head.first_item < first_item)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < shelf->n && shelf->places[low].head.first_item == first_item; low++) {
		struct shelf_place *place = &shelf->places[low];
		if (place->head.made_by == made_by && place->head.items == items)
			return place;
	}
	return NULL;
}
