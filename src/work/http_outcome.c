/* SPDX-License-Identifier: Apache-2.0 */
/* How an attempt ended, in a word for programs, a line for people, and what the answer was. */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/utf8.h"
#include "job/job.h"
#include "script/body_test.h"
#include "sys/clock.h"
#include "work/answer.h"
#include "work/exec_mask.h"
#include "work/http_address.h"
#include "work/http_attempt.h"
#include "work/http_auth.h"
#include "work/http_call.h"
#include "work/http_classify.h"
#include "work/http_plan.h"
#include "work/http_retry_after.h"
#include "work/http_token.h"
#include "work/keep.h"

enum {
	ERR_LINE_BYTES = 1024,
	FIRST_LINE_CHARS = 200,
	OUTPUT_BYTES = 16 * 1024, /* of an answer, for `stint attempts` */
	MASKED_BYTES = 64 * 1024, /* of an answer are looked at for these */
	QUOTA_DIGITS_MAX = 12,
};

/* What may be shown of an answer: masked before it is cut, so that no piece of a secret is left. */
struct shown {
	struct buf line;
	struct buf body;
};

static void mask_part(const struct http_attempt *a, const struct mask_text *part, struct buf *out)
{
	/* No value that is masked is shorter than what stands for it. */
	buf_init(out, part->len);
	exec_mask_put(a->http->mask, a->what.item.item, part, out);
}

static void shown_init(struct shown *shown, const struct http_attempt *a,
		       const struct http_answer *answer)
{
	size_t line = strlen(answer->line);
	size_t body = answer->body.len < MASKED_BYTES ? answer->body.len : MASKED_BYTES;
	bool is_cut = body < answer->body.len || answer->is_cut || !answer->is_whole;

	mask_part(a,
		  &(struct mask_text){.data = answer->line,
				      .len = line,
				      .is_cut = line + 1 == sizeof(answer->line)},
		  &shown->line);
	mask_part(
		a,
		&(struct mask_text){.data = buf_str(&answer->body), .len = body, .is_cut = is_cut},
		&shown->body);
}

static void shown_done(struct shown *shown)
{
	buf_done(&shown->line);
	buf_done(&shown->body);
}

/* The status line without the version: "503 Service Unavailable". */
static void put_status(const struct http_answer *answer, const struct shown *shown,
		       struct buf *line)
{
	const char *blank = strchr(buf_str(&shown->line), ' ');

	buf_puts(line, "answered ");
	if (blank == NULL)
		buf_printf(line, "%ld", answer->status);
	else
		text_put_printable(line, blank + 1, strcspn(blank + 1, "\r\n"), FIRST_LINE_CHARS);
}

/* The first line of an answer that is text, and no page. */
static void put_first_line(const struct buf *body, struct buf *line)
{
	const char *text = buf_str(body);
	size_t at = strspn(text, " \t\r\n");
	size_t n = strcspn(text + at, "\r\n");

	if (n == 0 || text[at] == '<')
		return;
	buf_puts(line, ": ");
	text_put_printable(line, text + at, n, FIRST_LINE_CHARS);
}

static void put_words(const struct http_attempt *a, const struct http_answer *answer,
		      const struct shown *shown, struct buf *line)
{
	if (a->cancelled) {
		buf_puts(line, answer->is_sent ? "ended on request, before the answer was there"
					       : "ended on request, before anything was sent");
	} else if (answer->is_refused && a->call->n_hops > 0) {
		buf_printf(line,
			   "a redirect leads to a host whose address is %s: it was not sent there "
			   "(allow_addresses)",
			   http_address_kind_name(answer->address_kind));
	} else if (answer->is_refused && !answer->is_sent) {
		buf_printf(line,
			   "the host of the URL comes from a placeholder and its address is %s: "
			   "nothing was sent (allow_addresses)",
			   http_address_kind_name(answer->address_kind));
	} else if (answer->is_whole && answer->is_sent) {
		put_status(answer, shown, line);
		put_first_line(&shown->body, line);
	} else if (answer->code == CURLE_OPERATION_TIMEDOUT) {
		buf_puts(line,
			 answer->is_sent ? "no whole answer within " : "nothing was sent within ");
		text_put_span(line, a->what.item.item == NULL ? 0 : a->call->request.timeout_us);
	} else {
		buf_puts(line, !answer->is_sent	    ? "nothing was sent: "
			       : answer->status > 0 ? "half an answer: "
						    : "no answer: ");
		buf_puts(line, answer->code == CURLE_ABORTED_BY_CALLBACK
				       ? "the connection was lost after the request was sent"
			       : answer->why[0] != '\0' ? answer->why
							: curl_easy_strerror(answer->code));
	}
}

/* The status line and the beginning of the answer. */
static void put_output(const struct http_answer *answer, const struct shown *shown, struct buf *out)
{
	size_t n = shown->body.len < OUTPUT_BYTES ? shown->body.len : OUTPUT_BYTES;

	if (answer->status == 0)
		return;
	buf_printf(out, "%s\n", buf_str(&shown->line));
	buf_put(out, buf_str(&shown->body), n);
}

static void mask_into(const struct http_attempt *a, const struct buf *text, struct buf *out)
{
	const struct mask_text all = {.data = buf_str(text), .len = text->len};

	exec_mask_put(a->http->mask, a->what.item.item, &all, out);
}

/* What the other side says is left of its quota: a number, whatever stands behind it. */
static void put_quota_left(const struct http_attempt *a, struct frame_outcome *outcome)
{
	const char *name = a->http->context->job->work.quota.remaining_header;
	int64_t left = 0;

	if (name == NULL || a->call == NULL || a->call->answer.status == 0)
		return;
	const char *value = http_call_header(a->call, name);
	if (value == NULL)
		return;
	size_t n = strspn(value, "0123456789");
	if (n == 0 || n > QUOTA_DIGITS_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		left = 10 * left + value[i] - '0';
	outcome->has_quota_left = true;
	outcome->quota_left = left;
}

/* Tells the outcome; the attempt is gone before it is told. */
static void tell(struct http_attempt *a, struct frame_outcome *outcome)
{
	const struct work_context *context = a->http->context;

	outcome->ticket = a->what.ticket;
	outcome->cancelled = a->cancelled;
	put_quota_left(a, outcome);
	http_attempt_free(a);
	context->done(context->arg, outcome);
}

/* What could not begin. */
static void tell_failure(struct http_attempt *a)
{
	AUTO(buf) struct buf line = BUF_INIT(ERR_LINE_BYTES);
	const char *class = a->class;

	/* The words of a template's failure may show a value. */
	exec_mask_put_err(a->http->mask, a->what.item.item, &a->err, &line);
	tell(a, &(struct frame_outcome){
			.outcome = (uint8_t)a->outcome, .err_class = class, .err = buf_str(&line)});
}

static void tell_done(struct http_attempt *a, const struct http_answer *answer)
{
	struct frame_outcome outcome = {.outcome = OUTCOME_DONE,
					.began_at = answer->began_at,
					.took_us = answer->took_us,
					.err_class = "",
					.err = ""};
	const struct job_pairs *pairs = &a->http->context->job->work.http.keep;

	AUTO(buf) struct buf keep = BUF_INIT(KEEP_BYTES_MAX);
	if (pairs->n > 0)
		keep_put_found(a->http->mask, a->what.item.item, pairs, &answer->body, &keep);
	outcome.keep = buf_str(&keep);
	http_call_timings(a->call, outcome.timings_us);
	tell(a, &outcome);
}

/* Refused for its token only, which was good before: another will do. */
static bool is_worn(const struct http_attempt *a, const struct http_answer *answer)
{
	return a->http->token != NULL && answer->is_sent && answer->status > 0 &&
	       http_token_is_worn(a->http->token, a->token, answer->status);
}

/* How long the other side asks to wait. */
static int64_t wait_of(struct http_call *call)
{
	const char *value = NULL;

	if (call->answer.status == 0)
		return 0;
	value = http_call_header(call, "Retry-After");
	if (value == NULL)
		return 0;
	return http_retry_after(value, http_call_header(call, "Date"), clock_now());
}

/* An answer that is longer than what is read of it, and the status alone does not say it all. */
static bool lacks_what_is_needed(const struct http_attempt *a, const struct http_answer *answer,
				 enum outcome by_status)
{
	if (!answer->is_cut || !answer->is_whole || !answer->is_sent)
		return false;
	return a->http->tests != NULL ||
	       (by_status == OUTCOME_DONE && a->http->context->job->work.http.keep.n > 0);
}

/* Of a question whether an item took effect. Safety: only a status that stands for it is an answer;
 * that nothing could be sent, or nobody answered, is none. */
static enum outcome judge_probe(const struct http_attempt *a, const struct http_answer *answer,
				char class[HTTP_CLASS_BYTES])
{
	const struct job_verify *verify = &a->http->context->job->work.verify;
	enum outcome outcome = http_classify(&a->http->context->job->work, answer, class);
	bool is_answer = answer->is_sent && answer->is_whole && answer->status >= 0 &&
			 answer->status < STATUS_COUNT;

	if (a->cancelled)
		(void)snprintf(class, HTTP_CLASS_BYTES, "cancelled"); /* fits */
	else if (is_answer)
		(void)snprintf(class, HTTP_CLASS_BYTES, "http-%ld", answer->status); /* fits */
	if (outcome == OUTCOME_NOT_BEGUN || (is_worn(a, answer) && outcome == OUTCOME_ALL))
		return OUTCOME_NOT_BEGUN; /* it is asked with a new token */
	if (a->cancelled || !is_answer)
		return OUTCOME_UNKNOWN;
	if (bits_get(verify->not_done_when, (size_t)answer->status))
		return OUTCOME_RETRY;
	if (!bits_get(verify->done_when, (size_t)answer->status))
		return OUTCOME_UNKNOWN;
	class[0] = '\0';
	return OUTCOME_DONE;
}

/* `ret_why` is filled when a test of the answer decided, or could not. */
static enum outcome judge(const struct http_attempt *a, const struct http_answer *answer,
			  char class[HTTP_CLASS_BYTES], struct err *ret_why)
{
	const struct body_answer whole = {.status = answer->status,
					  .body = buf_str(&answer->body),
					  .len = answer->body.len,
					  .item = &a->what.item};
	enum outcome outcome = http_classify(&a->http->context->job->work, answer, class);

	if (!a->cancelled && lacks_what_is_needed(a, answer, outcome)) {
		(void)snprintf(class, HTTP_CLASS_BYTES, "answer-cut"); /* fits */
		(void)ERR(ret_why, ERR_DATA,
			  "the answer is longer than max_answer, so what has to be looked at in it "
			  "is not there");
		outcome = OUTCOME_UNKNOWN;
	} else if (!a->cancelled && answer->is_whole && answer->is_sent && answer->status > 0) {
		outcome = answer_judge(a->http->tests, &whole, outcome, ret_why);
		if (ret_why->code != 0)
			(void)snprintf(class, HTTP_CLASS_BYTES, ANSWER_CLASS); /* fits */
	}
	if (answer->is_lapsed && !answer->is_sent)
		return OUTCOME_NOT_BEGUN;
	if (is_worn(a, answer) && outcome == OUTCOME_ALL) {
		/* Nothing was done, and the other side says so. */
		if (a->call->request.begun != NULL)
			atomic_store(a->call->request.begun, 0);
		return OUTCOME_NOT_BEGUN;
	}
	if (!a->cancelled)
		return outcome;
	(void)snprintf(class, HTTP_CLASS_BYTES, "cancelled"); /* fits */
	return answer->is_sent ? OUTCOME_UNKNOWN : OUTCOME_NOT_BEGUN;
}

void http_attempt_tell(struct http_attempt *a)
{
	assert(a != NULL && a->magic == HTTP_ATTEMPT_MAGIC);
	if (a->call == NULL) {
		tell_failure(a);
		return;
	}
	const struct http_answer *answer = &a->call->answer;
	char class[HTTP_CLASS_BYTES] = "";
	struct err why = ERR_INIT;
	enum outcome outcome = a->http->context->asks ? judge_probe(a, answer, class)
						      : judge(a, answer, class, &why);
	if (outcome == OUTCOME_DONE) {
		tell_done(a, answer);
		return;
	}
	AUTO(buf) struct buf words = BUF_INIT(ERR_LINE_BYTES);
	AUTO(buf) struct buf line = BUF_INIT(2 * (size_t)ERR_LINE_BYTES);
	AUTO(buf) struct buf output = BUF_INIT(2 * (size_t)OUTPUT_BYTES);
	struct shown shown;
	shown_init(&shown, a, answer);
	put_words(a, answer, &shown, &words);
	if (why.code != 0)
		buf_printf(&words, ": %s", why.text);
	mask_into(a, &words, &line);
	put_output(answer, &shown, &output);
	shown_done(&shown);
	if (answer->status == 401)
		http_auth_expire(a->http->auth);
	struct frame_outcome told = {
		.outcome = (uint8_t)outcome,
		.began_at = answer->began_at,
		.took_us = answer->took_us,
		.err_class = class,
		.err = buf_str(&line),
		.output = output.data,
		.output_len = output.len,
		.output_cut = answer->is_cut || answer->body.len > OUTPUT_BYTES,
		.wait_us = wait_of(a->call),
		.request = answer->is_sent ? http_request_name(&a->call->request) : 0,
	};
	http_call_timings(a->call, told.timings_us);
	tell(a, &told);
}
