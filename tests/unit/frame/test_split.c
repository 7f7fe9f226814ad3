/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "frame/frame.h"

static void frames_come_apart_in_their_order(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct frame f = {0};
	size_t used = 0;
	struct err err = ERR_INIT;

	frame_put_u32(&b, FRAME_DROP, 7);
	frame_put_empty(&b, FRAME_STOP);
	assert_int_equal(frame_split(b.data, b.len, &f, &used, &err), 0);
	assert_int_equal(f.type, FRAME_DROP);
	assert_int_equal(f.len, 4);
	assert_int_equal(used, 9);
	assert_int_equal(frame_split(b.data + used, b.len - used, &f, &used, &err), 0);
	assert_int_equal(f.type, FRAME_STOP);
	assert_int_equal(f.len, 0);
	assert_int_equal(used, 5);
}

static void a_frame_that_is_not_whole_is_waited_for(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct frame f = {0};
	size_t used = 0;
	struct err err = ERR_INIT;

	frame_put_u32(&b, FRAME_DROP, 7);
	assert_int_equal(frame_split(NULL, 0, &f, &used, &err), FRAME_INCOMPLETE);
	for (size_t n = 1; n < b.len; n++)
		assert_int_equal(frame_split(b.data, n, &f, &used, &err), FRAME_INCOMPLETE);
	assert_int_equal(used, 0);
}

static void what_is_no_frame_is_refused_at_once(void **state)
{
	struct frame f = {0};
	size_t used = 0;
	struct err err = ERR_INIT;

	assert_int_equal(frame_split("\0\0\0\0", 4, &f, &used, &err), ERR_BUG);
	assert_int_equal(frame_split("\xff\xff\xff\xff", 4, &f, &used, &err), ERR_BUG);
	assert_int_equal(frame_split("GET / HTTP", 10, &f, &used, &err), ERR_BUG);
	assert_int_equal(frame_split("\xff\0\0\0\x30", 5, &f, &used, &err), ERR_BUG);
	assert_string_equal(err.text, "a frame of the unknown type 48");
}

static void the_largest_frame_passes_and_a_larger_one_is_not_written(void **state)
{
	static char body[FRAME_BYTES_MAX];
	AUTO(buf) struct buf b = BUF_INIT((size_t)2 * FRAME_BYTES_MAX);
	struct frame_chunk chunk = {.n = 1, .body = body};
	struct frame f = {0};
	size_t used = 0;
	struct err err = ERR_INIT;

	chunk.body_len = FRAME_BYTES_MAX - 1 - 4 - 8 - 4 - 4;
	frame_put_chunk(&b, &chunk);
	assert_int_equal(buf_check(&b, "frame", &err), 0);
	assert_int_equal(frame_split(b.data, b.len, &f, &used, &err), 0);
	assert_int_equal(frame_get_chunk(&f, &chunk, &err), 0);

	size_t before = b.len;
	chunk.body_len++;
	chunk.body = body;
	frame_put_chunk(&b, &chunk);
	assert_true(b.failed);
	assert_int_equal(b.len, before); /* whole frames only */
}

static void a_frame_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(20);

	frame_put_u32(&b, FRAME_DROP, 1);
	frame_put_u32(&b, FRAME_DROP, 2);
	assert_false(b.failed);
	frame_put_u32(&b, FRAME_DROP, 3);
	assert_true(b.failed);
	assert_int_equal(b.len, 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_apart_in_their_order),
		cmocka_unit_test(a_frame_that_is_not_whole_is_waited_for),
		cmocka_unit_test(what_is_no_frame_is_refused_at_once),
		cmocka_unit_test(the_largest_frame_passes_and_a_larger_one_is_not_written),
		cmocka_unit_test(a_frame_that_does_not_fit_leaves_the_buffer_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
