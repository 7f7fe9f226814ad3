/* SPDX-License-Identifier: Apache-2.0 */
/* A reader and a finisher, driven as the engine drives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "unit/lane/rig.h"

enum { RECORDS = 20 };

/* One record a chunk. What else there is of the source follows. */
#define JOB                                                                                        \
	"version: 1\njob: test\nchunk: {items: 1}\nwork: {noop: {}}\n"                             \
	"source:\n  key: id\n  fields: {id: text}\n"

static int set_up(void **state)
{
	static struct rig rig;
	AUTO(buf) struct buf csv = BUF_INIT(4096);

	rig_init(&rig);
	buf_puts(&csv, "id\n");
	for (int i = 0; i < RECORDS; i++)
		buf_printf(&csv, "r%d\n", i);
	rig_write(&rig, "in.csv", buf_str(&csv));
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	if (rig->stdin_fd >= 0)
		(void)close(rig->stdin_fd);
	rig_done(rig);
	return 0;
}

static struct frame_loaded expect_loaded(struct rig *rig)
{
	struct frame frame = rig_expect(rig, FRAME_LOADED);
	struct frame_loaded loaded = {0};
	struct err err = ERR_INIT;

	assert_int_equal(frame_get_loaded(&frame, &rig->arena, &loaded, &err), 0);
	return loaded;
}

/* The reader may have said all and gone. */
static void credit(struct rig *rig, uint32_t n)
{
	struct err err = ERR_INIT;

	frame_put_u32(&rig->link.out, FRAME_CREDIT, n);
	assert_in_range(link_send(&rig->link, &err), 0, LINK_END);
}

/* LOAD_END and the end of the process; the text is lent by the rig's arena. */
static const char *expect_end(struct rig *rig, enum load_end expected)
{
	struct frame frame = rig_expect(rig, FRAME_LOAD_END);
	struct frame_load_end end = {0};
	struct err err = ERR_INIT;

	assert_int_equal(frame_get_load_end(&frame, &rig->arena, &end, &err), 0);
	if (end.end != expected)
		fail_msg("%d: %s", end.end, end.text);
	assert_int_equal(rig_wait(rig), 0);
	return end.text;
}

static void batches_come_no_faster_than_they_are_committed(void **state)
{
	struct rig *rig = *state;
	int n = 0;

	rig_begin(rig, LANE_READER, JOB "  csv: {path: in.csv}\n");
	for (; n < READER_WINDOW; n++)
		assert_int_equal(expect_loaded(rig).n, 1);
	rig_expect_nothing(rig, 50 * US_PER_MS);
	credit(rig, 1);
	assert_int_equal(expect_loaded(rig).n, 1);
	n++;
	rig_expect_nothing(rig, 50 * US_PER_MS);
	credit(rig, READER_WINDOW);
	int64_t read = 0;
	while (n < RECORDS) {
		struct frame_loaded loaded = expect_loaded(rig);
		n += (int)loaded.n;
		read += loaded.read;
		credit(rig, 1);
	}
	assert_int_equal(read, RECORDS - READER_WINDOW - 1);
	(void)expect_end(rig, LOAD_OK);
}

static void another_reader_goes_on_behind_a_cursor(void **state)
{
	struct rig *rig = *state;
	struct frame_loaded loaded = {0};

	rig_begin(rig, LANE_READER, JOB "  csv: {path: in.csv}\n");
	for (int i = 0; i < 3; i++)
		loaded = expect_loaded(rig);
	size_t len = loaded.cursor_len;
	void *cursor = xmemdup(loaded.cursor, len);
	frame_put_empty(&rig->link.out, FRAME_STOP);
	rig_send(rig);
	assert_int_equal(rig_wait(rig), 0);

	rig_start(rig);
	rig_hello(rig, &(struct frame_hello){.role = LANE_READER,
					     .job_text = JOB "  csv: {path: in.csv}\n",
					     .cursor = cursor,
					     .cursor_len = len});
	free(cursor);
	int n = 0;
	for (; n < RECORDS - 3; n++) {
		assert_int_equal(expect_loaded(rig).n, 1);
		credit(rig, 1);
	}
	(void)expect_end(rig, LOAD_OK);
}

static void a_missing_file_ends_as_the_job_says(void **state)
{
	struct rig *rig = *state;

	rig_begin(rig, LANE_READER, JOB "  csv: {path: none.csv}\n");
	assert_non_null(strstr(expect_end(rig, LOAD_MISSING), "none.csv"));
	rig_begin(rig, LANE_READER, JOB "  csv: {path: none.csv, when_missing: ok}\n");
	assert_non_null(strstr(expect_end(rig, LOAD_EMPTY_MISSING_OK), "none.csv"));
}

static const char *expect_waits(struct rig *rig)
{
	struct frame frame = rig_expect(rig, FRAME_WAITS);
	struct frame_waits waits = {0};
	struct err err = ERR_INIT;

	assert_int_equal(frame_get_waits(&frame, &rig->arena, &waits, &err), 0);
	return waits.text;
}

static void what_it_waits_for_is_told_once_and_when_it_is_over(void **state)
{
	struct rig *rig = *state;

	rig_begin(rig, LANE_READER, JOB "  csv: {path: late.csv, when_missing: wait}\n");
	assert_non_null(strstr(expect_waits(rig), "late.csv"));
	rig_expect_nothing(rig, 50 * US_PER_MS);
	rig_write(rig, "late.csv", "id\nx\n");
	assert_string_equal(expect_waits(rig), "");
	assert_int_equal(expect_loaded(rig).n, 1);
	(void)expect_end(rig, LOAD_OK);
}

static void a_stop_is_heard_while_it_waits(void **state)
{
	struct rig *rig = *state;

	rig_begin(rig, LANE_READER, JOB "  csv: {path: late.csv, when_missing: wait}\n");
	(void)expect_waits(rig);
	rig_stop(rig);
	/* … and while it waits for credit. */
	rig_begin(rig, LANE_READER, JOB "  csv: {path: in.csv}\n");
	for (int n = 0; n < READER_WINDOW; n++)
		(void)expect_loaded(rig);
	rig_stop(rig);
}

static void the_end_of_the_engine_is_heard_while_it_waits(void **state)
{
	struct rig *rig = *state;

	rig_begin(rig, LANE_READER, JOB "  csv: {path: late.csv, when_missing: wait}\n");
	(void)expect_waits(rig);
	(void)shutdown(rig->link.fd, SHUT_RDWR);
	assert_int_equal(WEXITSTATUS(rig_wait(rig)), 75);
}

static void keys_that_are_open_elsewhere_are_held_back(void **state)
{
	struct rig *rig = *state;
	struct frame_keys keys = {0};
	struct err err = ERR_INIT;
	int64_t held_back = 0;
	uint32_t n = 0;

	rig_start(rig);
	rig_hello(rig, &(struct frame_hello){.role = LANE_READER,
					     .job_text = JOB "  csv: {path: in.csv}\n",
					     .ask_keys = true});
	for (int i = 0; i < RECORDS; i++) {
		struct frame frame = rig_expect(rig, FRAME_KEYS);
		assert_int_equal(frame_get_keys(&frame, &rig->arena, &keys, &err), 0);
		assert_int_equal(keys.n, 1);
		uint8_t open = strcmp(keys.keys[0], "r3") == 0 ? 0x80 : 0;
		uint8_t seen = strcmp(keys.keys[0], "r4") == 0 ? 0x80 : 0;
		credit(rig, 0); /* may come in between */
		frame_put_keys_answer(
			&rig->link.out,
			&(struct frame_keys_answer){.n = 1, .open = &open, .seen = &seen});
		rig_send(rig);
		struct frame_loaded loaded = expect_loaded(rig);
		n += loaded.n;
		held_back += loaded.held_back;
		credit(rig, 1);
	}
	(void)expect_end(rig, LOAD_OK);
	assert_int_equal(n, RECORDS - 2);
	assert_int_equal(held_back, 2);
}

static void answer_none(struct rig *rig)
{
	uint8_t none = 0;

	(void)rig_expect(rig, FRAME_KEYS);
	frame_put_keys_answer(&rig->link.out,
			      &(struct frame_keys_answer){.n = 1, .open = &none, .seen = &none});
	rig_send(rig);
	assert_int_equal(expect_loaded(rig).n, 1);
}

static void keys_are_not_asked_for_while_none_is_open(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig_hello(rig, &(struct frame_hello){.role = LANE_READER,
					     .job_text = JOB "  csv: {path: in.csv}\n",
					     .ask_keys = true});
	frame_put_u32(&rig->link.out, FRAME_ASK_KEYS, 0);
	answer_none(rig);
	for (int i = 1; i < READER_WINDOW; i++)
		assert_int_equal(expect_loaded(rig).n, 1);
	frame_put_u32(&rig->link.out, FRAME_ASK_KEYS, 1);
	credit(rig, 1);
	answer_none(rig);
	rig_stop(rig);
}

static void a_stop_is_heard_while_it_asks(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig_hello(rig, &(struct frame_hello){.role = LANE_READER,
					     .job_text = JOB "  csv: {path: in.csv}\n",
					     .ask_keys = true});
	(void)rig_expect(rig, FRAME_KEYS);
	rig_stop(rig);
}

static void the_same_content_is_asked_for_and_refused(void **state)
{
	struct rig *rig = *state;
	struct frame_content content = {0};
	struct err err = ERR_INIT;

	rig_begin(rig, LANE_READER, JOB "  csv: {path: in.csv, same_content: refuse}\n");
	struct frame frame = rig_expect(rig, FRAME_CONTENT);
	assert_int_equal(frame_get_content(&frame, &rig->arena, &content, &err), 0);
	assert_non_null(strstr(content.path, "in.csv"));
	frame_put_content_answer(&rig->link.out,
				 &(struct frame_content_answer){.run = "test@2026-03-28"});
	rig_send(rig);
	assert_non_null(strstr(expect_end(rig, LOAD_FAILED), "test@2026-03-28"));
}

static void standard_input_is_that_of_the_process(void **state)
{
	struct rig *rig = *state;
	int fds[2] = {-1, -1};

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "a\nb\n", 4), 4);
	(void)close(fds[1]);
	rig->stdin_fd = fds[0];
	rig_begin(rig, LANE_READER,
		  "version: 1\njob: test\nwork: {noop: {}}\n"
		  "source:\n  stdin: {format: lines}\n");
	assert_int_equal(expect_loaded(rig).n, 2);
	(void)expect_end(rig, LOAD_OK);
}

static void a_job_that_does_not_read_is_refused(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	frame_put_hello(&rig->link.out, &(struct frame_hello){.version = FRAME_VERSION,
							      .role = LANE_READER,
							      .job_text = "version: 1\njob: 7 x\n",
							      .job_path = "test.yaml",
							      .job_directory = "/"});
	rig_send(rig);
	assert_non_null(strstr(expect_end(rig, LOAD_BAD_CONFIG), "test.yaml"));
}

/* ---- the finisher ---- */

static void expect_then_done(struct rig *rig, int64_t chunk_id, const char *text)
{
	struct frame frame = rig_expect(rig, FRAME_THEN_DONE);
	struct frame_then_done done = {0};
	struct err err = ERR_INIT;

	assert_int_equal(frame_get_then_done(&frame, &rig->arena, &done, &err), 0);
	assert_int_equal(done.chunk_id, chunk_id);
	assert_string_equal(done.err, text);
}

static void a_file_goes_when_the_list_of_its_chunks_ends(void **state)
{
	struct rig *rig = *state;
	static const char job[] = "version: 1\njob: test\nwork: {noop: {}}\n"
				  "source:\n  csv: {path: in.csv, then: delete}\n"
				  "  key: id\n  fields: {id: text}\n";
	uint8_t good[3] = {0xff, 0xff, 0xf0};
	size_t len = 0;
	char path[128] = "";

	(void)snprintf(path, sizeof(path), "%s/in.csv", rig->directory);
	void *body = rig_read_chunk(rig, job, RECORDS, &len);
	rig_begin(rig, LANE_FINISHER, job);
	frame_put_then(
		&rig->link.out,
		&(struct frame_then){
			.chunk_id = 77, .n = RECORDS, .good = good, .body = body, .body_len = len});
	free(body);
	rig_send(rig);
	expect_then_done(rig, 77, "");
	assert_int_equal(access(path, F_OK), 0);
	frame_put_then(&rig->link.out, &(struct frame_then){0});
	rig_send(rig);
	expect_then_done(rig, 0, "");
	assert_int_equal(access(path, F_OK), -1);
	rig_stop(rig);
}

static void what_a_finisher_cannot_do_it_says(void **state)
{
	struct rig *rig = *state;
	struct frame_then_done done = {0};
	struct err err = ERR_INIT;
	uint8_t good = 0x80;

	rig_begin(rig, LANE_FINISHER, JOB "  csv: {path: in.csv, then: delete}\n");
	frame_put_then(
		&rig->link.out,
		&(struct frame_then){
			.chunk_id = 5, .n = 1, .good = &good, .body = "junk", .body_len = 4});
	rig_send(rig);
	struct frame frame = rig_expect(rig, FRAME_THEN_DONE);
	assert_int_equal(frame_get_then_done(&frame, &rig->arena, &done, &err), 0);
	assert_int_equal(done.chunk_id, 5);
	assert_string_not_equal(done.err, "");
	(void)shutdown(rig->link.fd, SHUT_RDWR);
	assert_int_equal(WEXITSTATUS(rig_wait(rig)), 75);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		CASE(batches_come_no_faster_than_they_are_committed),
		CASE(another_reader_goes_on_behind_a_cursor),
		CASE(a_missing_file_ends_as_the_job_says),
		CASE(what_it_waits_for_is_told_once_and_when_it_is_over),
		CASE(a_stop_is_heard_while_it_waits),
		CASE(the_end_of_the_engine_is_heard_while_it_waits),
		CASE(keys_that_are_open_elsewhere_are_held_back),
		CASE(keys_are_not_asked_for_while_none_is_open),
		CASE(a_stop_is_heard_while_it_asks),
		CASE(the_same_content_is_asked_for_and_refused),
		CASE(standard_input_is_that_of_the_process),
		CASE(a_job_that_does_not_read_is_refused),
		CASE(a_file_goes_when_the_list_of_its_chunks_ends),
		CASE(what_a_finisher_cannot_do_it_says),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
