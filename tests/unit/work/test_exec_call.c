/* SPDX-License-Identifier: Apache-2.0 */
/* What programs are given: arguments, environment, directory, input, umask; and what is kept from
 * eyes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/outcome.h"
#include "job/job.h"
#include "sys/clock.h"
#include "unit/work/probe.h"
#include "work/exec_env.h"
#include "work/exec_output.h"

static struct probe *probe(void)
{
	static struct probe p;

	return &p;
}

/* Runs it and compares what it said. */
static void assert_says(const char *work, const char *expected)
{
	struct probe *p = probe();

	probe_run(p, work);
	assert_string_equal(p->output, expected);
	assert_int_equal(p->outcome, OUTCOME_DONE);
	probe_close(p);
}

static void arguments_are_filled_in_and_never_split(void **state)
{
	struct probe *p = probe();

	probe_open(p,
		   "  exec: {command: [printf, \"[%s]\", "
		   "\"${id}\", \"a b\", \"x${total}y\", \"$${id}\"]}\n",
		   NULL);
	probe_set(p, FIELD_ID, "o'brien; rm -rf $HOME `id`\n\"", 28);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->output, "[o'brien; rm -rf $HOME `id`\n\"][a b][x12.50y][${id}]");
	probe_close(p);
}

static void a_nul_in_an_argument_makes_a_bad_item(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {command: [printf, \"${id}\"]}\n", NULL);
	probe_set(p, FIELD_ID, "a\0b", 3);
	probe_start(p, 1);
	assert_int_equal(p->n_done, 0);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	assert_string_equal(p->err_class, "bad-item");
	assert_non_null(strstr(p->err, "NUL"));
	assert_int_equal(p->slots[1].begun, 0);
	probe_close(p);
}

static void a_nul_in_a_key_or_a_shells_field_makes_a_bad_item(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {shell: \"true\"}\n", NULL);
	probe_set(p, FIELD_ID, "a\0b", 3);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	assert_string_equal(p->err_class, "bad-item");
	probe_set(p, FIELD_ID, "ab", 2);
	p->item.key = "k\0";
	p->item.key_len = 2;
	probe_start(p, 1);
	probe_wait(p, 2);
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	assert_string_equal(p->err, "a NUL in the value of variable STINT_KEY");
	probe_close(p);
}

static void a_null_in_an_argument_makes_a_bad_item(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {command: [printf, \"${total}\"]}\n", NULL);
	probe_set(p, FIELD_TOTAL, NULL, 0);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	assert_string_equal(p->err_class, "bad-item");
	probe_close(p);
}

static void an_argument_that_is_too_long_makes_a_bad_item(void **state)
{
	struct probe *p = probe();
	static char text[256 * 1024];

	memset(text, 'x', sizeof(text));
	probe_open(p, "  exec: {command: [printf, \"${id}\"]}\n", NULL);
	probe_set(p, FIELD_ID, text, sizeof(text));
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	assert_string_equal(p->err_class, "bad-item");
	/* The longest that goes. */
	probe_set(p, FIELD_ID, text, EXEC_STRING_MAX);
	probe_start(p, 1);
	probe_wait(p, 2);
	assert_int_equal(p->outcome, OUTCOME_DONE);
	probe_close(p);
}

static void too_many_long_arguments_make_a_bad_item(void **state)
{
	struct probe *p = probe();
	static char text[EXEC_STRING_MAX];
	AUTO(buf) struct buf work = BUF_INIT(4096);

	memset(text, 'x', sizeof(text));
	buf_puts(&work, "  exec: {command: [\"true\"");
	for (int i = 0; i < 60; i++) /* 7.5 MiB; the kernel allows 6 at most */
		buf_puts(&work, ", \"${id}\"");
	buf_puts(&work, "]}\n");
	probe_open(p, buf_str(&work), NULL);
	probe_set(p, FIELD_ID, text, sizeof(text));
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	assert_string_equal(p->err_class, "bad-item");
	assert_non_null(strstr(p->err, "Argument list too long"));
	probe_close(p);
}

static void a_shell_gets_fields_as_variables_and_its_text_as_it_stands(void **state)
{
	struct probe *p = probe();

	probe_open(p,
		   "  exec:\n    input: none\n    shell: |\n"
		   "      x=1; printf '%s|' \"$STINT_FIELD_id\" \"${STINT_FIELD_total-unset}\" \\\n"
		   "        \"$STINT_FIELD_n_1\" \"${x}\" \"$${x}\" | sed \"s/$$/pid/\"\n",
		   NULL);
	probe_set(p, FIELD_ID, "$(reboot) `id` ${x}", 19);
	probe_set(p, FIELD_TOTAL, NULL, 0);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->output, "$(reboot) `id` ${x}|unset|3|1|pid{x}|");
	probe_close(p);
}

static void the_environment_says_what_it_is_about(void **state)
{
	/* What those who start tests may have set is handed on as anything else is. */
	static const char *const of_tests[] = {"STINT", "STINT_DEV", "STINT_LEDGER",
					       "STINT_TEST_DATA"};

	for (size_t i = 0; i < ARRAY_LEN(of_tests); i++)
		assert_int_equal(unsetenv(of_tests[i]), 0);
	assert_int_equal(setenv("STINT_NONCE", "outer", 1), 0);
	assert_int_equal(setenv("STINT_KEY", "outer", 1), 0);
	assert_int_equal(setenv("STINT_FIELD_id", "outer", 1), 0);
	assert_int_equal(setenv("PROBE_MINE", "inherited", 1), 0);
	assert_says(
		"  exec:\n    command: [sh, -c, \"env | grep -E '^(STINT|PROBE_M|A_)' | sort\"]\n"
		"    env: {A_TOTAL: \"<${total}>\", PROBE_MINE: \"mine\"}\n",
		"A_TOTAL=<12.50>\n"
		"PROBE_MINE=mine\n"
		"STINT_ATTEMPT=2\n"
		"STINT_IDEMPOTENCY_KEY=ikey\n"
		"STINT_JOB=test\n"
		"STINT_KEY=inv-1\n"
		"STINT_NONCE=c0ffee\n"
		"STINT_RUN=test@2026-03-29\n"
		"STINT_RUN_DATE=2026-03-28\n"
		"STINT_RUN_ID=17\n");
	(void)unsetenv("STINT_NONCE");
	(void)unsetenv("STINT_KEY");
	(void)unsetenv("STINT_FIELD_id");
}

static void names_of_fields_become_names_of_variables(void **state)
{
	struct arena a = {0};

	assert_string_equal(exec_env_field_name(&a, "total"), "STINT_FIELD_total");
	assert_string_equal(exec_env_field_name(&a, "n-1.x y"), "STINT_FIELD_n_1_x_y");
	assert_string_equal(exec_env_field_name(&a, "größe"), "STINT_FIELD_gr____e");
	arena_done(&a);
}

static void the_input_is_json_by_default(void **state)
{
	assert_says("  exec: {command: [cat]}\n",
		    "{\"id\":\"inv-1\",\"secret\":\"***\",\"total\":12.50,\"n_1\":3}\n");
}

static void the_input_may_be_csv(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {command: [cat], input: csv}\n", NULL);
	probe_set(p, FIELD_ID, "a,\"b\"\n", 6);
	probe_set(p, FIELD_SECRET, "", 0);
	probe_set(p, FIELD_TOTAL, NULL, 0);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->output, "\"a,\"\"b\"\"\n\",\"\",,3\n");
	probe_close(p);
}

static void the_input_may_be_a_template_or_nothing(void **state)
{
	assert_says("  exec: {command: [cat], input: \"Dear ${id}, ${item.attempt}\"}\n",
		    "Dear inv-1, 2");
	assert_says("  exec: {command: [cat], input: none}\n", "");
}

static void a_large_input_is_written_as_it_is_read(void **state)
{
	struct probe *p = probe();
	enum { LARGE = 8 * 1024 * 1024 };
	char *text = malloc(LARGE);

	assert_non_null(text);
	memset(text, 'x', LARGE);
	probe_open(p, "  exec: {command: [wc, -c], input: \"${id}\"}\n", NULL);
	probe_set(p, FIELD_ID, text, LARGE);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->output, "8388608\n");
	/* Who reads nothing of it, and who stops half-way. */
	for (int i = 0; i < 2; i++) {
		probe_close(p);
		probe_open(p,
			   i == 0 ? "  exec: {command: [sleep, \"0.1\"], input: \"${id}\"}\n"
				  : "  exec: {shell: \"head -c 100000 | wc -c; exec 0<&-; "
				    "sleep 0.1\", input: \"${id}\"}\n",
			   NULL);
		probe_set(p, FIELD_ID, text, i == 0 ? LARGE : EXEC_STRING_MAX - 100);
		probe_start(p, 1);
		probe_wait(p, 1);
		assert_int_equal(p->outcome, OUTCOME_DONE);
	}
	probe_close(p);
	free(text);
}

static void a_program_that_never_reads_its_input_runs_into_its_time_only(void **state)
{
	struct probe *p = probe();
	enum { LARGE = 1024 * 1024 };
	char *text = malloc(LARGE);

	assert_non_null(text);
	memset(text, 'x', LARGE);
	probe_open(p, "  exec: {command: [sleep, \"60\"], input: \"${id}\"}\n  timeout: 100ms\n",
		   NULL);
	probe_set(p, FIELD_ID, text, LARGE);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->err_class, "timeout");
	probe_close(p);
	free(text);
}

static void it_starts_where_the_job_says(void **state)
{
	struct probe *p = probe();
	char directory[] = "/tmp/stint-exec-XXXXXX";
	char expected[64] = "";

	assert_non_null(mkdtemp(directory));
	probe_open(p, "  exec: {command: [pwd, -P]}\n", directory); /* that of the job file */
	probe_start(p, 1);
	probe_wait(p, 1);
	(void)snprintf(expected, sizeof(expected), "%s\n", directory);
	assert_string_equal(p->output, expected);
	probe_close(p);
	assert_int_equal(rmdir(directory), 0);
	assert_says("  exec: {command: [pwd, -P], directory: /etc}\n", "/etc\n");
	assert_says("  exec: {command: [pwd, -P], directory: \"usr\"}\n", "/usr\n");
}

static void a_relative_program_is_that_of_the_jobs_directory(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {command: [bin/echo, \"x\"], directory: /}\n", "/usr");
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->output, "x\n");
	probe_close(p);
}

static void signals_mask_and_descriptors_are_as_they_should_be(void **state)
{
	struct probe *p = probe();
	sigset_t usr1 = {0};

	(void)sigemptyset(&usr1);
	(void)sigaddset(&usr1, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &usr1, NULL);
	probe_run(p, "  exec:\n    command: [sh, -c, \"grep -E '^Sig(Blk|Ign)' "
		     "/proc/self/status | cut -f2; ls /proc/self/fd | wc -l\"]\n");
	(void)sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	/* Nothing is blocked; of the ignored ones 32 and 33 are glibc's own; open are 0, 1, 2, and
	 * the one by which ls reads. */
	assert_string_equal(p->output, "0000000000000000\n0000000180000000\n4\n");
	probe_close(p);
	assert_says("  exec: {command: [sh, -c, \"ps -o pgid= -p $$ "
		    "| tr -d ' ' | grep -qx $$\"]}\n",
		    "");
}

static void the_umask_is_that_of_the_job(void **state)
{
	mode_t before = umask(022);

	assert_says("  exec: {shell: umask, umask: \"027\"}\n", "0027\n");
	assert_says("  exec: {shell: umask}\n", "0022\n");
	assert_int_equal(umask(before), 022); /* it is ours again */
}

static void a_user_gets_programs_of_his_own(void **state)
{
	struct probe *p = probe();
	struct err err = ERR_INIT;

	if (geteuid() != 0 || getpwnam("nobody") == NULL)
		skip();
	probe_run(p, "  exec: {shell: \"id -un; id -Gn; echo $HOME; umask\", "
		     "user: nobody, umask: \"077\"}\n");
	assert_string_equal(p->output, "nobody\nnogroup\n/nonexistent\n0077\n");
	probe_close(p);
	probe_run(p, "  exec: {command: [/no/such], user: nobody}\n");
	assert_string_equal(p->err_class, "exit-127");
	probe_close(p);
	probe_run(p, "  exec: {command: [sleep, \"60\"], user: nobody}\n  timeout: 100ms\n");
	assert_string_equal(p->err_class, "timeout");
	probe_close(p);
	assert_int_equal(probe_try(p, "  exec: {command: [id], user: no-such-user}\n", NULL, &err),
			 ERR_CONFIG);
	assert_string_equal(err.text, "work: user 'no-such-user' does not exist on this machine");
	p->work = NULL;
	probe_close(p);
}

static void what_is_sensitive_is_kept_from_eyes(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {shell: \"echo pass=hunter2 hunter2hunter2 $T; exit 1\", "
		     "env: {T: \"${secret.tok}\"}}\n");
	assert_string_equal(p->output, "pass=*** ****** ***\n");
	assert_string_equal(p->err, "pass=*** ****** ***");
	probe_close(p);
	/* Two characters hide nothing. */
	probe_open(p, "  exec: {shell: \"echo $STINT_FIELD_secret\"}\n", NULL);
	probe_set(p, FIELD_SECRET, "ab", 2);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->output, "ab\n");
	probe_close(p);
}

static void a_sensitive_value_that_is_refused_is_not_quoted(void **state)
{
	struct probe *p = probe();

	probe_open(p, "  exec: {command: [printf, \"${secret}\"]}\n", NULL);
	probe_set(p, FIELD_SECRET, "hunter\0two", 10);
	probe_start(p, 1);
	probe_wait(p, 1);
	assert_string_equal(p->err_class, "bad-item");
	assert_string_equal(p->err, "command, argument 1: a NUL in the value ***");
	probe_close(p);
}

static void a_cut_through_a_masked_value_shows_no_half_of_it(void **state)
{
	struct probe *p = probe();

	for (int n = 0; n < 12; n++) {
		char work[256] = "";
		char fill[32] = "";
		memset(fill, '.', (size_t)n);
		/* 10 bytes are kept: hunter2 is cut at each of its characters in turn. */
		(void)snprintf(work, sizeof(work),
			       "  exec: {shell: \"printf 0123456789012345hunter2%s\", "
			       "keep_output: \"10\"}\n",
			       fill);
		probe_run(p, work);
		for (const char *c = "hunter"; *c != '\0'; c++)
			assert_null(strchr(p->output, *c));
		assert_true(p->output_cut);
		probe_close(p);
	}
}

static void a_long_output_keeps_its_end_however_it_comes(void **state)
{
	AUTO(buf) struct buf all = BUF_INIT(100000);

	for (size_t step = 1; step < 300; step += 7) {
		struct exec_output o = {0};
		exec_output_init(&o, 100, 0);
		buf_reset(&all);
		for (size_t i = 0; i < 1000; i += step) {
			char piece[300] = "";
			for (size_t k = 0; k < step; k++)
				piece[k] = (char)('a' + (i + k) % 26);
			exec_output_add(&o, piece, step);
			buf_put(&all, piece, step);
			assert_true(o.tail.len <= 200);
		}
		assert_true(o.tail.len >= 100);
		assert_memory_equal(o.tail.data + o.tail.len - 100, all.data + all.len - 100, 100);
		exec_output_done(&o);
	}
}

static void checks_before_a_run_name_what_is_missing(void **state)
{
	static const struct {
		const char *work;
		const char *text; /* NULL: all is well */
	} cases[] = {
		{"  exec: {command: [\"true\"]}\n", NULL},
		{"  exec: {command: [\"/no/such/${id}\"]}\n", NULL}, /* depends on the item */
		{"  exec: {shell: no-such-thing}\n", NULL},	     /* the shell will say */
		{"  exec: {command: [no-such-program]}\n",
		 "work: program 'no-such-program' is in no directory of PATH"},
		{"  exec: {command: [/no/such]}\n", "work: program '/no/such' does not exist"},
		{"  exec: {command: [etc/passwd]}\n",
		 "work: program '//etc/passwd' is not executable (chmod +x)"},
		{"  exec: {command: [\"true\"], directory: /no/such}\n",
		 "work: directory '/no/such' does not exist"},
		{"  exec: {command: [\"true\"], directory: /etc/passwd}\n",
		 "work: '/etc/passwd' is no directory"},
		{"  exec: {command: [\"true\"], user: no-such-user}\n",
		 "work: user 'no-such-user' does not exist on this machine"},
		{"  noop: {}\n", NULL},
	};
	struct probe *p = probe();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		(void)probe_try(p, cases[i].work, NULL, &err); /* the job is what matters */
		assert_non_null(p->job);
		err = ERR_INIT;
		int rc = work_check(p->job, &err);
		assert_int_equal(rc, cases[i].text == NULL ? 0 : ERR_CONFIG);
		assert_string_equal(err.text, cases[i].text == NULL ? "" : cases[i].text);
		probe_close(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_filled_in_and_never_split),
		cmocka_unit_test(a_nul_in_an_argument_makes_a_bad_item),
		cmocka_unit_test(a_nul_in_a_key_or_a_shells_field_makes_a_bad_item),
		cmocka_unit_test(a_null_in_an_argument_makes_a_bad_item),
		cmocka_unit_test(an_argument_that_is_too_long_makes_a_bad_item),
		cmocka_unit_test(too_many_long_arguments_make_a_bad_item),
		cmocka_unit_test(a_shell_gets_fields_as_variables_and_its_text_as_it_stands),
		cmocka_unit_test(the_environment_says_what_it_is_about),
		cmocka_unit_test(names_of_fields_become_names_of_variables),
		cmocka_unit_test(the_input_is_json_by_default),
		cmocka_unit_test(the_input_may_be_csv),
		cmocka_unit_test(the_input_may_be_a_template_or_nothing),
		cmocka_unit_test(a_large_input_is_written_as_it_is_read),
		cmocka_unit_test(a_program_that_never_reads_its_input_runs_into_its_time_only),
		cmocka_unit_test(it_starts_where_the_job_says),
		cmocka_unit_test(a_relative_program_is_that_of_the_jobs_directory),
		cmocka_unit_test(signals_mask_and_descriptors_are_as_they_should_be),
		cmocka_unit_test(the_umask_is_that_of_the_job),
		cmocka_unit_test(a_user_gets_programs_of_his_own),
		cmocka_unit_test(what_is_sensitive_is_kept_from_eyes),
		cmocka_unit_test(a_sensitive_value_that_is_refused_is_not_quoted),
		cmocka_unit_test(a_cut_through_a_masked_value_shows_no_half_of_it),
		cmocka_unit_test(a_long_output_keeps_its_end_however_it_comes),
		cmocka_unit_test(checks_before_a_run_name_what_is_missing),
	};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* The test may have been given descriptors by whoever started it. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return 1;
	if (sigaction(SIGPIPE, &ignore, NULL) != 0 || setenv("PROBE_TOKEN", "s3cr3t-token", 1) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
