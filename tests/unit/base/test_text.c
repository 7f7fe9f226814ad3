/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/utf8.h"

typedef void (*put_fn)(struct buf *b, int64_t v);

static void assert_put(put_fn put, int64_t v, const char *expected)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);

	put(&b, v);
	assert_string_equal(buf_str(&b), expected);
}

static void nearest_word_is_a_typing_error_away(void **state)
{
	static const char *const words[] = {"retry", "attempts", "schedule", "source", "on"};
	static const struct {
		const char *word;
		const char *nearest;
	} cases[] = {
		{"retyr", "retry"},
		{"rety", "retry"},
		{"retrry", "retry"},
		{"atempts", "attempts"},
		{"shedule", "schedule"},
		{"scheduel", "schedule"},
		{"sauce", NULL},
		{"x", NULL},
		{"", NULL},
		{"no", "on"},
		{"o", "on"},
		{"retry", "retry"},
		{"completely else", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *found = text_nearest(cases[i].word, strlen(cases[i].word), words,
						 ARRAY_LEN(words));
		if (cases[i].nearest == NULL)
			assert_null(found);
		else
			assert_string_equal(found, cases[i].nearest);
	}
}

static void overlong_words_have_no_neighbour(void **state)
{
	char word[200];
	const char *words[1] = {word};

	memset(word, 'w', sizeof(word));
	word[199] = '\0';
	assert_null(text_nearest(word, 199, words, 1));
	assert_null(text_nearest(word, 64, words, 1));
	word[64] = '\0';
	assert_ptr_equal(text_nearest(word, 64, words, 1), word);
	assert_null(text_nearest("a", 1, NULL, 0));
}

static void durations_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{"0", 0},
		{"0s", 0},
		{"250ms", 250 * US_PER_MS},
		{"30s", 30 * US_PER_S},
		{"5m", 5 * US_PER_MIN},
		{"1h30m", 90 * US_PER_MIN},
		{"90m", 90 * US_PER_MIN},
		{"2w", 14 * US_PER_DAY},
		{"1w1d1h1m1s1ms", 8 * US_PER_DAY + US_PER_HOUR + US_PER_MIN + US_PER_S + US_PER_MS},
		{"1m1ms", US_PER_MIN + US_PER_MS},
		{"15250284w", INT64_C(15250284) * 7 * US_PER_DAY},
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t us = -1;
		assert_int_equal(
			text_parse_duration(cases[i].text, strlen(cases[i].text), &us, &err), 0);
		assert_true(us == cases[i].us);
	}
}

static void what_is_no_duration_is_refused_and_untouched(void **state)
{
	static const char *const cases[] = {"",		"5",	"m",	 "5x",
					    "5 m",	"-5m",	"1.5h",	 "5m1h",
					    "5m5m",	"00",	"010s",	 "5ms1s",
					    "5m ",	"5mm",	"1h30",	 "5M",
					    "ms",	"0x1s", "1h05m", "99999999999999999999s",
					    "15250285w"};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t us = 77;
		if (text_parse_duration(cases[i], strlen(cases[i]), &us, &err) != ERR_DATA)
			fail_msg("'%s' was read", cases[i]);
		assert_int_equal(us, 77);
	}
}

static void durations_are_written_as_they_are_read_back(void **state)
{
	struct err err = ERR_INIT;

	assert_put(text_put_duration, 90 * US_PER_MIN, "1h30m");
	assert_put(text_put_duration, 0, "0");
	assert_put(text_put_duration, 14 * US_PER_DAY, "2w");
	assert_put(text_put_duration, US_PER_S + 5 * US_PER_MS, "1s5ms");
	assert_put(text_put_duration, -US_PER_S, "-1s");
	for (int64_t us = 1; us < INT64_MAX / 3; us = us * 3 + 1) {
		AUTO(buf) struct buf b = BUF_INIT(100);
		int64_t again = -1;
		text_put_duration(&b, us);
		assert_int_equal(text_parse_duration(b.data, b.len, &again, &err), 0);
		assert_true(again == us - us % US_PER_MS);
	}
}

static void spans_are_for_people(void **state)
{
	assert_put(text_put_span, 0, "0 ms");
	assert_put(text_put_span, 3 * US_PER_MS, "3 ms");
	assert_put(text_put_span, 999999, "999 ms");
	assert_put(text_put_span, 12400 * US_PER_MS, "12.4 s");
	assert_put(text_put_span, 59999999, "59.9 s");
	assert_put(text_put_span, 250 * US_PER_S, "4 min 10 s");
	assert_put(text_put_span, 125 * US_PER_MIN, "2 h 05 min");
	assert_put(text_put_span, 76 * US_PER_HOUR, "3 d 4 h");
	assert_put(text_put_span, -250 * US_PER_S, "-4 min 10 s");
	assert_put(text_put_span, INT64_MIN, "-106751991 d 4 h");
}

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} cases[] = {
		{"0", 0},
		{"123", 123},
		{"64K", 65536},
		{"64Ki", 65536},
		{"512M", INT64_C(512) << 20},
		{"5G", INT64_C(5) << 30},
		{"5Gi", INT64_C(5) << 30},
		{"2T", INT64_C(2) << 40},
		{"0K", 0},
		{"8388607T", INT64_C(8388607) << 40},
		{"9223372036854775807", INT64_MAX},
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t bytes = -1;
		assert_int_equal(
			text_parse_size(cases[i].text, strlen(cases[i].text), &bytes, &err), 0);
		assert_true(bytes == cases[i].bytes);
	}
}

static void what_is_no_size_is_refused(void **state)
{
	static const char *const cases[] = {
		"",    "K", "1k", "1KB", "1KiB", "1 K", "-1",  "1.5G",	   "010K",
		"1Kx", "i", "1i", "1X",	 "1Mii", "+1",	"1KK", "8388608T", "9223372036854775808"};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t bytes = 77;
		if (text_parse_size(cases[i], strlen(cases[i]), &bytes, &err) != ERR_DATA)
			fail_msg("'%s' was read", cases[i]);
		assert_int_equal(bytes, 77);
	}
}

static void sizes_are_written_exactly(void **state)
{
	assert_put(text_put_size, 0, "0");
	assert_put(text_put_size, 1000, "1000");
	assert_put(text_put_size, 65536, "64K");
	assert_put(text_put_size, INT64_C(5) << 30, "5G");
	assert_put(text_put_size, INT64_C(2048) << 40, "2048T");
	assert_put(text_put_size, (INT64_C(5) << 30) + 1, "5368709121");
	assert_put(text_put_size, -1024, "-1K");
}

static void counts_have_their_thousands_apart(void **state)
{
	assert_put(text_put_count, 0, "0");
	assert_put(text_put_count, 999, "999");
	assert_put(text_put_count, 1000, "1,000");
	assert_put(text_put_count, 1234567, "1,234,567");
	assert_put(text_put_count, -1234, "-1,234");
	assert_put(text_put_count, INT64_MIN, "-9,223,372,036,854,775,808");
}

static void numbers_are_written_as_they_are_read_back(void **state)
{
	char digits[TEXT_DIGITS_MAX + 1] = "";

	(void)state;
	assert_put(text_put_number, 0, "0");
	assert_put(text_put_number, 1230, "1230");
	assert_put(text_put_number, -7, "-7");
	assert_put(text_put_number, INT64_MAX, "9223372036854775807");
	assert_put(text_put_number, INT64_MIN, "-9223372036854775808");
	assert_int_equal(text_digits(7, 3, digits), 3);
	assert_string_equal(digits, "007");
	assert_int_equal(text_digits(UINT64_MAX, 2, digits), TEXT_DIGITS_MAX);
	assert_string_equal(digits, "18446744073709551615");
}

static void whole_numbers_are_read_to_the_last(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} cases[] = {{"0", 0},
		     {"-0", 0},
		     {"7", 7},
		     {"-12", -12},
		     {"9223372036854775807", INT64_MAX},
		     {"-9223372036854775807", -INT64_MAX},
		     {"-9223372036854775808", INT64_MIN}};
	static const char *const bad[] = {"",
					  "-",
					  "+1",
					  " 1",
					  "1 ",
					  "1.0",
					  "0x1",
					  "010",
					  "-01",
					  "00",
					  "1e3",
					  "--1",
					  "9223372036854775808",
					  "-9223372036854775809",
					  "99999999999999999999999"};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 77;
		assert_int_equal(text_parse_int(cases[i].text, strlen(cases[i].text), &v, &err), 0);
		assert_true(v == cases[i].value);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t v = 77;
		if (text_parse_int(bad[i], strlen(bad[i]), &v, &err) != ERR_DATA)
			fail_msg("'%s' was read", bad[i]);
		assert_int_equal(v, 77);
	}
	int64_t v = 0;
	assert_int_equal(text_parse_int("010", 3, &v, &err), ERR_DATA);
	assert_string_equal(err.text,
			    "'010' begins with 0; write numbers in decimal without leading zeros");
}

static void assert_printable(const char *text, size_t len, size_t columns, const char *expected)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);

	buf_puts(&b, ">");
	text_put_printable(&b, text, len, columns);
	assert_string_equal(buf_str(&b) + 1, expected);
}

static void outside_text_is_made_printable(void **state)
{
	assert_printable("", 0, 0, "");
	assert_printable("M\xc3\xbcller", 7, 0, "M\xc3\xbcller");
	assert_printable("a\nb\t\0c", 6, 0, "a\\x0ab\\x09\\x00c");
	assert_printable("\x1b[31m", 5, 0, "\\x1b[31m");
	assert_printable("\xc2\x9b", 2, 0, "\\xc2\\x9b"); /* CSI as one C1 character */
	assert_printable("\xe2\x80\xae"
			 "x",
			 4, 0, "\\xe2\\x80\\xaex"); /* right-to-left override */
	assert_printable("\xff\xc3", 2, 0, "\\xff\\xc3");
}

static void printable_text_is_cut_with_a_mark(void **state)
{
	assert_printable("abcdef", 6, 6, "abcdef");
	assert_printable("abcdefg", 7, 6, "abcde\xe2\x80\xa6");
	assert_printable("abc", 3, 1, "\xe2\x80\xa6");
	assert_printable("\xe6\x97\xa5\xe6\x9c\xac", 6, 3, "\xe6\x97\xa5\xe2\x80\xa6");
	assert_printable("\xe6\x97\xa5\xe6\x9c\xac", 6, 2, "\xe2\x80\xa6");
	assert_printable("ab\n", 3, 5, "ab\xe2\x80\xa6"); /* an escape is not split */
	for (size_t columns = 1; columns < 30; columns++) {
		AUTO(buf) struct buf b = BUF_INIT(1000);
		text_put_printable(&b,
				   "a\xe6\x97\xa5\n\xff"
				   "bcdefghijk",
				   16, columns);
		assert_true(utf8_width(b.data, b.len) <= columns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearest_word_is_a_typing_error_away),
		cmocka_unit_test(overlong_words_have_no_neighbour),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(what_is_no_duration_is_refused_and_untouched),
		cmocka_unit_test(durations_are_written_as_they_are_read_back),
		cmocka_unit_test(spans_are_for_people),
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(sizes_are_written_exactly),
		cmocka_unit_test(counts_have_their_thousands_apart),
		cmocka_unit_test(numbers_are_written_as_they_are_read_back),
		cmocka_unit_test(whole_numbers_are_read_to_the_last),
		cmocka_unit_test(outside_text_is_made_printable),
		cmocka_unit_test(printable_text_is_cut_with_a_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
