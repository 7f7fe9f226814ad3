/* SPDX-License-Identifier: Apache-2.0 */
/* The writer with tasks that are numbers; run under TSan too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "loop/loop.h"
#include "loop/writer.h"
#include "sys/lock.h"

enum { TASKS = 1000 };

struct task {
	int number;
	bool was_applied; /* set by the writer's thread */
};

struct probe {
	struct loop *loop;
	struct writer *writer;
	struct task tasks[TASKS];
	int n_submitted;
	int n_back;
	int n_applied;
	int stop_at; /* stop the loop when so many are back */
	bool free_then;
	struct lock gate;
	pthread_cond_t opened;
	bool is_open; /* under the gate's lock: apply may go on */
	bool is_waiting;
	pthread_t loop_thread;
};

static void on_apply(void *arg, void *ptr)
{
	struct probe *p = arg;
	struct task *task = ptr;

	assert_false(pthread_equal(pthread_self(), p->loop_thread));
	lock_take(&p->gate);
	p->is_waiting = true;
	(void)pthread_cond_signal(&p->opened);
	while (!p->is_open)
		lock_wait(&p->gate, &p->opened);
	lock_give(&p->gate);
	task->was_applied = true;
}

static void submit(struct probe *p)
{
	struct task *task = &p->tasks[p->n_submitted];

	task->number = p->n_submitted++;
	writer_submit(p->writer, task);
}

static void on_done(void *arg, void *ptr, bool applied)
{
	struct probe *p = arg;
	struct task *task = ptr;

	assert_true(pthread_equal(pthread_self(), p->loop_thread));
	assert_int_equal(task->number, p->n_back); /* in their order */
	assert_int_equal(task->was_applied, applied);
	p->n_back++;
	p->n_applied += applied ? 1 : 0;
	if (p->n_back != p->stop_at) {
		if (p->n_submitted < p->stop_at)
			submit(p);
		return;
	}
	loop_stop(p->loop);
	if (p->free_then) {
		struct writer *writer = p->writer;
		p->writer = NULL;
		p->stop_at = 0;
		writer_free(writer);
	}
}

static int set_up(void **state)
{
	static struct probe probe;
	struct err err = ERR_INIT;

	memset(&probe, 0, sizeof(probe));
	probe.loop = loop_new();
	probe.is_open = true;
	probe.loop_thread = pthread_self();
	lock_init(&probe.gate, "gate");
	(void)pthread_cond_init(&probe.opened, NULL);
	*state = &probe;
	return writer_new(probe.loop, on_apply, on_done, &probe, &probe.writer, &err);
}

static int tear_down(void **state)
{
	struct probe *p = *state;

	writer_free(p->writer);
	loop_free(p->loop);
	(void)pthread_cond_destroy(&p->opened);
	lock_done(&p->gate);
	return 0;
}

static void tasks_are_applied_elsewhere_and_come_back_in_order(void **state)
{
	struct probe *p = *state;

	p->stop_at = TASKS;
	submit(p);
	submit(p); /* and each that comes back submits the next */
	loop_run(p->loop);
	assert_int_equal(p->n_back, TASKS);
	assert_int_equal(p->n_applied, TASKS);
}

static void a_full_queue_is_worked_off(void **state)
{
	struct probe *p = *state;

	p->stop_at = WRITER_QUEUE_MAX;
	for (int i = 0; i < WRITER_QUEUE_MAX; i++)
		submit(p);
	loop_run(p->loop);
	assert_int_equal(p->n_applied, WRITER_QUEUE_MAX);
}

static void a_writer_may_be_freed_by_its_own_callback(void **state)
{
	struct probe *p = *state;

	p->stop_at = 3;
	p->free_then = true;
	for (int i = 0; i < 3; i++)
		submit(p);
	loop_run(p->loop);
	assert_int_equal(p->n_back, 3);
	assert_null(p->writer);
}

static void *open_gate(void *arg)
{
	struct probe *p = arg;

	lock_take(&p->gate);
	p->is_open = true;
	(void)pthread_cond_broadcast(&p->opened);
	lock_give(&p->gate);
	return NULL;
}

static void what_still_waits_comes_back_unapplied(void **state)
{
	struct probe *p = *state;
	pthread_t thread = {0};

	lock_take(&p->gate);
	p->is_open = false;
	lock_give(&p->gate);
	for (int i = 0; i < 10; i++)
		submit(p);
	lock_take(&p->gate);
	while (!p->is_waiting) /* the first is being applied, the others wait */
		lock_wait(&p->gate, &p->opened);
	lock_give(&p->gate);
	assert_int_equal(pthread_create(&thread, NULL, open_gate, p), 0);
	writer_free(p->writer);
	p->writer = NULL;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(p->n_back, 10);
	/* The first for certain; the gate may have opened before the end was seen. */
	assert_true(p->n_applied >= 1);
}

static void a_writer_without_tasks_ends(void **state)
{
	struct probe *p = *state;

	writer_free(p->writer);
	p->writer = NULL;
	writer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		CASE(tasks_are_applied_elsewhere_and_come_back_in_order),
		CASE(a_full_queue_is_worked_off),
		CASE(a_writer_may_be_freed_by_its_own_callback),
		CASE(what_still_waits_comes_back_unapplied),
		CASE(a_writer_without_tasks_ends),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
