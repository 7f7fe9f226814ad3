/* SPDX-License-Identifier: Apache-2.0 */
/* A request: its headers, its body, how it logs on. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/build.h"
#include "job/node.h"
#include "job/schema.h"
#include "job/template_url.h"

enum { SECRET_NAME_MAX = 64 };

/* ---- names ---- */

/* RFC 9110: a token. */
static bool is_header_name(const char *name)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; name[i] != '\0'; i++) {
		char c = name[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9');
		if (!is_word && strchr(marks, c) == NULL)
			return false;
	}
	return name[0] != '\0';
}

/* Headers that say where a request ends or what becomes of its connection. */
static bool is_of_transport(const char *name)
{
	static const char *const names[] = {"Content-Length",  "Transfer-Encoding",
					    "Connection",      "Keep-Alive",
					    "Expect",	       "TE",
					    "Trailer",	       "Upgrade",
					    "Proxy-Connection"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool check_header_name(struct build *b, struct node *node, const char *name)
{
	if (!is_header_name(name)) {
		build_fault_key(b, node,
				"%s is no header's name: letters, digits and '-', no blanks and no "
				"colon",
				QUOTED(name, strlen(name)));
		return false;
	}
	if (is_of_transport(name)) {
		build_fault_key(b, node,
				"this header is part of how a request is carried; stint "
				"sets it itself");
		return false;
	}
	return true;
}

/* ---- references to secrets ---- */

static bool is_reference(const char *text)
{
	return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 ||
	       strncmp(text, "credential:", 11) == 0;
}

/* Makes what is written as a reference one of the job's secrets, named by the path of its key,
 * which no name of the user's can be. Gives the text with placeholders that stands for it. */
static char *take_reference(struct build *b, const struct node *node, const char *name)
{
	struct job *job = b->job;
	char text[SECRET_NAME_MAX] = "";

	job->secrets = xrealloc(job->secrets, job->n_secrets + 1, sizeof(*job->secrets));
	job->secrets[job->n_secrets++] = (struct job_secret){.name = xstrdup(name),
							     .reference = xstrdup(node->text)};
	(void)snprintf(text, sizeof(text), "${secret.%s}", name); /* names of ours, they fit */
	return xstrdup(text);
}

/* A text with placeholders that may be secret as a whole. NULL when it is not there. */
static char *build_secret_text(struct build *b, struct node *node, const char *name,
			       enum template_use use)
{
	if (node == NULL || node->type != NODE_SCALAR || node->is_bad)
		return NULL;
	if (node->len == 0) {
		build_fault(b, node, "expected a text, found ''");
		return NULL;
	}
	if (is_reference(node->text))
		return take_reference(b, node, name);
	(void)build_check_template(b, node, use, NULL); /* it reported */
	return xstrdup(node->text);
}

/* ---- logging on ---- */

static void build_token_url(struct build *b, struct node *url)
{
	AUTO(template) struct template *t = NULL;
	struct err err = ERR_INIT;

	if (!build_check_template(b, url, TEMPLATE_FOR_WORKER, NULL))
		return;
	if (template_parse_for(TEMPLATE_FOR_WORKER, url->text, url->len, b->job, &t, &err) < 0 ||
	    template_check_url(t, &err) < 0)
		build_fault(b, url, "%s", err.text);
	else if (template_url_is_open(t) || strstr(url->text, "${") != NULL)
		build_fault(b, url, "a token_url has no placeholders");
	b->job->work.http.oauth.token_url = xstrdup(url->text);
}

static void build_oauth(struct build *b, struct node *oauth)
{
	struct job_oauth *o = &b->job->work.http.oauth;
	struct node *url = node_find_good(oauth, "token_url");
	struct node *scope = node_find_good(oauth, "scope");

	if (url != NULL)
		build_token_url(b, url);
	o->client_id = build_secret_text(b, node_find(oauth, "client_id"),
					 "work.http.auth.oauth2.client_id", TEMPLATE_FOR_WORKER);
	o->client_secret = build_secret_text(b, node_find(oauth, "client_secret"),
					     "work.http.auth.oauth2.client_secret",
					     TEMPLATE_FOR_WORKER);
	if (scope != NULL)
		o->scope = xstrdup(scope->text);
}

/* Each of them but the first of those that are there. */
static void check_one_way(struct build *b, struct node *auth)
{
	for (struct node *c = auth->first; c != NULL && c->next != NULL; c = c->next)
		if (c->next->key != NULL)
			build_fault_key(b, c->next, "%s stands at line %d; one of them", c->name,
					c->name_at.line);
}

static void build_auth(struct build *b, struct node *auth)
{
	struct job_http *http = &b->job->work.http;
	struct node *basic = node_find(auth, "basic");

	if (auth == NULL || auth->type != NODE_MAP)
		return;
	if (auth->n == 0)
		build_fault(b, auth, "expected bearer, basic or oauth2");
	check_one_way(b, auth);
	http->bearer = build_secret_text(b, node_find(auth, "bearer"), "work.http.auth.bearer",
					 TEMPLATE_FOR_WORKER);
	http->user = build_secret_text(b, node_find(basic, "user"), "work.http.auth.basic.user",
				       TEMPLATE_FOR_WORKER);
	http->password = build_secret_text(b, node_find(basic, "password"),
					   "work.http.auth.basic.password", TEMPLATE_FOR_WORKER);
	build_oauth(b, node_find(auth, "oauth2"));
}

/* ---- pairs ---- */

static bool has_line_end(const struct node *node)
{
	return strpbrk(node->text, "\r\n") != NULL;
}

/* The pairs of a map whose values are templates. */
static void build_pairs(struct build *b, struct node *map, struct job_pairs *pairs)
{
	pairs->list = xcalloc(map->n + 1, sizeof(*pairs->list));
	for (struct node *c = map->first; c != NULL; c = c->next) {
		if (c->key == NULL || c->is_bad || c->type != NODE_SCALAR)
			continue;
		(void)build_check_template(b, c, TEMPLATE_FOR_REQUEST, NULL); /* it reported */
		pairs->list[pairs->n++] = (struct job_pair){.name = xstrdup(c->name),
							    .value = xstrdup(c->text)};
	}
}

static void check_header(struct build *b, struct node *c, const struct node *http)
{
	const struct node *key = node_find(node_find(http, "idempotency_key"), "header");

	if (!check_header_name(b, c, c->name))
		return;
	if (strcasecmp(c->name, "Authorization") == 0 && node_find(http, "auth") != NULL)
		build_fault_key(b, c, "auth says how to log on; one of them");
	else if (key != NULL && key->type == NODE_SCALAR && strcasecmp(c->name, key->text) == 0)
		build_fault_key(b, c,
				"stint sends the idempotency key in this header; "
				"idempotency_key: {header: …} gives it another");
	else if (strcasecmp(c->name, "Content-Type") == 0 && node_find(http, "multipart") != NULL)
		build_fault_key(b, c, "multipart says it itself, with its boundary");
	else if (c->type == NODE_SCALAR && has_line_end(c))
		build_fault(b, c, "a header's value stands on one line");
}

static void build_headers(struct build *b, struct node *http)
{
	struct node *headers = node_find(http, "headers");

	if (headers == NULL || headers->type != NODE_MAP)
		return;
	for (struct node *c = headers->first; c != NULL; c = c->next) {
		if (c->key != NULL && !c->is_bad)
			check_header(b, c, http);
		for (struct node *d = headers->first; d != c; d = d->next)
			if (strcasecmp(c->name, d->name) == 0)
				build_fault_key(b, c,
						"stands at line %d already: headers do not "
						"differ by case",
						d->name_at.line);
	}
	build_pairs(b, headers, &b->job->work.http.headers);
}

/* ---- the body ---- */

/* As deep as a job file may be. `name` is NULL but within a map. */
static struct job_value *build_value(struct build *b, struct node *node, const char *name)
{
	struct job_value *value = xnew(struct job_value);
	struct job_value **next = &value->first;

	value->name = name == NULL ? NULL : xstrdup(name);
	if (name != NULL && strstr(name, "${") != NULL)
		build_fault_key(b, node, "names are sent as they stand: no placeholders in them");
	switch (node->type) {
	case NODE_NULL:
		value->type = JOB_VALUE_NULL;
		return value;
	case NODE_SCALAR:
		value->type = node_is_json_literal(node) ? JOB_VALUE_RAW : JOB_VALUE_TEXT;
		value->text = xstrdup(node->text);
		value->len = node->len;
		if (value->type == JOB_VALUE_TEXT)
			(void)build_check_template(b, node, TEMPLATE_FOR_REQUEST,
						   NULL); /* it reported */
		return value;
	case NODE_LIST:
		value->type = JOB_VALUE_LIST;
		break;
	case NODE_MAP:
	case NODE_TYPE_COUNT_:
		value->type = JOB_VALUE_MAP;
		break;
	}
	for (struct node *c = node->first; c != NULL; c = c->next) {
		*next = build_value(b, c, c->name);
		next = &(*next)->next;
	}
	return value;
}

static const struct {
	const char *key;
	enum http_body kind;
} bodies[] = {
	{"json", HTTP_BODY_JSON},
	{"form", HTTP_BODY_FORM},
	{"multipart", HTTP_BODY_MULTIPART},
	{"body", HTTP_BODY_TEXT},
};

/* The one body that is given, NULL when there is none. */
static struct node *find_body(struct build *b, struct node *http)
{
	struct node *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct node *node = node_find(http, bodies[i].key);
		if (node == NULL)
			continue;
		if (found != NULL)
			build_fault_key(b, node, "%s stands at line %d; one body", found->name,
					found->name_at.line);
		found = node;
		b->job->work.http.body_kind = bodies[i].kind;
	}
	return found;
}

static void build_body(struct build *b, struct node *node)
{
	struct job_http *http = &b->job->work.http;
	struct node *body = find_body(b, node);

	if (body == NULL || body->is_bad)
		return;
	if (http->method == HTTP_GET || http->method == HTTP_HEAD) {
		build_fault_key(b, body, "%s has no body", http_method_name(http->method));
		return;
	}
	switch (http->body_kind) {
	case HTTP_BODY_JSON:
		http->json = build_value(b, body, NULL);
		break;
	case HTTP_BODY_FORM:
	case HTTP_BODY_MULTIPART:
		if (body->type == NODE_MAP)
			build_pairs(b, body, &http->fields);
		break;
	case HTTP_BODY_TEXT:
		(void)build_check_template(b, body, TEMPLATE_FOR_REQUEST, NULL); /* it reported */
		break;
	case HTTP_BODY_NONE:
		break;
	}
}

/* ---- the rest ---- */

void build_http_url(struct build *b, struct node *url)
{
	AUTO(template) struct template *t = NULL;
	struct err err = ERR_INIT;

	if (!build_check_template(b, url, TEMPLATE_FOR_REQUEST, NULL))
		return;
	if (template_parse_for(TEMPLATE_FOR_REQUEST, url->text, url->len, b->job, &t, &err) < 0 ||
	    template_check_url(t, &err) < 0)
		build_fault(b, url, "%s", err.text);
}

static void build_addresses(struct build *b, const struct node *list)
{
	if (list == NULL || list->type != NODE_LIST)
		return;
	for (const struct node *c = list->first; c != NULL; c = c->next) {
		int kind = c->type == NODE_SCALAR ? schema_find_word(c->key, c->text, c->len) : -1;
		if (kind >= 0)
			b->job->work.http.allows[kind] = true;
	}
}

static void build_keep(struct build *b, struct node *map)
{
	struct job_pairs *keep = &b->job->work.http.keep;

	if (map == NULL || map->type != NODE_MAP)
		return;
	keep->list = xcalloc(map->n + 1, sizeof(*keep->list));
	for (struct node *c = map->first; c != NULL; c = c->next) {
		if (c->key == NULL || c->is_bad || !build_check_name(b, c, false))
			continue;
		if (c->len > 0 && c->text[0] != '/') {
			build_fault(b, c, "%s is no JSON pointer, such as /message/id",
				    QUOTED(c->text, c->len));
			continue;
		}
		keep->list[keep->n++] = (struct job_pair){.name = xstrdup(c->name),
							  .value = xstrdup(c->text)};
	}
}

static void check_tls(struct build *b, struct node *tls)
{
	struct node *key = node_find(tls, "key");

	if (key != NULL && node_find(tls, "cert") == NULL)
		build_fault_key(b, key, "means something only with cert, whose key it is");
}

void build_http(struct build *b, struct node *node)
{
	struct job_work *work = &b->job->work;
	struct node *header = node_find_good(node_find(node, "idempotency_key"), "header");

	assert(node->type == NODE_MAP);
	work->kind = WORK_HTTP;
	build_auth(b, node_find(node, "auth"));
	build_http_url(b, node_find(node, "url"));
	build_headers(b, node);
	build_body(b, node);
	build_addresses(b, node_find(node, "allow_addresses"));
	check_tls(b, node_find(node, "tls"));
	build_keep(b, node_find(node, "keep"));
	if (header != NULL)
		(void)check_header_name(b, header, header->text); /* it reported */
	work->http.proxy = build_secret_text(b, node_find(node, "proxy"), "work.http.proxy",
					     TEMPLATE_FOR_WORKER);
}
