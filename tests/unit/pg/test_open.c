/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "pg/pg.h"
#include "sys/file.h"

/* A port that is ours: listened on, and never answered. */
static int silent_port(int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(s >= 0);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, 5), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return s;
}

static int open_uri(const char *uri, int64_t limit_us, struct err *err)
{
	AUTO(pg_conn) PGconn *conn = NULL;
	enum pg_class class = PG_OTHER;
	struct pg_options o = {.uri = uri, .application = "test", .limit_us = limit_us};
	int rc = pg_open(&o, &conn, &class, err);

	assert_true(rc < 0);
	assert_null(conn);
	if (rc == ERR_UNAVAILABLE)
		assert_int_equal(class, PG_LOST);
	return rc;
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
	struct err err = ERR_INIT;
	char uri[100];
	int port = 0;
	AUTO(fd) int s = silent_port(&port);

	assert_true(s >= 0);
	(void)snprintf(uri, sizeof(uri), "postgres://u:s3cret@127.0.0.1:%d/billing", port);
	assert_int_equal(open_uri(uri, 100 * US_PER_MS, &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "database 'billing' at 127.0.0.1"));
	assert_non_null(strstr(err.text, "does not answer in time"));
	assert_null(strstr(err.text, "s3cret"));
}

static void each_host_is_tried_and_named(void **state)
{
	struct err err = ERR_INIT;
	char uri[200];
	int port = 0;
	AUTO(fd) int s = silent_port(&port);

	assert_true(s >= 0);
	(void)snprintf(uri, sizeof(uri), "postgres:///b?host=127.0.0.1,/nowhere/at/all&port=%d",
		       port);
	assert_int_equal(open_uri(uri, 200 * US_PER_MS, &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "127.0.0.1"));
	assert_non_null(strstr(err.text, "at /nowhere/at/all"));
	assert_non_null(strstr(err.text, "No such file or directory"));
}

static void what_is_no_uri_is_not_tried(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(open_uri("sqlite:x.db", 0, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, "postgres://"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_does_not_answer_is_given_up),
		cmocka_unit_test(each_host_is_tried_and_named),
		cmocka_unit_test(what_is_no_uri_is_not_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
