/* SPDX-License-Identifier: Apache-2.0 */
/* Programs as they end, well and badly. What they are given is in test_exec_call.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "core/outcome.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "sys/proc.h"
#include "unit/work/probe.h"

static struct probe *probe(void)
{
	static struct probe p;

	return &p;
}

/* Programs that are to be ended before their end would take at least a minute. */
#define NOT_TO_ITS_END_US (30 * US_PER_S)

static void a_program_that_exits_with_0_is_done(void **state)
{
	struct probe *p = probe();
	utime before = clock_now();

	probe_run(p, "  exec: {command: [/bin/true]}\n");
	assert_int_equal(p->outcome, OUTCOME_DONE);
	assert_string_equal(p->err_class, "");
	assert_string_equal(p->err, "");
	assert_int_equal(p->output_len, 0);
	assert_true(p->began_at >= before && p->began_at <= clock_now());
	assert_true(p->took_us > 0);
	assert_int_equal(p->slots[7].begun, 1);
	assert_true(p->slots[7].pid > 0);
	probe_close(p);
}

static void the_last_line_of_its_output_says_why_it_failed(void **state)
{
	struct probe *p = probe();

	probe_run(
		p,
		"  exec: {shell: \"echo first; echo ' no such account\\t' >&2; echo; exit 3\"}\n");
	assert_int_equal(p->outcome, OUTCOME_RETRY);
	assert_string_equal(p->err_class, "exit-3");
	assert_string_equal(p->err, "no such account");
	assert_string_equal(p->output, "first\n no such account\t\n\n");
	assert_false(p->output_cut);
	probe_close(p);
}

static void without_output_the_status_says_it(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {shell: exit 65}\n");
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	assert_string_equal(p->err_class, "exit-65");
	assert_string_equal(p->err, "exit status 65");
	probe_close(p);
}

static void what_the_job_says_of_a_status_counts(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {shell: exit 3}\n  done_when: [3]\n");
	assert_int_equal(p->outcome, OUTCOME_DONE);
	assert_string_equal(p->err_class, "");
	probe_close(p);
}

static void a_signal_leaves_doubt(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {shell: echo x; kill -9 $$}\n");
	assert_int_equal(p->outcome, OUTCOME_UNKNOWN);
	assert_string_equal(p->err_class, "signal-9");
	assert_string_equal(p->err, "ended by signal 9 (KILL)");
	assert_false(p->cancelled);
	probe_close(p);
}

static void the_time_limit_ends_by_term_and_leaves_doubt(void **state)
{
	struct probe *p = probe();
	int64_t began = clock_monotonic_us();

	probe_run(p, "  exec: {shell: \"trap 'echo bye; exit 0' TERM; sleep 60 & wait\"}\n"
		     "  timeout: 300ms\n");
	assert_int_equal(p->outcome, OUTCOME_UNKNOWN); /* whatever its status says */
	assert_string_equal(p->err_class, "timeout");
	assert_string_equal(p->err, "not done within 300 ms");
	assert_string_equal(p->output, "bye\n");
	assert_true(clock_monotonic_us() - began < NOT_TO_ITS_END_US);
	probe_close(p);
}

static void who_ignores_term_is_killed(void **state)
{
	struct probe *p = probe();
	int64_t began = clock_monotonic_us();

	probe_run(p, "  exec: {shell: \"trap '' TERM; while :; do sleep 1; done\"}\n"
		     "  timeout: 100ms\n");
	assert_int_equal(p->outcome, OUTCOME_UNKNOWN);
	assert_string_equal(p->err_class, "timeout");
	assert_true(clock_monotonic_us() - began >= 2 * US_PER_S);
	assert_true(clock_monotonic_us() - began < NOT_TO_ITS_END_US);
	probe_close(p);
}

static void a_stopped_program_is_ended_too(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {shell: \"kill -STOP $$\"}\n  timeout: 100ms\n");
	assert_string_equal(p->err_class, "timeout");
	assert_true(p->took_us < NOT_TO_ITS_END_US);
	probe_close(p);
}

struct canceller {
	struct probe *p;
	struct loop_timer *timer;
	uint32_t ticket;
};

static void on_cancel(void *arg)
{
	struct canceller *c = arg;

	work_cancel(c->p->work, c->ticket);
	loop_timer_free(c->timer);
}

static void cancel_after(struct canceller *c, struct probe *p, int64_t us, uint32_t ticket)
{
	*c = (struct canceller){.p = p, .ticket = ticket};
	c->timer = loop_timer_new(p->loop, on_cancel, c);
	loop_timer_set(c->timer, us);
}

static void a_cancelled_attempt_ends_and_says_so(void **state)
{
	struct probe *p = probe();
	struct canceller c = {0};

	probe_open(p, "  exec: {command: [sleep, \"60\"]}\n", NULL);
	work_cancel(p->work, 9); /* none of these */
	probe_start(p, 1);
	probe_start(p, 2);
	cancel_after(&c, p, 20 * US_PER_MS, 2);
	probe_wait(p, 1);
	assert_int_equal(p->ticket, 2);
	assert_int_equal(p->outcome, OUTCOME_UNKNOWN);
	assert_true(p->cancelled);
	assert_string_equal(p->err_class, "cancelled");
	assert_int_equal(work_in_flight(p->work), 1);
	cancel_after(&c, p, 0, UINT32_MAX);
	probe_wait(p, 2);
	assert_int_equal(p->ticket, 1);
	assert_true(p->cancelled);
	probe_close(p);
}

static void who_had_ended_before_the_cancel_is_not_cancelled(void **state)
{
	struct probe *p = probe();
	siginfo_t info;

	probe_open(p, "  exec: {command: [\"true\"]}\n", NULL);
	probe_start(p, 1);
	assert_int_equal(waitid(P_PID, (id_t)p->slots[1].pid, &info, WEXITED | WNOWAIT), 0);
	work_cancel(p->work, 1);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_DONE);
	assert_false(p->cancelled);
	probe_close(p);
}

static void a_program_that_does_not_exist_hits_all_alike(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {command: [/no/such/program]}\n");
	assert_int_equal(p->outcome, OUTCOME_ALL);
	assert_string_equal(p->err_class, "exit-127");
	assert_string_equal(p->err, "starting '/no/such/program': No such file or directory");
	assert_int_equal(p->began_at, 0);
	assert_int_equal(p->slots[7].begun, 0); /* certainly not */
	probe_close(p);

	probe_run(p, "  exec: {command: [no-such-program-anywhere]}\n");
	assert_int_equal(p->outcome, OUTCOME_ALL);
	assert_string_equal(p->err_class, "exit-127");
	probe_close(p);
}

static void a_program_that_is_not_executable_hits_all_alike(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {command: [/etc/passwd]}\n");
	assert_int_equal(p->outcome, OUTCOME_ALL);
	assert_string_equal(p->err_class, "exit-126");
	assert_string_equal(p->err, "starting '/etc/passwd': Permission denied");
	probe_close(p);

	probe_run(p, "  exec: {command: [/etc]}\n");
	assert_int_equal(p->outcome, OUTCOME_ALL);
	assert_string_equal(p->err_class, "exit-126");
	probe_close(p);
}

static void a_text_without_interpreter_is_no_program(void **state)
{
	struct probe *p = probe();
	char path[] = "/tmp/stint-exec-XXXXXX";
	char work[200] = "";

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "echo\n", 5), 5);
	assert_int_equal(fchmod(fd, 0700), 0);
	(void)close(fd);
	(void)snprintf(work, sizeof(work), "  exec: {command: [%s]}\n", path);
	probe_run(p, work);
	assert_int_equal(p->outcome, OUTCOME_ALL);
	assert_string_equal(p->err_class, "exit-126");
	assert_non_null(strstr(p->err, "does not begin with #!"));
	probe_close(p);
	(void)unlink(path);
}

static void a_program_that_the_item_names_is_the_items_fault(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {command: [\"/no/such/${id}\"]}\n", NULL);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_RETRY);
	assert_string_equal(p->err_class, "exit-127");
	probe_close(p);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {command: [\"true\"], directory: /no/such/place}\n");
	assert_int_equal(p->outcome, OUTCOME_ALL);
	assert_string_equal(p->err, "directory '/no/such/place': No such file or directory");
	probe_close(p);
}

static void when_descriptors_run_out_nothing_was_begun(void **state)
{
	struct probe *p = probe();
	struct rlimit limit = {0};

	probe_open(p, "  exec: {command: [\"true\"]}\n", NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	const struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	probe_start(p, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_NOT_BEGUN);
	assert_string_equal(p->err_class, "busy");
	probe_close(p);
}

static int64_t max_rss_bytes(void)
{
	struct rusage usage = {0};

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return (int64_t)usage.ru_maxrss * 1024;
}

static void a_gigabyte_of_output_costs_what_is_kept_of_it(void **state)
{
	struct probe *p = probe();

	probe_open(p,
		   "  exec:\n    shell: head -c 1073741824 /dev/zero; echo end\n"
		   "    keep_output: 4K\n",
		   NULL);
	int64_t before = max_rss_bytes();
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_DONE);
	assert_int_equal(p->output_len, 4096);
	assert_true(p->output_cut);
	assert_memory_equal(p->output + 4092, "end\n", 4);
	assert_true(max_rss_bytes() - before < 8 * 1024 * 1024);
	probe_close(p);
}

static void with_nothing_to_be_kept_all_is_read_all_the_same(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {shell: head -c 1000000 /dev/zero; exit 1, keep_output: \"0\"}\n");
	assert_int_equal(p->output_len, 0);
	assert_true(p->output_cut);
	assert_string_equal(p->err, "exit status 1");
	probe_close(p);
}

static void what_it_leaves_behind_holds_nothing_up_and_is_killed(void **state)
{
	struct probe *p = probe();
	int64_t began = clock_monotonic_us();

	probe_run(p, "  exec: {shell: \"sleep 61 & echo $!\"}\n");
	assert_int_equal(p->outcome, OUTCOME_DONE);
	int64_t elapsed_us = clock_monotonic_us() - began;
	/* Its grace, which is not the item's time. */
	assert_true(elapsed_us - p->took_us >= 200 * US_PER_MS);
	assert_true(elapsed_us < NOT_TO_ITS_END_US);
	int64_t pid = 0;
	struct err err = ERR_INIT;
	assert_int_equal(text_parse_int(p->output, p->output_len - 1, &pid, &err), 0);
	for (int i = 0; i < 1000 && proc_start_time((pid_t)pid) >= 0; i++)
		if (proc_pss_bytes((pid_t)pid) <= 0) /* gone, or a zombie that init has not seen */
			break;
	assert_true(proc_pss_bytes((pid_t)pid) <= 0);
	probe_close(p);
}

static void what_was_let_go_of_the_output_costs_no_grace(void **state)
{
	int64_t shortest_us = INT64_MAX;

	/* A busy machine may make any of them long, but none is short when there is a grace. */
	for (int i = 0; i < 50 && shortest_us >= 200 * US_PER_MS; i++) {
		struct probe *p = probe();
		int64_t began = clock_monotonic_us();
		probe_run(p, "  exec: {shell: \"sleep 61 >/dev/null 2>&1 &\"}\n");
		assert_int_equal(p->outcome, OUTCOME_DONE);
		int64_t took_us = clock_monotonic_us() - began;
		shortest_us = took_us < shortest_us ? took_us : shortest_us;
		probe_close(p);
	}
	assert_true(shortest_us < 200 * US_PER_MS);
}

static void freeing_kills_what_is_under_way(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {command: [sleep, \"60\"]}\n", NULL);
	probe_start(p, 1);
	probe_start(p, 2);
	pid_t pid = p->slots[1].pid;
	assert_int_equal(kill(pid, 0), 0);
	probe_close(p);
	assert_int_equal(p->n_done, 0);
	siginfo_t info = {0};
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	assert_int_equal(info.si_status, SIGKILL);
}

static void many_run_side_by_side(void **state)
{
	struct probe *p = probe();
	enum { MANY = 100 };
	int64_t began = clock_monotonic_us();

	probe_open(p, "  exec: {command: [sleep, \"0.3\"]}\n", NULL);
	for (uint32_t i = 0; i < MANY; i++)
		probe_start(p, i);
	assert_int_equal(work_in_flight(p->work), MANY);
	probe_wait(p, MANY);
	assert_true(clock_monotonic_us() - began < MANY * 300 * US_PER_MS); /* not in turn */
	probe_close(p);
}

static void noop_is_done_in_the_next_turn(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  noop: {}\n");
	assert_int_equal(p->outcome, OUTCOME_DONE);
	probe_start(p, 8);
	probe_start(p, 9);
	work_cancel(p->work, 8);
	probe_wait(p, 3);
	probe_start(p, 1);
	probe_close(p); /* with one that was not told */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_that_exits_with_0_is_done),
		cmocka_unit_test(the_last_line_of_its_output_says_why_it_failed),
		cmocka_unit_test(without_output_the_status_says_it),
		cmocka_unit_test(what_the_job_says_of_a_status_counts),
		cmocka_unit_test(a_signal_leaves_doubt),
		cmocka_unit_test(the_time_limit_ends_by_term_and_leaves_doubt),
		cmocka_unit_test(who_ignores_term_is_killed),
		cmocka_unit_test(a_stopped_program_is_ended_too),
		cmocka_unit_test(a_cancelled_attempt_ends_and_says_so),
		cmocka_unit_test(who_had_ended_before_the_cancel_is_not_cancelled),
		cmocka_unit_test(a_program_that_does_not_exist_hits_all_alike),
		cmocka_unit_test(a_program_that_is_not_executable_hits_all_alike),
		cmocka_unit_test(a_text_without_interpreter_is_no_program),
		cmocka_unit_test(a_program_that_the_item_names_is_the_items_fault),
		cmocka_unit_test(a_directory_that_is_not_there_is_named),
		cmocka_unit_test(when_descriptors_run_out_nothing_was_begun),
		cmocka_unit_test(a_gigabyte_of_output_costs_what_is_kept_of_it),
		cmocka_unit_test(with_nothing_to_be_kept_all_is_read_all_the_same),
		cmocka_unit_test(what_it_leaves_behind_holds_nothing_up_and_is_killed),
		cmocka_unit_test(what_was_let_go_of_the_output_costs_no_grace),
		cmocka_unit_test(freeing_kills_what_is_under_way),
		cmocka_unit_test(many_run_side_by_side),
		cmocka_unit_test(noop_is_done_in_the_next_turn),
	};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (sigaction(SIGPIPE, &ignore, NULL) != 0 || setenv("PROBE_TOKEN", "s3cr3t-token", 1) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
