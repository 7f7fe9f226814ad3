/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes on one SQLite ledger: they share, they are killed, they are stopped. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/bench.h"
#include "contract/suites.h"
#include "contract/worker.h"

enum { WORKERS = 4 };

static void processes_share_a_run_and_no_item_is_done_twice(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 60, .n = 10});
	char number[32];
	pid_t pids[WORKERS];
	int fds[WORKERS];
	int64_t items = 0;

	(void)snprintf(number, sizeof(number), "%lld", (long long)run);
	for (int i = 0; i < WORKERS; i++)
		pids[i] = worker_start("work", b->url, number, &fds[i]);
	for (int i = 0; i < WORKERS; i++) {
		items += worker_number(fds[i]);
		assert_int_equal(worker_wait(pids[i]), 0);
		(void)close(fds[i]);
	}
	assert_int_equal(items, 600);
	assert_int_equal(counts_of(b, run).done, 600);
	assert_true(finish(b, b->a, run));
}

static bool is_gone(struct bench *b, int64_t inc)
{
	struct ledger_op *op = begin(b, b->a, LOP_INSTANCE_LIST);

	commit(b);
	for (size_t i = 0; i < op->u.instance_list.ret_n; i++)
		if (op->u.instance_list.ret_rows[i].inc == inc)
			return op->u.instance_list.ret_rows[i].is_gone;
	fail_msg("instance %d is not listed", (int)inc);
	return false;
}

static bool reap(struct bench *b, int64_t inc, int64_t *ret_doubtful)
{
	struct ledger_op *op = begin(b, b->a, LOP_REAP);

	op->u.reap.dead = inc;
	commit(b);
	*ret_doubtful = op->u.reap.ret_doubtful;
	return op->u.reap.ret_done;
}

static void a_killed_process_is_gone_at_once_and_a_stopped_one_is_not(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 10});
	char number[32];
	int fd = -1;
	int64_t doubtful = 0;

	(void)snprintf(number, sizeof(number), "%lld", (long long)run);
	pid_t pid = worker_start("hold", b->url, number, &fd);
	int64_t inc = worker_number(fd);
	assert_false(is_gone(b, inc));
	assert_false(reap(b, inc, &doubtful));
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_false(is_gone(b, inc));
	assert_false(reap(b, inc, &doubtful));
	assert_int_equal(counts_of(b, run).running, 5);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(worker_wait(pid), 128 + SIGKILL);
	(void)close(fd);
	assert_true(is_gone(b, inc));
	assert_true(reap(b, inc, &doubtful));
	assert_int_equal(doubtful, 5);
	struct ledger_counts c = counts_of(b, run);
	assert_int_equal(c.in_doubt, 5);
	assert_int_equal(c.waiting, 5);
	assert_int_equal(c.ready_chunks, 1);
}

/* Wherever in a commit it is killed: the gate is free, the ledger is whole. */
static void killed_writers_leave_a_whole_ledger(void **state)
{
	struct bench *b = *state;
	int64_t doubtful = 0;

	for (int i = 0; i < 12; i++) {
		pid_t pids[2];
		int fds[2];
		int64_t incs[2];
		for (int k = 0; k < 2; k++)
			pids[k] = worker_start("churn", b->url, "", &fds[k]);
		for (int k = 0; k < 2; k++)
			incs[k] = worker_number(fds[k]);
		for (int k = 0; k < 7 * i; k++) { /* a while, measured in commits of our own */
			struct ledger_op *op = begin(b, b->a, LOP_LANE_DROP);
			op->u.lane_drop.pid = 1;
			commit(b);
		}
		for (int k = 0; k < 2; k++) {
			assert_int_equal(kill(pids[k], SIGKILL), 0);
			assert_int_equal(worker_wait(pids[k]), 128 + SIGKILL);
			(void)close(fds[k]);
			assert_true(reap(b, incs[k], &doubtful));
		}
		assert_int_equal(bench_verify(b), 0);
	}
}

static void the_log_stays_small_when_nobody_reads(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 150, .n = 16});
	char number[32];
	char wal[160];
	pid_t pids[WORKERS];
	int fds[WORKERS];
	struct stat st = {0};

	(void)snprintf(number, sizeof(number), "%lld", (long long)run);
	for (int i = 0; i < WORKERS; i++)
		pids[i] = worker_start("work", b->url, number, &fds[i]);
	for (int i = 0; i < WORKERS; i++) {
		(void)worker_number(fds[i]);
		assert_int_equal(worker_wait(pids[i]), 0);
		(void)close(fds[i]);
	}
	assert_int_equal(counts_of(b, run).done, 2400);
	(void)snprintf(wal, sizeof(wal), "%s-wal", b->url + strlen("sqlite:"));
	assert_int_equal(stat(wal, &st), 0);
	assert_in_range(st.st_size, 1 << 20, 6 << 20);
}

static void a_full_disk_is_said_and_survived(void **state)
{
	struct bench *b = *state;
	int fd = -1;
	pid_t pid = worker_start("fill", b->url, "", &fd);

	assert_int_equal(worker_number(fd), LEDGER_NO_SPACE);
	assert_int_equal(worker_number(fd), 1);
	assert_int_equal(worker_number(fd), LEDGER_APPLIED);
	assert_int_equal(worker_wait(pid), 0);
	(void)close(fd);
}

static const struct CMUnitTest cases[] = {
	CASE(processes_share_a_run_and_no_item_is_done_twice),
	CASE(a_killed_process_is_gone_at_once_and_a_stopped_one_is_not),
	CASE(killed_writers_leave_a_whole_ledger),
	CASE(the_log_stays_small_when_nobody_reads),
	CASE(a_full_disk_is_said_and_survived),
};

int main(int argc, char **argv)
{
	int status = worker_main(argc, argv);

	if (status >= 0)
		return status;
	bench_backend = "sqlite";
	return cmocka_run_group_tests_name("processes", cases, NULL, NULL);
}
