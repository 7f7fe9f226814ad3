/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "work/http_follow.h"
#include "work/http_form.h"

enum { TEXT_BYTES = 4096 };

static void a_form_is_urlencoded(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);
	const struct http_field fields[] = {{"a b", "1&2=3", 5}, {"\xc3\xbc", "*-._~\0+", 7}};

	http_form_put(fields, 2, &out);
	assert_string_equal(buf_str(&out), "a+b=1%262%3D3&%C3%BC=*-._%7E%00%2B");
	buf_reset(&out);
	http_form_put(NULL, 0, &out);
	assert_string_equal(buf_str(&out), "");
}

static void a_multipart_form_is_the_same_each_time(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);
	AUTO(buf) struct buf again = BUF_INIT(TEXT_BYTES);
	char boundary[HTTP_BOUNDARY_BYTES] = "";
	const struct http_field fields[] = {{"x\"\r\ny", "1\r\n--0-seed", 11}};

	http_multipart_put(fields, 1, "seed", boundary, &out);
	assert_string_equal(boundary, "1-seed"); /* 0-seed stands in the value */
	assert_string_equal(
		buf_str(&out),
		"--1-seed\r\nContent-Disposition: form-data; name=\"x%22%0D%0Ay\"\r\n\r\n"
		"1\r\n--0-seed\r\n--1-seed--\r\n");
	http_multipart_put(fields, 1, "seed", boundary, &again);
	assert_string_equal(buf_str(&out), buf_str(&again));
}

static void only_what_means_elsewhere_is_followed(void **state)
{
	for (long status = 0; status < 600; status++) {
		bool is_any = status == 301 || status == 302 || status == 303 || status == 307 ||
			      status == 308;
		bool is_same = status == 307 || status == 308;
		assert_int_equal(http_follow_status(HTTP_GET, status), is_any);
		assert_int_equal(http_follow_status(HTTP_HEAD, status), is_any);
		assert_int_equal(http_follow_status(HTTP_POST, status), is_same);
		assert_int_equal(http_follow_status(HTTP_PUT, status), is_same);
		assert_int_equal(http_follow_status(HTTP_PATCH, status), is_same);
		assert_int_equal(http_follow_status(HTTP_DELETE, status), is_same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_form_is_urlencoded),
		cmocka_unit_test(a_multipart_form_is_the_same_each_time),
		cmocka_unit_test(only_what_means_elsewhere_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
