/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "job/endpoint.h"
#include "job/job.h"
#include "unit/job/parsed.h"

static void assert_url(const char *url, const char *expected)
{
	AUTO(buf) struct buf out = BUF_INIT(1000);

	endpoint_put_url(&out, url, "mail");
	assert_string_equal(buf_str(&out), expected);
}

static void a_url_is_called_by_scheme_host_and_port(void **state)
{
	assert_url("https://api.example.com/invoices/${id}/send", "https://api.example.com:443");
	assert_url("http://api.example.com", "http://api.example.com:80");
	assert_url("https://api.example.com:8443?a=${id}", "https://api.example.com:8443");
	assert_url("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080");
	assert_url("http://127.0.0.1/#top", "http://127.0.0.1:80");
}

static void one_service_has_one_name(void **state)
{
	assert_url("HTTPS://Api.Example.com/", "https://api.example.com:443");
	assert_url("https://api.example.com:443/", "https://api.example.com:443");
	assert_url("https://api.example.com:/", "https://api.example.com:443");
	assert_url("https://api.example.com:0443", "https://api.example.com:443");
}

static void user_and_password_are_not_in_it(void **state)
{
	assert_url("https://user:pass@api.example.com/a@b", "https://api.example.com:443");
	assert_url("https://a@b@api.example.com", "https://api.example.com:443");
}

static void what_an_item_decides_is_called_by_the_job(void **state)
{
	assert_url("https://${host}/x", "http of mail");
	assert_url("${url}", "http of mail");
	assert_url("http${s}://example.com", "http of mail");
	assert_url("https://api.${region}.example.com/", "http of mail");
	assert_url("https://api.example.com:${port}/", "http of mail");
	assert_url("https://${secret.user}@api.example.com/", "http of mail");
	assert_url("https://api.example.com${path}", "http of mail");
}

static void what_is_no_plain_host_is_called_by_the_job(void **state)
{
	assert_url("", "http of mail");
	assert_url("ftp://example.com", "http of mail");
	assert_url("https:/example.com", "http of mail");
	assert_url("https://", "http of mail");
	assert_url("https://user@", "http of mail");
	assert_url("https://[::1", "http of mail");
	assert_url("https://[]", "http of mail");
	assert_url("https://[::1]x", "http of mail");
	assert_url("https://exa\nmple.com", "http of mail");
	assert_url("https://example.com:70000", "http of mail");
	assert_url("https://example.com:99999999999999999999", "http of mail");
	assert_url("https://example.com:8o", "http of mail");
	assert_url("https://example.com:0", "http of mail");
}

static void assert_job(const char *text, const char *expected)
{
	AUTO(buf) struct buf out = BUF_INIT(1000);
	AUTO(job) struct job *job = job_of(text);

	endpoint_put(&out, job);
	assert_string_equal(buf_str(&out), expected);
}

static void a_program_is_called_by_its_job(void **state)
{
	assert_job("job: a\nwork: {exec: {command: [python3, x.py]}}\n", "exec of a");
	assert_job("job: b\nwork: {exec: {command: [python3, x.py], mode: stream}}\n", "exec of b");
	assert_job("job: c\nwork: {noop: {}}\n", "noop of c");
}

static void a_request_is_called_by_where_it_goes(void **state)
{
	assert_job("job: d\nwork: {http: {url: \"https://a.example.com/x/${run.id}\"}}\n",
		   "https://a.example.com:443");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_called_by_scheme_host_and_port),
		cmocka_unit_test(one_service_has_one_name),
		cmocka_unit_test(user_and_password_are_not_in_it),
		cmocka_unit_test(what_an_item_decides_is_called_by_the_job),
		cmocka_unit_test(what_is_no_plain_host_is_called_by_the_job),
		cmocka_unit_test(a_program_is_called_by_its_job),
		cmocka_unit_test(a_request_is_called_by_where_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
