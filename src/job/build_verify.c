/* SPDX-License-Identifier: Apache-2.0 */
/* work.verify: who is asked whether an item in doubt took effect. */
#include <stdlib.h>

#include "base/mem.h"
#include "job/build.h"
#include "job/node.h"

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

/* Where nothing is ever in doubt there is nobody to ask. */
static void check_use(struct build *b, struct node *verify)
{
	const struct job_work *work = &b->job->work;

	if (work->effect == JOB_IDEMPOTENT && work->key_valid_us == 0)
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
	check_kind(b, verify, command, node_find(verify, "http"));
	check_use(b, verify);
	if (command != NULL)
		build_command(b, command);
}
