/* SPDX-License-Identifier: Apache-2.0 */
/* Files that change, vanish or cannot be read for a while, in the midst of a load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "source/patience.h"
#include "unit/source/desk.h"

#define FIELDS "  fields: {id: integer, name: text}\n"

enum { LARGE_BYTES_MAX = 4 << 20 };

/* More than is read at once. */
static void write_large(struct desk *d, int n)
{
	struct buf b = BUF_INIT(LARGE_BYTES_MAX);

	buf_puts(&b, "id,name\n");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%07d,name\n", i);
	desk_write_bytes(d, "in.csv", buf_str(&b), b.len);
	buf_done(&b);
}

static struct source *open_large(struct desk *d)
{
	struct source *source = NULL;
	struct frame_loaded batch = {0};

	write_large(d, 100000); /* 1,300,008 bytes */
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	return source;
}

static void expect_end_of(struct desk *d, struct source *source, const char *text)
{
	struct frame_loaded batch = {0};

	d->err = ERR_INIT;
	do {
		d->rc = source_next(source, &batch, &d->err);
	} while (d->rc == 0);
	desk_expect_failure(d, ERR_DATA, text);
	/* And again: a source that failed stays so. */
	assert_int_equal(source_next(source, &batch, &d->err), ERR_DATA);
	source_free(source);
}

static void a_file_that_grows_while_it_is_read_ends_the_load(void **state)
{
	struct desk *d = desk_open();
	struct source *source = open_large(d);

	desk_append(d, "in.csv", "9999999,x\n");
	expect_end_of(d, source,
		      "in.csv changed while it was read: its size was 1300008, is 1300018");
	desk_close(d);
}

static void a_file_that_shrinks_while_it_is_read_ends_the_load(void **state)
{
	struct desk *d = desk_open();
	struct source *source = open_large(d);

	assert_int_equal(truncate(desk_path(d, "in.csv"), 600000), 0);
	expect_end_of(d, source,
		      "in.csv changed while it was read: its size was 1300008, is 600000");
	desk_close(d);
}

static void a_file_that_vanishes_while_it_is_read_ends_the_load(void **state)
{
	struct desk *d = desk_open();
	struct source *source = open_large(d);

	assert_int_equal(unlink(desk_path(d, "in.csv")), 0);
	expect_end_of(d, source, "in.csv vanished while it was read");
	desk_close(d);
}

static void a_file_that_is_replaced_while_it_is_read_ends_the_load(void **state)
{
	struct desk *d = desk_open();
	struct source *source = open_large(d);

	desk_write(d, "new", "id,name\n");
	assert_int_equal(rename(desk_path(d, "new"), desk_path(d, "in.csv")), 0);
	expect_end_of(d, source,
		      "in.csv changed while it was read: another file has taken its place");
	desk_close(d);
}

static void a_file_that_is_written_to_in_place_ends_the_load(void **state)
{
	struct desk *d = desk_open();
	struct source *source = open_large(d);
	int fd = open(desk_path(d, "in.csv"), O_WRONLY | O_CLOEXEC);
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	assert_int_equal(pwrite(fd, "x", 1, 1000), 1);
	(void)close(fd);
	/* The clock of file systems may be too coarse to tell. */
	assert_int_equal(utimensat(AT_FDCWD, desk_path(d, "in.csv"), times, 0), 0);
	expect_end_of(d, source,
		      "in.csv changed while it was read: it was written to, its size is the same");
	desk_close(d);
}

static void a_file_that_changes_after_its_turn_ends_the_load_too(void **state)
{
	struct desk *d = desk_open();
	struct source *source = NULL;
	struct frame_loaded batch = {0};

	desk_write(d, "a.csv", "id,name\n1,x\n");
	desk_write(d, "b.csv", "id,name\n1,x\n");
	desk_job(d, "  csv: {path: \"*.csv\"}\n" FIELDS, "");
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	desk_append(d, "a.csv", "2,x\n");
	expect_end_of(d, source, "a.csv changed while it was read: its size was 12, is 16");
	desk_close(d);
}

static void a_file_that_vanishes_before_its_turn_ends_the_load(void **state)
{
	struct desk *d = desk_open();
	struct source *source = NULL;
	struct frame_loaded batch = {0};

	desk_write(d, "a.csv", "id,name\n1,x\n");
	desk_write(d, "b.csv", "id,name\n1,x\n");
	desk_job(d, "  csv: {path: \"*.csv\"}\n" FIELDS, "");
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_int_equal(unlink(desk_path(d, "b.csv")), 0);
	expect_end_of(d, source, "b.csv vanished before it was read");
	desk_close(d);
}

/* ---- patience ---- */

static void a_read_that_may_succeed_later_is_tried_again_after_growing_pauses(void **state)
{
	struct desk *d = desk_open();
	const struct job_retry retry = {
		.attempts = 3, .first_us = 1000, .factor = 2, .max_us = 5000};
	struct err err = ERR_INIT;

	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	const struct patience p = {.retry = &retry, .arg = d, .wait = d->options.wait};
	assert_int_equal(patience_again(&p, 1, EIO, "in.csv", &err), 0);
	assert_int_equal(patience_again(&p, 2, ESTALE, "in.csv", &err), 0);
	assert_string_equal(d->waits, "in.csv to be readable again");
	assert_int_equal(patience_again(&p, 3, EIO, "in.csv", &err), ERR_IO);
	assert_string_equal(err.text,
			    "in.csv cannot be read, after 3 attempts: Input/output error");
	assert_int_equal(patience_again(&p, 1, EBADF, "in.csv", &err), ERR_IO);
	d->is_stopped = true;
	assert_int_equal(patience_again(&p, 1, EIO, "in.csv", &err), ERR_TEMP);
	assert_string_equal(err.text, "stopped while waiting for in.csv to be readable again");
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_grows_while_it_is_read_ends_the_load),
		cmocka_unit_test(a_file_that_shrinks_while_it_is_read_ends_the_load),
		cmocka_unit_test(a_file_that_vanishes_while_it_is_read_ends_the_load),
		cmocka_unit_test(a_file_that_is_replaced_while_it_is_read_ends_the_load),
		cmocka_unit_test(a_file_that_is_written_to_in_place_ends_the_load),
		cmocka_unit_test(a_file_that_changes_after_its_turn_ends_the_load_too),
		cmocka_unit_test(a_file_that_vanishes_before_its_turn_ends_the_load),
		cmocka_unit_test(a_read_that_may_succeed_later_is_tried_again_after_growing_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
