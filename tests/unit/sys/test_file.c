/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/file.h"
#include "unit/sys/scratch.h"

static void write_file(const char *path, const char *data, size_t len)
{
	struct err err = ERR_INIT;

	if (file_write_atomic(path, data, len, 0644, &err) != 0)
		fail_msg("%s", err.text);
}

static void file_is_read_whole_and_appended(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;

	write_file(scratch_path("a"), "one\0two", 7);
	buf_puts(&b, ">");
	assert_int_equal(file_read_all(scratch_path("a"), 100, &b, &err), 0);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, ">one\0two", 9);
}

static void files_of_any_size_up_to_the_limit_are_read(void **state)
{
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
	static char data[200000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 31);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		AUTO(buf) struct buf b = BUF_INIT(sizeof(data));
		AUTO(buf) struct buf exact = BUF_INIT(sizes[i]);
		struct err err = ERR_INIT;
		size_t n = sizes[i];
		write_file(scratch_path("sized"), data, n);
		assert_int_equal(file_read_all(scratch_path("sized"), n, &b, &err), 0);
		assert_int_equal(b.len, n);
		assert_memory_equal(buf_str(&b), data, n);
		assert_int_equal(file_read_all(scratch_path("sized"), SIZE_MAX, &exact, &err), 0);
		assert_int_equal(exact.len, n);
		if (n == 0)
			continue;
		buf_reset(&b);
		assert_int_equal(file_read_all(scratch_path("sized"), n - 1, &b, &err),
				 ERR_TOO_BIG);
		exact.max--;
		buf_done(&exact);
		assert_int_equal(file_read_all(scratch_path("sized"), n, &exact, &err),
				 ERR_TOO_BIG);
	}
}

static void file_of_proc_that_tells_no_size_is_read(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(10000);
	struct err err = ERR_INIT;

	assert_int_equal(file_read_all("/proc/self/stat", 10000, &b, &err), 0);
	assert_true(b.len > 20);
}

static void what_cannot_be_read_is_told_by_its_reason(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;

	assert_int_equal(file_read_all(scratch_path("absent"), 10, &b, &err), ERR_NOINPUT);
	assert_non_null(strstr(err.text, scratch_path("absent")));
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(file_read_all(scratch_directory, 10, &b, &err), ERR_NOINPUT);
	assert_non_null(strstr(err.text, "directory"));
	write_file(scratch_path("plain"), "x", 1);
	assert_int_equal(file_read_all(scratch_path("plain/below"), 10, &b, &err), ERR_NOINPUT);
	write_file(scratch_path("secret"), "x", 1);
	assert_int_equal(chmod(scratch_path("secret"), 0), 0);
	if (geteuid() != 0) /* root may read anything */
		assert_int_equal(file_read_all(scratch_path("secret"), 10, &b, &err), ERR_PERM);
	assert_int_equal(b.len, 0);
}

static void replacing_keeps_one_file_with_the_given_mode(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;
	struct stat st = {0};
	const char *path = scratch_path("replaced");

	assert_int_equal(file_write_atomic(path, "old", 3, 0600, &err), 0);
	assert_int_equal(file_write_atomic(path, "newer", 5, 0640, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_read_all(path, 100, &b, &err), 0);
	assert_string_equal(buf_str(&b), "newer");
}

static void failed_replacement_leaves_nothing_behind(void **state)
{
	struct err err = ERR_INIT;
	const char *box = scratch_path("box");
	const char *occupied = scratch_path("box/occupied");

	assert_int_equal(file_write_atomic(scratch_path("no/such"), "x", 1, 0600, &err),
			 ERR_NOINPUT);
	assert_non_null(strstr(err.text, "no/such"));
	assert_int_equal(file_make_directories(occupied, 0700, &err), 0);
	assert_true(file_write_atomic(occupied, "x", 1, 0600, &err) < 0);
	assert_int_equal(rmdir(occupied), 0);
	assert_int_equal(rmdir(box), 0); /* nothing else is in there */
}

static void full_disk_is_told_as_such(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		skip();
	assert_int_equal(fd_write_all(fd, "x", 1), -1);
	assert_int_equal(errno, ENOSPC);
	(void)close(fd);
}

static void directories_are_made_with_those_above(void **state)
{
	struct err err = ERR_INIT;
	struct stat st = {0};

	assert_int_equal(file_make_directories(scratch_path("x/y/z"), 0700, &err), 0);
	assert_int_equal(file_make_directories(scratch_path("x/y/z"), 0700, &err), 0);
	assert_int_equal(file_make_directories(scratch_path("x//y/w/"), 0700, &err), 0);
	assert_int_equal(stat(scratch_path("x/y/w"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(file_make_directories("/", 0700, &err), 0);
	write_file(scratch_path("x/file"), "", 0);
	assert_true(file_make_directories(scratch_path("x/file/below"), 0700, &err) < 0);
	assert_non_null(strstr(err.text, "x/file"));
	assert_true(file_make_directories(scratch_path("x/file"), 0700, &err) < 0);
	assert_int_equal(file_make_directories("/proc/self/nope", 0700, &err), ERR_NOINPUT);
}

static void directory_is_synced_or_the_reason_told(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(file_sync_directory(scratch_directory, &err), 0);
	assert_int_equal(file_sync_directory(scratch_path("absent"), &err), ERR_NOINPUT);
}

/* Writes slowly enough into the small pipe that the other side has to wait, and the other way. */
static void *write_much(void *arg)
{
	static char data[300000];
	int fd = *(int *)arg;

	memset(data, 'w', sizeof(data));
	int rc = fd_write_all(fd, data, sizeof(data));
	(void)close(fd);
	return rc == 0 ? arg : NULL;
}

static void whole_reads_and_writes_wait_for_each_other(void **state)
{
	static char got[400000];
	int fds[2] = {-1, -1};
	void *result = NULL;
	pthread_t writer;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fd_set_nonblocking(fds[0]), 0);
	assert_int_equal(fd_set_nonblocking(fds[1]), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_much, &fds[1]), 0);
	assert_int_equal(fd_read_full(fds[0], got, 100000), 100000);
	assert_int_equal(fd_read_full(fds[0], got, sizeof(got)), 200000); /* up to the end */
	assert_int_equal(fd_read_full(fds[0], got, 1), 0);
	assert_int_equal(pthread_join(writer, &result), 0);
	assert_non_null(result);
	(void)close(fds[0]);
}

static void closed_descriptors_are_failures(void **state)
{
	char c = 'c';

	assert_int_equal(fd_read_full(-1, &c, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fd_write_all(-1, &c, 1), -1);
	assert_int_equal(fd_set_nonblocking(-1), -1);
}

static void descriptor_is_closed_at_the_end_of_its_scope(void **state)
{
	int number = -1;

	{
		AUTO(fd) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		AUTO(fd) int none = -1;
		number = fd;
		errno = ENOTTY;
		assert_true(fd >= 0 && none < 0);
	}
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(fcntl(number, F_GETFD), -1);
}

static void file_systems_are_told_apart(void **state)
{
	const char *name = "unset";
	int64_t total = 0;

	assert_false(file_is_remote("/proc/self/status", &name));
	assert_null(name);
	assert_false(file_is_remote(scratch_path("not/there/yet"), NULL));
	assert_false(file_is_volatile("/proc"));
	if (access("/dev/shm", F_OK) == 0)
		assert_true(file_is_volatile("/dev/shm/not-there"));
	int64_t bytes = file_free_bytes(scratch_directory, &total);
	assert_true(bytes >= 0 && bytes <= total);
	assert_int_equal(file_free_bytes(scratch_path("absent"), &total), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_read_whole_and_appended),
		cmocka_unit_test(files_of_any_size_up_to_the_limit_are_read),
		cmocka_unit_test(file_of_proc_that_tells_no_size_is_read),
		cmocka_unit_test(what_cannot_be_read_is_told_by_its_reason),
		cmocka_unit_test(replacing_keeps_one_file_with_the_given_mode),
		cmocka_unit_test(failed_replacement_leaves_nothing_behind),
		cmocka_unit_test(full_disk_is_told_as_such),
		cmocka_unit_test(directories_are_made_with_those_above),
		cmocka_unit_test(directory_is_synced_or_the_reason_told),
		cmocka_unit_test(whole_reads_and_writes_wait_for_each_other),
		cmocka_unit_test(closed_descriptors_are_failures),
		cmocka_unit_test(descriptor_is_closed_at_the_end_of_its_scope),
		cmocka_unit_test(file_systems_are_told_apart),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
