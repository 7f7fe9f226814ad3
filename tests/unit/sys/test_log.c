/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard error is a pipe, a full pipe, a closed pipe, /dev/full in turn; cmocka's own reports go
 * to the old one, which every case puts back before it asserts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/log.h"

static int reading = -1;
static int old_stderr = -1;

static void redirect(int to)
{
	if (old_stderr < 0)
		old_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(old_stderr >= 0 && dup2(to, STDERR_FILENO) >= 0);
}

/* Standard error goes into a pipe from now on. */
static void catch_stderr(void)
{
	int fds[2] = {-1, -1};

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	reading = fds[0];
	redirect(fds[1]);
	(void)close(fds[1]);
}

/* What came, until now; standard error is the old one again. */
static const char *caught(void)
{
	static char text[8192];

	(void)dup2(old_stderr, STDERR_FILENO); /* closes the pipe's writing end */
	ssize_t n = fd_read_full(reading, text, sizeof(text) - 1);
	(void)close(reading);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static int back_to_normal(void **state)
{
	(void)state;
	if (old_stderr >= 0)
		(void)dup2(old_stderr, STDERR_FILENO);
	log_set(LOG_LEVEL_INFO, LOG_FORM_TEXT);
	return 0;
}

static void lines_have_prefix_and_level(void **state)
{
	catch_stderr();
	log_error("open '%s'", "x");
	log_warn("slow");
	log_info("started");
	log_debug("not shown");
	assert_string_equal(caught(), "stint: error: open 'x'\n"
				      "stint: warning: slow\n"
				      "stint: started\n");
}

static void level_decides_what_is_shown(void **state)
{
	catch_stderr();
	log_set(LOG_LEVEL_ERROR, LOG_FORM_TEXT);
	log_warn("hidden");
	log_set(LOG_LEVEL_DEBUG, LOG_FORM_TEXT);
	log_debug("shown");
	assert_string_equal(caught(), "stint: debug: shown\n");
}

static void message_is_one_printable_line(void **state)
{
	catch_stderr();
	log_info("a\nb\x1b[31m M\xc3\xbcller \xff");
	assert_string_equal(caught(), "stint: a\\x0ab\\x1b[31m M\xc3\xbcller \\xff\n");
}

static void long_message_is_cut_between_characters(void **state)
{
	char text[3000];

	memset(text, '\n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	catch_stderr();
	log_info("%s", text);
	size_t len = strlen(caught());
	assert_true(len > 2000 && len < 4096);
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	for (int shift = 0; shift < 3; shift++) {
		catch_stderr();
		log_info("%.*s%s", shift, "xx", text);
		assert_null(strstr(caught(), "\\x"));
	}
}

static void json_form_is_one_object_a_line(void **state)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	char much[3000];

	memset(much, '\x01', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	log_set(LOG_LEVEL_INFO, LOG_FORM_JSON);
	for (int i = 0; i < 2; i++) {
		catch_stderr();
		if (i == 0)
			log_warn("a \"b\"\n");
		else
			log_warn("%s", much);
		const char *line = caught();
		json_doc_free(TAKE(doc));
		assert_int_equal(json_parse(line, strlen(line), 10000, &doc, &root, &err), 0);
		assert_int_equal(line[strlen(line) - 1], '\n');
		assert_string_equal(json_pointer(root, "/level")->text, "warning");
		assert_int_equal(strlen(json_pointer(root, "/time")->text), 25);
		const char *message = json_pointer(root, "/message")->text;
		assert_int_equal(message[0], i == 0 ? 'a' : '\x01');
	}
}

static void full_pipe_loses_lines_but_no_time(void **state)
{
	static char filling[4096];
	uint64_t before = log_dropped();

	catch_stderr();
	while (write(STDERR_FILENO, filling, sizeof(filling)) > 0)
		;
	int64_t start = clock_monotonic_us();
	for (int i = 0; i < 1000; i++)
		log_info("lost %d", i);
	int64_t took_us = clock_monotonic_us() - start;
	(void)caught();
	assert_int_equal(log_dropped() - before, 1000);
	assert_true(took_us < 15 * US_PER_S); /* and not 1000 times the patience */
}

static void closed_pipe_does_not_end_the_process(void **state)
{
	uint64_t before = log_dropped();
	sigset_t pending;

	catch_stderr();
	(void)close(reading);
	log_info("nobody reads this");
	(void)dup2(old_stderr, STDERR_FILENO);
	assert_int_equal(log_dropped() - before, 1);
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGPIPE), 0);
}

static void full_disk_and_no_descriptor_are_counted(void **state)
{
	uint64_t before = log_dropped();
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (full < 0)
		skip();
	redirect(full);
	log_info("no room");
	(void)close(STDERR_FILENO);
	log_info("no file");
	(void)dup2(old_stderr, STDERR_FILENO);
	(void)close(full);
	assert_int_equal(log_dropped() - before, 2);
}

static void levels_have_names(void **state)
{
	enum log_level level = LOG_LEVEL_COUNT_;

	for (int i = 0; i < LOG_LEVEL_COUNT_; i++) {
		assert_true(log_level_from_name(log_level_name((enum log_level)i), &level));
		assert_int_equal(level, i);
	}
	assert_false(log_level_from_name("loud", &level));
	assert_string_equal(log_level_name(LOG_LEVEL_WARNING), "warning");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(lines_have_prefix_and_level, back_to_normal),
		cmocka_unit_test_teardown(level_decides_what_is_shown, back_to_normal),
		cmocka_unit_test_teardown(message_is_one_printable_line, back_to_normal),
		cmocka_unit_test_teardown(long_message_is_cut_between_characters, back_to_normal),
		cmocka_unit_test_teardown(json_form_is_one_object_a_line, back_to_normal),
		cmocka_unit_test_teardown(full_pipe_loses_lines_but_no_time, back_to_normal),
		cmocka_unit_test_teardown(closed_pipe_does_not_end_the_process, back_to_normal),
		cmocka_unit_test_teardown(full_disk_and_no_descriptor_are_counted, back_to_normal),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
