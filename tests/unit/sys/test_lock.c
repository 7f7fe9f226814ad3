/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/lock.h"
#include "unit/dies.h"
#include "unit/sys/scratch.h"

static int open_lock_file(void)
{
	return open(scratch_path("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static void opens_of_one_file_exclude_each_other(void **state)
{
	AUTO(fd) int one = open_lock_file();
	AUTO(fd) int two = open_lock_file();

	assert_int_equal(ofd_probe(one, 5), 0);
	assert_int_equal(ofd_lock(one, 5, false), 0);
	assert_int_equal(ofd_lock(one, 5, false), 0); /* again is no harm */
	assert_int_equal(ofd_probe(one, 5), 0);	      /* ours */
	assert_int_equal(ofd_probe(two, 5), 1);
	assert_int_equal(ofd_lock(two, 5, false), 1);
	assert_int_equal(ofd_lock(two, 6, false), 0); /* another byte */
	assert_int_equal(ofd_unlock(one, 5), 0);
	assert_int_equal(ofd_probe(two, 5), 0);
	assert_int_equal(ofd_lock(two, 5, true), 0);
	assert_int_equal(ofd_lock(one, 5, false), 1);
}

static void closing_another_descriptor_of_the_file_drops_nothing(void **state)
{
	AUTO(fd) int one = open_lock_file();
	AUTO(fd) int two = open_lock_file();

	assert_int_equal(ofd_lock(one, 1, false), 0);
	(void)close(open_lock_file());
	assert_int_equal(ofd_probe(two, 1), 1);
}

static void lock_of_a_killed_process_is_free(void **state)
{
	AUTO(fd) int mine = open_lock_file();
	int ready[2] = {-1, -1};
	char c = '\0';

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		int fd = open_lock_file();
		if (ofd_lock(fd, 9, false) == 0)
			(void)fd_write_all(ready[1], "r", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(fd_read_full(ready[0], &c, 1), 1);
	assert_int_equal(ofd_probe(mine, 9), 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(ofd_lock(mine, 9, true), 0); /* waits until it is gone */
	assert_int_equal(waitpid(child, NULL, 0), child);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void closed_descriptor_is_a_failure(void **state)
{
	assert_int_equal(ofd_lock(-1, 0, false), -1);
	assert_int_equal(ofd_lock(-1, 0, true), -1);
	assert_int_equal(ofd_probe(-1, 0), -1);
	assert_int_equal(ofd_unlock(-1, 0), -1);
}

/* ---- between threads ---- */

static struct lock lock;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int counter;

static void *count_up(void *arg)
{
	for (int i = 0; i < 10000; i++) {
		lock_take(&lock);
		lock_assert_held(&lock);
		counter++;
		lock_give(&lock);
	}
	return arg;
}

static void mutex_lets_one_thread_in(void **state)
{
	pthread_t threads[4];

	lock_init(&lock, "counter");
	counter = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(counter, 40000);
	lock_done(&lock);
}

static void *turn(void *arg)
{
	lock_take(&lock);
	counter = 1;
	(void)pthread_cond_signal(&turned);
	lock_give(&lock);
	return arg;
}

static void waiting_gives_the_lock_and_takes_it_again(void **state)
{
	pthread_t thread;

	lock_init(&lock, "turn");
	counter = 0;
	lock_take(&lock);
	assert_int_equal(pthread_create(&thread, NULL, turn, NULL), 0);
	while (counter == 0)
		lock_wait(&lock, &turned);
	lock_assert_held(&lock);
	lock_give(&lock);
	assert_int_equal(pthread_join(thread, NULL), 0);
	lock_done(&lock);
}

static void take_twice(void)
{
	lock_init(&lock, "twice");
	lock_take(&lock);
	lock_take(&lock);
}

static void give_what_is_free(void)
{
	lock_init(&lock, "free");
	lock_give(&lock);
}

static void *give_it(void *arg)
{
	lock_give(&lock);
	return arg;
}

static void give_what_another_holds(void)
{
	pthread_t thread;

	lock_init(&lock, "another");
	lock_take(&lock);
	if (pthread_create(&thread, NULL, give_it, NULL) == 0)
		(void)pthread_join(thread, NULL);
}

static void undo_while_held(void)
{
	lock_init(&lock, "held");
	lock_take(&lock);
	lock_done(&lock);
}

static void wrong_use_ends_the_process(void **state)
{
	assert_true(dies(take_twice));
	assert_true(dies(give_what_is_free));
	assert_true(dies(give_what_another_holds));
	assert_true(dies(undo_while_held));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_of_one_file_exclude_each_other),
		cmocka_unit_test(closing_another_descriptor_of_the_file_drops_nothing),
		cmocka_unit_test(lock_of_a_killed_process_is_free),
		cmocka_unit_test(closed_descriptor_is_a_failure),
		cmocka_unit_test(mutex_lets_one_thread_in),
		cmocka_unit_test(waiting_gives_the_lock_and_takes_it_again),
		cmocka_unit_test(wrong_use_ends_the_process),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
