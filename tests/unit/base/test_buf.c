/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "unit/dies.h"

static void empty_buffer_reads_as_empty_text(void **state)
{
	struct buf b;
	struct err err = ERR_INIT;

	buf_init(&b, 10);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_check(&b, "content", &err), 0);
	buf_put(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

static void content_is_ended_by_a_zero_that_does_not_count(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);

	buf_puts(&b, "one");
	buf_putc(&b, ' ');
	buf_put(&b, "two!", 3);
	buf_printf(&b, " %d", 3);
	assert_string_equal(buf_str(&b), "one two 3");
	assert_int_equal(b.len, 9);
}

static void maximum_is_reached_but_never_passed(void **state)
{
	struct err err = ERR_INIT;

	for (size_t max = 0; max < 300; max++) {
		AUTO(buf) struct buf b = BUF_INIT(max);
		for (size_t i = 0; i < max; i++)
			buf_putc(&b, 'x');
		assert_false(b.failed);
		assert_int_equal(b.len, max);
		assert_int_equal(buf_check(&b, "the answer", &err), 0);
		buf_putc(&b, 'y');
		assert_true(b.failed);
		assert_int_equal(b.len, max);
		assert_true(b.cap <= max + 1);
		assert_int_equal(buf_check(&b, "the answer", &err), ERR_TOO_BIG);
		assert_non_null(strstr(err.text, "the answer"));
	}
}

static void after_a_refusal_nothing_more_is_taken(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(5);

	buf_puts(&b, "abc");
	buf_puts(&b, "defgh");
	buf_puts(&b, "i"); /* would fit, but the text would have a hole */
	buf_printf(&b, "%d", 1);
	buf_put_u8(&b, 1);
	assert_null(buf_reserve(&b, 1));
	assert_string_equal(buf_str(&b), "abc");
	assert_null(buf_take(&b));
	buf_reset(&b);
	buf_puts(&b, "fresh");
	assert_false(b.failed);
	assert_string_equal(buf_str(&b), "fresh");
}

static void printf_of_any_length_is_whole_or_refused(void **state)
{
	for (size_t len = 0; len < 200; len++) {
		AUTO(buf) struct buf b = BUF_INIT(100);
		buf_printf(&b, "%*s", (int)len, "");
		assert_int_equal(b.failed, len > 100);
		assert_int_equal(b.len, len > 100 ? 0 : len);
	}
}

static void reserved_room_is_filled_by_the_caller(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(100);
	char *to = buf_reserve(&b, 10);

	assert_non_null(to);
	memcpy(to, "filled", 6);
	buf_added(&b, 6);
	assert_string_equal(buf_str(&b), "filled");
	assert_null(buf_reserve(&b, 95));
}

static void add_more_than_reserved(void)
{
	AUTO(buf) struct buf b = BUF_INIT(10);

	(void)buf_reserve(&b, 10);
	buf_added(&b, 11);
}

static void adding_more_than_was_reserved_ends_the_process(void **state)
{
	assert_true(dies(add_more_than_reserved));
}

static void consuming_and_truncating_keep_the_rest(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(100);

	buf_consume(&b, 0);
	buf_truncate(&b, 0);
	buf_puts(&b, "abcdef");
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "cdef");
	buf_truncate(&b, 3);
	assert_string_equal(buf_str(&b), "cde");
	buf_consume(&b, 3);
	assert_string_equal(buf_str(&b), "");
}

static void taken_content_is_the_callers(void **state)
{
	struct buf b = BUF_INIT(100);
	char *empty = buf_take(&b);

	assert_string_equal(empty, "");
	free(empty);
	buf_puts(&b, "mine");
	char *taken = buf_take(&b);
	assert_string_equal(taken, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 100);
	free(taken);
	buf_done(&b);
}

static void limit_of_everything_is_refused_not_overflown(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(SIZE_MAX);

	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
}

static void what_was_put_is_read_back(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	size_t len = 0;

	buf_put_u8(&b, 0xfe);
	buf_put_u16(&b, 0xfedc);
	buf_put_u32(&b, 0xfedcba98);
	buf_put_u64(&b, UINT64_C(0xfedcba9876543210));
	buf_put_bytes(&b, "a\0b", 3);
	buf_put_bytes(&b, NULL, 0);
	assert_memory_equal(b.data + 1, "\xdc\xfe\x98\xba\xdc\xfe", 6); /* little-endian */
	struct reader r = READER(b.data, b.len);
	assert_int_equal(reader_u8(&r), 0xfe);
	assert_int_equal(reader_u16(&r), 0xfedc);
	assert_int_equal(reader_u32(&r), 0xfedcba98);
	assert_true(reader_u64(&r) == UINT64_C(0xfedcba9876543210));
	assert_memory_equal(reader_bytes(&r, &len), "a\0b", 3);
	assert_int_equal(len, 3);
	assert_false(reader_is_done(&r));
	assert_non_null(reader_bytes(&r, &len));
	assert_int_equal(len, 0);
	assert_true(reader_is_done(&r));
}

static void short_read_fails_for_good(void **state)
{
	const char data[] = {5, 0, 0, 0, 'a', 'b'};
	struct reader r = READER(data, sizeof(data));
	size_t len = 9;

	assert_null(reader_bytes(&r, &len));
	assert_int_equal(len, 0);
	assert_true(r.failed);
	assert_int_equal(reader_u8(&r), 0); /* though two bytes are left */
	assert_null(reader_raw(&r, 0));
	assert_false(reader_is_done(&r));
}

static void reading_nothing_never_touches_memory(void **state)
{
	struct reader r = READER(NULL, 0);

	assert_non_null(reader_raw(&r, 0));
	assert_true(reader_is_done(&r));
	assert_int_equal(reader_u64(&r), 0);
	assert_true(r.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_buffer_reads_as_empty_text),
		cmocka_unit_test(content_is_ended_by_a_zero_that_does_not_count),
		cmocka_unit_test(maximum_is_reached_but_never_passed),
		cmocka_unit_test(after_a_refusal_nothing_more_is_taken),
		cmocka_unit_test(printf_of_any_length_is_whole_or_refused),
		cmocka_unit_test(reserved_room_is_filled_by_the_caller),
		cmocka_unit_test(adding_more_than_was_reserved_ends_the_process),
		cmocka_unit_test(consuming_and_truncating_keep_the_rest),
		cmocka_unit_test(taken_content_is_the_callers),
		cmocka_unit_test(limit_of_everything_is_refused_not_overflown),
		cmocka_unit_test(what_was_put_is_read_back),
		cmocka_unit_test(short_read_fails_for_good),
		cmocka_unit_test(reading_nothing_never_touches_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
