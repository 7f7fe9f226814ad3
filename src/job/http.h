/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job file says about a request: `work: http:`.
 *
 * Promise: texts with placeholders are templates that were parsed once; names of headers are names;
 *          at most one of the bodies is there. What may be secret and was written as a reference
 *          (`env:TOKEN`) is one of the job's secrets, under the path of its key.
 * Owner:   part of struct job.
 */
#ifndef STINT_JOB_HTTP_H
#define STINT_JOB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_METHOD_COUNT_
};
enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_JSON,
	HTTP_BODY_FORM,
	HTTP_BODY_MULTIPART,
	HTTP_BODY_TEXT
};
/* Kinds of addresses; the names of allow_addresses, in that order, and those that nothing allows.
 */
enum http_address_kind {
	HTTP_ADDRESS_LOOPBACK,
	HTTP_ADDRESS_LINK_LOCAL,
	HTTP_ADDRESS_PRIVATE,
	HTTP_ADDRESS_NONE, /* no host of its own: unspecified, multicast, reserved */
	HTTP_ADDRESS_PUBLIC,
	HTTP_ADDRESS_COUNT_
};

struct job_pair {
	char *name;
	char *value;
};
struct job_pairs {
	struct job_pair *list;
	size_t n;
};

/* A value of `json`, as the file has it. */
enum job_value_type {
	JOB_VALUE_NULL,
	JOB_VALUE_RAW,	/* a number, true or false: JSON as it stands */
	JOB_VALUE_TEXT, /* a template */
	JOB_VALUE_LIST,
	JOB_VALUE_MAP,
	JOB_VALUE_COUNT_
};
struct job_value {
	enum job_value_type type;
	char *name; /* within a map */
	char *text;
	size_t len;
	struct job_value *first;
	struct job_value *next;
};

/* Client credentials (RFC 6749, 4.4). */
struct job_oauth {
	char *token_url; /* NULL: no oauth2 */
	char *client_id; /* templates of run and secrets */
	char *client_secret;
	char *scope; /* NULL */
};

struct job_http {
	enum http_method method;
	char *url; /* a template */
	enum http_body body_kind;
	struct job_value *json;
	struct job_pairs fields; /* form, multipart */
	char *body;		 /* a template */
	struct job_pairs headers;
	struct job_pairs keep; /* names and JSON pointers */
	char *bearer;	       /* templates, NULL where there is none */
	char *user;
	char *password;
	struct job_oauth oauth;
	char *ca; /* paths as written, NULL */
	char *cert;
	char *key;
	char *proxy; /* a template of run and secrets, NULL */
	char *key_header;
	bool key_is_quoted;
	bool follow;
	bool allows[HTTP_ADDRESS_COUNT_];
	int64_t max_answer_bytes;
};

void job_http_done(struct job_http *http);

const char *http_method_name(enum http_method method);

#endif
