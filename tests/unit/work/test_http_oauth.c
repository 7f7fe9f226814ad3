/* SPDX-License-Identifier: Apache-2.0 */
/* Which token is used, when a new one is asked for, and what endpoints may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "work/http_oauth.h"

static const struct http_oauth_client client = {
	.id = "my id", .secret = "s3cret/+ &", .scope = "a b"};

static int answer(struct http_oauth *oauth, int64_t now, long status, const char *body,
		  struct err *err)
{
	*err = ERR_INIT;
	return http_oauth_take(
		oauth, now,
		&(struct http_oauth_answer){.status = status, .body = body, .len = strlen(body)},
		err);
}

static void take(struct http_oauth *oauth, int64_t now, const char *body)
{
	struct err err;

	assert_int_equal(answer(oauth, now, 200, body, &err), 0);
}

static void expect_request(const struct http_oauth *oauth, const char *form, const char *user,
			   const char *password)
{
	AUTO(buf) struct buf f = BUF_INIT(1024);
	AUTO(buf) struct buf u = BUF_INIT(1024);
	AUTO(buf) struct buf p = BUF_INIT(1024);

	http_oauth_put_request(
		oauth, &client,
		&(struct http_oauth_request){.form = &f, .user = &u, .password = &p});
	assert_string_equal(buf_str(&f), form);
	assert_string_equal(buf_str(&u), user);
	assert_string_equal(buf_str(&p), password);
}

#define IN_HEADER "grant_type=client_credentials&scope=a+b"
#define IN_FORM IN_HEADER "&client_id=my+id&client_secret=s3cret%2F%2B+%26"

static void a_token_is_used_until_shortly_before_its_end(void **state)
{
	static const struct {
		const char *body;
		int64_t good_until_us;
	} cases[] = {
		{"{\"access_token\": \"t\", \"token_type\": \"Bearer\", \"expires_in\": 3600}",
		 3540 * US_PER_S},
		{"{\"access_token\": \"t\", \"expires_in\": 100}", 90 * US_PER_S},
		{"{\"access_token\": \"t\", \"expires_in\": \"100\"}", 90 * US_PER_S},
		{"{\"access_token\": \"t\", \"expires_in\": 0}", US_PER_S},
		{"{\"access_token\": \"t\", \"expires_in\": -5}", US_PER_S},
		{"{\"access_token\": \"t\", \"expires_in\": 9223372036854775807}", 30 * US_PER_DAY},
		{"{\"access_token\": \"t\"}", UTIME_NEVER - 7},
		{"{\"access_token\": \"t\", \"expires_in\": {}}", UTIME_NEVER - 7},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_oauth *oauth = http_oauth_new();
		uint64_t number = 0;
		assert_null(http_oauth_token(oauth, 7, &number));
		take(oauth, 7, cases[i].body);
		assert_string_equal(http_oauth_token(oauth, 7, &number), "t");
		assert_non_null(http_oauth_token(oauth, 6 + cases[i].good_until_us, &number));
		assert_null(http_oauth_token(oauth, 7 + cases[i].good_until_us, &number));
		http_oauth_free(oauth);
	}
}

static void a_client_is_named_by_basic_authentication_else_in_the_form(void **state)
{
	struct http_oauth *oauth = http_oauth_new();
	struct err err;

	expect_request(oauth, IN_HEADER, "my+id", "s3cret%2F%2B+%26");
	assert_int_equal(answer(oauth, 0, 401, "", &err), HTTP_OAUTH_AGAIN);
	expect_request(oauth, IN_FORM, "", "");
	/* Neither way: said, and the next time begins from the start. */
	assert_int_equal(answer(oauth, 0, 401, "{\"error\": \"invalid_client\"}", &err),
			 ERR_CONFIG);
	assert_string_equal(err.text, "the token endpoint answered 401, invalid_client");
	expect_request(oauth, IN_HEADER, "my+id", "s3cret%2F%2B+%26");
	/* What has worked once is kept. */
	assert_int_equal(answer(oauth, 0, 400, "", &err), HTTP_OAUTH_AGAIN);
	take(oauth, 0, "{\"access_token\": \"t\"}");
	expect_request(oauth, IN_FORM, "", "");
	assert_int_equal(answer(oauth, 0, 401, "", &err), ERR_CONFIG);
	expect_request(oauth, IN_FORM, "", "");
	http_oauth_free(oauth);
}

static void no_answer_of_an_endpoint_is_taken_for_a_token_or_said_again(void **state)
{
	static const struct {
		long status;
		const char *body;
		int code;
	} cases[] = {
		{200, "", ERR_DATA},
		{200, "SECRET", ERR_DATA},
		{200, "[\"SECRET\"]", ERR_DATA},
		{200, "{\"access_token\": \"SECRET", ERR_DATA},
		{200, "{\"access_token\": \"\"}", ERR_DATA},
		{200, "{\"access_token\": 5}", ERR_DATA},
		{200, "{\"access_token\": \"SECRET\\r\\nX: y\"}", ERR_DATA},
		{200, "{\"access_token\": \"SEC RET\"}", ERR_DATA},
		{200, "{\"access_token\": \"\\u00e4SECRET\"}", ERR_DATA},
		{200, "{\"access_token\": \"SECRET\", \"token_type\": \"mac\"}", ERR_DATA},
		{204, "", ERR_DATA},
		{302, "SECRET", ERR_CONFIG},
		{403, "{\"error\": \"SECRET\"}", ERR_CONFIG},
		{404, "SECRET", ERR_CONFIG},
		{408, "SECRET", ERR_UNAVAILABLE},
		{429, "SECRET", ERR_UNAVAILABLE},
		{500, "{\"error\": \"SECRET\"}", ERR_UNAVAILABLE},
		{503, "SECRET", ERR_UNAVAILABLE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_oauth *oauth = http_oauth_new();
		struct err err;
		uint64_t number = 0;
		assert_int_equal(answer(oauth, 0, cases[i].status, cases[i].body, &err),
				 cases[i].code);
		assert_null(strstr(err.text, "SEC"));
		assert_null(http_oauth_token(oauth, 0, &number));
		http_oauth_free(oauth);
	}
}

static void a_token_that_was_good_once_is_worn_and_one_that_never_was_is_refused(void **state)
{
	struct http_oauth *oauth = http_oauth_new();
	uint64_t first = 0;
	uint64_t second = 0;

	take(oauth, 0, "{\"access_token\": \"one\"}");
	assert_non_null(http_oauth_token(oauth, 0, &first));
	http_oauth_worked(oauth, first);
	/* Several are under way with it when its hour is over. */
	assert_true(http_oauth_is_worn(oauth, first));
	assert_null(http_oauth_token(oauth, 0, &second));
	assert_true(http_oauth_is_worn(oauth, first));
	take(oauth, 0, "{\"access_token\": \"two\"}");
	assert_string_equal(http_oauth_token(oauth, 0, &second), "two");
	assert_true(http_oauth_is_worn(oauth, first));
	assert_non_null(http_oauth_token(oauth, 0, &second));
	/* A late answer to the first says nothing about the second. */
	http_oauth_worked(oauth, first);
	assert_false(http_oauth_is_worn(oauth, second));
	assert_null(http_oauth_token(oauth, 0, &second));
	assert_false(http_oauth_is_worn(oauth, second));
	http_oauth_free(oauth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_used_until_shortly_before_its_end),
		cmocka_unit_test(a_client_is_named_by_basic_authentication_else_in_the_form),
		cmocka_unit_test(no_answer_of_an_endpoint_is_taken_for_a_token_or_said_again),
		cmocka_unit_test(
			a_token_that_was_good_once_is_worn_and_one_that_never_was_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
