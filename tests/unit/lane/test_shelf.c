/* SPDX-License-Identifier: Apache-2.0 */
/* Finding segments in the files that they were appended to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lane/shelf.h"
#include "sys/file.h"

enum { MADE_BY = 7, ITEMS = 9 };

struct box {
	char path[32];
	int directory;
	int fd;
};

static int set_up(void **state)
{
	struct box *box = calloc(1, sizeof(*box));

	(void)snprintf(box->path, sizeof(box->path), "/tmp/stint-shelf-XXXXXX"); /* fits */
	assert_non_null(mkdtemp(box->path));
	box->directory = open(box->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	box->fd = openat(box->directory, "a", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(box->fd >= 0);
	*state = box;
	return 0;
}

static int tear_down(void **state)
{
	struct box *box = *state;

	(void)close(box->fd);
	(void)unlinkat(box->directory, "a", 0);
	(void)close(box->directory);
	(void)rmdir(box->path);
	free(box);
	return 0;
}

static struct segment_head head_of(int64_t first_item, int64_t n_bytes)
{
	struct segment_head head = {
		.made_by = MADE_BY, .items = ITEMS, .first_item = first_item, .n_bytes = n_bytes};

	segment_head_seal(&head);
	return head;
}

static void put(const struct box *box, const struct segment_head *head, const void *text)
{
	assert_int_equal(fd_write_all(box->fd, head, sizeof(*head)), 0);
	assert_int_equal(fd_write_all(box->fd, text, (size_t)head->n_bytes), 0);
}

static struct shelf read_shelf(const struct box *box)
{
	struct shelf shelf = {.first_item = 0};

	shelf_add_file(&shelf, box->directory, "a");
	shelf_sort(&shelf);
	return shelf;
}

static void segments_are_found_in_whatever_order_they_were_written(void **state)
{
	const struct box *box = *state;

	for (int64_t i = 999; i >= 0; i--) {
		struct segment_head head = head_of(i, 3);
		put(box, &head, "abc");
	}
	struct shelf shelf = read_shelf(box);
	assert_int_equal(shelf.n, 1000);
	for (int64_t i = 0; i < 1000; i++) {
		const struct shelf_place *place = shelf_find(&shelf, i, MADE_BY, ITEMS);
		assert_non_null(place);
		assert_int_equal(place->head.first_item, i);
		assert_int_equal(place->at, (999 - i) * ((int64_t)sizeof(place->head) + 3));
	}
	assert_null(shelf_find(&shelf, 1000, MADE_BY, ITEMS));
	assert_null(shelf_find(&shelf, 5, MADE_BY + 1, ITEMS));
	assert_null(shelf_find(&shelf, 5, MADE_BY, ITEMS + 1));
	shelf_forget(&shelf);
}

static void a_text_that_looks_like_a_head_is_none(void **state)
{
	const struct box *box = *state;
	const struct segment_head forged = head_of(2, 0);
	const struct segment_head head = head_of(1, sizeof(forged));

	put(box, &head, &forged);
	struct shelf shelf = read_shelf(box);
	assert_int_equal(shelf.n, 1);
	assert_null(shelf_find(&shelf, 2, MADE_BY, ITEMS));
	shelf_forget(&shelf);
}

static void of_a_file_that_was_cut_off_the_beginning_is_found(void **state)
{
	const struct box *box = *state;
	const int64_t each = (int64_t)sizeof(struct segment_head) + 4;

	for (int64_t i = 0; i < 3; i++) {
		struct segment_head head = head_of(i, 4);
		put(box, &head, "text");
	}
	for (int64_t len = 3 * each; len >= 0; len--) {
		assert_int_equal(ftruncate(box->fd, len), 0);
		struct shelf shelf = read_shelf(box);
		assert_int_equal(shelf.n, (size_t)(len / each));
		shelf_forget(&shelf);
	}
}

static void one_that_was_never_completed_ends_the_file(void **state)
{
	const struct box *box = *state;
	struct segment_head none = {.n_bytes = 4};
	struct segment_head head = head_of(1, 4);

	put(box, &head, "text");
	put(box, &none, "text");
	put(box, &head, "text");
	struct shelf shelf = read_shelf(box);
	assert_int_equal(shelf.n, 1);
	shelf_forget(&shelf);
}

static void a_shelf_is_a_range_of_items(void **state)
{
	(void)state;
	assert_int_equal(shelf_of(0), 0);
	assert_int_equal(shelf_of(SHELF_ITEMS - 1), 0);
	assert_int_equal(shelf_of(3 * (int64_t)SHELF_ITEMS), 3 * (int64_t)SHELF_ITEMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			segments_are_found_in_whatever_order_they_were_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_text_that_looks_like_a_head_is_none, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(of_a_file_that_was_cut_off_the_beginning_is_found,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_was_never_completed_ends_the_file, set_up,
						tear_down),
		cmocka_unit_test(a_shelf_is_a_range_of_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
