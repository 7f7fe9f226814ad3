/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a load is over, what they may be, and files as items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit/source/desk.h"

#define FIELDS "  fields: {id: integer}\n"

static void set_age(struct desk *d, const char *name, int64_t seconds)
{
	struct timespec times[2] = {{0}};

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec -= seconds;
	times[0].tv_nsec = 0;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, desk_path(d, name), times, 0), 0);
}

/* The failure's text begins so; the rest is where the test runs. */
static void expect_failure_at(const struct desk *d, int rc, const char *text, const char *rest)
{
	char want[400];

	(void)snprintf(want, sizeof(want), "%s (in %s)%s", text, d->dir, rest);
	desk_expect_failure(d, rc, want);
}

/* ---- files as items ---- */

static void each_file_is_an_item_named_by_its_path(void **state)
{
	struct desk *d = desk_open();
	const struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 250000000},
					  {.tv_sec = 1000000000, .tv_nsec = 250000000}};

	assert_int_equal(mkdir(desk_path(d, "in"), 0755), 0);
	desk_write(d, "in/b.pdf", "12345");
	desk_write(d, "in/a.pdf", "");
	desk_write(d, "in/.hidden.pdf", "");
	desk_write(d, "in/c.txt", "");
	assert_int_equal(mkdir(desk_path(d, "in/dir.pdf"), 0755), 0);
	assert_int_equal(utimensat(AT_FDCWD, desk_path(d, "in/a.pdf"), times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, desk_path(d, "in/b.pdf"),
				   (const struct timespec[2]){{.tv_sec = 86400}, {.tv_sec = 86400}},
				   0),
			 0);
	desk_job(d, "  files: {path: \"in/*.pdf\"}\n", "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d,
		     "in/a.pdf @in/a.pdf:0 path=in/a.pdf name=a.pdf size=0 "
		     "modified=2001-09-09T01:46:40.250000Z",
		     "in/b.pdf @in/b.pdf:0 path=in/b.pdf name=b.pdf size=5 "
		     "modified=1970-01-02T00:00:00Z");
	desk_close(d);
}

static void files_that_are_open_in_another_run_are_held_back(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "a", "");
	desk_write(d, "b", "");
	desk_job(d, "  files: {path: \"?\"}\n", "");
	d->open_keys = ",a,";
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	assert_int_equal(d->held_back, 1);
	assert_int_equal(strncmp(d->items[0], "b @b:0", 6), 0);
	desk_close(d);
}

static void take_away_b(struct desk *d)
{
	(void)unlink(desk_path(d, "b"));
}

static void a_file_that_vanishes_before_its_turn_is_a_reject(void **state)
{
	struct desk *d = desk_open();
	struct source *source = NULL;
	struct frame_loaded batch = {0};

	desk_write(d, "a", "");
	desk_write(d, "b", "");
	desk_job(d, "  files: {path: \"?\"}\n", "chunk: {items: 1}");
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_int_equal(batch.n, 1);
	take_away_b(d);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_int_equal(batch.n, 0);
	assert_int_equal(batch.n_rejects, 1);
	assert_string_equal(batch.rejects[0].reason, "the file vanished after it was listed");
	assert_string_equal(batch.rejects[0].path, "b");
	assert_int_equal(source_next(source, &batch, &d->err), SOURCE_END);
	source_free(source);
	desk_close(d);
}

static void only_files_that_are_old_enough_count(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "old", "");
	desk_write(d, "new", "");
	set_age(d, "old", 31 * 86400);
	desk_job(d, "  files: {path: \"*\", older_than: 30d}\n", "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	assert_int_equal(strncmp(d->items[0], "old @", 5), 0);
	(void)unlink(desk_path(d, "old"));
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 0);
	desk_close(d);
}

/* ---- missing files ---- */

static void a_missing_file_is_told_with_the_folder(void **state)
{
	struct desk *d = desk_open();

	desk_job(d, "  csv: {path: in/a.csv}\n" FIELDS, "");
	desk_load(d);
	expect_failure_at(d, SOURCE_MISSING, "in/a.csv is not there", "");
	desk_job(d, "  csv: {path: \"*.csv\"}\n" FIELDS, "");
	desk_load(d);
	expect_failure_at(d, SOURCE_MISSING, "no file matches *.csv", "");
	desk_job(d, "  csv: {path: \"*.csv\", when_missing: ok}\n" FIELDS, "");
	desk_load(d);
	expect_failure_at(d, SOURCE_MISSING_OK, "no file matches *.csv", "");
	desk_close(d);
}

static void write_it_at_the_third_wait(struct desk *d)
{
	if (d->n_waits == 3)
		desk_write(d, "in.csv", "id\n1\n");
}

static void a_file_is_waited_for(void **state)
{
	struct desk *d = desk_open();

	desk_job(d, "  csv: {path: in.csv, when_missing: wait, wait_for: 1h}\n" FIELDS, "");
	d->on_wait = write_it_at_the_third_wait;
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	assert_int_equal(d->n_waits, 3);
	assert_string_equal(d->waits, "in.csv to appear");
	desk_close(d);
}

static void waiting_has_an_end_and_hears_a_stop(void **state)
{
	struct desk *d = desk_open();

	desk_job(d, "  csv: {path: in.csv, when_missing: wait, wait_for: 20ms}\n" FIELDS, "");
	desk_load(d);
	expect_failure_at(d, SOURCE_MISSING, "in.csv is not there", "");
	desk_job(d, "  csv: {path: in.csv, when_missing: wait, wait_for: 1h}\n" FIELDS, "");
	d->is_stopped = true;
	desk_load(d);
	desk_expect_failure(d, ERR_TEMP, "stopped while waiting for in.csv to appear");
	desk_close(d);
}

static void write_on_for_a_while(struct desk *d)
{
	if (d->n_waits < 4)
		desk_append(d, "in.csv", "1\n");
}

static void a_file_counts_once_it_has_stayed_the_same(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id\n");
	desk_job(d, "  csv: {path: in.csv, stable_for: 5ms}\n" FIELDS, "");
	d->on_wait = write_on_for_a_while;
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 3);
	assert_string_equal(d->waits, "in.csv to stay the same");
	desk_close(d);
}

static void write_on_for_ever(struct desk *d)
{
	desk_append(d, "in.csv", "1\n");
}

static void a_file_that_never_stays_the_same_is_refused(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id\n");
	desk_job(d,
		 "  csv: {path: in.csv, stable_for: 2ms, when_missing: wait, "
		 "wait_for: 10ms}\n" FIELDS,
		 "");
	d->on_wait = write_on_for_ever;
	desk_load(d);
	desk_expect_failure(
		d, ERR_DATA,
		"in.csv is still being written: within 10ms it never stayed the same for "
		"2ms");
	desk_close(d);
}

/* ---- what a file may be ---- */

static void a_directory_is_no_file(void **state)
{
	struct desk *d = desk_open();

	assert_int_equal(mkdir(desk_path(d, "in.csv"), 0755), 0);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, "in.csv is a directory, not a file");
	desk_close(d);
}

static void a_fifo_is_no_file_and_is_not_waited_for(void **state)
{
	struct desk *d = desk_open();

	assert_int_equal(mkfifo(desk_path(d, "in.csv"), 0644), 0);
	desk_job(d, "  csv: {path: \"*.csv\"}\n" FIELDS, "");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, "in.csv is a pipe (FIFO), not a file");
	desk_close(d);
}

static void a_link_to_nothing_is_told(void **state)
{
	struct desk *d = desk_open();

	assert_int_equal(symlink("gone", desk_path(d, "in.csv")), 0);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, "in.csv is a link to a file that is not there");
	desk_close(d);
}

/* In a child, since tests may run as root, whom nothing is forbidden. */
static int as_nobody(struct desk *d)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
			_exit(77);
		d->err = ERR_INIT;
		struct source *source = NULL;
		struct frame_loaded batch = {0};
		int rc = source_open(&d->options, &source, &d->err);
		if (rc == 0)
			rc = source_next(source, &batch, &d->err);
		_exit(rc == ERR_PERM && strstr(d->err.text, "ermission denied") != NULL ? 0 : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_file_that_may_not_be_read_is_told(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id\n1\n");
	assert_int_equal(chmod(d->dir, 0755), 0);
	assert_int_equal(chmod(desk_path(d, "in.csv"), 0), 0);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	int rc = as_nobody(d);
	desk_close(d);
	if (rc == 77)
		skip();
	assert_int_equal(rc, 0);
}

static void a_directory_that_may_not_be_read_is_told(void **state)
{
	struct desk *d = desk_open();

	assert_int_equal(chmod(d->dir, 0755), 0);
	assert_int_equal(mkdir(desk_path(d, "in"), 0), 0);
	desk_job(d, "  csv: {path: \"in/*.csv\"}\n" FIELDS, "");
	int rc = as_nobody(d);
	desk_close(d);
	if (rc == 77)
		skip();
	assert_int_equal(rc, 0);
}

/* ---- paths ---- */

static void patterns_match_in_folders_too(void **state)
{
	struct desk *d = desk_open();

	assert_int_equal(mkdir(desk_path(d, "b1"), 0755), 0);
	assert_int_equal(mkdir(desk_path(d, "b2"), 0755), 0);
	assert_int_equal(mkdir(desk_path(d, "c"), 0755), 0);
	desk_write(d, "b2/x.csv", "id\n2\n");
	desk_write(d, "b1/x.csv", "id\n1\n");
	desk_write(d, "c/x.csv", "id\n3\n");
	desk_job(d, "  csv: {path: \"b[0-9]/x.csv\"}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "b1/x.csv:2 @b1/x.csv:2 id=1", "b2/x.csv:2 @b2/x.csv:2 id=2");
	desk_close(d);
}

static void a_name_that_looks_like_a_pattern_is_found(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in[1].csv", "id\n1\n");
	desk_job(d, "  csv: {path: \"in[1].csv\"}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	desk_write(d, "in1.csv", "id\n1\n2\n");
	desk_load(d);
	assert_int_equal(d->n_items, 2);
	desk_job(d, "  csv: {path: 'in\\[1\\].csv'}\n" FIELDS, "");
	desk_load(d);
	assert_int_equal(d->n_items, 1);
	desk_close(d);
}

static void a_path_may_hold_the_date_of_the_run(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in-20261122.csv", "id\n1\n");
	desk_job(d, "  csv: {path: \"in-${run.date-1d:%Y%m%d}.csv\"}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in-20261122.csv:2 @in-20261122.csv:2 id=1");
	desk_close(d);
}

static void another_path_may_be_given_and_starts_from_here(void **state)
{
	struct desk *d = desk_open();
	char here[200];
	char want[300];

	assert_non_null(getcwd(here, sizeof(here)));
	desk_write(d, "other.csv", "id\n5\n");
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	assert_int_equal(chdir(d->dir), 0);
	d->options.path = "other.csv";
	desk_load(d);
	assert_int_equal(chdir(here), 0);
	desk_expect_end(d);
	(void)snprintf(want, sizeof(want), "%s/other.csv:2 @%s/other.csv:2 id=5", d->dir, d->dir);
	EXPECT_ITEMS(d, want);
	desk_close(d);
}

/* ---- same content ---- */

static void content_that_another_run_had_is_refused(void **state)
{
	/* sha256sum of "id\n1\n" */
	static const uint8_t digest[4] = {0x7c, 0xde, 0x7f, 0xb6};
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id\n1\n");
	desk_job(d, "  csv: {path: in.csv, same_content: refuse}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	assert_memory_equal(d->digest, digest, sizeof(digest));
	d->known_run = "j@2026-11-22";
	desk_load(d);
	desk_expect_failure(d, ERR_DATA,
			    "in.csv has the same content as a file of j@2026-11-22 (same_content: "
			    "refuse)");
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_is_an_item_named_by_its_path),
		cmocka_unit_test(files_that_are_open_in_another_run_are_held_back),
		cmocka_unit_test(a_file_that_vanishes_before_its_turn_is_a_reject),
		cmocka_unit_test(only_files_that_are_old_enough_count),
		cmocka_unit_test(a_missing_file_is_told_with_the_folder),
		cmocka_unit_test(a_file_is_waited_for),
		cmocka_unit_test(waiting_has_an_end_and_hears_a_stop),
		cmocka_unit_test(a_file_counts_once_it_has_stayed_the_same),
		cmocka_unit_test(a_file_that_never_stays_the_same_is_refused),
		cmocka_unit_test(a_directory_is_no_file),
		cmocka_unit_test(a_fifo_is_no_file_and_is_not_waited_for),
		cmocka_unit_test(a_link_to_nothing_is_told),
		cmocka_unit_test(a_file_that_may_not_be_read_is_told),
		cmocka_unit_test(a_directory_that_may_not_be_read_is_told),
		cmocka_unit_test(patterns_match_in_folders_too),
		cmocka_unit_test(a_name_that_looks_like_a_pattern_is_found),
		cmocka_unit_test(a_path_may_hold_the_date_of_the_run),
		cmocka_unit_test(another_path_may_be_given_and_starts_from_here),
		cmocka_unit_test(content_that_another_run_had_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
