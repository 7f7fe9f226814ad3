/* SPDX-License-Identifier: Apache-2.0 */
/* src/pg against a real server: what it says becomes a class and a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "pg/pg.h"
#include "pg/uri.h"
#include "sys/clock.h"

#define LIMIT_US (60 * US_PER_S)

static const char *server_uri(void)
{
	const char *uri = getenv("STINT_TEST_POSTGRES");

	if (uri == NULL)
		fail_msg("run me with tests/tools/with_postgres");
	return uri;
}

static PGconn *open_uri(const char *uri, enum pg_class *ret_class, struct err *err)
{
	PGconn *conn = NULL;
	struct pg_options o = {.uri = uri, .application = "stint/test", .limit_us = LIMIT_US};

	*err = ERR_INIT;
	if (pg_open(&o, &conn, ret_class, err) < 0)
		return NULL;
	return conn;
}

static PGconn *open_server(void)
{
	enum pg_class class = PG_OTHER;
	struct err err;
	PGconn *conn = open_uri(server_uri(), &class, &err);

	if (conn == NULL)
		fail_msg("%s", err.text);
	return conn;
}

/* The failure of one statement. */
static enum pg_class class_of(PGconn *conn, const char *sql, int64_t limit_us, struct err *err)
{
	AUTO(pg_result) PGresult *result = NULL;
	enum pg_class class = PG_OTHER;
	struct pg_query q = {.sql = sql, .limit_us = limit_us};

	*err = ERR_INIT;
	assert_true(pg_run(conn, &q, &result, &class, err) < 0);
	return class;
}

static void assert_says(const struct err *err, const char *words)
{
	if (strstr(err->text, words) == NULL)
		fail_msg("'%s' is not in: %s", words, err->text);
}

static void answers_are_values(void **state)
{
	AUTO(pg_conn) PGconn *conn = open_server();
	AUTO(pg_result) PGresult *result = NULL;
	struct err err = ERR_INIT;
	const char *values[] = {"grün", NULL};
	struct pg_query q = {
		.sql = "select $1::text, $2::int is null, current_setting('application_name'), "
		       "current_setting('client_encoding')",
		.n_values = 2,
		.values = values,
		.limit_us = LIMIT_US,
	};

	assert_int_equal(pg_run(conn, &q, &result, NULL, &err), 0);
	assert_string_equal(PQgetvalue(result, 0, 0), "grün");
	assert_string_equal(PQgetvalue(result, 0, 1), "t");
	assert_string_equal(PQgetvalue(result, 0, 2), "stint/test");
	assert_string_equal(PQgetvalue(result, 0, 3), "UTF8");
}

static void a_failure_has_class_state_place_and_hint(void **state)
{
	AUTO(pg_conn) PGconn *conn = open_server();
	struct err err;

	assert_int_equal(class_of(conn, "select nothing from nowhere", LIMIT_US, &err), PG_ABSENT);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_says(&err, "database 'db_1' at ");
	assert_says(&err, "relation \"nowhere\" does not exist (42P01) at character 21");
	assert_int_equal(class_of(conn, "select lenght('x')", LIMIT_US, &err), PG_ABSENT);
	assert_says(&err, "; hint: No function matches");
	assert_int_equal(class_of(conn, "selec", LIMIT_US, &err), PG_STATEMENT);
	assert_int_equal(class_of(conn, "select 'x'::int", LIMIT_US, &err), PG_DATA);
	assert_int_equal(class_of(conn, "select * from pg_authid", LIMIT_US, &err), PG_DENIED);
	assert_int_equal(class_of(conn, "do $$ begin raise exception 'no'; end $$", LIMIT_US, &err),
			 PG_OTHER);
}

static void a_statement_ends_with_its_time(void **state)
{
	AUTO(pg_conn) PGconn *conn = open_server();
	struct err err;

	(void)class_of(conn, "select pg_sleep(600)", 100 * US_PER_MS, &err);
	assert_int_equal(err.code, ERR_TEMP);
	assert_says(&err, "does not answer in time");
}

static void a_connection_that_the_server_ends_is_lost(void **state)
{
	AUTO(pg_conn) PGconn *conn = open_server();
	AUTO(pg_conn) PGconn *other = open_server();
	AUTO(pg_result) PGresult *result = NULL;
	struct err err = ERR_INIT;
	char pid[20];
	const char *values[] = {pid};
	struct pg_query q = {.sql = "select pg_terminate_backend($1, 60000)",
			     .n_values = 1,
			     .values = values,
			     .limit_us = LIMIT_US};

	(void)snprintf(pid, sizeof(pid), "%d", PQbackendPID(conn));
	assert_int_equal(pg_run(other, &q, &result, NULL, &err), 0);
	assert_int_equal(class_of(conn, "select 1", LIMIT_US, &err), PG_LOST);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_int_equal(class_of(conn, "select 1", LIMIT_US, &err), PG_LOST);
}

/* The server's URI with something else in the place of user or database. */
static enum pg_class class_of_uri(const char *user, const char *database, struct err *err)
{
	char uri[300];
	AUTO(pg_uri) struct pg_uri u;
	enum pg_class class = PG_OTHER;

	assert_int_equal(pg_uri_parse(server_uri(), &u, err), 0);
	(void)snprintf(uri, sizeof(uri), "postgres:///%s?host=%s&port=%s&user=%s", database,
		       pg_uri_find(&u, "host"), pg_uri_find(&u, "port"), user);
	assert_null(open_uri(uri, &class, err));
	return class;
}

static void a_refused_login_has_a_class(void **state)
{
	struct err err;

	assert_int_equal(class_of_uri("stint", "nowhere", &err), PG_NO_DATABASE);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_says(&err, "database \"nowhere\" does not exist (3D000)");
	assert_int_equal(class_of_uri("nobody_there", "postgres", &err), PG_LOGIN);
	assert_int_equal(err.code, ERR_PERM);
	assert_says(&err, "role \"nobody_there\" does not exist (28000)");
}

static void a_wrong_password_is_not_told(void **state)
{
	char uri[300];
	AUTO(pg_uri) struct pg_uri u;
	struct err err = ERR_INIT;
	enum pg_class class = PG_OTHER;

	assert_int_equal(pg_uri_parse(server_uri(), &u, &err), 0);
	(void)snprintf(uri, sizeof(uri), "postgres://stint:s3cret@127.0.0.1:%s/db_1",
		       pg_uri_find(&u, "port"));
	assert_null(open_uri(uri, &class, &err));
	assert_int_equal(class, PG_LOGIN);
	assert_says(&err, "password authentication failed for user \"stint\" (28P01)");
	assert_null(strstr(err.text, "s3cret"));
	assert_null(strstr(err.text, "LOCATION"));
	(void)snprintf(uri, sizeof(uri), "postgres://stint@127.0.0.1:%s/db_1",
		       pg_uri_find(&u, "port"));
	assert_null(open_uri(uri, &class, &err));
	assert_int_equal(class, PG_LOGIN);
}

/* More than fits into the buffers of both ends: who only writes would wait for ever. */
static void a_long_pipeline_does_not_lock_up(void **state)
{
	AUTO(pg_conn) PGconn *conn = open_server();
	struct err err = ERR_INIT;
	int64_t deadline_us = clock_boot_us() + LIMIT_US;
	int answers = 0;

	assert_int_equal(PQenterPipelineMode(conn), 1);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(PQsendQueryParams(conn, "select repeat('x', 4000)", 0, NULL, NULL,
						   NULL, NULL, 0),
				 1);
	assert_int_equal(PQpipelineSync(conn), 1);
	for (bool synced = false; !synced;) {
		AUTO(pg_result) PGresult *result = NULL;

		if (pg_next(conn, deadline_us, &result, &err) < 0)
			fail_msg("%s", err.text);
		answers += PQresultStatus(result) == PGRES_TUPLES_OK;
		synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
	}
	assert_int_equal(answers, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_values),
		cmocka_unit_test(a_failure_has_class_state_place_and_hint),
		cmocka_unit_test(a_statement_ends_with_its_time),
		cmocka_unit_test(a_connection_that_the_server_ends_is_lost),
		cmocka_unit_test(a_refused_login_has_a_class),
		cmocka_unit_test(a_wrong_password_is_not_told),
		cmocka_unit_test(a_long_pipeline_does_not_lock_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
