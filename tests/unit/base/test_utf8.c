/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* The straightforward reading of RFC 3629, to compare with. */
static size_t plain_sequence(const unsigned char *s, size_t len)
{
	uint32_t c = 0;
	size_t n = 0;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc0 && s[0] < 0xe0)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] < 0xf0)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] < 0xf8)
		n = 4;
	if (n == 0 || n > len)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	bool is_bad = c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff);
	return is_bad ? 0 : n;
}

static size_t plain_find_bad(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = plain_sequence((const unsigned char *)text + i, len - i);
		if (n == 0)
			return i;
		i += n;
	}
	return len;
}

static void every_sequence_of_three_bytes_is_judged_rightly(void **state)
{
	for (uint32_t v = 0; v < 1u << 24; v++) {
		const char s[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
		if (utf8_find_bad(s, 3) != plain_find_bad(s, 3))
			fail_msg("%06x", v);
	}
}

static void sequences_of_four_bytes_are_judged_rightly(void **state)
{
	for (uint32_t first = 0xf0; first <= 0xff; first++)
		for (uint32_t second = 0; second <= 0xff; second++)
			for (uint32_t rest = 0; rest <= 0xffff; rest += 63) {
				const char s[4] = {(char)first, (char)second, (char)(rest >> 8),
						   (char)rest};
				if (utf8_find_bad(s, 4) != plain_find_bad(s, 4))
					fail_msg("%02x%02x%04x", first, second, rest);
			}
}

static void bad_byte_is_found_wherever_it_stands(void **state)
{
	char text[100];

	for (size_t len = 0; len < sizeof(text); len++)
		for (size_t at = 0; at < len; at++) {
			memset(text, 'a', sizeof(text));
			text[at] = (char)0xff;
			assert_int_equal(utf8_find_bad(text, len), at);
			if (at + 1 < len) {
				memcpy(text + at, "\xc3\xbc", 2);
				assert_int_equal(utf8_find_bad(text, len), len);
			}
			text[len - 1] = (char)0xc3; /* cut off */
			if (at + 2 < len)
				assert_int_equal(utf8_find_bad(text, len), len - 1);
		}
}

static void every_code_point_is_put_and_read_back(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(10);

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t n = 0;
		if (c == 0xd800)
			c = 0xe000;
		buf_reset(&b);
		utf8_put(&b, c);
		assert_int_equal(utf8_find_bad(b.data, b.len), b.len);
		assert_int_equal(utf8_decode(b.data, &n), c);
		assert_int_equal(n, b.len);
	}
}

static void width_counts_columns(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		size_t characters;
	} cases[] = {
		{"", 0, 0},
		{"abc", 3, 3},
		{"M\xc3\xbcller", 6, 6},
		{"u\xcc\x88", 1, 2},		    /* u and a combining diaeresis */
		{"\xe6\x97\xa5\xe6\x9c\xac", 4, 2}, /* two ideographs */
		{"\xf0\x9f\x98\x80!", 3, 2},	    /* a face */
		{"\xe2\x82\xac", 1, 1},		    /* euro sign */
		{"a\xe2\x80\x8d"
		 "b",
		 2, 3},			/* zero width joiner */
		{"\xef\xbd\xb1", 1, 1}, /* half-width katakana */
		{"\xea\xb0\x80", 2, 1}, /* hangul */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].text);
		assert_int_equal(utf8_width(cases[i].text, len), cases[i].columns);
		assert_int_equal(utf8_count(cases[i].text, len), cases[i].characters);
	}
}

static void cut_ends_on_a_character(void **state)
{
	const char *text = "a\xe6\x97\xa5u\xcc\x88"; /* widths 1, 2, 1 with a mark */
	static const size_t expected[] = {0, 1, 1, 4, 7, 7};

	for (size_t columns = 0; columns < ARRAY_LEN(expected); columns++)
		assert_int_equal(utf8_cut(text, strlen(text), columns), expected[columns]);
	assert_int_equal(utf8_cut(NULL, 0, 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sequence_of_three_bytes_is_judged_rightly),
		cmocka_unit_test(sequences_of_four_bytes_are_judged_rightly),
		cmocka_unit_test(bad_byte_is_found_wherever_it_stands),
		cmocka_unit_test(every_code_point_is_put_and_read_back),
		cmocka_unit_test(width_counts_columns),
		cmocka_unit_test(cut_ends_on_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
