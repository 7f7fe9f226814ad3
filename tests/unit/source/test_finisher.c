/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of files once all is settled, also when it is done twice or half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "unit/source/desk.h"

#define FIELDS "  fields: {id: integer}\n"

static void expect_content(struct desk *d, const char *name, const char *text)
{
	char *data = desk_read(d, name, NULL);

	assert_string_equal(data, text);
	free(data);
}

static void expect_finished(struct desk *d)
{
	struct err err = ERR_INIT;

	if (desk_finish(d, &err) != 0)
		fail_msg("%s", err.text);
}

static struct desk *load(const char *source)
{
	struct desk *d = desk_open();

	desk_write(d, "a.csv", "id\n1\n2\n");
	desk_write(d, "b.csv", "id\n3\n");
	desk_job(d, source, "chunk: {items: 1}");
	desk_load(d);
	desk_expect_end(d);
	return d;
}

static void files_are_moved_as_a_whole_when_the_list_ends(void **state)
{
	struct desk *d = load("  csv: {path: \"*.csv\", then: \"move:done/today\"}\n" FIELDS);

	assert_true(d->tell);
	expect_finished(d);
	assert_false(desk_has(d, "a.csv"));
	assert_false(desk_has(d, "b.csv"));
	expect_content(d, "done/today/a.csv", "id\n1\n2\n");
	expect_content(d, "done/today/b.csv", "id\n3\n");
	expect_finished(d); /* once more, as after a crash */
	expect_content(d, "done/today/a.csv", "id\n1\n2\n");
	assert_false(desk_has(d, "done/today/a.csv.1"));
	desk_close(d);
}

static void nothing_is_overwritten(void **state)
{
	struct desk *d = load("  csv: {path: \"*.csv\", then: \"move:done\"}\n" FIELDS);

	assert_int_equal(mkdir(desk_path(d, "done"), 0755), 0);
	desk_write(d, "done/a.csv", "old");
	desk_write(d, "done/a.csv.1", "older");
	expect_finished(d);
	expect_content(d, "done/a.csv", "old");
	expect_content(d, "done/a.csv.1", "older");
	expect_content(d, "done/a.csv.2", "id\n1\n2\n");
	desk_close(d);
}

static void a_move_that_was_interrupted_is_finished(void **state)
{
	struct desk *d = load("  csv: {path: \"*.csv\", then: \"move:done\"}\n" FIELDS);

	assert_int_equal(mkdir(desk_path(d, "done"), 0755), 0);
	/* The new name was given, the old one not taken away yet. */
	assert_int_equal(link(desk_path(d, "a.csv"), desk_path(d, "done/a.csv")), 0);
	expect_finished(d);
	assert_false(desk_has(d, "a.csv"));
	assert_true(desk_has(d, "done/a.csv"));
	assert_false(desk_has(d, "done/a.csv.1"));
	desk_close(d);
}

static void files_are_deleted(void **state)
{
	struct desk *d = load("  csv: {path: \"*.csv\", then: delete}\n" FIELDS);

	expect_finished(d);
	assert_false(desk_has(d, "a.csv"));
	assert_false(desk_has(d, "b.csv"));
	expect_finished(d);
	desk_close(d);
}

static void a_file_that_changed_since_is_left_and_the_others_are_not(void **state)
{
	struct desk *d = load("  csv: {path: \"*.csv\", then: delete}\n" FIELDS);
	struct err err = ERR_INIT;

	desk_append(d, "a.csv", "9\n");
	assert_int_equal(desk_finish(d, &err), ERR_DATA);
	assert_string_equal(err.text,
			    "a.csv changed after it was loaded (its size was 7, is 9): it "
			    "is left where it is");
	assert_true(desk_has(d, "a.csv"));
	assert_false(desk_has(d, "b.csv"));
	desk_close(d);
}

static void a_new_file_of_the_same_name_is_left_alone(void **state)
{
	struct desk *d = load("  csv: {path: \"*.csv\", then: delete}\n" FIELDS);

	desk_write(d, "new", "id\n8\n");
	assert_int_equal(rename(desk_path(d, "new"), desk_path(d, "a.csv")), 0);
	expect_finished(d);
	expect_content(d, "a.csv", "id\n8\n");
	desk_close(d);
}

static void items_that_are_files_go_one_by_one_if_they_ended_well(void **state)
{
	struct desk *d = desk_open();
	uint8_t good[1] = {0};
	struct err err = ERR_INIT;

	desk_write(d, "a.pdf", "a");
	desk_write(d, "b.pdf", "b");
	desk_write(d, "c.pdf", "c");
	desk_write(d, "d.pdf", "d");
	desk_job(d, "  files: {path: \"*.pdf\", then: \"move:done\"}\n", "");
	d->open_keys = ",a.pdf,";
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_chunks, 1);
	struct finisher *f = finisher_new(d->job, NULL);
	bits_set(good, 0); /* b: a was held back */
	bits_set(good, 2); /* d */
	const struct frame_then then = {.chunk_id = 1,
					.n = 3,
					.good = good,
					.body = d->chunks[0].body,
					.body_len = d->chunks[0].len};
	assert_int_equal(finisher_add(f, &then, &err), 0);
	assert_true(desk_has(d, "a.pdf"));
	assert_true(desk_has(d, "done/b.pdf"));
	assert_true(desk_has(d, "c.pdf"));
	assert_true(desk_has(d, "done/d.pdf"));
	assert_int_equal(finisher_add(f, &then, &err), 0);
	const struct frame_then end = {0};
	assert_int_equal(finisher_add(f, &end, &err), 0);
	finisher_free(f);
	desk_close(d);
}

static void keep_does_nothing(void **state)
{
	struct desk *d = load("  csv: {path: \"*.csv\"}\n" FIELDS);

	assert_false(d->tell);
	expect_finished(d);
	assert_true(desk_has(d, "a.csv"));
	desk_close(d);
}

/* ---- to another file system ---- */

/* A folder on another file system than /tmp; NULL where there is none. */
static const char *other_file_system(struct desk *d)
{
	static char path[100];
	struct stat here = {0};
	struct stat there = {0};

	(void)snprintf(path, sizeof(path), "/dev/shm/stint-move-%d", (int)getpid());
	if (mkdir(path, 0755) != 0 || stat(path, &there) != 0 || stat(d->dir, &here) != 0)
		return NULL;
	if (here.st_dev != there.st_dev)
		return path;
	(void)rmdir(path);
	return NULL;
}

/* A file of this content, with the time of another. */
static void write_copy(const char *path, const char *text, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(futimens(fd, times), 0);
	(void)close(fd);
}

static void a_file_is_copied_to_another_file_system_and_known_again(void **state)
{
	struct desk *d = desk_open();
	const char *other = other_file_system(d);
	char name[200];
	char source[300];
	struct stat st = {0};

	if (other == NULL) {
		desk_close(d);
		skip();
		return;
	}
	(void)snprintf(source, sizeof(source), "  csv: {path: a.csv, then: \"move:%s\"}\n" FIELDS,
		       other);
	desk_write(d, "a.csv", "id\n1\n2\n");
	assert_int_equal(chmod(desk_path(d, "a.csv"), 0640), 0);
	desk_job(d, source, "");
	desk_load(d);
	/* As after a crash: the copy is complete, the original is still there. */
	assert_int_equal(stat(desk_path(d, "a.csv"), &st), 0);
	(void)snprintf(name, sizeof(name), "%s/a.csv", other);
	write_copy(name, "id\n1\n2\n", &st);
	expect_finished(d);
	assert_false(desk_has(d, "a.csv"));
	(void)snprintf(name, sizeof(name), "%s/a.csv.1", other);
	assert_int_not_equal(stat(name, &st), 0);
	/* And without a crash. */
	desk_write(d, "a.csv", "id\n1\n2\n");
	assert_int_equal(chmod(desk_path(d, "a.csv"), 0640), 0);
	(void)snprintf(name, sizeof(name), "%s/a.csv", other);
	assert_int_equal(unlink(name), 0);
	desk_load(d);
	expect_finished(d);
	assert_false(desk_has(d, "a.csv"));
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_size, 7);
	assert_int_equal(st.st_mode & 0777, 0640);
	(void)snprintf(name, sizeof(name), "%s/.a.csv.stint-part", other);
	assert_int_not_equal(stat(name, &st), 0);
	desk_forget(d);
	(void)snprintf(name, sizeof(name), "%s/a.csv", other);
	(void)unlink(name);
	(void)rmdir(other);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_moved_as_a_whole_when_the_list_ends),
		cmocka_unit_test(nothing_is_overwritten),
		cmocka_unit_test(a_move_that_was_interrupted_is_finished),
		cmocka_unit_test(files_are_deleted),
		cmocka_unit_test(a_file_that_changed_since_is_left_and_the_others_are_not),
		cmocka_unit_test(a_new_file_of_the_same_name_is_left_alone),
		cmocka_unit_test(items_that_are_files_go_one_by_one_if_they_ended_well),
		cmocka_unit_test(keep_does_nothing),
		cmocka_unit_test(a_file_is_copied_to_another_file_system_and_known_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
