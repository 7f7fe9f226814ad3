/* SPDX-License-Identifier: Apache-2.0 */
/* Row http of "What an attempt can end as", all statuses of it, and what libcurl says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"
#include "job/job.h"
#include "work/http_call.h"
#include "work/http_classify.h"

static enum outcome expected(int status, bool is_idempotent)
{
	if (status / 100 == 2)
		return OUTCOME_DONE;
	if (status / 100 != 4)
		return OUTCOME_UNKNOWN;
	if (status == 401 || status == 403 || status == 407)
		return OUTCOME_ALL;
	if (status == 429 || (status == 409 && is_idempotent))
		return OUTCOME_RETRY;
	return OUTCOME_DEAD;
}

static void each_status_means_what_the_table_says(void **state)
{
	const struct job_work once = {.effect = JOB_ONCE};
	const struct job_work idempotent = {.effect = JOB_IDEMPOTENT};

	for (int status = 0; status < 1000; status++) {
		assert_int_equal(http_classify_status(&once, status), expected(status, false));
		assert_int_equal(http_classify_status(&idempotent, status), expected(status, true));
	}
	assert_int_equal(http_classify_status(&once, -1), OUTCOME_UNKNOWN);
}

static void what_the_job_says_goes_first_in_its_order(void **state)
{
	struct job_work work = {0};

	bits_set(work.doubt_when, 200);
	bits_set(work.dead_when, 503);
	bits_set(work.retry_when, 503);
	bits_set(work.done_when, 404);
	bits_set(work.retry_when, 404);
	assert_int_equal(http_classify_status(&work, 200), OUTCOME_UNKNOWN);
	assert_int_equal(http_classify_status(&work, 503), OUTCOME_RETRY);
	assert_int_equal(http_classify_status(&work, 404), OUTCOME_DONE);
	assert_int_equal(http_classify_status(&work, 201), OUTCOME_DONE); /* not touched */
}

static void assert_answer(const struct http_answer *answer, enum outcome outcome, const char *class)
{
	const struct job_work work = {.effect = JOB_ONCE};
	char got[HTTP_CLASS_BYTES] = "";

	assert_int_equal(http_classify(&work, answer, got), outcome);
	assert_string_equal(got, class);
}

static void what_was_not_sent_is_certainly_not_done(void **state)
{
	static const struct {
		CURLcode code;
		enum outcome outcome;
		const char *class;
	} cases[] = {
		{CURLE_COULDNT_RESOLVE_HOST, OUTCOME_RETRY, "resolve"},
		{CURLE_COULDNT_CONNECT, OUTCOME_RETRY, "connect"},
		{CURLE_OPERATION_TIMEDOUT, OUTCOME_RETRY, "timeout"},
		{CURLE_SSL_CONNECT_ERROR, OUTCOME_RETRY, "tls"},
		{CURLE_PEER_FAILED_VERIFICATION, OUTCOME_ALL, "certificate"},
		{CURLE_SSL_CACERT_BADFILE, OUTCOME_ALL, "certificate"},
		{CURLE_SSL_CERTPROBLEM, OUTCOME_ALL, "certificate"},
		{CURLE_URL_MALFORMAT, OUTCOME_DEAD, "url"},
		{CURLE_UNSUPPORTED_PROTOCOL, OUTCOME_DEAD, "url"},
		{CURLE_RECV_ERROR, OUTCOME_RETRY, "connect"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_answer(&(struct http_answer){.code = cases[i].code}, cases[i].outcome,
			      cases[i].class);
	assert_answer(&(struct http_answer){.code = CURLE_COULDNT_CONNECT, .is_refused = true},
		      OUTCOME_DEAD, "address");
	assert_answer(&(struct http_answer){.code = CURLE_COULDNT_CONNECT, .lacks = true},
		      OUTCOME_NOT_BEGUN, "busy");
	assert_answer(&(struct http_answer){.code = CURLE_RECV_ERROR, .is_proxy_auth = true},
		      OUTCOME_ALL, "http-407");
}

static void what_was_sent_and_not_wholly_answered_is_unknown(void **state)
{
	/* Whatever libcurl says of it, also when it speaks of connecting. */
	for (int code = 1; code < CURL_LAST; code++) {
		const char *none = code == CURLE_OPERATION_TIMEDOUT ? "timeout" : "no-answer";
		const char *half = code == CURLE_OPERATION_TIMEDOUT ? "timeout" : "half-answer";
		assert_answer(&(struct http_answer){.code = (CURLcode)code, .is_sent = true},
			      OUTCOME_UNKNOWN, none);
		assert_answer(&(struct http_answer){.code = (CURLcode)code,
						    .is_sent = true,
						    .status = 200},
			      OUTCOME_UNKNOWN, half);
	}
}

static void a_whole_answer_is_judged_by_its_status(void **state)
{
	assert_answer(&(struct http_answer){.is_sent = true, .is_whole = true, .status = 200},
		      OUTCOME_DONE, "");
	assert_answer(&(struct http_answer){.is_sent = true, .is_whole = true, .status = 503},
		      OUTCOME_UNKNOWN, "http-503");
	assert_answer(&(struct http_answer){.is_sent = true,
					    .is_whole = true,
					    .is_cut = true,
					    .code = CURLE_WRITE_ERROR,
					    .status = 404},
		      OUTCOME_DEAD, "http-404");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_means_what_the_table_says),
		cmocka_unit_test(what_the_job_says_goes_first_in_its_order),
		cmocka_unit_test(what_was_not_sent_is_certainly_not_done),
		cmocka_unit_test(what_was_sent_and_not_wholly_answered_is_unknown),
		cmocka_unit_test(a_whole_answer_is_judged_by_its_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
