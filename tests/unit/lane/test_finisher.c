/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run, as the engine has it made by a process: what fails for now, and what does until
 * somebody mends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "job/statement.h"
#include "target/marker.h"
#include "unit/lane/rig.h"

enum { PATH_BYTES = 128 };

#define JOB                                                                                        \
	"version: 1\njob: test\n"                                                                  \
	"source:\n  csv: {path: in.csv}\n  key: id\n  fields: {id: text}\n"                        \
	"work:\n"
#define WRITES JOB "  file: {path: out.csv, format: csv}\n"
#define ENDS                                                                                       \
	JOB "  sql: {sqlite: target.db, statement: 'INSERT INTO t VALUES (${id})',"                \
	    " after: 'DELETE FROM nowhere'}\n"

static void make_target(const struct rig *rig)
{
	rig_execute(rig, "CREATE TABLE t (id TEXT)");
	rig_execute(rig, marker_ddl(STATEMENT_SQLITE));
}

static struct frame_then_done end_of(struct rig *rig, uint8_t ending)
{
	struct err err = ERR_INIT;
	struct frame_then_done done = {0};

	frame_put_then(&rig->link.out, &(struct frame_then){.ending = ending, .epoch = 1});
	rig_send(rig);
	struct frame frame = rig_expect(rig, FRAME_THEN_DONE);
	assert_int_equal(frame_get_then_done(&frame, &rig->arena, &done, &err), 0);
	assert_int_equal(done.ending, ending);
	return done;
}

static void a_file_without_items_is_made_and_told(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_begin(&rig, LANE_FINISHER, WRITES);
	struct frame_then_done done = end_of(&rig, FRAME_ENDING_WORK);
	assert_string_equal(done.err, "");
	assert_false(done.is_lasting);
	assert_non_null(strstr(done.says, "out.csv is there: "));
	assert_non_null(strstr(done.result, "\"rows\":0"));
	rig_stop(&rig);
	rig_done(&rig);
}

static void a_place_that_somebody_has_to_mend_is_lasting(void **state)
{
	struct rig rig;
	char path[PATH_BYTES] = "";

	rig_init(&rig);
	(void)snprintf(path, sizeof(path), "%s/out.csv", rig.directory); /* it fits */
	assert_int_equal(mkdir(path, 0700), 0);
	rig_begin(&rig, LANE_FINISHER, WRITES);
	struct frame_then_done done = end_of(&rig, FRAME_ENDING_WORK);
	assert_non_null(strstr(done.err, "out.csv"));
	assert_true(done.is_lasting);
	rig_done(&rig);
}

static void a_statement_that_is_refused_is_lasting(void **state)
{
	struct rig rig;

	rig_init(&rig);
	make_target(&rig);
	rig_begin(&rig, LANE_FINISHER, ENDS);
	struct frame_then_done done = end_of(&rig, FRAME_ENDING_WORK);
	assert_non_null(strstr(done.err, "no such table: nowhere"));
	assert_true(done.is_lasting);
	rig_stop(&rig);
	rig_done(&rig);
}

/* It may be there the next time. */
static void a_server_that_is_away_is_not_lasting(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_begin(&rig, LANE_FINISHER,
		  JOB "  sql: {postgres: 'postgres:///x?host=/nowhere/at/all', after: 'select 1',"
		      " statement: 'select ${id}'}\n");
	struct frame_then_done done = end_of(&rig, FRAME_ENDING_WORK);
	assert_non_null(strstr(done.err, "/nowhere/at/all"));
	assert_false(done.is_lasting);
	rig_stop(&rig);
	rig_done(&rig);
}

static void an_ending_that_the_job_does_not_have_is_lasting(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_begin(&rig, LANE_FINISHER, JOB "  noop: {}\n");
	struct frame_then_done done = end_of(&rig, FRAME_ENDING_WORK);
	assert_string_not_equal(done.err, "");
	assert_true(done.is_lasting);
	rig_stop(&rig);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_without_items_is_made_and_told),
		cmocka_unit_test(a_place_that_somebody_has_to_mend_is_lasting),
		cmocka_unit_test(a_statement_that_is_refused_is_lasting),
		cmocka_unit_test(a_server_that_is_away_is_not_lasting),
		cmocka_unit_test(an_ending_that_the_job_does_not_have_is_lasting),
	};

	return cmocka_run_group_tests_name("lane/finisher", tests, NULL, NULL);
}
