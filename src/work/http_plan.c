/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/template.h"
#include "job/template_url.h"
#include "work/http_call.h"
#include "work/http_form.h"
#include "work/http_json.h"
#include "work/work.h"

enum {
	HTTP_PLAN_MAGIC = 0x48506c6e,
	HEADER_BYTES_MAX = 64 * 1024,
	VALUE_BYTES_MAX = 16 * 1024 * 1024,
	EXPECT_BYTES = 512 * 1024, /* libcurl's own threshold is 1 MiB */
};

/* A name and its value, of headers and form fields. */
struct pair_plan {
	const char *name;
	struct template *value;
	bool is_secret;
};

struct http_plan {
	uint32_t magic;
	const struct work_context *context;
	struct template *url;
	bool is_open; /* the host comes from data */
	struct pair_plan *headers;
	size_t n_headers;
	bool names_type; /* the job says Content-Type itself */
	struct http_json *json;
	struct pair_plan *fields;
	size_t n_fields;
	struct template *body;
};

/* ---- making ---- */

static int parse(const struct job *job, const char *text, const char *what,
		 struct template **ret_template, struct err *err)
{
	int rc = template_parse_for(TEMPLATE_FOR_REQUEST, text, strlen(text), job, ret_template,
				    err);

	if (rc < 0)
		err_add(err, "%s: ", what);
	return rc;
}

static int parse_pairs(const struct job *job, const struct job_pairs *pairs,
		       struct pair_plan **ret_plans, size_t *ret_n, struct err *err)
{
	struct pair_plan *plans = xcalloc(pairs->n + 1, sizeof(*plans));

	*ret_plans = plans; /* freed with the plan, also after a failure */
	for (size_t i = 0; i < pairs->n; i++) {
		int rc = parse(job, pairs->list[i].value, pairs->list[i].name, &plans[i].value,
			       err);
		if (rc < 0)
			return rc;
		plans[i].name = pairs->list[i].name;
		plans[i].is_secret = template_has_secret(plans[i].value);
		*ret_n = i + 1;
	}
	return 0;
}

static int plan_body(struct http_plan *plan, const struct job *job, struct err *err)
{
	const struct job_http *http = &job->work.http;

	switch (http->body_kind) {
	case HTTP_BODY_JSON:
		return http_json_new(job, http->json, &plan->json, err);
	case HTTP_BODY_FORM:
	case HTTP_BODY_MULTIPART:
		return parse_pairs(job, &http->fields, &plan->fields, &plan->n_fields, err);
	case HTTP_BODY_TEXT:
		return parse(job, http->body, "body", &plan->body, err);
	case HTTP_BODY_NONE:
		break;
	}
	return 0;
}

static int plan_fill(struct http_plan *plan, const struct job *job, struct err *err)
{
	const struct job_http *http = &job->work.http;
	int rc = parse(job, http->url, "url", &plan->url, err);

	if (rc == 0)
		rc = parse_pairs(job, &http->headers, &plan->headers, &plan->n_headers, err);
	if (rc == 0)
		rc = plan_body(plan, job, err);
	if (rc < 0)
		return rc;
	plan->is_open = template_url_is_open(plan->url);
	for (size_t i = 0; i < plan->n_headers; i++)
		if (strcasecmp(plan->headers[i].name, "Content-Type") == 0)
			plan->names_type = true;
	return 0;
}

int http_plan_new(const struct work_context *context, struct http_plan **ret_plan, struct err *err)
{
	struct http_plan *plan = xnew(struct http_plan);

	assert(context != NULL && ret_plan != NULL);
	plan->magic = HTTP_PLAN_MAGIC;
	plan->context = context;
	int rc = plan_fill(plan, context->job, err);
	if (rc < 0) {
		http_plan_free(plan);
		return rc;
	}
	*ret_plan = plan;
	return 0;
}

static void pairs_free(struct pair_plan *plans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		template_free(plans[i].value);
	free(plans);
}

void http_plan_free(struct http_plan *plan)
{
	if (plan == NULL)
		return;
	assert(plan->magic == HTTP_PLAN_MAGIC);
	template_free(plan->url);
	pairs_free(plan->headers, plan->n_headers);
	pairs_free(plan->fields, plan->n_fields);
	template_free(plan->body);
	http_json_free(plan->json);
	plan->magic = 0;
	free(plan);
}

/* ---- headers ---- */

/* RFC 9110, 5.5: no control characters but tabs within. */
static bool is_header_value(const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return false;
	return true;
}

int http_request_add_header(struct http_request *request, const char *name, const char *value,
			    struct err *err)
{
	AUTO(buf) struct buf line = BUF_INIT(2 * (size_t)HEADER_BYTES_MAX);

	assert(request != NULL && name != NULL && value != NULL);
	if (!is_header_value(value))
		return ERR(err, ERR_DATA, "header %s: a control character in its value", name);
	buf_puts(&line, name);
	buf_puts(&line, value[0] == '\0' ? ";" : ": "); /* libcurl's way to write no value */
	buf_puts(&line, value);
	int rc = buf_check(&line, "a header", err);
	if (rc < 0)
		return rc;
	struct curl_slist *list = curl_slist_append(request->headers, buf_str(&line));
	if (list == NULL)
		unreachable("no memory for a header");
	request->headers = list;
	return 0;
}

/* Those that are made of secrets, or the others. */
static int put_headers(const struct http_plan *plan, const struct template_item *item, bool secrets,
		       struct http_request *request, struct err *err)
{
	AUTO(buf) struct buf value = BUF_INIT(HEADER_BYTES_MAX);

	for (size_t i = 0; i < plan->n_headers; i++) {
		const struct pair_plan *header = &plan->headers[i];
		if (header->is_secret != secrets)
			continue;
		buf_reset(&value);
		int rc = template_render(header->value, TEMPLATE_HEADER, plan->context->run, item,
					 &value, err);
		if (rc < 0) {
			err_add(err, "header %s: ", header->name);
			return rc;
		}
		rc = http_request_add_header(request, header->name, buf_str(&value), err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int put_key(const struct http_plan *plan, const struct template_item *item,
		   struct http_request *request, struct err *err)
{
	const struct job_http *http = &plan->context->job->work.http;
	AUTO(buf) struct buf value = BUF_INIT(HEADER_BYTES_MAX);

	if (http->method == HTTP_GET || http->method == HTTP_HEAD)
		return 0; /* they have no effect that could be had twice */
	const char *quote = http->key_is_quoted ? "\"" : "";
	buf_puts(&value, quote);
	buf_puts(&value, item->idempotency_key);
	buf_puts(&value, quote);
	return http_request_add_header(request, http->key_header, buf_str(&value), err);
}

/* ---- bodies ---- */

static int render_fields(const struct http_plan *plan, const struct template_item *item,
			 struct buf *values, struct http_field *fields, struct err *err)
{
	for (size_t i = 0; i < plan->n_fields; i++) {
		const struct pair_plan *field = &plan->fields[i];
		buf_init(&values[i], VALUE_BYTES_MAX);
		int rc = template_render(field->value, TEMPLATE_TEXT, plan->context->run, item,
					 &values[i], err);
		if (rc < 0) {
			err_add(err, "field %s of the form: ", field->name);
			return rc;
		}
		fields[i] = (struct http_field){
			.name = field->name, .value = buf_str(&values[i]), .len = values[i].len};
	}
	return 0;
}

/* `type`: of the body, with the boundary in it. */
static int put_form(const struct http_plan *plan, const struct template_item *item,
		    struct buf *type, struct buf *out, struct err *err)
{
	struct buf *values = xcalloc(plan->n_fields + 1, sizeof(*values));
	struct http_field *fields = xcalloc(plan->n_fields + 1, sizeof(*fields));
	char boundary[HTTP_BOUNDARY_BYTES] = "";
	int rc = render_fields(plan, item, values, fields, err);

	if (rc == 0 && plan->context->job->work.http.body_kind == HTTP_BODY_FORM) {
		http_form_put(fields, plan->n_fields, out);
		buf_puts(type, "application/x-www-form-urlencoded");
	} else if (rc == 0) {
		http_multipart_put(fields, plan->n_fields, item->idempotency_key, boundary, out);
		buf_printf(type, "multipart/form-data; boundary=%s", boundary);
	}
	for (size_t i = 0; i < plan->n_fields; i++)
		buf_done(&values[i]);
	free(values);
	free(fields);
	return rc < 0 ? rc : buf_check(out, "the form", err);
}

static int put_body(const struct http_plan *plan, const struct template_item *item,
		    struct http_request *request, struct err *err)
{
	AUTO(buf) struct buf type = BUF_INIT(HEADER_BYTES_MAX);
	enum http_body kind = plan->context->job->work.http.body_kind;
	const struct template_run *run = plan->context->run;
	int rc = 0;

	request->has_body = kind != HTTP_BODY_NONE;
	switch (kind) {
	case HTTP_BODY_NONE:
		/* libcurl would call nothing a form. */
		request->headers = curl_slist_append(request->headers, "Content-Type:");
		return 0;
	case HTTP_BODY_JSON:
		buf_puts(&type, "application/json");
		rc = http_json_put(plan->json, run, item, &request->body, err);
		break;
	case HTTP_BODY_FORM:
	case HTTP_BODY_MULTIPART:
		rc = put_form(plan, item, &type, &request->body, err);
		break;
	case HTTP_BODY_TEXT:
		buf_puts(&type, "text/plain; charset=utf-8");
		rc = template_render(plan->body, TEMPLATE_TEXT, run, item, &request->body, err);
		break;
	}
	if (rc < 0 || plan->names_type)
		return rc;
	return http_request_add_header(request, "Content-Type", buf_str(&type), err);
}

int http_plan_request(const struct http_plan *plan, const struct template_item *item,
		      struct http_request *request, struct err *err)
{
	assert(plan != NULL && plan->magic == HTTP_PLAN_MAGIC && item != NULL && request != NULL);
	const struct job *job = plan->context->job;

	request->method = job->work.http.method;
	request->timeout_us = job->work.timeout_us;
	request->checks_addresses = plan->is_open;
	int rc = template_render(plan->url, TEMPLATE_URL, plan->context->run, item, &request->url,
				 err);
	if (rc < 0)
		err_add(err, "url: ");
	if (rc == 0)
		rc = put_headers(plan, item, false, request, err);
	if (rc == 0)
		rc = put_key(plan, item, request, err);
	if (rc == 0)
		rc = put_body(plan, item, request, err);
	/* To ask whether a body is welcome, as libcurl does with large ones, would make two steps
	 * of one. */
	if (request->body.len > EXPECT_BYTES)
		request->headers = curl_slist_append(request->headers, "Expect:");
	for (const struct curl_slist *h = request->headers; h != NULL; h = h->next)
		request->n_frozen++;
	return rc < 0 ? rc : put_headers(plan, item, true, request, err);
}

uint64_t http_request_name(const struct http_request *request)
{
	AUTO(buf) struct buf all = BUF_INIT(SIZE_MAX / 4);
	uint8_t digest[SHA256_BYTES] = {0};
	uint64_t name = 0;
	size_t n = request->n_frozen;

	if (request->name != 0)
		return request->name;
	buf_put_u8(&all, (uint8_t)request->method);
	buf_put_bytes(&all, buf_str(&request->url), request->url.len);
	for (const struct curl_slist *h = request->headers; h != NULL && n > 0; h = h->next, n--)
		buf_put_bytes(&all, h->data, strlen(h->data));
	buf_put_bytes(&all, buf_str(&request->body), request->body.len);
	hash_sha256(all.data, all.len, digest);
	memcpy(&name, digest, sizeof(name));
	return name == 0 ? 1 : name;
}
