/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop as its users see it. Nothing sleeps: each case runs until its last event stops the loop,
 * and a case in which that event does not come is ended by the test runner.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/loop.h"
#include "sys/clock.h"

#ifdef __has_feature /* clang */
#define IS_TSAN __has_feature(thread_sanitizer)
#else
#define IS_TSAN 0
#endif

extern char **environ;

struct probe {
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_watch *other;
	struct loop_timer *timer;
	struct loop_timer *second;
	struct loop_signal *signal;
	struct loop_child *child;
	struct loop_child *children[8];
	struct loop_wake *wake;
	int fds[2];
	int calls;
	int events;
	int status;
};

static int set_up(void **state)
{
	static struct probe probe;

	memset(&probe, 0, sizeof(probe));
	probe.loop = loop_new();
	*state = &probe;
	return pipe2(probe.fds, O_CLOEXEC | O_NONBLOCK);
}

static int tear_down(void **state)
{
	struct probe *p = *state;

	loop_free(p->loop);
	return 0;
}

static void close_pipe(struct probe *p)
{
	(void)close(p->fds[0]);
	(void)close(p->fds[1]);
}

/* ---- watches ---- */

static void on_read_once(void *arg, int fd, int events)
{
	struct probe *p = arg;
	char c = 0;

	assert_int_equal(events, LOOP_READ);
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(c, 'x');
	p->calls++;
	loop_watch_free(p->watch); /* in its own callback */
	loop_stop(p->loop);
}

static void a_watch_tells_that_there_is_something_to_read(void **state)
{
	struct probe *p = *state;

	p->watch = loop_watch_new(p->loop, p->fds[0], LOOP_READ, on_read_once, p);
	assert_int_equal(write(p->fds[1], "x", 1), 1);
	loop_run(p->loop);
	assert_int_equal(p->calls, 1);
	close_pipe(p); /* both are still open */
}

static void on_event_stop(void *arg, int fd, int events)
{
	struct probe *p = arg;

	p->calls++;
	p->events = events;
	loop_stop(p->loop);
}

static void a_paused_watch_tells_nothing_until_it_is_set(void **state)
{
	struct probe *p = *state;

	p->watch = loop_watch_new(p->loop, p->fds[0], 0, on_event_stop, p);
	p->other = loop_watch_new(p->loop, p->fds[1], LOOP_WRITE, on_event_stop, p);
	assert_int_equal(write(p->fds[1], "x", 1), 1);
	loop_run(p->loop);
	assert_int_equal(p->events, LOOP_WRITE);
	loop_watch_set(p->other, 0);
	loop_watch_set(p->watch, LOOP_READ);
	loop_run(p->loop);
	assert_int_equal(p->calls, 2);
	assert_int_equal(p->events, LOOP_READ);
	loop_watch_close(p->watch);
	loop_watch_close(p->other);
}

static void the_end_of_a_pipe_is_told_as_something_to_read(void **state)
{
	struct probe *p = *state;

	p->watch = loop_watch_new(p->loop, p->fds[0], LOOP_READ, on_event_stop, p);
	(void)close(p->fds[1]);
	loop_run(p->loop);
	assert_int_equal(p->events, LOOP_READ);
	loop_watch_close(p->watch);
}

static void a_pipe_without_reader_is_told_as_writable_and_told_again(void **state)
{
	struct probe *p = *state;
	char full[65536] = {0};

	assert_true(write(p->fds[1], full, sizeof(full)) > 0);
	p->watch = loop_watch_new(p->loop, p->fds[1], LOOP_WRITE, on_event_stop, p);
	(void)close(p->fds[0]);
	loop_run(p->loop);
	assert_int_equal(p->events, LOOP_WRITE);
	assert_int_equal(write(p->fds[1], "x", 1), -1);
	loop_run(p->loop);
	assert_int_equal(p->calls, 2);
	loop_watch_close(p->watch);
}

static void on_read_close_both(void *arg, int fd, int events)
{
	struct probe *p = arg;

	p->calls++;
	loop_watch_close(p->watch);
	loop_watch_close(p->other); /* which had something to tell in this very turn */
	loop_stop(p->loop);
}

static void a_watch_freed_by_another_is_not_called_any_more(void **state)
{
	struct probe *p = *state;
	int more[2] = {0};

	assert_int_equal(pipe2(more, O_CLOEXEC | O_NONBLOCK), 0);
	p->watch = loop_watch_new(p->loop, p->fds[0], LOOP_READ, on_read_close_both, p);
	p->other = loop_watch_new(p->loop, more[0], LOOP_READ, on_read_close_both, p);
	assert_int_equal(write(p->fds[1], "x", 1), 1);
	assert_int_equal(write(more[1], "x", 1), 1);
	loop_run(p->loop);
	assert_int_equal(p->calls, 1);
	(void)close(p->fds[1]);
	(void)close(more[1]);
}

static void a_descriptor_number_may_be_watched_again_right_after_close(void **state)
{
	struct probe *p = *state;

	for (int i = 0; i < 3; i++) {
		int fd = p->fds[0];
		p->watch = loop_watch_new(p->loop, fd, LOOP_READ, on_event_stop, p);
		assert_int_equal(write(p->fds[1], "x", 1), 1);
		loop_run(p->loop);
		loop_watch_close(p->watch); /* closed, and libuv has not been told in full yet */
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		(void)close(p->fds[1]);
		assert_int_equal(pipe2(p->fds, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(p->fds[0], fd);
	}
	assert_int_equal(p->calls, 3);
	close_pipe(p);
}

/* ---- timers ---- */

static void on_timer_stop(void *arg)
{
	struct probe *p = arg;

	p->calls++;
	loop_timer_free(p->timer);
	p->timer = NULL;
	loop_stop(p->loop);
}

static void a_timer_is_never_early(void **state)
{
	struct probe *p = *state;
	const int64_t times[] = {1, 999, 1000, 1001, 5500};

	close_pipe(p);
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		p->timer = loop_timer_new(p->loop, on_timer_stop, p);
		int64_t began = clock_monotonic_us();
		loop_timer_set(p->timer, times[i]);
		loop_run(p->loop);
		assert_true(clock_monotonic_us() - began >= times[i]);
	}
	assert_int_equal(p->calls, (int)ARRAY_LEN(times));
}

static void on_timer_again(void *arg)
{
	struct probe *p = arg;

	p->calls++;
	loop_timer_set(p->timer, 0);
}

static void on_read_end_timer(void *arg, int fd, int events)
{
	struct probe *p = arg;

	assert_true(p->calls > 0);
	loop_timer_free(p->timer);
	loop_watch_close(p->watch);
	loop_stop(p->loop);
}

static void a_timer_of_zero_that_sets_itself_starves_nobody(void **state)
{
	struct probe *p = *state;

	p->timer = loop_timer_new(p->loop, on_timer_again, p);
	loop_timer_set(p->timer, 0);
	p->watch = loop_watch_new(p->loop, p->fds[0], LOOP_READ, on_read_end_timer, p);
	assert_int_equal(write(p->fds[1], "x", 1), 1);
	loop_run(p->loop);
	(void)close(p->fds[1]);
}

static void on_first_frees_second(void *arg)
{
	struct probe *p = arg;

	p->calls++;
	loop_timer_free(p->second);
	p->second = NULL;
	loop_timer_free(p->timer);
	p->timer = NULL;
}

static void a_timer_freed_by_another_is_not_called_any_more(void **state)
{
	struct probe *p = *state;

	close_pipe(p);
	for (int64_t us = 0; us < 2; us++) {
		p->timer = loop_timer_new(p->loop, on_first_frees_second, p);
		p->second = loop_timer_new(p->loop, on_first_frees_second, p);
		loop_timer_set(p->timer, us);
		loop_timer_set(p->second, us);
		loop_run(p->loop); /* until there is nothing left */
		assert_int_equal(p->calls, (int)us + 1);
	}
}

static void a_stopped_timer_is_quiet_and_a_later_setting_replaces_an_earlier(void **state)
{
	struct probe *p = *state;

	close_pipe(p);
	p->second = loop_timer_new(p->loop, on_first_frees_second, p);
	loop_timer_set(p->second, 0);
	loop_timer_stop(p->second);
	loop_timer_set(p->second, 1000);
	loop_timer_stop(p->second);
	p->timer = loop_timer_new(p->loop, on_timer_stop, p);
	loop_timer_set(p->timer, US_PER_HOUR);
	loop_timer_set(p->timer, 0);
	loop_run(p->loop);
	assert_int_equal(p->calls, 1);
	loop_timer_free(p->second);
}

/* ---- signals ---- */

static void on_signal(void *arg, int signal_number)
{
	struct probe *p = arg;

	assert_int_equal(signal_number, SIGUSR1);
	p->calls++;
	loop_signal_free(p->signal);
	loop_stop(p->loop);
}

static void a_signal_is_told_on_the_loop(void **state)
{
	struct probe *p = *state;

	close_pipe(p);
	p->signal = loop_signal_new(p->loop, SIGUSR1, on_signal, p);
	(void)kill(getpid(), SIGUSR1);
	loop_run(p->loop);
	assert_int_equal(p->calls, 1);
}

/* ---- children ---- */

static pid_t start_shell(const char *text)
{
	char shell[] = "/bin/sh";
	char option[] = "-c";
	char *argv[] = {shell, option, strdup(text), NULL};
	pid_t pid = 0;

	assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
	free(argv[2]);
	return pid;
}

static void on_child(void *arg, pid_t pid, int status)
{
	struct probe *p = arg;

	p->calls++;
	p->status = status;
	loop_child_free(p->child);
	loop_stop(p->loop);
}

static void the_status_of_a_child_is_told_and_it_is_reaped(void **state)
{
	struct probe *p = *state;

	close_pipe(p);
	pid_t pid = start_shell("exit 7");
	p->child = loop_child_new(p->loop, pid, on_child, p);
	loop_run(p->loop);
	assert_true(WIFEXITED(p->status));
	assert_int_equal(WEXITSTATUS(p->status), 7);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);

	p->child = loop_child_new(p->loop, start_shell("kill -9 $$"), on_child, p);
	loop_run(p->loop);
	assert_true(WIFSIGNALED(p->status));
	assert_int_equal(WTERMSIG(p->status), SIGKILL);
}

static void a_child_that_somebody_else_reaped_is_told_as_lost(void **state)
{
	struct probe *p = *state;

	close_pipe(p);
	pid_t pid = start_shell("exit 7");
	p->child = loop_child_new(p->loop, pid, on_child, p);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	loop_run(p->loop);
	assert_int_equal(p->status, LOOP_CHILD_LOST);
	assert_false(WIFEXITED(p->status));
	assert_false(WIFSIGNALED(p->status));
}

static void a_freed_child_is_left_alone(void **state)
{
	struct probe *p = *state;
	int status = 0;

	close_pipe(p);
	pid_t pid = start_shell("exit 3");
	p->child = loop_child_new(p->loop, pid, on_child, p);
	loop_child_free(p->child);
	loop_run(p->loop); /* nothing is left to wait for */
	assert_int_equal(p->calls, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 3);
}

static void on_one_of_many(void *arg, pid_t pid, int status)
{
	struct probe *p = arg;

	assert_int_equal(WEXITSTATUS(status), 5);
	p->calls++;
}

/* Without descriptors: all that are left are taken away while the children are handed over. */
static void without_pidfds_children_are_told_all_the_same(void **state)
{
	struct probe *p = *state;
	struct rlimit limit = {0};

#if IS_TSAN
	/* TSan calls a handler from within read(), also from the read() by which libuv's handler
	 * takes its lock: two children that end at once then wait for ever. One thread is all that
	 * there is here, so it would have nothing to find. */
	skip();
#endif
	close_pipe(p);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
	for (size_t i = 0; i < ARRAY_LEN(p->children); i++) {
		pid_t pid = start_shell("exit 5");
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		p->children[i] = loop_child_new(p->loop, pid, on_one_of_many, p);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	loop_run(p->loop); /* until there is nothing left */
	assert_int_equal(p->calls, (int)ARRAY_LEN(p->children));
	for (size_t i = 0; i < ARRAY_LEN(p->children); i++)
		loop_child_free(p->children[i]);
}

/* ---- wakes ---- */

static void on_wake(void *arg)
{
	struct probe *p = arg;

	p->calls++;
	loop_wake_free(p->wake);
	loop_stop(p->loop);
}

static void *wake_main(void *arg)
{
	struct probe *p = arg;

	loop_wake_send(p->wake);
	return NULL;
}

static void a_thread_wakes_the_loop(void **state)
{
	struct probe *p = *state;
	pthread_t thread = {0};

	close_pipe(p);
	p->wake = loop_wake_new(p->loop, on_wake, p);
	assert_int_equal(pthread_create(&thread, NULL, wake_main, p), 0);
	loop_run(p->loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(p->calls, 1);
}

static void freeing_nothing_does_nothing(void **state)
{
	struct probe *p = *state;

	close_pipe(p);
	loop_watch_free(NULL);
	loop_watch_close(NULL);
	loop_timer_free(NULL);
	loop_signal_free(NULL);
	loop_child_free(NULL);
	loop_wake_free(NULL);
	loop_free(NULL);
	loop_run(p->loop); /* nothing to wait for */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		CASE(a_watch_tells_that_there_is_something_to_read),
		CASE(a_paused_watch_tells_nothing_until_it_is_set),
		CASE(the_end_of_a_pipe_is_told_as_something_to_read),
		CASE(a_pipe_without_reader_is_told_as_writable_and_told_again),
		CASE(a_watch_freed_by_another_is_not_called_any_more),
		CASE(a_descriptor_number_may_be_watched_again_right_after_close),
		CASE(a_timer_is_never_early),
		CASE(a_timer_of_zero_that_sets_itself_starves_nobody),
		CASE(a_timer_freed_by_another_is_not_called_any_more),
		CASE(a_stopped_timer_is_quiet_and_a_later_setting_replaces_an_earlier),
		CASE(a_signal_is_told_on_the_loop),
		CASE(the_status_of_a_child_is_told_and_it_is_reaped),
		CASE(a_child_that_somebody_else_reaped_is_told_as_lost),
		CASE(a_freed_child_is_left_alone),
		CASE(without_pidfds_children_are_told_all_the_same),
		CASE(a_thread_wakes_the_loop),
		CASE(freeing_nothing_does_nothing),
#undef CASE
	};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (sigaction(SIGPIPE, &ignore, NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
