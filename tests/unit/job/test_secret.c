/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "job/secret.h"

struct place {
	char directory[64];
	char file[80];
};

static int setup(void **state)
{
	static struct place place;

	(void)snprintf(place.directory, sizeof(place.directory), "/tmp/stint-secret-XXXXXX");
	assert_non_null(mkdtemp(place.directory));
	(void)snprintf(place.file, sizeof(place.file), "%s/token", place.directory);
	*state = &place;
	return 0;
}

static int teardown(void **state)
{
	const struct place *place = *state;

	(void)unlink(place->file); /* not every case has it */
	return rmdir(place->directory);
}

static void write_token(const struct place *place, const char *text)
{
	FILE *f = fopen(place->file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int read_in(const char *directory, const char *reference, struct buf *out, struct err *err)
{
	char where[80];
	char what[120];
	char name[] = "tok";

	(void)snprintf(where, sizeof(where), "%s", directory);
	(void)snprintf(what, sizeof(what), "%s", reference);
	const struct job job = {.directory = where};
	const struct job_secret secret = {.name = name, .reference = what};
	return secret_read(&job, &secret, out, err);
}

static void environment_is_read_as_it_is(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(SECRET_BYTES_MAX);
	struct err err = ERR_INIT;

	assert_int_equal(setenv("STINT_TEST_SECRET", " a\n", 1), 0);
	assert_int_equal(read_in("/", "env:STINT_TEST_SECRET", &out, &err), 0);
	assert_string_equal(buf_str(&out), " a\n");
	assert_int_equal(unsetenv("STINT_TEST_SECRET"), 0);
	assert_int_equal(read_in("/", "env:STINT_TEST_SECRET", &out, &err), ERR_CONFIG);
	assert_string_equal(err.text, "secret tok: the environment has no STINT_TEST_SECRET");
}

static void file_loses_one_final_line_end(void **state)
{
	const struct place *place = *state;
	static const char *const contents[] = {"s3cret", "s3cret\n", "s3cret\n\n", "\n", ""};
	static const char *const values[] = {"s3cret", "s3cret", "s3cret\n", "", ""};

	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		AUTO(buf) struct buf out = BUF_INIT(SECRET_BYTES_MAX);
		struct err err = ERR_INIT;
		write_token(place, contents[i]);
		assert_int_equal(read_in(place->directory, "file:token", &out, &err), 0);
		assert_int_equal(out.len, strlen(values[i]));
		assert_memory_equal(buf_str(&out), values[i], out.len);
	}
}

static void absolute_path_is_taken_as_it_is(void **state)
{
	const struct place *place = *state;
	char reference[100];
	AUTO(buf) struct buf out = BUF_INIT(SECRET_BYTES_MAX);
	struct err err = ERR_INIT;

	write_token(place, "x\n");
	(void)snprintf(reference, sizeof(reference), "file:%s", place->file);
	assert_int_equal(read_in("/nowhere", reference, &out, &err), 0);
	assert_string_equal(buf_str(&out), "x");
}

static void credential_is_a_file_of_systemd(void **state)
{
	const struct place *place = *state;
	AUTO(buf) struct buf out = BUF_INIT(SECRET_BYTES_MAX);
	struct err err = ERR_INIT;

	write_token(place, "x\n");
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(read_in("/", "credential:token", &out, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, "$CREDENTIALS_DIRECTORY is not set"));
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", place->directory, 1), 0);
	assert_int_equal(read_in("/", "credential:token", &out, &err), 0);
	assert_string_equal(buf_str(&out), "x");
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void missing_file_names_the_secret_and_the_path(void **state)
{
	const struct place *place = *state;
	AUTO(buf) struct buf out = BUF_INIT(SECRET_BYTES_MAX);
	struct err err = ERR_INIT;

	assert_int_equal(read_in(place->directory, "file:token", &out, &err), ERR_CONFIG);
	assert_memory_equal(err.text, "secret tok: ", 12);
	assert_non_null(strstr(err.text, place->file));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(environment_is_read_as_it_is),
		CASE(file_loses_one_final_line_end),
		CASE(absolute_path_is_taken_as_it_is),
		CASE(credential_is_a_file_of_systemd),
		CASE(missing_file_names_the_secret_and_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
