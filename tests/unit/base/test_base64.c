/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of RFC 4648, section 10, and bytes that are no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/buf.h"

static void bytes_are_written_as_the_rfc_says(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} cases[] = {
		{"", 0, ""},
		{"f", 1, "Zg=="},
		{"fo", 2, "Zm8="},
		{"foo", 3, "Zm9v"},
		{"foob", 4, "Zm9vYg=="},
		{"fooba", 5, "Zm9vYmE="},
		{"foobar", 6, "Zm9vYmFy"},
		{"\xff\xfe\0\x01", 4, "//4AAQ=="},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf out = BUF_INIT(64);
		base64_put(&out, cases[i].data, cases[i].len);
		assert_string_equal(buf_str(&out), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_written_as_the_rfc_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
