/* SPDX-License-Identifier: Apache-2.0 */
/* work.verify: who is asked whether an item in doubt took effect. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/build.h"
#include "job/node.h"
#include "job/status.h"

static void build_command(struct build *b, struct node *command)
{
	struct job_verify *verify = &b->job->work.verify;
	size_t n = 0;

	if (command->type != NODE_LIST)
		return;
	if (command->n == 0 || (command->first->type == NODE_SCALAR && command->first->len == 0)) {
		build_fault(b, command, "expected a program and its arguments, found nothing");
		return;
	}
	verify->command = xcalloc(command->n + 1, sizeof(*verify->command));
	for (struct node *c = command->first; c != NULL; c = c->next) {
		if (c->type != NODE_SCALAR)
			continue;					   /* reported */
		(void)build_check_template(b, c, TEMPLATE_FOR_ITEM, NULL); /* it reported */
		verify->command[n++] = xstrdup(c->text);
	}
}

static void check_kind(struct build *b, struct node *verify, const struct node *command,
		       struct node *http)
{
	if (command == NULL && http == NULL)
		build_fault_key(b, verify,
				"expected command: [program, argument] or http: {url: …}");
	else if (command != NULL && http != NULL)
		build_fault_key(b, http, "command stands at line %d; one of them",
				command->name_at.line);
}

/* The statuses of a list; without one those of `otherwise`, which are right. */
static void build_statuses(struct build *b, struct node *list, const char *const *otherwise,
			   uint8_t set[STATUS_BYTES])
{
	struct err err = ERR_INIT;

	for (; list == NULL && *otherwise != NULL; otherwise++)
		if (status_parse(STATUS_OF_HTTP, *otherwise, strlen(*otherwise), set, &err) < 0)
			unreachable("a status of ours");
	if (list == NULL || list->type != NODE_LIST)
		return;
	for (struct node *c = list->first; c != NULL; c = c->next)
		if (c->type == NODE_SCALAR && !c->is_bad &&
		    status_parse(STATUS_OF_HTTP, c->text, c->len, set, &err) < 0)
			build_fault(b, c, "%s", err.text);
}

static void build_verify_http(struct build *b, struct node *http)
{
	static const char *const done[] = {"2xx", NULL};
	static const char *const not_done[] = {"404", "410", NULL};
	struct job_verify *verify = &b->job->work.verify;
	struct node *url = node_find_good(http, "url");
	struct node *no = node_find(http, "not_done_when");

	if (url != NULL)
		build_http_url(b, url);
	build_statuses(b, node_find(http, "done_when"), done, verify->done_when);
	build_statuses(b, no, not_done, verify->not_done_when);
	int both = status_find_common(verify->done_when, verify->not_done_when);
	if (both >= 0)
		build_fault_key(b, no != NULL ? no : node_find(http, "done_when"),
				"status %d would say both, that it took effect and that it did not",
				both);
}

/* Where nothing is ever in doubt there is nobody to ask. */
static void check_use(struct build *b, struct node *verify)
{
	const struct job_work *work = &b->job->work;

	if (work->effect == JOB_TRANSACTIONAL)
		build_fault_key(b, verify,
				"with effect: transactional the marker table tells; "
				"nobody need be asked");
	else if (work->effect == JOB_IDEMPOTENT && work->key_valid_us == 0)
		build_fault_key(b, verify,
				"means something only where items can be in doubt: with effect: "
				"once, or idempotent with key_valid");
}

void build_verify(struct build *b, struct node *work)
{
	struct node *verify = node_find(work, "verify");

	if (verify == NULL || verify->type != NODE_MAP || verify->is_bad)
		return;
	struct node *command = node_find(verify, "command");
	struct node *http = node_find(verify, "http");
	check_kind(b, verify, command, http);
	check_use(b, verify);
	if (command != NULL)
		build_command(b, command);
	else if (http != NULL && http->type == NODE_MAP && !http->is_bad)
		build_verify_http(b, http);
}
