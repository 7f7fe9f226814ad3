/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "pg/uri.h"

static void assert_masked(const char *uri, const char *expected)
{
	AUTO(buf) struct buf out = BUF_INIT(1000);

	pg_uri_put_masked(&out, uri);
	assert_string_equal(buf_str(&out), expected);
}

static void a_masked_uri_has_no_password(void **state)
{
	assert_masked("postgres://bill:s3cret@db1:5433/billing",
		      "postgres://bill@db1:5433/billing");
	assert_masked("postgresql:///b?host=/run/pg&password=s3cret", "postgres://%2Frun%2Fpg/b");
	assert_masked("postgres://u:s3cret@a:1,b:2/x", "postgres://u@a:1,b:2/x");
	assert_masked("postgres://u:s3@cret@a/x", "postgres://…");
	assert_masked("postgres://u:%zz@a/x", "postgres://…");
	assert_masked("mysql://u:s3cret@a/x", "postgres://…");
}

static void a_masked_uri_can_be_given_again(void **state)
{
	static const char *const uris[] = {
		"postgres://%2Frun%2Fpg:5433/b",
		"postgres://a%40b@[::1]:1,%2Frun%2Fmy%20pg:2/x%2Fy%3Fz",
	};

	for (size_t i = 0; i < ARRAY_LEN(uris); i++)
		assert_masked(uris[i], uris[i]);
	assert_masked("postgres:///a?host=/run/x%0A\x1b", "postgres://%2Frun%2Fx%0A%1B/a");
}

static void what_cannot_be_read_is_refused_without_the_password(void **state)
{
	static const char *const bad[] = {
		"postgres://u:s3@cret@host/b",	 "postgres://u:s3/cret@host/b",
		"postgres://u:s3#cret@host/b",	 "postgres://u:s3?cret@host/b",
		"postgres://u:s3cret%zz@host/b", "postgres://u:s3cret@host/b?cret",
		"postgres://u:s3cret@[::1/b",	 "postgres://u@host/b?passwort=cret",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(pg_uri) struct pg_uri uri;
		struct err err = ERR_INIT;

		assert_int_equal(pg_uri_parse(bad[i], &uri, &err), ERR_CONFIG);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_null(strstr(err.text, "cret"));
	}
}

static void an_unknown_option_is_named(void **state)
{
	AUTO(pg_uri) struct pg_uri uri;
	struct err err = ERR_INIT;

	assert_true(pg_uri_parse("postgres://u@host/b?ssl_mode=require", &uri, &err) < 0);
	assert_non_null(strstr(err.text, "ssl_mode"));
}

static void hosts_are_tried_in_their_order(void **state)
{
	AUTO(pg_uri) struct pg_uri uri;
	struct err err = ERR_INIT;

	assert_int_equal(pg_uri_parse("postgres://a:1,b:2/x", &uri, &err), 0);
	assert_int_equal(uri.n_places, 2);
	assert_string_equal(uri.places[0].host, "a");
	assert_string_equal(uri.places[0].port, "1");
	assert_string_equal(uri.places[1].host, "b");
	assert_string_equal(uri.places[1].port, "2");
	assert_string_equal(pg_uri_find(&uri, "dbname"), "x");
}

static void one_port_is_that_of_all_hosts(void **state)
{
	AUTO(pg_uri) struct pg_uri uri;
	struct err err = ERR_INIT;

	assert_int_equal(pg_uri_parse("postgres:///x?host=a,b,c&port=7", &uri, &err), 0);
	assert_int_equal(uri.n_places, 3);
	assert_string_equal(uri.places[2].port, "7");
	pg_uri_done(&uri);
	assert_int_equal(pg_uri_parse("postgres:///x?host=a,b,c&port=7,8", &uri, &err), ERR_CONFIG);
}

static void a_uri_without_a_host_has_one_place(void **state)
{
	AUTO(pg_uri) struct pg_uri uri;
	struct err err = ERR_INIT;

	assert_int_equal(pg_uri_parse("postgres://", &uri, &err), 0);
	assert_int_equal(uri.n_places, 1);
	assert_null(uri.places[0].host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_masked_uri_has_no_password),
		cmocka_unit_test(a_masked_uri_can_be_given_again),
		cmocka_unit_test(what_cannot_be_read_is_refused_without_the_password),
		cmocka_unit_test(an_unknown_option_is_named),
		cmocka_unit_test(hosts_are_tried_in_their_order),
		cmocka_unit_test(one_port_is_that_of_all_hosts),
		cmocka_unit_test(a_uri_without_a_host_has_one_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
