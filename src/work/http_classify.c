/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_classify.h"

#include <assert.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/bits.h"
#include "job/job.h"
#include "work/http_call.h"

/* Statuses from … to; the first line that fits counts. What no line names is unknown: nobody says
 * that it was not done. */
static const struct {
	int from;
	int to;
	enum outcome outcome;
} by_status[] = {
	{200, 299, OUTCOME_DONE}, {401, 401, OUTCOME_ALL},   {403, 403, OUTCOME_ALL},
	{407, 407, OUTCOME_ALL},  {429, 429, OUTCOME_RETRY}, {400, 499, OUTCOME_DEAD},
};

/* Why nothing was sent. What is not here is "connect". */
static const struct {
	CURLcode code;
	enum outcome outcome;
	const char *class;
} by_code[] = {
	{CURLE_URL_MALFORMAT, OUTCOME_DEAD, "url"},
	{CURLE_UNSUPPORTED_PROTOCOL, OUTCOME_DEAD, "url"},
	{CURLE_COULDNT_RESOLVE_HOST, OUTCOME_RETRY, "resolve"},
	{CURLE_COULDNT_RESOLVE_PROXY, OUTCOME_RETRY, "resolve"},
	{CURLE_OPERATION_TIMEDOUT, OUTCOME_RETRY, "timeout"},
	{CURLE_SSL_CONNECT_ERROR, OUTCOME_RETRY, "tls"},
	{CURLE_PEER_FAILED_VERIFICATION, OUTCOME_ALL, "certificate"},
	{CURLE_SSL_CERTPROBLEM, OUTCOME_ALL, "certificate"},
	{CURLE_SSL_CACERT_BADFILE, OUTCOME_ALL, "certificate"},
	{CURLE_SSL_CIPHER, OUTCOME_ALL, "tls"},
	{CURLE_SSL_ENGINE_NOTFOUND, OUTCOME_ALL, "tls"},
	{CURLE_SSL_CRL_BADFILE, OUTCOME_ALL, "certificate"},
	{CURLE_SSL_ISSUER_ERROR, OUTCOME_ALL, "certificate"},
	{CURLE_SSL_INVALIDCERTSTATUS, OUTCOME_ALL, "certificate"},
	{CURLE_SSL_CLIENTCERT, OUTCOME_ALL, "certificate"},
	{CURLE_OUT_OF_MEMORY, OUTCOME_NOT_BEGUN, "busy"},
	{CURLE_PROXY, OUTCOME_RETRY, "proxy"},
};

static void put_class(char class[HTTP_CLASS_BYTES], const char *word)
{
	(void)snprintf(class, HTTP_CLASS_BYTES, "%s", word); /* words of ours fit */
}

enum outcome http_classify_status(const struct job_work *work, long status)
{
	assert(work != NULL);
	const struct {
		const uint8_t *set;
		enum outcome outcome;
	} by_job[] = {
		{work->done_when, OUTCOME_DONE},
		{work->retry_when, OUTCOME_RETRY},
		{work->dead_when, OUTCOME_DEAD},
		{work->doubt_when, OUTCOME_UNKNOWN},
	};

	if (status < 0 || status >= STATUS_COUNT)
		return OUTCOME_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(by_job); i++)
		if (bits_get(by_job[i].set, (size_t)status))
			return by_job[i].outcome;
	/* Another attempt with the same key is under way there: it will say how that one ended. */
	if (status == 409 && work->effect == JOB_IDEMPOTENT)
		return OUTCOME_RETRY;
	for (size_t i = 0; i < ARRAY_LEN(by_status); i++)
		if (status >= by_status[i].from && status <= by_status[i].to)
			return by_status[i].outcome;
	return OUTCOME_UNKNOWN;
}

static enum outcome classify_unsent(const struct http_answer *answer, char class[HTTP_CLASS_BYTES])
{
	if (answer->is_refused) {
		put_class(class, "address");
		return OUTCOME_DEAD;
	}
	if (answer->lacks) {
		put_class(class, "busy");
		return OUTCOME_NOT_BEGUN;
	}
	if (answer->is_proxy_auth) {
		put_class(class, "http-407");
		return OUTCOME_ALL;
	}
	for (size_t i = 0; i < ARRAY_LEN(by_code); i++)
		if (by_code[i].code == answer->code) {
			put_class(class, by_code[i].class);
			return by_code[i].outcome;
		}
	put_class(class, "connect");
	return OUTCOME_RETRY;
}

enum outcome http_classify(const struct job_work *work, const struct http_answer *answer,
			   char class[HTTP_CLASS_BYTES])
{
	assert(work != NULL && answer != NULL);
	put_class(class, "");
	if (!answer->is_sent)
		return classify_unsent(answer, class);
	if (!answer->is_whole) {
		if (answer->code == CURLE_OPERATION_TIMEDOUT)
			put_class(class, "timeout");
		else
			put_class(class, answer->status == 0 ? "no-answer" : "half-answer");
		return OUTCOME_UNKNOWN;
	}
	enum outcome outcome = http_classify_status(work, answer->status);
	if (outcome != OUTCOME_DONE)
		(void)snprintf(class, HTTP_CLASS_BYTES, "http-%ld", answer->status); /* fits */
	return outcome;
}
